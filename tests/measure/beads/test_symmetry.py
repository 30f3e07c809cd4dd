"""Radial symmetry against its definition, and its invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from refp.core.arrays import FloatArray
from refp.measure.beads.symmetry import (
    GRADIENT_SIGMA_PX,
    GRADIENT_SIGMA_RADII,
    WEIGHT_RADII,
    radial_symmetry,
)

RADIUS = 5.0
MIDDLE = (24, 26)


def picture(profile: str) -> FloatArray:
    """A round object about the middle of a frame of 49 by 53 px."""
    y, x = np.indices((49, 53)) - np.array(MIDDLE)[:, None, None]
    r = np.hypot(y, x) / RADIUS
    shapes = {
        "dark disc": -1 / (1 + np.exp((r - 1) / 0.1)),
        "bright centre": 1.5 * np.exp(-((r / 0.3) ** 2)) - 1 / (1 + np.exp((r - 1) / 0.1)),
        "rings": np.cos(4 * r) * np.exp(-0.5 * (r / 1.2) ** 2),
        "blur": -0.5 * np.exp(-0.5 * (r / 1.3) ** 2),
    }
    return shapes[profile]


def by_definition(contrast: FloatArray, at: tuple[int, int]) -> tuple[float, float]:
    """Sum radial and tangential gradients about one point, pixel by pixel."""
    sigma = max(GRADIENT_SIGMA_PX, GRADIENT_SIGMA_RADII * RADIUS)
    gy, gx = (
        RADIUS * ndimage.gaussian_filter(contrast, sigma, order=order, mode="nearest")
        for order in ((1, 0), (0, 1))
    )
    y, x = np.indices(contrast.shape) - np.array(at)[:, None, None]
    width = WEIGHT_RADII * RADIUS
    r2 = np.maximum(x**2 + y**2, 1e-12)
    weight = r2 / width**2 * np.exp(-0.5 * r2 / width**2)
    weight /= np.exp(-0.5 * r2 / width**2).sum()
    radial = (gy * y + gx * x) ** 2 / r2
    tangential = (gy * x - gx * y) ** 2 / r2
    surplus = float((weight * (radial - tangential)).sum())
    return np.sqrt(max(surplus, 0) / 2), surplus / float((weight * (radial + tangential)).sum())


@pytest.mark.parametrize("at", [MIDDLE, (24, 31), (18, 20)])
@pytest.mark.parametrize("profile", ["dark disc", "bright centre", "rings", "blur"])
def test_the_filters_are_the_definition(profile: str, at: tuple[int, int]) -> None:
    noisy = picture(profile) + np.random.default_rng(0).normal(0, 0.02, (49, 53))
    amplitude, fraction = radial_symmetry(noisy, RADIUS)
    expected = by_definition(noisy, at)
    assert (amplitude[at], fraction[at]) == pytest.approx(expected, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("profile", ["dark disc", "bright centre", "rings", "blur"])
def test_the_maximum_is_in_the_middle_for_either_sign(profile: str, sign: int) -> None:
    amplitude, fraction = radial_symmetry(sign * picture(profile), RADIUS)
    assert np.unravel_index(np.argmax(amplitude), amplitude.shape) == MIDDLE
    assert fraction[MIDDLE] > 0.98
    assert amplitude[MIDDLE] > 0.2


def test_edges_and_noise_are_not_round() -> None:
    """A step as high as a black disc's: spoke-like on the edge, faint beside it."""
    edge = np.where(np.arange(60)[None, :] < 30, 0.0, 1.0) * np.ones((60, 1))
    amplitude, fraction = radial_symmetry(edge, RADIUS)
    assert fraction[20:40, 28:32].max() < -0.5
    disc, _ = radial_symmetry(picture("dark disc"), RADIUS)
    assert (amplitude * np.maximum(fraction, 0)).max() < disc.max() / 3
    noise = np.random.default_rng(0).normal(0, 0.03, (200, 200))
    amplitude, fraction = radial_symmetry(noise, RADIUS)
    assert (amplitude * np.maximum(fraction, 0)).max() < 0.03


@given(turns=st.integers(0, 3), gain=st.floats(0.1, 10), flip=st.booleans())
def test_turned_mirrored_and_scaled(turns: int, gain: float, flip: bool) -> None:
    image = picture("rings") + np.random.default_rng(1).normal(0, 0.05, (49, 53))
    amplitude, fraction = radial_symmetry(image, RADIUS)

    def turn(array: FloatArray) -> FloatArray:
        return np.rot90(array[::-1] if flip else array, turns)

    turned, turned_fraction = radial_symmetry(turn(image) * gain, RADIUS)
    np.testing.assert_allclose(turned, gain * turn(amplitude), atol=1e-9 * gain + 1e-9)
    np.testing.assert_allclose(turned_fraction, turn(fraction), atol=1e-7)
