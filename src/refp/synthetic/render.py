"""From a scene to the pixels of a frame."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from refp.arrays import FloatArray, Image, IntArray
from refp.synthetic.model import (
    cell_intensity,
    cell_reach_radii,
    reach_radii,
    relative_intensity,
)
from refp.synthetic.scene import Scene
from refp.synthetic.settings import Camera

RADIAL_STEPS_PER_RADIUS = 100
"""Fine enough that linear interpolation of the profile errs by under 0.1 % of the spot."""


def render_frame(
    scene: Scene,
    z_um: float,
    exposure_ms: float,
    camera: Camera,
    rng: np.random.Generator | None,
    *,
    white_level: int | None = None,
    shift_px: tuple[float, float] = (0.0, 0.0),
) -> Image:
    """Take one image.

    Parameters
    ----------
    scene
        The field of view.
    z_um
        True stage position.
    exposure_ms
        Exposure.
    camera
        Noise, blur and bit depth.
    rng
        Where the noise comes from; ``None`` for an image without noise.
    white_level
        Grey level at which the camera saturates; the bit depth's largest without it.
    shift_px
        Shift of everything but the light, ``(y, x)``.

    Returns
    -------
    ndarray
        Shape ``(y, x)``, ``uint8``, or ``uint16`` where the camera has more than 8 bits.
    """
    relative = render_light(scene, z_um, blur_px=camera.blur_px, shift_px=shift_px)
    return expose(relative, exposure_ms, camera, rng, white_level=white_level)


def render_light(
    scene: Scene,
    z_um: float,
    *,
    blur_px: float = 0.5,
    shift_px: tuple[float, float] = (0.0, 0.0),
) -> FloatArray:
    """Return the light on the sensor over background, ``(y, x)``, without noise.

    Overlapping images multiply, since each object lets a share of the light through.

    Parameters
    ----------
    scene
        The field of view.
    z_um
        True stage position.
    blur_px
        Standard deviation of the blur by the pixels.
    shift_px
        Shift of everything but the light, ``(y, x)``.
    """
    canvas = np.ones(scene.shape, dtype=np.float32)
    for stamp in _bead_stamps(scene, z_um) + _cell_stamps(scene, z_um):
        _multiply(canvas, stamp, shift_px)
    if blur_px > 0:
        canvas = ndimage.gaussian_filter(canvas, blur_px, mode="nearest")
    light: FloatArray = canvas * scene.light
    return light


def expose(
    light: FloatArray,
    exposure_ms: float,
    camera: Camera,
    rng: np.random.Generator | None,
    *,
    white_level: int | None = None,
) -> Image:
    """Turn light over background into grey levels, with noise and saturation.

    Parameters
    ----------
    light
        Shape ``(y, x)``, 1 where the background is.
    exposure_ms
        Exposure.
    camera
        Grey levels, noise and bit depth.
    rng
        Where the noise comes from; ``None`` for no noise.
    white_level
        Grey level at which the camera saturates; the bit depth's largest without it.
    """
    grey = light * np.float32(camera.grey_levels_per_ms * exposure_ms)
    if rng is not None:
        # Thousands of electrons a pixel: shot noise is normal to well under a grey level.
        variance = grey / camera.gain_e + (camera.read_noise_e / camera.gain_e) ** 2
        grey = grey + np.sqrt(variance) * rng.standard_normal(grey.shape, dtype=np.float32)
    largest = 2**camera.bit_depth - 1
    clipped = np.clip(np.rint(grey), 0, min(largest, white_level or largest))
    return clipped.astype(np.uint8 if camera.bit_depth <= 8 else np.uint16)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """Profile about a centre: intensity at multiples of ``step_px``, 1 beyond."""

    center_px: FloatArray
    step_px: float
    profile: FloatArray

    @property
    def reach_px(self) -> float:
        return self.step_px * (len(self.profile) - 1)


def _bead_stamps(scene: Scene, z_um: float) -> list[_Stamp]:
    beads = scene.beads
    dz_um = z_um - beads.plane_um
    reach = reach_radii(dz_um, scene.scatter, scene.depth_um)
    return [
        _Stamp(
            center,
            radius / RADIAL_STEPS_PER_RADIUS,
            relative_intensity(r, dz, scene.scatter, scene.depth_um),
        )
        for center, radius, dz, r in zip(
            beads.centers_px, beads.radius_px, dz_um, map(_radii, reach), strict=True
        )
    ]


def _cell_stamps(scene: Scene, z_um: float) -> list[_Stamp]:
    cells = scene.cells
    dz_um = z_um - cells.plane_um
    reach = cell_reach_radii(dz_um, scene.depth_um)
    return [
        _Stamp(
            center, radius / RADIAL_STEPS_PER_RADIUS, cell_intensity(r, dz, bright, scene.depth_um)
        )
        for center, radius, dz, bright, r in zip(
            cells.centers_px, cells.radius_px, dz_um, cells.bright, map(_radii, reach), strict=True
        )
    ]


def _radii(reach: float) -> FloatArray:
    """Radii from the centre to ``reach``, in radii of the object."""
    n = int(np.ceil(reach * RADIAL_STEPS_PER_RADIUS)) + 1
    return np.arange(n) / RADIAL_STEPS_PER_RADIUS


def _multiply(canvas: FloatArray, stamp: _Stamp, shift_px: tuple[float, float]) -> None:
    """Multiply an object's image into the part of the canvas that it reaches."""
    y0, x0 = stamp.center_px + shift_px
    y, x = (_span(c, stamp.reach_px, n) for c, n in zip((y0, x0), canvas.shape, strict=True))
    if y.size == 0 or x.size == 0:
        return
    steps = np.hypot((y - y0)[:, None], x - x0) / stamp.step_px
    last = len(stamp.profile) - 1
    image = np.interp(steps, np.arange(last + 1), stamp.profile, right=1.0)
    canvas[y[0] : y[-1] + 1, x[0] : x[-1] + 1] *= image


def _span(center: float, reach: float, n: int) -> IntArray:
    """Pixels of one axis within reach of a centre."""
    return np.arange(max(0, int(np.ceil(center - reach))), min(n, int(center + reach) + 1))
