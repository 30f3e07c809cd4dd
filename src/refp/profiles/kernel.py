"""The compiled fit: a penalised cubic spline of intensity against distance, and its best centre.

A cubic smoothing spline minimises ``sum((y - f(r))**2) + lam * integral(f''(r)**2)``. With a knot at
every pixel's distance that costs thousands of unknowns a bead. Here ``f`` is a cubic B-spline on
even knots with the exact penalty integral. At the default spacing it stays within half a per cent of
the range of :func:`scipy.interpolate.make_smoothing_spline`, closer knots come closer (the tests
compare), and the normal equations are four bands wide.

The centre minimises the residual sum of squares over a fixed set of pixels. The spline coefficients
are eliminated (variable projection), which leaves a Gauss-Newton step in two unknowns with analytic
derivatives. Keeping the set fixed matters: with one that moves along, the optimum can run away to
flat background.

References
----------
Chalfoun et al. 2024, "Bead center location optimization".
Eilers and Marx 1996, "Flexible smoothing with B-splines and penalties".
Golub and Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least squares".
"""

import numpy as np
from numba import njit

from refp.arrays import BoolArray, FloatArray, IntArray

BANDS = 4
"""A cubic B-spline overlaps three neighbours on each side."""

# Integrals over one unit knot interval of products of second derivatives of the four active bases.
_SECOND = np.array(
    [[2.0, -3.0, 0.0, 1.0], [-3.0, 6.0, -3.0, 0.0], [0.0, -3.0, 6.0, -3.0], [1.0, 0.0, -3.0, 2.0]]
)
PENALTY: FloatArray = _SECOND / 6.0


@njit(cache=True, nogil=True)
def _weights(t: float, w: FloatArray) -> None:
    """Values of the four active bases at fraction ``t`` of a knot interval."""
    u = 1.0 - t
    w[0] = u * u * u / 6.0
    w[1] = (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0
    w[2] = (-3.0 * t * t * t + 3.0 * t * t + 3.0 * t + 1.0) / 6.0
    w[3] = t * t * t / 6.0


@njit(cache=True, nogil=True)
def _slopes(t: float, d: FloatArray) -> None:
    """Derivatives of the four active bases, per knot interval."""
    d[0] = -0.5 * (1.0 - t) * (1.0 - t)
    d[1] = 0.5 * (3.0 * t * t - 4.0 * t)
    d[2] = 0.5 * (-3.0 * t * t + 2.0 * t + 1.0)
    d[3] = 0.5 * t * t


@njit(cache=True, nogil=True)
def _factor(bands: FloatArray) -> None:
    """Cholesky factor in place; ``bands[i, k]`` holds row ``i`` and column ``i - k``."""
    for i in range(bands.shape[0]):
        for k in range(min(BANDS - 1, i), -1, -1):
            j = i - k
            s = bands[i, k]
            for m in range(1, BANDS - k):
                if j - m >= 0:
                    s -= bands[i, k + m] * bands[j, m]
            bands[i, k] = np.sqrt(max(s, 1e-12)) if k == 0 else s / bands[j, 0]


@njit(cache=True, nogil=True)
def _solve(bands: FloatArray, x: FloatArray) -> None:
    """Solve with the factor of :func:`_factor`, in place."""
    n = bands.shape[0]
    for i in range(n):
        s = x[i]
        for k in range(1, min(BANDS, i + 1)):
            s -= bands[i, k] * x[i - k]
        x[i] = s / bands[i, 0]
    for i in range(n - 1, -1, -1):
        s = x[i]
        for k in range(1, min(BANDS, n - i)):
            s -= bands[i + k, k] * x[i + k]
        x[i] = s / bands[i, 0]


@njit(cache=True, nogil=True)
def _start_bands(n_bases: int, knot_px: float, lam: float, bands: FloatArray) -> None:
    """Fill the normal matrix with the penalty."""
    bands[:] = 0.0
    scale = lam / knot_px**3
    for interval in range(n_bases - 3):
        for a in range(4):
            for b in range(a + 1):
                bands[interval + a, a - b] += scale * PENALTY[a, b]


@njit(cache=True, nogil=True)
def _fit(
    r: FloatArray,
    value: FloatArray,
    knot_px: float,
    lam: float,
    bands: FloatArray,
    coef: FloatArray,
) -> None:
    """Fit the coefficients; ``bands`` is left holding the factor."""
    n_bases = coef.shape[0]
    _start_bands(n_bases, knot_px, lam, bands)
    coef[:] = 0.0
    w = np.empty(4)
    for p in range(r.shape[0]):
        x = r[p] / knot_px
        j = min(int(x), n_bases - 4)
        _weights(x - j, w)
        for a in range(4):
            wa = w[a]
            coef[j + a] += wa * value[p]
            for b in range(a + 1):
                bands[j + a, a - b] += wa * w[b]
    _factor(bands)
    _solve(bands, coef)


@njit(cache=True, nogil=True)
def _residual_sum(r: FloatArray, value: FloatArray, knot_px: float, coef: FloatArray) -> float:
    w = np.empty(4)
    total = 0.0
    for p in range(r.shape[0]):
        x = r[p] / knot_px
        j = min(int(x), coef.shape[0] - 4)
        _weights(x - j, w)
        f = w[0] * coef[j] + w[1] * coef[j + 1] + w[2] * coef[j + 2] + w[3] * coef[j + 3]
        total += (value[p] - f) ** 2
    return total


@njit(cache=True, nogil=True)
def _center_step(
    dy: FloatArray,
    dx: FloatArray,
    r: FloatArray,
    value: FloatArray,
    knot_px: float,
    bands: FloatArray,
    coef: FloatArray,
) -> tuple[float, float]:
    """Gauss-Newton step of the centre with the coefficients eliminated; NaN where no way is down."""
    n_bases = coef.shape[0]
    cross = np.zeros((2, n_bases))
    h00 = h01 = h11 = g0 = g1 = 0.0
    w = np.empty(4)
    d = np.empty(4)
    for p in range(r.shape[0]):
        if r[p] < 1e-9:  # the direction to the centre is not defined in the centre
            continue
        x = r[p] / knot_px
        j = min(int(x), n_bases - 4)
        _weights(x - j, w)
        _slopes(x - j, d)
        f = w[0] * coef[j] + w[1] * coef[j + 1] + w[2] * coef[j + 2] + w[3] * coef[j + 3]
        s = d[0] * coef[j] + d[1] * coef[j + 1] + d[2] * coef[j + 2] + d[3] * coef[j + 3]
        s /= knot_px * r[p]
        jy = -s * dy[p]
        jx = -s * dx[p]
        e = value[p] - f
        h00 += jy * jy
        h01 += jy * jx
        h11 += jx * jx
        g0 += jy * e
        g1 += jx * e
        for a in range(4):
            cross[0, j + a] += w[a] * jy
            cross[1, j + a] += w[a] * jx
    solved = cross.copy()
    _solve(bands, solved[0])
    _solve(bands, solved[1])
    h00 -= np.sum(cross[0] * solved[0])
    h01 -= np.sum(cross[0] * solved[1])
    h11 -= np.sum(cross[1] * solved[1])
    det = h00 * h11 - h01 * h01
    if det <= 1e-12 * (1.0 + h00 * h11):
        return np.nan, np.nan
    return (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det


@njit(cache=True, nogil=True)
def _gather(
    image: FloatArray, cy: float, cx: float, radius: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rows, columns and values of the pixels of the frame within ``radius`` of a point."""
    y0 = max(0, int(np.ceil(cy - radius)))
    y1 = min(image.shape[0] - 1, int(np.floor(cy + radius)))
    x0 = max(0, int(np.ceil(cx - radius)))
    x1 = min(image.shape[1] - 1, int(np.floor(cx + radius)))
    size = max(0, y1 - y0 + 1) * max(0, x1 - x0 + 1)
    ys = np.empty(size)
    xs = np.empty(size)
    values = np.empty(size)
    n = 0
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            if (y - cy) ** 2 + (x - cx) ** 2 <= radius * radius:
                ys[n] = y
                xs[n] = x
                values[n] = image[y, x]
                n += 1
    return ys[:n], xs[:n], values[:n]


@njit(cache=True, nogil=True)
def _distances(
    ys: FloatArray,
    xs: FloatArray,
    cy: float,
    cx: float,
    dy: FloatArray,
    dx: FloatArray,
    r: FloatArray,
) -> None:
    for p in range(ys.shape[0]):
        dy[p] = ys[p] - cy
        dx[p] = xs[p] - cx
        r[p] = np.sqrt(dy[p] * dy[p] + dx[p] * dx[p])


@njit(cache=True, nogil=True)
def _optimise_center(
    image: FloatArray,
    y: float,
    x: float,
    fit_radius_px: float,
    limit_px: float,
    knot_px: float,
    lam: float,
) -> tuple[float, float, bool]:
    """Move the centre to the least residual over the pixels about the start; at most ``limit_px``."""
    ys, xs, values = _gather(image, np.rint(y), np.rint(x), fit_radius_px)
    n_bases = int(np.ceil((fit_radius_px + limit_px + 1.0) / knot_px)) + 3
    if values.shape[0] < 3 * n_bases // 2:
        return y, x, False
    bands = np.empty((n_bases, BANDS))
    coef = np.empty(n_bases)
    dy = np.empty_like(ys)
    dx = np.empty_like(ys)
    r = np.empty_like(ys)
    start_y = y
    start_x = x
    _distances(ys, xs, y, x, dy, dx, r)
    _fit(r, values, knot_px, lam, bands, coef)
    best = _residual_sum(r, values, knot_px, coef)
    for _ in range(30):
        sy, sx = _center_step(dy, dx, r, values, knot_px, bands, coef)
        length = np.hypot(sy, sx)
        if np.isnan(length):  # a flat tile has no centre
            return y, x, False
        if length > 1.5:
            sy *= 1.5 / length
            sx *= 1.5 / length
        improved = False
        for _halving in range(6):
            ny = y + sy
            nx = x + sx
            if np.hypot(ny - start_y, nx - start_x) <= limit_px:
                _distances(ys, xs, ny, nx, dy, dx, r)
                _fit(r, values, knot_px, lam, bands, coef)
                total = _residual_sum(r, values, knot_px, coef)
                if total <= best * (1.0 + 1e-12):
                    improved = True
                    break
            sy *= 0.5
            sx *= 0.5
        if not improved:
            # Back to the best point, for good when even a short step does not help.
            _distances(ys, xs, y, x, dy, dx, r)
            return y, x, np.hypot(sy, sx) * 64.0 < 0.05
        y += sy
        x += sx
        best = total
        if np.hypot(sy, sx) < 1e-3:
            return y, x, True
    return y, x, False


@njit(cache=True, nogil=True)
def _explained(r: FloatArray, value: FloatArray, knot_px: float, coef: FloatArray) -> float:
    """Share of the variance that the spline explains; 0 where nothing varies."""
    total = np.sum((value - np.mean(value)) ** 2) if value.shape[0] else 0.0
    return 1.0 - _residual_sum(r, value, knot_px, coef) / total if total > 0.0 else 0.0


@njit(cache=True, nogil=True)
def fit_beads(
    image: FloatArray,
    centers: FloatArray,
    bead_radius_px: float,
    fit_radius_px: float,
    tile_radius_px: float,
    knot_px: float,
    lam: float,
) -> tuple[FloatArray, BoolArray, FloatArray, FloatArray]:
    """Fit centre and spline of every bead of a frame.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    centers
        Shape ``(n, 2)``, first guesses.
    bead_radius_px, fit_radius_px, tile_radius_px
        Nominal bead; the set that the centre is fitted to; the spline's reach.
    knot_px, lam
        Knot spacing and weight of the penalty.

    Returns
    -------
    centers : ndarray, shape (n, 2)
    converged : ndarray of bool, shape (n,)
    coefficients : ndarray, shape (n, m)
        Of the cubic B-spline on knots ``(arange(m + 4) - 3) * knot_px``.
    symmetry : ndarray, shape (n,)
        Share of the variance within 1.5 bead radii that the spline explains.
    """
    n = centers.shape[0]
    n_bases = int(np.ceil(tile_radius_px / knot_px)) + 3
    fitted = centers.copy()
    converged = np.zeros(n, dtype=np.bool_)
    coefficients = np.full((n, n_bases), np.nan)
    symmetry = np.full(n, np.nan)
    bands = np.empty((n_bases, BANDS))
    for i in range(n):
        # The second round takes the set of pixels about the first round's answer, so that the result
        # does not hang on how far off the detector was.
        limit = 0.6 * bead_radius_px
        y, x, _ = _optimise_center(
            image, centers[i, 0], centers[i, 1], fit_radius_px, limit, knot_px, lam
        )
        y, x, ok = _optimise_center(image, y, x, fit_radius_px, limit, knot_px, lam)
        ys, xs, values = _gather(image, y, x, tile_radius_px)
        if values.shape[0] < 3 * n_bases // 2:
            continue
        r = np.empty_like(ys)
        for p in range(ys.shape[0]):
            r[p] = np.hypot(ys[p] - y, xs[p] - x)
        _fit(r, values, knot_px, lam, bands, coefficients[i])
        fitted[i, 0] = y
        fitted[i, 1] = x
        converged[i] = ok
        near = r <= 1.5 * bead_radius_px
        symmetry[i] = _explained(r[near], values[near], knot_px, coefficients[i])
    return fitted, converged, coefficients, symmetry


@njit(cache=True, nogil=True)
def _near_median(values: FloatArray) -> BoolArray:
    """Mark the values within 2.5 standard deviations of their median, or within a grey level."""
    middle = np.median(values)
    reach = max(2.5 * 1.4826 * np.median(np.abs(values - middle)), 1.0)
    near: BoolArray = np.abs(values - middle) <= reach
    return near


@njit(cache=True, nogil=True)
def clipped_mean(values: FloatArray) -> float:
    """Mean of the values near their median: as robust as the median, without its coarseness.

    Grey levels are whole numbers; the median of a flat ring is one too, which at 36 grey levels is
    an error of up to 1.4 per cent. The mean of the values within 2.5 standard deviations (from the
    median absolute deviation, and never less than one grey level) is not held to whole numbers.
    """
    return float(np.mean(values[_near_median(values)]))


@njit(cache=True, nogil=True)
def _residuals(
    r: FloatArray, value: FloatArray, knot_px: float, coef: FloatArray, residual: FloatArray
) -> None:
    w = np.empty(4)
    for p in range(r.shape[0]):
        x = r[p] / knot_px
        j = min(int(x), coef.shape[0] - 4)
        _weights(x - j, w)
        f = w[0] * coef[j] + w[1] * coef[j + 1] + w[2] * coef[j + 2] + w[3] * coef[j + 3]
        residual[p] = value[p] - f


@njit(cache=True, nogil=True)
def _typical_pixels(residual: FloatArray, ring: IntArray, n_rings: int) -> BoolArray:
    """Mark the pixels near the median residual of their ring, and all those beyond the rings."""
    keep = np.ones(residual.shape[0], dtype=np.bool_)
    order = np.argsort(ring)
    stop = np.searchsorted(ring[order], np.arange(n_rings), side="right")
    start = 0
    for k in range(n_rings):
        if stop[k] > start:
            keep[order[start : stop[k]]] = _near_median(residual[order[start : stop[k]]])
        start = stop[k]
    return keep


@njit(cache=True, nogil=True)
def _ring_levels(
    r: FloatArray,
    value: FloatArray,
    ring: IntArray,
    coef: FloatArray,
    knot_px: float,
    lam: float,
    ring_px: float,
    levels: FloatArray,
) -> None:
    """Fill in the robust level of each ring; a ring without pixels stays as it is.

    The spline is fitted again without the pixels that stand out in their ring. Without that a cell
    beside the bead bends the spline inside the rings, and the level at a ring's middle is off by as
    much as 15 per cent, however robust the mean of the residuals.
    """
    n_rings = levels.shape[0]
    residual = np.empty_like(r)
    _residuals(r, value, knot_px, coef, residual)
    keep = _typical_pixels(residual, ring, n_rings)
    r, value, ring = r[keep], value[keep], ring[keep]
    clean = np.empty_like(coef)
    _fit(r, value, knot_px, lam, np.empty((coef.shape[0], BANDS)), clean)
    residual = residual[: r.shape[0]]
    _residuals(r, value, knot_px, clean, residual)
    total = np.zeros(n_rings + 1)
    count = np.zeros(n_rings + 1)
    for p in range(r.shape[0]):
        total[ring[p]] += residual[p]
        count[ring[p]] += 1.0
    middle = np.arange(n_rings) * ring_px
    below = np.empty(n_rings)
    _residuals(middle, np.zeros(n_rings), knot_px, clean, below)
    for k in range(n_rings):
        if count[k] > 0.0:
            levels[k] = total[k] / count[k] - below[k]


@njit(cache=True, nogil=True)
def ring_statistics(
    image: FloatArray,
    centers: FloatArray,
    coefficients: FloatArray,
    knot_px: float,
    lam: float,
    ring_px: float,
    n_rings: int,
    background_px: tuple[float, float],
    white_level: float,
) -> tuple[FloatArray, FloatArray, IntArray, BoolArray]:
    """Measure what a spline of means cannot: robust ring levels, and saturated pixels.

    Returns
    -------
    levels : ndarray, shape (n, n_rings)
        Robust level of the ring ``k * ring_px`` +- half a ring: the spline without outlying pixels,
        moved to the ring's mean, so that it lacks the discretisation that few, steep pixels have.
        NaN where a ring has no pixel in the frame.
    background : ndarray, shape (n,)
        Clipped mean of the pixels in the background ring; NaN without one.
    n_saturated : ndarray of int, shape (n,)
        Pixels of the bead's tile disc at or above the white level.
    saturated : ndarray of bool, shape (n, n_rings)
        Rings with such a pixel.
    """
    n = centers.shape[0]
    levels = np.full((n, n_rings), np.nan)
    background = np.full(n, np.nan)
    n_saturated = np.zeros(n, dtype=np.int64)
    saturated = np.zeros((n, n_rings), dtype=np.bool_)
    reach = (coefficients.shape[1] - 3) * knot_px
    for i in range(n):
        if np.isnan(coefficients[i, 0]):
            continue
        ys, xs, values = _gather(image, centers[i, 0], centers[i, 1], reach)
        r = np.hypot(ys - centers[i, 0], xs - centers[i, 1])
        ring = np.minimum((r / ring_px + 0.5).astype(np.int64), n_rings)
        for p in range(r.shape[0]):
            if values[p] >= white_level:
                n_saturated[i] += 1
                if ring[p] < n_rings:
                    saturated[i, ring[p]] = True
        around = values[(r >= background_px[0]) & (r <= background_px[1])]
        if around.shape[0]:
            background[i] = clipped_mean(around)
        _ring_levels(r, values, ring, coefficients[i], knot_px, lam, ring_px, levels[i])
    return levels, background, n_saturated, saturated
