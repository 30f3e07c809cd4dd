"""Robust levels of the rings about a bead, and its background."""

from typing import NamedTuple

import numpy as np

from refp.core.arrays import FloatArray, Index, IntArray
from refp.core.jit import compiled, inlined
from refp.measure.profiles.spline import (
    Pixels,
    Spline,
    add_pixel,
    residuals,
    solve_sums,
    value_at,
)


class Rings(NamedTuple):
    """Buffers for the rings of a bead."""

    ring: IntArray
    """Shape ``(pixels,)``: the ring of each pixel; -1 for excluded pixels."""
    residual: FloatArray
    """Shape ``(pixels,)``."""
    grouped: FloatArray
    """Shape ``(pixels,)``: values in the order of their rings."""
    first: IntArray
    """Shape ``(rings + 2,)``: index of the first value of each ring."""
    middle: FloatArray
    """Shape ``(rings + 1,)``: median of each ring; the last one is beyond the rings."""
    reach: FloatArray
    """Shape ``(rings + 1,)``: largest typical distance from the median."""
    total: FloatArray
    """Shape ``(rings + 1,)``: sum of the typical residuals."""
    number: IntArray
    """Shape ``(rings + 1,)``: number of the typical residuals."""


def new_rings(n_pixels: int, n_rings: int) -> Rings:
    """Allocate buffers for a number of pixels and rings."""
    ring, first = np.empty(n_pixels, dtype=np.int64), np.empty(n_rings + 2, dtype=np.int64)
    residual, grouped = np.empty((2, n_pixels))
    middle, reach, total = np.empty((3, n_rings + 1))
    number = np.empty(n_rings + 1, dtype=np.int64)
    return Rings(ring, residual, grouped, first, middle, reach, total, number)


@inlined
def _partition(values: FloatArray, start: Index, stop: Index, pivot: float) -> Index:
    """Move values below the pivot to the front, without branches; return their end."""
    end = start
    for i in range(start, stop):
        value = values[i]
        values[i] = values[end]
        values[end] = value
        end += value < pivot
    return end


@inlined
def _select(values: FloatArray, start: Index, stop: Index, rank: Index) -> float:
    """Return the value of a rank among those from ``start`` to ``stop``, moving lesser ones before it."""
    while stop - start > 1:
        first, last = values[start], values[stop - 1]
        between = max(min(first, last), min(max(first, last), values[(start + stop) // 2]))
        end = _partition(values, start, stop, between)
        if rank < end:
            stop = end
        elif end > start:
            start = end
        else:  # the pivot is the least: skip all values equal to it
            start = _partition(values, start, stop, np.nextafter(between, np.inf))
            if rank < start:
                return between
    return values[rank]


@compiled
def median(values: FloatArray, start: Index, stop: Index) -> float:
    """Return the median of the values from ``start`` to ``stop``, at least one; reorders them."""
    half = start + (stop - start) // 2
    upper = _select(values, start, stop, half)
    if (stop - start) % 2:
        return upper
    lower = values[start]
    for i in range(start + 1, half):
        lower = max(lower, values[i])
    return 0.5 * (lower + upper)


@inlined
def _typical_range(values: FloatArray, start: int, stop: int) -> tuple[float, float]:
    """Return the median, and 2.5 standard deviations or one grey level; overwrites ``values``."""
    middle = median(values, np.int64(start), np.int64(stop))
    for i in range(start, stop):
        values[i] = abs(values[i] - middle)
    return middle, max(2.5 * 1.4826 * median(values, np.int64(start), np.int64(stop)), 1.0)


@inlined
def clipped_mean(values: FloatArray, n: int, room: FloatArray) -> float:
    """Return the mean of the first ``n`` values near their median, a robust mean without quantisation.

    Grey levels are integers, and so is the median of a flat ring, which at 36 grey levels is an error
    of up to 1.4 per cent. The mean of the values within 2.5 standard deviations (from the median
    absolute deviation, at least one grey level) is not quantised. ``room`` is overwritten.
    """
    for i in range(n):
        room[i] = values[i]
    middle, reach = _typical_range(room, 0, n)
    total = 0.0
    count = 0
    for i in range(n):
        if abs(values[i] - middle) <= reach:
            total += values[i]
            count += 1
    return total / count


@inlined
def _find_typical(rings: Rings, n: int) -> None:
    """Find the median residual of every ring and its typical range; infinite beyond the rings."""
    first, n_rings = rings.first, rings.middle.shape[0] - 1
    first[:] = 0
    for p in range(n):
        first[rings.ring[p] + 1] += 1
    for k in range(n_rings + 1):
        first[k + 1] += first[k]
        rings.number[k] = first[k]
    for p in range(n):
        k = rings.ring[p]
        rings.grouped[rings.number[k]] = rings.residual[p]
        rings.number[k] += 1
    rings.middle[n_rings], rings.reach[n_rings] = 0.0, np.inf
    for k in range(n_rings):
        rings.middle[k], rings.reach[k] = 0.0, np.inf
        if first[k + 1] > first[k]:
            middle, reach = _typical_range(rings.grouped, first[k], first[k + 1])
            rings.middle[k], rings.reach[k] = middle, reach


@inlined
def level_at(spline: Spline, n: int, r_px: float) -> float:
    """Return the value of the spline of ``n`` intervals at a distance from the centre."""
    along = r_px / spline.knot_px
    j = min(int(along), n - 1)
    return value_at(spline.cubic, j, along - j)


@inlined
def ring_levels(
    pixels: Pixels, n: int, rings: Rings, spline: Spline, ring_px: float, levels: FloatArray
) -> None:
    """Write the robust level of each ring; that of a ring without pixels is the spline's value.

    The spline is fitted again without the outlying pixels of each ring. Otherwise a cell beside the
    bead would bend the spline inside the rings, with errors of the level in the middle of a ring of up
    to 15 per cent, however robust the mean of the residuals.
    """
    n_rings, n_intervals = levels.shape[0], spline.sums.shape[0]
    for k in range(n_rings):
        levels[k] = level_at(spline, n_intervals, k * ring_px)
    _find_typical(rings, n)
    for p in range(n):
        k = rings.ring[p]
        if abs(rings.residual[p] - rings.middle[k]) > rings.reach[k]:
            rings.ring[p] = -1
            add_pixel(spline.sums, pixels.interval[p], pixels.t[p], -1.0, pixels.value[p])
    solve_sums(spline, n_intervals)
    residuals(pixels, n, spline.cubic, rings.residual)
    rings.total[:] = 0.0
    rings.number[:] = 0
    for p in range(n):
        k = rings.ring[p]
        if k >= 0:
            rings.total[k] += rings.residual[p]
            rings.number[k] += 1
    for k in range(n_rings):
        if rings.number[k] > 0:
            clean = level_at(spline, n_intervals, k * ring_px)
            levels[k] = clean + rings.total[k] / rings.number[k]
