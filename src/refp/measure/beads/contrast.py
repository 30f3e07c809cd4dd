"""Contrast of a frame over its background, at reduced size."""

import numpy as np

from refp.core.arrays import FloatArray, Image, IntArray


def local_contrast(image: Image, factor: int, block_px: float) -> FloatArray:
    """Return ``I / background - 1``, limited to +-1, at reduced size.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    factor
        Number of pixels per reduced pixel, along each axis.
    block_px
        Side of the blocks whose linearly interpolated medians are the background.
    """
    reduced = _reduce(image, factor)
    medians = _block_medians(reduced, block_px)
    left, right, part = _between(reduced.shape[1], medians.shape[1])
    along = medians[:, left] + part * (medians[:, right] - medians[:, left])
    upper, lower, part = _between(reduced.shape[0], medians.shape[0])
    background = along[lower] - along[upper]
    background *= part[:, None]
    background += along[upper]
    reduced /= np.maximum(background, 1.0, out=background)
    reduced -= 1.0
    return np.clip(reduced, -1.0, 1.0, out=reduced)


def _reduce(image: Image, factor: int) -> FloatArray:
    """Mean over blocks of ``factor`` pixels; incomplete blocks at the far edges are dropped."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    rows, mean = np.zeros((height, width * factor)), np.zeros((height, width))
    for k in range(factor):
        rows += image[k : height * factor : factor, : width * factor]
    for k in range(factor):
        mean += rows[:, k::factor]
    mean *= 1.0 / factor**2
    return mean


def _block_medians(image: FloatArray, block_px: float) -> FloatArray:
    """Median of each of nearly equal blocks, computed together for blocks of one shape."""
    n_rows, n_columns = (max(1, round(n / block_px)) for n in image.shape)
    medians = np.empty((n_rows, n_columns))
    for row, rows in _nearly_equal(image.shape[0], n_rows):
        for column, columns in _nearly_equal(image.shape[1], n_columns):
            medians[row, column] = _medians_of(image[rows, columns], medians[row, column].shape)
    return medians


def _nearly_equal(n: int, parts: int) -> list[tuple[slice, slice]]:
    """Divide ``n`` elements into parts, the larger ones first.

    Returns, for each of the two lengths of parts, the slice of parts and the slice of their elements.
    """
    length, n_longer = divmod(n, parts)
    end = n_longer * (length + 1)
    longer = (slice(0, n_longer), slice(0, end))
    return (
        [longer, (slice(n_longer, parts), slice(end, n))]
        if n_longer
        else [(slice(parts), slice(n))]
    )


def _medians_of(image: FloatArray, grid: tuple[int, ...]) -> FloatArray:
    """Median of each block of a grid of equal blocks."""
    height, width = image.shape[0] // grid[0], image.shape[1] // grid[1]
    blocks = image.reshape(grid[0], height, grid[1], width).swapaxes(1, 2)
    values = blocks.reshape(*grid, height * width)
    half = values.shape[2] // 2
    values = np.partition(values, half, axis=2)
    upper = values[..., half]
    return upper if values.shape[2] % 2 else 0.5 * (values[..., :half].max(axis=2) + upper)


def _between(n: int, n_blocks: int) -> tuple[IntArray, IntArray, FloatArray]:
    """Return for each of ``n`` pixels the two nearest blocks and the weight of the second."""
    along = np.clip((np.arange(n) + 0.5) * n_blocks / n - 0.5, 0.0, n_blocks - 1.0)
    low = np.minimum(along.astype(np.int64), max(n_blocks - 2, 0))
    return low, np.minimum(low + 1, n_blocks - 1), along - low
