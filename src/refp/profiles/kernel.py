"""The compiled fit: a penalised cubic spline of intensity against distance, and its best centre.

A cubic smoothing spline minimises ``sum((y - f(r))**2) + lam * integral(f''(r)**2)``. With a knot at
every pixel's distance that costs thousands of unknowns a bead. Here ``f`` is a cubic B-spline on
even knots with the exact penalty integral. At the default spacing it stays within half a per cent of
the range of :func:`scipy.interpolate.make_smoothing_spline`, closer knots come closer (the tests
compare), and the normal equations are four bands wide.

On a knot interval the bases are cubics of the fraction ``t`` of the interval. All that a fit needs
of the pixels are therefore eleven sums an interval: of ``t**k`` to the sixth power, and of the
values times ``t**k`` to the third.

The centre minimises the residual sum of squares over a fixed set of pixels. Keeping the set fixed
matters: with one that moves along, the optimum can run away to flat background. The coefficients are
eliminated (variable projection), which leaves a Gauss-Newton step in two unknowns. The gradient is
exact: as the residuals ``e`` of a smoothing spline are not at right angles to the splines, it has a
part from the residuals' own spline ``h`` besides that from the spline ``f`` of the values,

    -d(sum(e**2)) / 2  =  sum((e - h) df + e dh).

All kernels stand in one file because the compiler's cache does not notice a change in another one.

References
----------
Chalfoun et al. 2024, "Bead center location optimization".
Eilers and Marx 1996, "Flexible smoothing with B-splines and penalties".
Golub and Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least squares".
"""

from typing import NamedTuple

import numpy as np

from refp.arrays import BoolArray, FloatArray, Image, IntArray
from refp.profiles.compiled import compiled

BANDS = 4
"""A cubic B-spline overlaps three neighbours on each side."""
POWERS = 7
"""Powers of ``t`` in the product of two bases; their sums come first, then those of the values."""

# Rows: the four bases that are active on a knot interval; columns: powers of t.
CUBICS: FloatArray = (
    np.array([[1.0, -3.0, 3.0, -1.0], [4.0, 0.0, -6.0, 3.0], [1.0, 3.0, 3.0, -3.0], [0, 0, 0, 1.0]])
    / 6.0
)
PRODUCTS: FloatArray = np.array([[np.convolve(a, b) for b in CUBICS] for a in CUBICS])
# Integrals over one unit knot interval of products of second derivatives of the four active bases.
PENALTY: FloatArray = (
    np.array([[2.0, -3.0, 0, 1.0], [-3.0, 6.0, -3.0, 0], [0, -3.0, 6.0, -3.0], [1.0, 0, -3.0, 2.0]])
    / 6.0
)
COARSE = 2
"""The search for the centre starts on every second pixel of every second row."""
LIMIT_RADII = 0.6
"""The centre lies no further than this from the start: beyond it is another bead."""
MOST_STEPS = 20
COARSE_STEP_PX, FINE_STEP_PX = 0.03, 1e-3
"""A search ends with a step below this."""


class Layout(NamedTuple):
    """Lengths in px that all beads of a frame share, and the weight of the penalty."""

    bead_radius_px: float
    fit_radius_px: float
    """The set of pixels that the centre is fitted to."""
    reach_px: float
    """The spline's reach."""
    knot_px: float
    lam: float
    ring_px: float
    n_rings: int
    background_px: tuple[float, float]
    white_level: float


class Profiled(NamedTuple):
    """What is measured of ``n`` beads; see :func:`measure_beads`."""

    center_px: FloatArray
    converged: BoolArray
    coefficients: FloatArray
    symmetry: FloatArray
    levels: FloatArray
    background: FloatArray
    n_saturated: IntArray
    saturated: BoolArray


class Pixels(NamedTuple):
    """Pixels of the frame, and where they lie as seen from a centre; each of shape ``(n,)``."""

    y: FloatArray
    x: FloatArray
    value: FloatArray
    r: FloatArray
    interval: IntArray
    t: FloatArray


class Spline(NamedTuple):
    """A spline, and room for its fit, so that a fit allocates nothing."""

    knot_px: float
    lam: float
    sums: FloatArray
    """Shape ``(intervals, 11)``."""
    bands: FloatArray
    """Shape ``(bases, 4)``: the Cholesky factor, with the inverse of its diagonal."""
    coef: FloatArray
    cubic: FloatArray
    """Shape ``(intervals, 4)``: the spline as powers of ``t``."""


@compiled
def _new_spline(reach_px: float, knot_px: float, lam: float) -> Spline:
    n = int(np.ceil(reach_px / knot_px))
    sums, bands = np.zeros((n, POWERS + BANDS)), np.empty((n + 3, BANDS))
    return Spline(knot_px, lam, sums, bands, np.empty(n + 3), np.empty((n, BANDS)))


@compiled
def _gather(image: Image, y: float, x: float, radius: float, step: int) -> Pixels:
    """Pixels of the frame within ``radius`` of a point, every ``step``-th of every such row."""
    height, width = image.shape
    top = max(0, int(np.ceil(y - radius)))
    bottom = min(height - 1, int(np.floor(y + radius)))
    size = max(0, bottom - top + 1) * int(2.0 * radius + 2.0)
    ys, xs, values = np.empty(size), np.empty(size), np.empty(size)
    n = 0
    for row in range(top, bottom + 1, step):
        half = np.sqrt(max(radius * radius - (row - y) ** 2, 0.0))
        left, right = int(np.ceil(x - half)), int(np.floor(x + half))
        for column in range(max(0, left), min(width - 1, right) + 1, step):
            ys[n] = row
            xs[n] = column
            values[n] = image[row, column]
            n += 1
    interval = np.empty(n, dtype=np.int64)
    return Pixels(ys[:n], xs[:n], values[:n], np.empty(n), interval, np.empty(n))


@compiled
def _place(pixels: Pixels, y: float, x: float, spline: Spline) -> Spline:
    """Look at the pixels from a centre: distance, knot interval and fraction of it.

    Returns the spline up to the last pixel; beyond that it is a straight line and tells nothing.
    """
    per_knot = 1.0 / spline.knot_px
    last = spline.sums.shape[0] - 1
    n = 1
    for p in range(pixels.y.shape[0]):
        dy, dx = pixels.y[p] - y, pixels.x[p] - x
        r = np.sqrt(dy * dy + dx * dx)
        along = r * per_knot
        interval = min(int(along), last)
        pixels.r[p] = r
        pixels.interval[p] = interval
        pixels.t[p] = along - interval
        n = max(n, interval + 1)
    bands, coef = spline.bands[: n + 3], spline.coef[: n + 3]
    return Spline(spline.knot_px, spline.lam, spline.sums[:n], bands, coef, spline.cubic[:n])


@compiled
def _add(sums: FloatArray, t: float, weight: float, value: float) -> None:
    """Add a pixel to the sums of its interval."""
    t2 = t * t
    t3 = t2 * t
    sums[0] += weight
    sums[1] += weight * t
    sums[2] += weight * t2
    sums[3] += weight * t3
    sums[4] += weight * (t2 * t2)
    sums[5] += weight * (t2 * t3)
    sums[6] += weight * (t3 * t3)
    value *= weight
    sums[7] += value
    sums[8] += value * t
    sums[9] += value * t2
    sums[10] += value * t3


@compiled
def _fit(pixels: Pixels, spline: Spline) -> None:
    """Fit the spline to the pixels as they are placed."""
    spline.sums[:] = 0.0
    for p in range(pixels.t.shape[0]):
        _add(spline.sums[pixels.interval[p]], pixels.t[p], 1.0, pixels.value[p])
    _solve_sums(spline)


@compiled
def _solve_sums(spline: Spline) -> None:
    """Fit the spline to its sums."""
    bands, coef, sums = spline.bands, spline.coef, spline.sums
    bands[:] = 0.0
    coef[:] = 0.0
    stiffness = spline.lam / spline.knot_px**3
    for j in range(sums.shape[0]):
        for a in range(BANDS):
            for k in range(BANDS):
                coef[j + a] += CUBICS[a, k] * sums[j, POWERS + k]
            for b in range(a + 1):
                s = stiffness * PENALTY[a, b]
                for k in range(POWERS):
                    s += PRODUCTS[a, b, k] * sums[j, k]
                bands[j + a, a - b] += s
    _factor(bands)
    _solve_lower(bands, coef)
    _solve_upper(bands, coef)
    _as_cubics(coef, spline.cubic)


@compiled
def _as_cubics(coef: FloatArray, cubic: FloatArray) -> None:
    for j in range(cubic.shape[0]):
        for k in range(BANDS):
            s = 0.0
            for a in range(BANDS):
                s += CUBICS[a, k] * coef[j + a]
            cubic[j, k] = s


@compiled
def _factor(bands: FloatArray) -> None:
    """Cholesky factor in place; ``bands[i, k]`` holds row ``i`` and column ``i - k``."""
    for i in range(bands.shape[0]):
        for k in range(min(BANDS - 1, i), -1, -1):
            s = bands[i, k]
            for m in range(1, min(BANDS - k, i - k + 1)):
                s -= bands[i, k + m] * bands[i - k, m]
            bands[i, k] = 1.0 / np.sqrt(max(s, 1e-12)) if k == 0 else s * bands[i - k, 0]


@compiled
def _solve_lower(bands: FloatArray, x: FloatArray) -> None:
    """Solve with the lower factor, in place."""
    for i in range(bands.shape[0]):
        s = x[i]
        for k in range(min(BANDS - 1, i), 0, -1):
            s -= bands[i, k] * x[i - k]
        x[i] = s * bands[i, 0]


@compiled
def _solve_upper(bands: FloatArray, x: FloatArray) -> None:
    """Solve with the lower factor's transpose, in place."""
    n = bands.shape[0]
    for i in range(n - 1, -1, -1):
        s = x[i]
        for k in range(min(BANDS - 1, n - 1 - i), 0, -1):
            s -= bands[i + k, k] * x[i + k]
        x[i] = s * bands[i, 0]


@compiled
def _value(cubic: FloatArray, t: float) -> float:
    return cubic[0] + t * (cubic[1] + t * (cubic[2] + t * cubic[3]))


@compiled
def _slope(cubic: FloatArray, t: float) -> float:
    return cubic[1] + t * (2.0 * cubic[2] + t * 3.0 * cubic[3])


@compiled
def _spline_of_residuals(spline: Spline) -> FloatArray:
    """Return the cubics of the spline that the residuals of the fit would get in their turn.

    The residuals' right hand side is the penalty's pull on the coefficients.
    """
    pull = np.zeros_like(spline.coef)
    stiffness = spline.lam / spline.knot_px**3
    for j in range(spline.sums.shape[0]):
        for a in range(BANDS):
            for b in range(BANDS):
                pull[j + a] += stiffness * PENALTY[a, b] * spline.coef[j + b]
    _solve_lower(spline.bands, pull)
    _solve_upper(spline.bands, pull)
    cubic = np.empty_like(spline.cubic)
    _as_cubics(pull, cubic)
    return cubic


@compiled
def _try_center(pixels: Pixels, y: float, x: float, room: Spline) -> tuple[float, float, float]:
    """Fit the spline about a centre: the residual sum, and the Gauss-Newton step from there.

    The step is NaN where no way is down, as on a flat tile.
    """
    spline = _place(pixels, y, x, room)
    _fit(pixels, spline)
    again = _spline_of_residuals(spline)
    cross = np.zeros((spline.sums.shape[0], 2, BANDS))
    total = hyy = hyx = hxx = gy = gx = 0.0
    for p in range(pixels.t.shape[0]):
        j, t = pixels.interval[p], pixels.t[p]
        toward = -1.0 / (spline.knot_px * max(pixels.r[p], 1e-9))
        ty, tx = toward * (pixels.y[p] - y), toward * (pixels.x[p] - x)
        e = pixels.value[p] - _value(spline.cubic[j], t)
        s = _slope(spline.cubic[j], t)
        g = (e - _value(again[j], t)) * s + e * _slope(again[j], t)
        jy, jx = s * ty, s * tx
        total += e * e
        gy += g * ty
        gx += g * tx
        hyy += jy * jy
        hyx += jy * jx
        hxx += jx * jx
        for k in range(BANDS):
            cross[j, 0, k] += jy
            cross[j, 1, k] += jx
            jy *= t
            jx *= t
    vy, vx = _projected(cross[:, 0], spline), _projected(cross[:, 1], spline)
    hyy -= np.sum(vy * vy)
    hyx -= np.sum(vy * vx)
    hxx -= np.sum(vx * vx)
    det = hyy * hxx - hyx * hyx
    if det <= 1e-12 * (1.0 + hyy * hxx):
        return total, np.nan, np.nan
    return total, (hxx * gy - hyx * gx) / det, (hyy * gx - hyx * gy) / det


@compiled
def _projected(cross: FloatArray, spline: Spline) -> FloatArray:
    """Sums over the pixels of a derivative times ``t**k``, as seen through the lower factor."""
    v = np.zeros_like(spline.coef)
    for j in range(cross.shape[0]):
        for a in range(BANDS):
            for k in range(BANDS):
                v[j + a] += CUBICS[a, k] * cross[j, k]
    _solve_lower(spline.bands, v)
    return v


@compiled
def _longer(sy: float, sx: float, my: float, mx: float) -> float:
    """Return the factor for a step after a move that has left this much of the way, or too little.

    Steps are too long or too short by much the same factor when they are small; at first they are
    just wrong.
    """
    moved = my * my + mx * mx
    if not 0.0 < moved < 0.1:
        return 1.0
    return 1.0 / (1.0 - min(max((sy * my + sx * mx) / moved, -2.0), 0.5))


@compiled
def _search(
    pixels: Pixels,
    start: tuple[float, float],
    spline: Spline,
    step_px: float,
    limit: tuple[float, float, float],
) -> tuple[float, float, bool]:
    """Move the centre to the least residual over the pixels, but not out of a circle, the limit."""
    y, x = start
    if pixels.y.shape[0] < 3 * spline.coef.shape[0] // 2:
        return y, x, False
    best, sy, sx = _try_center(pixels, y, x, spline)
    my = mx = 0.0
    for _ in range(MOST_STEPS):
        length = np.hypot(sy, sx)
        if np.isnan(length):  # a flat tile has no centre
            return y, x, False
        if length < step_px:
            return y + sy, x + sx, True
        part = min(_longer(sy, sx, my, mx), 1.5 / length)
        improved = False
        for _halving in range(6):
            my, mx = part * sy, part * sx
            if np.hypot(y + my - limit[0], x + mx - limit[1]) <= limit[2]:
                total, ty, tx = _try_center(pixels, y + my, x + mx, spline)
                if total <= best * (1.0 + 1e-12):
                    improved = True
                    break
            part *= 0.5
        if not improved:
            return y, x, length < 0.05
        y, x, best, sy, sx = y + my, x + mx, total, ty, tx
    return y, x, False


@compiled
def _find_center(
    image: Image, y: float, x: float, layout: Layout, spline: Spline
) -> tuple[float, float, bool]:
    """Search on few pixels, then on all about the answer, and again if it comes nearer to another.

    The set of pixels, and so the result, does not hang on how far off the start was.
    """
    reach = LIMIT_RADII * layout.bead_radius_px
    pixels = _gather(image, np.rint(y), np.rint(x), layout.fit_radius_px, COARSE)
    y, x, found = _search(pixels, (y, x), spline, COARSE_STEP_PX, (y, x, reach))
    limit = (y, x, reach)
    for _ in range(2):
        row, column = np.rint(y), np.rint(x)
        pixels = _gather(image, row, column, layout.fit_radius_px, 1)
        y, x, found = _search(pixels, (y, x), spline, FINE_STEP_PX, limit)
        if np.rint(y) == row and np.rint(x) == column:
            break
    return y, x, found


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
        pivot = values[(start + stop) // 2]
        end = _partition(values, start, stop, pivot)
        if rank < end:
            stop = end
        elif end > start:
            start = end
        else:  # the pivot is the least: pass over all that equal it
            start = _partition(values, start, stop, np.nextafter(pivot, np.inf))
            if rank < start:
                return pivot
    return values[rank]


@compiled
def _median(values: FloatArray) -> float:
    """Median of at least one value; they are left in another order."""
    half = values.shape[0] // 2
    upper = _select(values, half)
    return upper if values.shape[0] % 2 else 0.5 * (np.max(values[:half]) + upper)


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
def _residuals(pixels: Pixels, cubic: FloatArray, residual: FloatArray) -> None:
    for p in range(residual.shape[0]):
        residual[p] = pixels.value[p] - _value(cubic[pixels.interval[p]], pixels.t[p])


@compiled
def _explained(pixels: Pixels, residual: FloatArray, radius_px: float) -> float:
    """Share of the variance within a radius that the spline explains; 0 where nothing varies."""
    n = 0
    mean = unexplained = variance = 0.0
    for p in range(residual.shape[0]):
        if pixels.r[p] <= radius_px:
            n += 1
            mean += pixels.value[p]
            unexplained += residual[p] * residual[p]
    mean /= max(n, 1)
    for p in range(residual.shape[0]):
        if pixels.r[p] <= radius_px:
            variance += (pixels.value[p] - mean) ** 2
    return 1.0 - unexplained / variance if variance > 0.0 else 0.0


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
def _ring_levels(
    pixels: Pixels,
    residual: FloatArray,
    ring: IntArray,
    spline: Spline,
    ring_px: float,
    levels: FloatArray,
) -> None:
    """Fill in the robust level of each ring; a ring without pixels stays as it is.

    The spline is fitted again without the pixels that stand out in their ring. Without that a cell
    beside the bead bends the spline inside the rings, and the level at a ring's middle is off by as
    much as 15 per cent, however robust the mean of the residuals.
    """
    n_rings = levels.shape[0]
    middle, reach = _typical_of_rings(residual, ring, n_rings)
    for p in range(ring.shape[0]):
        if abs(residual[p] - middle[ring[p]]) > reach[ring[p]]:
            ring[p] = -1
            _add(spline.sums[pixels.interval[p]], pixels.t[p], -1.0, pixels.value[p])
    _solve_sums(spline)
    _residuals(pixels, spline.cubic, residual)
    total, count = np.zeros(n_rings + 1), np.zeros(n_rings + 1)
    for p in range(ring.shape[0]):
        if ring[p] >= 0:
            total[ring[p]] += residual[p]
            count[ring[p]] += 1.0
    for k in range(n_rings):
        if count[k] > 0.0:
            along = k * ring_px / spline.knot_px
            j = min(int(along), spline.cubic.shape[0] - 1)
            levels[k] = total[k] / count[k] + _value(spline.cubic[j], along - j)


@compiled
def _measure_bead(image: Image, i: int, layout: Layout, tile: Spline, out: Profiled) -> bool:
    """Measure the profile about bead ``i``'s centre; false where too few pixels are in the frame."""
    y, x = out.center_px[i]
    pixels = _gather(image, y, x, layout.reach_px, 1)
    if pixels.y.shape[0] < 3 * tile.coef.shape[0] // 2:
        return False
    _place(pixels, y, x, tile)
    _fit(pixels, tile)
    out.coefficients[i] = tile.coef
    residual = np.empty_like(pixels.value)
    _residuals(pixels, tile.cubic, residual)
    out.symmetry[i] = _explained(pixels, residual, 1.5 * layout.bead_radius_px)
    inner, outer = layout.background_px
    around = pixels.value[(pixels.r >= inner) & (pixels.r <= outer)]
    if around.shape[0]:
        out.background[i] = clipped_mean(around)
    ring = np.empty_like(pixels.interval)
    for p in range(ring.shape[0]):
        ring[p] = min(int(pixels.r[p] / layout.ring_px + 0.5), layout.n_rings)
        if pixels.value[p] >= layout.white_level:
            out.n_saturated[i] += 1
            if ring[p] < layout.n_rings:
                out.saturated[i, ring[p]] = True
    _ring_levels(pixels, residual, ring, tile, layout.ring_px, out.levels[i])
    return True


@compiled
def _nothing_measured(centers: FloatArray, n_bases: int, n_rings: int) -> Profiled:
    n = centers.shape[0]
    return Profiled(
        centers.copy(),
        np.zeros(n, dtype=np.bool_),
        np.full((n, n_bases), np.nan),
        np.full(n, np.nan),
        np.full((n, n_rings), np.nan),
        np.full(n, np.nan),
        np.zeros(n, dtype=np.int64),
        np.zeros((n, n_rings), dtype=np.bool_),
    )


@compiled
def measure_beads(image: Image, centers: FloatArray, layout: Layout) -> Profiled:
    """Fit centre and spline of every bead of a frame, and measure its rings.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    centers
        Shape ``(n, 2)``, first guesses.
    layout
        Lengths and weight of the fit.

    Returns
    -------
    center_px : ndarray, shape (n, 2)
        The guess where too few pixels lie in the frame; the rest of the row is then NaN.
    converged : ndarray of bool, shape (n,)
    coefficients : ndarray, shape (n, m)
        Of the cubic B-spline on knots ``(arange(m + 4) - 3) * knot_px``.
    symmetry : ndarray, shape (n,)
        Share of the variance within 1.5 bead radii that the spline explains.
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
    knot, lam = layout.knot_px, layout.lam
    span = layout.fit_radius_px + LIMIT_RADII * layout.bead_radius_px + 1.0
    near = _new_spline(span, knot, lam)
    tile = _new_spline(layout.reach_px, knot, lam)
    out = _nothing_measured(centers, tile.coef.shape[0], layout.n_rings)
    for i in range(centers.shape[0]):
        y, x, found = _find_center(image, centers[i, 0], centers[i, 1], layout, near)
        out.center_px[i] = y, x
        if _measure_bead(image, i, layout, tile, out):
            out.converged[i] = found
        else:
            out.center_px[i] = centers[i]
    return out
