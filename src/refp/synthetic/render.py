"""Rendering of the frames of a scene."""

import math

import numpy as np
from scipy import ndimage

from refp.core.arrays import FloatArray, Image, IntArray
from refp.settings import Camera
from refp.synthetic.kernel import multiply_in
from refp.synthetic.optics import SphereMaps
from refp.synthetic.scene import Scene, SceneSpheres

STEPS_PER_PIXEL = 16
"""Step of the linearly interpolated profile."""
GAUSS_PX = 0.5 / math.sqrt(3)
"""Positions of the two-point quadrature over a pixel."""


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
    """Render one image.

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
        Random numbers of the noise; ``None`` for an image without noise.
    white_level
        Grey level at which the camera saturates; default: the largest of the bit depth.
    shift_px
        Shift of all objects, but not of the light, ``(y, x)``.

    Returns
    -------
    ndarray
        Shape ``(y, x)``, ``uint8``, or ``uint16`` if the camera has more than 8 bits.
    """
    relative = render_light(scene, z_um, blur_px=camera.blur_px, shift_px=shift_px)
    return expose(relative, exposure_ms, camera, rng, white_level=white_level)


def render_light(
    scene: Scene,
    z_um: float,
    *,
    blur_px: float = 0.0,
    shift_px: tuple[float, float] = (0.0, 0.0),
) -> FloatArray:
    """Return the light on the pixels over background, ``(y, x)``, without noise.

    Overlapping images multiply, since each object transmits a fraction of the light.

    Parameters
    ----------
    scene
        The field of view.
    z_um
        True stage position.
    blur_px
        Standard deviation of the spread of charge beyond a pixel, px.
    shift_px
        Shift of all objects, but not of the light, ``(y, x)``.
    """
    canvas = np.ones(scene.shape, dtype=np.float32)
    for spheres in (scene.beads, *scene.others):
        _lay(canvas, spheres, z_um, scene.pixel_um, shift_px)
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
    """Convert light over background to grey levels, with noise and saturation.

    Parameters
    ----------
    light
        Shape ``(y, x)``, 1 for background.
    exposure_ms
        Exposure.
    camera
        Grey levels, noise and bit depth.
    rng
        Random numbers of the noise; ``None`` for no noise.
    white_level
        Grey level at which the camera saturates; default: the largest of the bit depth.
    """
    grey = light * np.float32(camera.grey_levels_per_ms * exposure_ms)
    if camera.full_well_e is not None:
        grey = np.minimum(grey, np.float32(camera.full_well_e / camera.gain_e))
    if rng is not None:
        # Thousands of electrons per pixel: the normal approximation of shot noise is accurate.
        sd = np.sqrt(grey_variance(grey, camera))
        grey = grey + sd * rng.standard_normal(grey.shape, dtype=np.float32)
    largest = 2**camera.bit_depth - 1
    clipped = np.clip(np.rint(grey + camera.offset), 0, min(largest, white_level or largest))
    return clipped.astype(np.uint8 if camera.bit_depth <= 8 else np.uint16)


def grey_variance(grey: FloatArray, camera: Camera) -> FloatArray:
    """Return the variance of grey levels due to shot and read noise, before rounding."""
    variance: FloatArray = grey / np.float32(camera.gain_e) + np.float32(
        (camera.read_noise_e / camera.gain_e) ** 2
    )
    return variance


def _lay(
    canvas: FloatArray,
    spheres: SceneSpheres,
    z_um: float,
    pixel_um: float,
    shift_px: tuple[float, float],
) -> None:
    """Multiply the images of spheres into the field."""
    for k in range(len(spheres)):
        sphere = float(spheres.radius_um[k]), float(spheres.index[k])
        from_focus_um = float(z_um - spheres.focus_um[k])
        center_px = spheres.centers_px[k] + shift_px
        if isinstance(spheres.maps, SphereMaps):
            _lay_map(canvas, spheres.maps, sphere, from_focus_um, center_px, pixel_um)
        else:
            nearest = np.rint(center_px).astype(int)
            dy, dx = center_px - nearest
            stamp = spheres.maps.on_pixels(*sphere, from_focus_um, (float(dy), float(dx)), pixel_um)
            _multiply_stamp(canvas, stamp, nearest)


def _lay_map(
    canvas: FloatArray,
    maps: SphereMaps,
    sphere: tuple[float, float],
    z_um: float,
    center_px: FloatArray,
    pixel_um: float,
) -> None:
    """Multiply the image of a sphere of a radius and index into the field."""
    radius_um, index = sphere
    # A map is scaled with its sphere.
    reach_um = maps.r_um[-1] * radius_um / maps.radius_um.max()
    r_px = np.arange(0.0, reach_um / pixel_um, 1 / STEPS_PER_PIXEL)
    profile = maps.at(radius_um, index, np.array([z_um]), r_px * pixel_um)[0]
    profile[-2:] = 1.0
    y, x = center_px
    multiply_in(canvas, float(y), float(x), profile, 1 / STEPS_PER_PIXEL, GAUSS_PX)


def _multiply_stamp(canvas: FloatArray, stamp: FloatArray, center: IntArray) -> None:
    """Multiply a square image about a pixel into the field, as far as it is inside."""
    first = center - len(stamp) // 2
    low = np.maximum(first, 0)
    high = np.minimum(first + len(stamp), canvas.shape)
    if (low < high).all():
        (y0, x0), (y1, x1), (fy, fx) = low, high, first
        canvas[y0:y1, x0:x1] *= stamp[y0 - fy : y1 - fy, x0 - fx : x1 - fx]
