"""Disturbances of an image: strong ones, which an instrument cannot cause, and mild ones.

Each takes an 8-bit image ``(y, x)`` and its camera, and returns an 8-bit image.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image as Pillow
from scipy import ndimage

from refp.core.arrays import FloatArray, Image

WHITE = 255
MEAN_OF_SMALLER = 0.5586
"""Mean absolute value of the smaller four fifths of normal deviates, in standard deviations."""


@dataclass(frozen=True)
class Camera:
    """Random generator of the noise, and grey level without light."""

    rng: np.random.Generator
    black_level: float


Disturbance = Callable[[Image, Camera], Image]


def blur(image: Image, _: Camera, *, sigma_px: float) -> Image:
    """Blur with a Gaussian."""
    return _grey(ndimage.gaussian_filter(image.astype(float), sigma_px, mode="nearest"))


def rescale(image: Image, _: Camera, *, factor: float) -> Image:
    """Resample to another scale of the same field."""
    return _grey(ndimage.zoom(image.astype(float), factor, order=3, mode="nearest", grid_mode=True))


def invert(image: Image, _: Camera) -> Image:
    """Invert grey levels, black to white."""
    return _grey(WHITE - image.astype(float))


def invert_about_background(image: Image, _: Camera) -> Image:
    """Invert contrast relative to the background."""
    return _grey(2 * np.median(image) - image.astype(float))


def jpeg(image: Image, _: Camera, *, quality: int) -> Image:
    """Compress as JPEG and decode."""
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, format="JPEG", quality=quality)
    return np.asarray(Pillow.open(buffer))


def add_noise(image: Image, camera: Camera, *, fraction: float) -> Image:
    """Add noise with a standard deviation given as a fraction of the background."""
    return _grey(image + fraction * np.median(image) * camera.rng.standard_normal(image.shape))


def gamma(image: Image, _: Camera, *, exponent: float) -> Image:
    """Apply a gamma curve."""
    return _grey(WHITE * (image / WHITE) ** exponent)


def gain(image: Image, _: Camera, *, factor: float) -> Image:
    """Multiply grey levels, with saturation."""
    return _grey(factor * image.astype(float))


def bin_and_enlarge(image: Image, _: Camera) -> Image:
    """Average 2x2 pixels and repeat the average."""
    height, width = (n - n % 2 for n in image.shape)
    blocks = image[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return _grey(np.repeat(np.repeat(blocks, 2, axis=0), 2, axis=1))


def turn(image: Image, _: Camera, *, quarters: int) -> Image:
    """Rotate by quarters of a turn."""
    return np.ascontiguousarray(np.rot90(image, quarters))


def mirror(image: Image, _: Camera) -> Image:
    """Swap left and right."""
    return np.ascontiguousarray(image[:, ::-1])


def shift(image: Image, _: Camera, *, by_px: tuple[float, float]) -> Image:
    """Shift by a fraction of a pixel, with cubic interpolation."""
    return _grey(ndimage.shift(image.astype(float), by_px, order=3, mode="nearest"))


def change_lamp(image: Image, camera: Camera, *, factor: float) -> Image:
    """Multiply the light and its noise."""
    return _grey(camera.black_level + factor * (image - camera.black_level))


def shorten_exposure(image: Image, camera: Camera, *, factor: float) -> Image:
    """Reduce the light to a fraction, with the shot noise of the reduced number of electrons.

    All noise of the background is treated as shot noise, with a variance proportional to the light.
    """
    light = np.maximum(image - camera.black_level, 0)
    variance = noise_sd(image) ** 2 * light / max(float(np.median(light)), 1.0)
    noise = np.sqrt((factor - factor**2) * variance) * camera.rng.standard_normal(image.shape)
    return _grey(camera.black_level + factor * light + noise)


def raise_noise(image: Image, camera: Camera, *, by: float) -> Image:
    """Raise the standard deviation of the noise by a fraction."""
    more = noise_sd(image) * np.sqrt((1 + by) ** 2 - 1)
    return _grey(image + more * camera.rng.standard_normal(image.shape))


def noise_sd(image: Image) -> float:
    """Return the standard deviation of the noise, from second differences of second differences.

    Immerkaer, Fast noise variance estimation (1996), with the smaller four fifths of the differences,
    which excludes edges.
    """
    second = np.array([1.0, -2.0, 1.0])
    rest = ndimage.convolve(image.astype(float), np.outer(second, second), mode="nearest")
    size = np.sort(np.abs(rest), axis=None)[: int(0.8 * rest.size)]
    return float(np.mean(size) / MEAN_OF_SMALLER / np.sum(second**2))


def _grey(values: FloatArray) -> Image:
    return np.clip(np.rint(values), 0, WHITE).astype(np.uint8)


DISTURBED: dict[str, Disturbance] = {
    **{f"blurred, sigma {s:g} px": partial(blur, sigma_px=s) for s in (1.0, 2.0, 3.0, 5.0)},
    "5 % smaller": partial(rescale, factor=0.95),
    "5 % larger": partial(rescale, factor=1.05),
    "inverted": invert,
    "inverted about background": invert_about_background,
    **{f"JPEG quality {q}": partial(jpeg, quality=q) for q in (5, 10)},
    "noise, 20 % of background": partial(add_noise, fraction=0.2),
    **{f"gamma {g:g}": partial(gamma, exponent=g) for g in (0.6, 1.6)},
    "gain 3, saturated": partial(gain, factor=3.0),
    "binned 2x2 and enlarged": bin_and_enlarge,
}
BRIGHTER = "brightness 1.2"
BRIGHTER_FACTOR = 1.2
MILD: dict[str, Disturbance] = {
    "brightness 0.8": partial(change_lamp, factor=0.8),
    BRIGHTER: partial(change_lamp, factor=BRIGHTER_FACTOR),
    **{f"turned by {90 * q} degrees": partial(turn, quarters=q) for q in (1, 2)},
    "mirrored": mirror,
    "shifted by 0.3 and -0.4 px": partial(shift, by_px=(0.3, -0.4)),
    "two thirds of the exposure": partial(shorten_exposure, factor=2 / 3),
    "JPEG quality 95": partial(jpeg, quality=95),
    "5 % more noise": partial(raise_noise, by=0.05),
}
