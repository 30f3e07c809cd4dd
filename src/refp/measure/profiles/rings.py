"""Robust levels of the rings about a bead, and its background."""

import numpy as np

from refp.core.arrays import FloatArray, IntArray
from refp.core.jit import compiled
from refp.measure.profiles.spline import Pixels, Spline, add_pixel, residuals, solve_sums, value_at


@compiled
def _partition(values: FloatArray, start: int, stop: int, pivot: float) -> int:
    """Bring what is less than the pivot to the front; return where that ends. Free of branches."""
    end = start
    for i in range(start, stop):
        value = values[i]
        values[i] = values[end]
        values[end] = value
        end += value < pivot
    return end


@compiled
def _select(values: FloatArray, rank: int) -> float:
    """Return the value of a rank, and bring all lesser ones before it."""
    start, stop = 0, values.shape[0]
    while stop - start > 1:
        first, last = values[start], values[stop - 1]
        between = max(min(first, last), min(max(first, last), values[(start + stop) // 2]))
        end = _partition(values, start, stop, between)
        if rank < end:
            stop = end
        elif end > start:
            start = end
        else:  # it is the least: pass over all that equal it
            start = _partition(values, start, stop, np.nextafter(between, np.inf))
            if rank < start:
                return between
    return values[rank]


@compiled
def _median(values: FloatArray) -> float:
    """Median of at least one value; they are left in another order."""
    half = values.shape[0] // 2
    upper = _select(values, half)
    return upper if values.shape[0] % 2 else 0.5 * (float(np.max(values[:half])) + upper)


@compiled
def _typical_range(values: FloatArray) -> tuple[float, float]:
    """Median, and 2.5 standard deviations or one grey level about it; ``values`` are overwritten."""
    middle = _median(values)
    for i in range(values.shape[0]):
        values[i] = abs(values[i] - middle)
    return middle, max(2.5 * 1.4826 * _median(values), 1.0)


@compiled
def clipped_mean(values: FloatArray) -> float:
    """Mean of the values near their median: as robust as the median, without its coarseness.

    Grey levels are whole numbers; the median of a flat ring is one too, which at 36 grey levels is
    an error of up to 1.4 per cent. The mean of the values within 2.5 standard deviations (from the
    median absolute deviation, and never less than one grey level) is not held to whole numbers.
    """
    middle, reach = _typical_range(values.copy())
    total = 0.0
    n = 0
    for value in values:
        if abs(value - middle) <= reach:
            total += value
            n += 1
    return total / n


@compiled
def _typical_of_rings(
    residual: FloatArray, ring: IntArray, n_rings: int
) -> tuple[FloatArray, FloatArray]:
    """Median residual of every ring and how far from it is typical; without end beyond the rings."""
    first = np.zeros(n_rings + 2, dtype=np.int64)
    for k in ring:
        first[k + 1] += 1
    first = np.cumsum(first)
    grouped = np.empty_like(residual)
    free = first.copy()
    for p in range(ring.shape[0]):
        grouped[free[ring[p]]] = residual[p]
        free[ring[p]] += 1
    middle = np.zeros(n_rings + 1)
    reach = np.full(n_rings + 1, np.inf)
    for k in range(n_rings):
        if first[k + 1] > first[k]:
            middle[k], reach[k] = _typical_range(grouped[first[k] : first[k + 1]])
    return middle, reach


@compiled
def _at_rings(spline: Spline, ring_px: float, levels: FloatArray) -> None:
    """Evaluate the spline at the rings' middles."""
    for k in range(levels.shape[0]):
        along = k * ring_px / spline.knot_px
        j = min(int(along), spline.cubic.shape[0] - 1)
        levels[k] = value_at(spline.cubic[j], along - j)


@compiled
def ring_levels(
    pixels: Pixels,
    residual: FloatArray,
    ring: IntArray,
    spline: Spline,
    ring_px: float,
    levels: FloatArray,
) -> None:
    """Fill in the robust level of each ring; a ring without pixels gets the spline's value.

    The spline is fitted again without the pixels that stand out in their ring. Without that a cell
    beside the bead bends the spline inside the rings, and the level at a ring's middle is off by as
    much as 15 per cent, however robust the mean of the residuals.
    """
    n_rings = levels.shape[0]
    _at_rings(spline, ring_px, levels)
    middle, reach = _typical_of_rings(residual, ring, n_rings)
    for p in range(ring.shape[0]):
        if abs(residual[p] - middle[ring[p]]) > reach[ring[p]]:
            ring[p] = -1
            add_pixel(spline.sums[pixels.interval[p]], pixels.t[p], -1.0, pixels.value[p])
    solve_sums(spline)
    residuals(pixels, spline.cubic, residual)
    total, count = np.zeros(n_rings + 1), np.zeros(n_rings + 1)
    for p in range(ring.shape[0]):
        if ring[p] >= 0:
            total[ring[p]] += residual[p]
            count[ring[p]] += 1.0
    clean = np.empty(n_rings)
    _at_rings(spline, ring_px, clean)
    for k in range(n_rings):
        if count[k] > 0.0:
            levels[k] = clean[k] + total[k] / count[k]
