"""The compiled sums against scipy's filters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from refp.core.arrays import FloatArray
from refp.measure.beads.contrast import local_contrast
from refp.measure.beads.symmetry import (
    GRADIENT_SIGMA_PX,
    GRADIENT_SIGMA_RADII,
    WEIGHT_RADII,
    radial_symmetry,
)

SIDES = st.tuples(st.integers(1, 70), st.integers(1, 70))
SEED = st.integers(0, 2**32 - 1)


def by_scipy(contrast: FloatArray, radius_px: float) -> tuple[FloatArray, FloatArray]:
    """Excess of the radial gradient, and total gradient, filter by filter."""
    sigma = max(GRADIENT_SIGMA_PX, GRADIENT_SIGMA_RADII * radius_px)
    gy, gx = (
        radius_px * ndimage.gaussian_filter(contrast, sigma, order=order, mode="nearest")
        for order in ((1, 0), (0, 1))
    )
    width = WEIGHT_RADII * radius_px
    x = np.arange(-np.ceil(4 * width), np.ceil(4 * width) + 1) / width
    flat = np.exp(-0.5 * x**2)
    flat /= flat.sum()

    def along(image: FloatArray, y_weights: FloatArray, x_weights: FloatArray) -> FloatArray:
        half = ndimage.correlate1d(image, y_weights, axis=0, mode="constant")
        full: FloatArray = ndimage.correlate1d(half, x_weights, axis=1, mode="constant")
        return full

    def spread(image: FloatArray, sign: float) -> FloatArray:
        return along(image, flat, x**2 * flat) + sign * along(image, x**2 * flat, flat)

    radial = spread(gx**2 - gy**2, -1) + 4 * along(gx * gy, x * flat, x * flat)
    return radial, spread(gx**2 + gy**2, 1)


@given(shape=SIDES, radius=st.floats(1.0, 9.0), seed=SEED)
def test_radial_symmetry_is_that_of_scipys_filters(
    shape: tuple[int, int], radius: float, seed: int
) -> None:
    contrast = np.random.default_rng(seed).normal(0, 0.2, shape)
    radial, every = by_scipy(contrast, radius)
    amplitude, fraction = radial_symmetry(contrast, radius)
    scale = every.max(initial=1e-30)
    np.testing.assert_allclose(2 * amplitude**2 / scale, np.maximum(radial, 0) / scale, atol=1e-11)
    defined = every > max(1e-6 * scale, 1e-20)
    np.testing.assert_allclose(fraction[defined], (radial[defined] / every[defined]), atol=1e-8)


@given(
    shape=SIDES,
    factor=st.integers(1, 4),
    block=st.floats(2.0, 40.0),
    depth=st.sampled_from([8, 16]),
    seed=SEED,
)
def test_contrast_is_over_medians_with_straight_lines_between(
    shape: tuple[int, int], factor: int, block: float, depth: int, seed: int
) -> None:
    factor = min(factor, *shape)
    dtype = np.uint8 if depth == 8 else np.uint16
    image = np.random.default_rng(seed).integers(0, 2**depth, shape).astype(dtype)
    rows, columns = (n // factor for n in shape)
    cut = image[: rows * factor, : columns * factor].astype(float)
    reduced = cut.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    grid = [max(1, round(n / block)) for n in reduced.shape]
    medians = np.array(
        [
            [np.median(part) for part in np.array_split(band, grid[1], axis=1)]
            for band in np.array_split(reduced, grid[0], axis=0)
        ]
    )
    zoom = [n / g for n, g in zip(reduced.shape, grid, strict=True)]
    background = ndimage.zoom(medians, zoom, order=1, mode="nearest", grid_mode=True)
    expected = np.clip(reduced / np.maximum(background, 1.0) - 1.0, -1.0, 1.0)
    np.testing.assert_allclose(local_contrast(image, factor, block), expected, atol=1e-9)


@pytest.mark.parametrize("level", [0, 255])
def test_an_even_frame_has_no_contrast(level: int) -> None:
    contrast = local_contrast(np.full((40, 50), level, dtype=np.uint8), 2, 9.0)
    assert (np.abs(contrast) == (0.0 if level else 1.0)).all()
