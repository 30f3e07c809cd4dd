"""Maps of the spheres of a scene through an instrument, from which its images are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from refp.core.errors import RecipeError
from refp.core.parallel import SERIAL, Execution
from refp.settings import Instrument
from refp.synthetic.optics import (
    Microscope,
    Sphere,
    SphereImages,
    SphereMaps,
    make_microscope,
    sphere_maps,
)
from refp.synthetic.planes import feature_curves, find_planes
from refp.synthetic.settings import Objects, SceneSettings

BEAD_STEP = 0.03
"""Relative step of the radii of maps; images of radii in between are interpolated."""
OTHERS_STEP = 0.15
MIN_CONTRAST = 0.01
SPAN_SIGMAS = 3.0
CELL_ABBE = 55.0
"""Dispersion of cells and debris: nearly that of water; assumed."""
PIXEL_VARIANCE = 1 / 12
PLANE_FRACTION = 0.9
"""Fraction of the Z range of a map within which the own plane of a bead is searched."""


@dataclass(frozen=True)
class Looks:
    """The maps of one instrument and scene.

    Attributes
    ----------
    beads
        Maps of the beads, or their images through optics without rotational symmetry.
    on_pixels
        Maps of the beads in straight light and without coma, blurred by the camera's pixels, for features.
    others
        Maps or images of cells and debris, one entry for each kind.
    depth_um, pixel_um, nominal_radius_um
        Depth of field, side of a pixel and radius of a nominal bead.
    """

    beads: SphereMaps | SphereImages
    on_pixels: SphereMaps
    others: tuple[SphereMaps | SphereImages, ...]
    depth_um: float
    pixel_um: float
    nominal_radius_um: float

    @property
    def nominal_planes_um(self) -> tuple[float, float]:
        """Own planes of a nominal bead by both features, from the focus of its middle."""
        return self.own_planes_um(self.nominal_radius_um, self.on_pixels.index)

    @property
    def nominal_plane_um(self) -> float:
        """Own plane of a nominal bead, relative to the focus of its centre: the mean of both."""
        return float(np.mean(self.nominal_planes_um))

    def own_plane_um(self, radius_um: float, index: float) -> float:
        """Return the own plane of a bead, the mean of :meth:`own_planes_um`."""
        slope_um, center_um = self.own_planes_um(radius_um, index)
        return (slope_um + center_um) / 2

    def own_planes_um(self, radius_um: float, index: float) -> tuple[float, float]:
        """Return the own planes of a bead by steepest slope and by centre intensity.

        By the article's definition, relative to the focus of the bead's centre.

        Raises
        ------
        RecipeError
            If it has none, for example a bead that does not focus light.
        """
        z_um = PLANE_FRACTION * self.on_pixels.maps[0].z_um
        slope, center = feature_curves(self.on_pixels, radius_um, index, z_um, self.pixel_um)
        planes = find_planes(z_um, slope, center)
        if np.isnan(planes[0]):
            raise RecipeError(
                f"a bead of index {index:.4g} has no plane of brightest centre and steepest slope within "
                f"{z_um[-1]:.3g} um of its focus; its index must be well above the medium's"
            )
        return planes


def looks_of(
    instrument: Instrument,
    scene: SceneSettings,
    *,
    execution: Execution = SERIAL,
) -> Looks:
    """Return the maps of a scene; maps that are not cached are computed.

    Parameters
    ----------
    instrument, scene
        Instrument, and settings of the scene.
    execution
        Executor for the work, and callback for progress.

    Raises
    ------
    RecipeError
        If the refractive index of the bead is too near to that of the medium.
    """
    microscope = make_microscope(instrument)
    bead = instrument.bead
    if bead.index < instrument.sample.medium_index + MIN_CONTRAST:
        raise RecipeError(
            f"instrument {instrument.name!r}: bead.index = {bead.index} must be at least {MIN_CONTRAST} "
            f"above sample.medium_index = {instrument.sample.medium_index}: beads do not focus light"
        )
    nominal = Sphere(bead.diameter_um / 2, complex(bead.index), bead.abbe_number)
    spheres = _sizes(nominal, bead.diameter_spread, BEAD_STEP)
    beads = _drawn(spheres, microscope, 2 * bead.index_sd, execution)
    others = tuple(_drawn(_sizes_of(kind), microscope, 0.0, execution) for kind in scene.others)
    pixel_um = instrument.optics.pixel_size_um
    blur_um = pixel_um * float(np.sqrt(PIXEL_VARIANCE + instrument.camera.blur_px**2))
    return Looks(
        beads=beads,
        on_pixels=_on_pixels(
            nominal, bead.diameter_spread, bead.index_sd, microscope.straight(), blur_um
        ),
        others=others,
        depth_um=microscope.depth_um,
        pixel_um=pixel_um,
        nominal_radius_um=nominal.radius_um,
    )


def _drawn(
    spheres: Sequence[Sphere], microscope: Microscope, index_step: float, execution: Execution
) -> SphereMaps | SphereImages:
    """Return maps of spheres, or their images if these have no rotational symmetry."""
    if microscope.is_symmetric:
        return sphere_maps(spheres, microscope, index_step, execution=execution)
    return SphereImages(microscope, spheres[0].index, spheres[0].abbe_number)


@lru_cache(maxsize=16)
def _on_pixels(
    nominal: Sphere, spread: float, index_sd: float, microscope: Microscope, blur_um: float
) -> SphereMaps:
    """Return the blurred maps of the beads, cached for each instrument."""
    return sphere_maps(_sizes(nominal, spread, BEAD_STEP), microscope, 2 * index_sd).blurred(
        blur_um
    )


def _sizes_of(kind: Objects) -> tuple[Sphere, ...]:
    index = complex(kind.index, kind.absorption)
    middle = Sphere(kind.diameter_um / 2, index, CELL_ABBE)
    return _sizes(middle, kind.diameter_spread, OTHERS_STEP)


def _sizes(middle: Sphere, spread: float, step: float) -> tuple[Sphere, ...]:
    """Return spheres over a range of radii, in even steps about the middle one."""
    n = int(np.ceil(SPAN_SIGMAS * spread / step - 1e-9))
    return tuple(
        Sphere(middle.radius_um * (1 + k * step), middle.index, middle.abbe_number)
        for k in range(-n, n + 1)
    )
