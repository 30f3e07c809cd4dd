"""Noise of the pixels about a bead, and whether that noise is white.

A camera's noise is independent from pixel to pixel. A filter, a resampling or a lossy compression
correlates neighbours, which second differences at one and at two pixels show: their variances agree
for white noise alone.

References
----------
Immerkaer 1996, "Fast noise variance estimation" (noise from second differences).
"""

import math
from functools import lru_cache

import numpy as np

from refp.core.arrays import FloatArray, Image, IntArray
from refp.core.jit import inlined, kernel

LAGS_PX = (1, 2)
MAX_PIXELS = 1500
"""Pixels of a ring that are read: enough for a ratio of variances to about 5 % a bead."""
CUT_SIGMAS = 3.5
"""Differences beyond this belong to dust or to a neighbour."""
KEPT_VARIANCE = 0.9941
"""Of a normal distribution that is cut at 3.5 standard deviations."""
CENTER_NOISE = 4.0
"""Noise of a ring over that of the mean of its pixels: errors of the centre act on steep rings. Frames of
one bead scatter about their neighbours by 1.4 times far from the plane, and by up to 8 times near it."""
CLEAN_QUANTILE = 0.1
"""Of the noise of all frames of a sweep: in a tenth of them hardly any ring reaches the background ring."""
MIN_NOISE = 0.15
"""Grey levels; below, rounding hides the noise and its correlation."""


def ring_noise(
    noise: FloatArray, light: FloatArray, radius_radii: FloatArray, bead_radius_px: float
) -> FloatArray:
    """Return the standard deviation that noise gives each ring of one bead, over background, ``(m,)``.

    Parameters
    ----------
    noise, light
        Shape ``(n,)``: noise of a pixel about each bead, NaN where not known, and background, grey levels.
    radius_radii
        Shape ``(m,)``, even radii of the rings in bead radii.
    bead_radius_px
        Bead radius.

    Returns
    -------
    ndarray
        NaN where no noise is known. Rings of the bead that reach into the background ring add to the
        noise measured there, so that a low quantile is taken.
    """
    relative = noise / light
    known = relative[np.isfinite(relative)]
    if not len(known) or len(radius_radii) < 2:
        return np.full(len(radius_radii), np.nan)
    width = float(radius_radii[1] - radius_radii[0])
    inner = np.maximum(radius_radii - width / 2, 0.0)
    pixels = np.pi * ((radius_radii + width / 2) ** 2 - inner**2) * bead_radius_px**2
    of_pixels = np.quantile(known, CLEAN_QUANTILE) / np.sqrt(np.maximum(pixels, 1.0))
    return np.asarray(CENTER_NOISE * of_pixels)


def measure_noise(
    image: Image, center_px: FloatArray, ring_px: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Measure the noise in the background ring of every bead.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    center_px
        Shape ``(n, 2)``, bead centres.
    ring_px
        Inner and outer radius of the ring.

    Returns
    -------
    noise : ndarray
        Shape ``(n,)``, standard deviation of a pixel, grey levels; NaN where no ring pixel is in
        the frame.
    whiteness : ndarray
        Shape ``(n,)``: variance from second differences of neighbours over that from pixels two
        apart. 1 for white noise, less where neighbours are correlated; NaN where the noise is too
        small to determine it.
    """
    if not len(center_px):
        return np.empty(0), np.empty(0)
    centers = np.rint(np.nan_to_num(center_px)).astype(np.int64)
    levels = np.asarray(image, dtype=np.float64, order="C")
    near, far = (_pixel_variances(levels, centers, _ring_offsets(*ring_px), lag) for lag in LAGS_PX)
    with np.errstate(invalid="ignore", divide="ignore"):
        whiteness = np.where((near > 0) & (far > MIN_NOISE**2), near / far, np.nan)
    return np.sqrt(near), whiteness


@lru_cache(maxsize=8)
def _ring_offsets(inner_px: float, outer_px: float) -> IntArray:
    """Return offsets ``(p, 2)`` of the pixels of a ring, evenly thinned."""
    reach = int(outer_px)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    radius = np.hypot(y, x)
    offsets = np.argwhere((radius >= inner_px) & (radius <= outer_px)) - reach
    return np.ascontiguousarray(offsets[:: max(1, -(-len(offsets) // MAX_PIXELS))])


def _pixel_variances(
    levels: FloatArray, centers: IntArray, offsets: IntArray, lag: int
) -> FloatArray:
    """Return the variance of a pixel about each bead from second differences, shape ``(n,)``."""
    variance = np.full(len(centers), np.nan)
    _fill_variances(levels, centers, offsets, lag, variance)
    return variance


@kernel(np.empty((0, 0)), np.empty((0, 2), np.int64), np.empty((0, 2), np.int64), 1, np.empty(0))
def _fill_variances(
    levels: FloatArray, centers: IntArray, offsets: IntArray, lag: int, variance: FloatArray
) -> None:
    """Fill in the variance of beads with ring pixels in the frame; outliers are left out."""
    for i in range(len(centers)):
        n, total = _sum_below(levels, centers[i], offsets, lag, 1, np.inf)
        if n == 0:
            continue
        typical = max(total / n / math.sqrt(2.0 / math.pi), 1e-6)
        n, total = _sum_below(levels, centers[i], offsets, lag, 2, CUT_SIGMAS * typical)
        if n > 0:
            variance[i] = total / n / KEPT_VARIANCE / 6.0  # 1 + 4 + 1


@inlined
def _sum_below(
    levels: FloatArray, center: IntArray, offsets: IntArray, lag: int, power: int, limit: float
) -> tuple[int, float]:
    """Return number and summed powers of the second differences along y and x up to a limit.

    Pixels too near the border for the larger lag are left out for both.
    """
    height, width = levels.shape
    reach = LAGS_PX[-1]
    n, total = 0, 0.0
    for k in range(len(offsets)):
        y, x = center[0] + offsets[k, 0], center[1] + offsets[k, 1]
        if reach <= y < height - reach and reach <= x < width - reach:
            middle = 2.0 * levels[y, x]
            along_y = abs(levels[y - lag, x] + levels[y + lag, x] - middle)
            along_x = abs(levels[y, x - lag] + levels[y, x + lag] - middle)
            if along_y <= limit:
                n, total = n + 1, total + along_y**power
            if along_x <= limit:
                n, total = n + 1, total + along_x**power
    return n, total
