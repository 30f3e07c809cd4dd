"""Cramer-Rao bound of dZ from the image of one bead.

References
----------
H. L. Van Trees, *Detection, Estimation, and Modulation Theory I* (1968), 2.4 (also with priors);
R. J. Ober, S. Ram and E. S. Ward, *Biophys. J.* 86, 1185 (2004), for microscope images with pixels
and read noise.
"""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import FloatArray
from refp.settings import Instrument
from refp.synthetic.looks import BEAD_STEP
from refp.synthetic.optics import make_microscope
from refp.synthetic.render import grey_variance, render_light
from refp.synthetic.single import single_bead_scene

DZ_STEP_DEPTHS = 0.02
CENTER_STEP_PX = 0.05
SIZE_STEP = BEAD_STEP
"""Step of the bead size; a smaller one would resolve the kinks at the radii of the maps."""
ROUNDING = 1 / 12
OFF_CENTER_PX = (0.2, 0.35)
"""Offset of the bead's centre from the centre of a pixel, typical in both directions."""


@dataclass(frozen=True, slots=True)
class DzBound:
    """Minimum standard deviations of dZ from one bead, for any unbiased method.

    Attributes
    ----------
    dz_um
        Shape ``(n,)``, focal plane minus the bead's own plane.
    known_um
        Shape ``(n,)``: with all parameters but dZ known.
    sd_um
        The same with unknown centre and background, and the size known to the spread of the lot.
    free_um
        The same with unknown centre, background and size.
    """

    dz_um: FloatArray
    known_um: FloatArray
    sd_um: FloatArray
    free_um: FloatArray


@dataclass(frozen=True, slots=True)
class TileModel:
    """Noiseless tile of a bead and its derivatives.

    Attributes
    ----------
    grey
        Shape ``(p,)``, grey levels of the pixels.
    slopes
        Shape ``(5, p)``: per um of dZ, px of y and x, unit of log background and of log size.
    weight
        Shape ``(p,)``: one over the variance; 0 for saturated pixels.
    """

    grey: FloatArray
    slopes: FloatArray
    weight: FloatArray

    def information(self) -> FloatArray:
        """Return the Fisher information, shape ``(5, 5)``."""
        return np.asarray((self.slopes * self.weight) @ self.slopes.T)


def dz_bound(instrument: Instrument, dz_um: FloatArray, exposure_ms: float) -> DzBound:
    """Return the Cramer-Rao bound of dZ for one bead of nominal size.

    Saturated pixels contribute no information. Noise is the camera's shot and read noise, its fixed
    pattern and rounding.

    Parameters
    ----------
    instrument
        Optics, bead and camera.
    dz_um
        Shape ``(n,)``, focal plane minus the bead's own plane.
    exposure_ms
        Exposure.

    Raises
    ------
    DataError
        If a dZ is outside the range of the simulated images.
    """
    spread = max(instrument.bead.diameter_spread, 1e-6)
    prior = np.diag([0.0, 0.0, 0.0, 0.0, 1.0 / spread**2])
    rows = []
    for dz in np.asarray(dz_um, dtype=float):
        information = tile_model(instrument, float(dz), exposure_ms).information()
        rows.append(
            (
                _least_sd(information[:1, :1]),
                _least_sd(information + prior),
                _least_sd(information),
            )
        )
    known, sd, free = np.transpose(rows)
    return DzBound(np.asarray(dz_um, dtype=float), known, sd, free)


def tile_model(instrument: Instrument, dz_um: float, exposure_ms: float) -> TileModel:
    """Return the mean tile of a nominal bead and its derivatives, from the simulator."""
    camera = instrument.camera
    white: float = instrument.white_level
    if camera.full_well_e is not None:
        white = min(white, camera.offset + camera.full_well_e / camera.gain_e)
    scale = camera.grey_levels_per_ms * exposure_ms
    step_um = DZ_STEP_DEPTHS * make_microscope(instrument).depth_um
    middle = (instrument.tile_side_px - 1) / 2
    radius_um = instrument.bead.diameter_um / 2

    def grey(dz: float = dz_um, dy: float = 0.0, dx: float = 0.0, size: float = 1.0) -> FloatArray:
        center = (middle + OFF_CENTER_PX[0] + dy, middle + OFF_CENTER_PX[1] + dx)
        scene = single_bead_scene(instrument, center_px=center, radius_um=size * radius_um)
        return scale * render_light(scene, dz, blur_px=camera.blur_px).ravel().astype(float)

    mean = grey()
    spread = 1.0 + SIZE_STEP if instrument.bead.diameter_spread else 1.0
    slopes = [
        (grey(dz=dz_um + step_um) - grey(dz=dz_um - step_um)) / (2 * step_um),
        (grey(dy=CENTER_STEP_PX) - grey(dy=-CENTER_STEP_PX)) / (2 * CENTER_STEP_PX),
        (grey(dx=CENTER_STEP_PX) - grey(dx=-CENTER_STEP_PX)) / (2 * CENTER_STEP_PX),
        mean,
        (grey(size=spread) - grey(size=2 - spread)) / (2 * SIZE_STEP),
    ]
    variance = grey_variance(mean, camera) + (camera.fixed_pattern * mean) ** 2 + ROUNDING
    open_pixels = mean + camera.offset + 2 * np.sqrt(variance) < white
    return TileModel(mean, np.array(slopes), np.where(open_pixels, 1 / variance, 0.0))


def _least_sd(information: FloatArray) -> float:
    """Return the bound of the first parameter; infinite without information on it."""
    if information[0, 0] <= 0:
        return float("inf")
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    inverse = np.linalg.pinv(information / np.outer(scale, scale), hermitian=True)
    return float(np.sqrt(inverse[0, 0]) / scale[0])
