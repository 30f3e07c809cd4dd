"""How everything in a scene looks through an instrument: the maps that its images are made of."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from refp.core.errors import RecipeError
from refp.core.parallel import SERIAL, Execution
from refp.settings import Instrument
from refp.synthetic.optics import Microscope, Sphere, SphereMaps, make_microscope, sphere_maps
from refp.synthetic.planes import feature_curves, find_planes
from refp.synthetic.settings import Objects, SceneSettings

BEAD_STEP = 0.03
"""Relative step of the radii of which maps are made; between two the images are averaged."""
OTHERS_STEP = 0.15
MIN_CONTRAST = 0.01
SPAN_SIGMAS = 3.0
CELL_ABBE = 55.0
"""Dispersion of cells and debris: nearly that of water; assumed."""
PIXEL_VARIANCE = 1 / 12
PLANE_SHARE = 0.9
"""Of a map's reach, within which a bead's own plane is looked for."""


@dataclass(frozen=True)
class Looks:
    """The maps of one instrument and scene.

    Attributes
    ----------
    beads
        Of the beads.
    on_pixels
        The same behind the camera's pixels, for features.
    others
        Of cells and debris, one entry for each kind.
    depth_um, pixel_um, nominal_radius_um
        Depth of field, side of a pixel and radius of a nominal bead.
    """

    beads: SphereMaps
    on_pixels: SphereMaps
    others: tuple[SphereMaps, ...]
    depth_um: float
    pixel_um: float
    nominal_radius_um: float

    @property
    def nominal_plane_um(self) -> float:
        """Own plane of a nominal bead, from the focus of its middle."""
        return self.own_plane_um(self.nominal_radius_um, self.beads.index)

    def own_plane_um(self, radius_um: float, index: float) -> float:
        """Return the own plane of a bead by the article's definition, from the focus of its middle.

        Raises
        ------
        RecipeError
            If it has none, as a bead that gathers no light.
        """
        z_um = PLANE_SHARE * self.on_pixels.maps[0].z_um
        slope, center = feature_curves(self.on_pixels, radius_um, index, z_um, self.pixel_um)
        planes = find_planes(z_um, slope, center)
        if np.isnan(planes[0]):
            raise RecipeError(
                f"a bead of index {index:.4g} has no plane of brightest centre and steepest slope within "
                f"{z_um[-1]:.3g} um of its focus; its index must be well above the medium's"
            )
        return (planes[0] + planes[1]) / 2


def looks_of(
    instrument: Instrument,
    scene: SceneSettings,
    *,
    execution: Execution = SERIAL,
) -> Looks:
    """Return the maps that a scene needs; computed where no earlier command left them.

    Parameters
    ----------
    instrument, scene
        What is imaged by what.
    execution
        Executor for the work, and callback for progress.
    """
    microscope = make_microscope(instrument)
    bead = instrument.bead
    if bead.index < instrument.sample.medium_index + MIN_CONTRAST:
        raise RecipeError(
            f"instrument {instrument.name!r}: bead.index = {bead.index} must be at least {MIN_CONTRAST} "
            f"above sample.medium_index = {instrument.sample.medium_index}: beads gather no light"
        )
    nominal = Sphere(bead.diameter_um / 2, complex(bead.index), bead.abbe_number)
    spheres = _sizes(nominal, bead.diameter_spread, BEAD_STEP)
    beads = sphere_maps(spheres, microscope, 2 * bead.index_sd, execution=execution)
    others = tuple(
        sphere_maps(_sizes_of(kind), microscope, execution=execution) for kind in scene.others
    )
    pixel_um = instrument.optics.pixel_size_um
    blur_um = pixel_um * float(np.sqrt(PIXEL_VARIANCE + instrument.camera.blur_px**2))
    return Looks(
        beads=beads,
        on_pixels=_on_pixels(nominal, bead.diameter_spread, bead.index_sd, microscope, blur_um),
        others=others,
        depth_um=microscope.depth_um,
        pixel_um=pixel_um,
        nominal_radius_um=nominal.radius_um,
    )


@lru_cache(maxsize=16)
def _on_pixels(
    nominal: Sphere, spread: float, index_sd: float, microscope: Microscope, blur_um: float
) -> SphereMaps:
    """Blur the beads' maps, once for each instrument."""
    return sphere_maps(_sizes(nominal, spread, BEAD_STEP), microscope, 2 * index_sd).blurred(
        blur_um
    )


def _sizes_of(kind: Objects) -> tuple[Sphere, ...]:
    index = complex(kind.index, kind.absorption)
    middle = Sphere(kind.diameter_um / 2, index, CELL_ABBE)
    return _sizes(middle, kind.diameter_spread, OTHERS_STEP)


def _sizes(middle: Sphere, spread: float, step: float) -> tuple[Sphere, ...]:
    """Return spheres over the span of radii, evenly stepped about the middle one."""
    n = int(np.ceil(SPAN_SIGMAS * spread / step - 1e-9))
    return tuple(
        Sphere(middle.radius_um * (1 + k * step), middle.index, middle.abbe_number)
        for k in range(-n, n + 1)
    )
