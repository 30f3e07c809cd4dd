"""Noise about a bead: its size, and whether it is white."""

import numpy as np
import pytest
from scipy import ndimage

from refp.core.arrays import FloatArray, Image
from refp.measure.profiles.noise import measure_noise

RING_PX = (20.0, 30.0)
CENTERS_PX = np.array([[60.0, 70.0], [110.4, 140.6], [40.0, 160.0]])


def field(noise: float, seed: int = 0) -> FloatArray:
    """Grey levels with a slope, a bright disc at the first centre, and white noise."""
    y, x = np.mgrid[:160, :220]
    level = 80.0 + 0.1 * x + np.where(np.hypot(y - 60, x - 70) < 10, 60.0, 0.0)
    return level + noise * np.random.default_rng(seed).normal(size=level.shape)


def grey(values: FloatArray) -> Image:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [0.8, 1.5, 4.0])
def test_white_noise(sigma: float) -> None:
    noise, whiteness = measure_noise(grey(field(sigma)), CENTERS_PX, RING_PX)
    np.testing.assert_allclose(noise, np.hypot(sigma, 12**-0.5), rtol=0.06)  # and of rounding
    assert np.median(whiteness) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(
    "alter",
    [
        lambda image: ndimage.gaussian_filter(image, 0.5),
        lambda image: ndimage.median_filter(image, 3),
        lambda image: ndimage.rotate(image, 2, reshape=False, order=3, mode="nearest"),
        lambda image: ndimage.zoom(image, 1.03, order=3),
    ],
    ids=["blur", "median", "rotation", "magnification"],
)
def test_filters_and_resampling_correlate_the_noise(alter: object) -> None:
    altered = grey(alter(field(1.5)))  # type: ignore[operator]
    assert np.median(measure_noise(altered, CENTERS_PX, RING_PX)[1]) < 0.88


def test_a_stretch_scales_the_noise_and_keeps_it_white() -> None:
    image = np.rint(field(1.5))
    stretched = (2 * image - 40).astype(np.uint16)
    noise, _ = measure_noise(grey(image), CENTERS_PX, RING_PX)
    doubled, whiteness = measure_noise(stretched, CENTERS_PX, RING_PX)
    np.testing.assert_allclose(doubled, 2 * noise, rtol=1e-5)
    assert np.median(whiteness) == pytest.approx(1.0, abs=0.06)


def test_an_image_without_noise_has_no_whiteness() -> None:
    noise, whiteness = measure_noise(np.full((160, 220), 90, np.uint8), CENTERS_PX, RING_PX)
    assert (noise == 0).all()
    assert np.isnan(whiteness).all()


def test_a_ring_outside_the_frame_is_not_measured() -> None:
    noise, whiteness = measure_noise(grey(field(1.5)), np.array([[-60.0, -60.0]]), RING_PX)
    assert np.isnan(noise).all()
    assert np.isnan(whiteness).all()
    for result in measure_noise(grey(field(1.5)), np.empty((0, 2)), RING_PX):
        assert result.shape == (0,)
