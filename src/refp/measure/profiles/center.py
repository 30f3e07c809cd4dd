"""The centre of a bead: the minimum of the spline's residual sum of squares.

The sum is over a fixed set of pixels; with a set that moves with the centre, the minimum could be in
flat background. The coefficients are eliminated (variable projection), which leaves a Gauss-Newton step
in two unknowns. The gradient is exact: as the residuals ``e`` of a smoothing spline are not orthogonal
to the splines, it has a term from the spline ``h`` of the residuals besides that from the spline ``f``
of the values,

    -d(sum(e**2)) / 2  =  sum((e - h) df + e dh).

References
----------
Chalfoun et al. 2024, "Bead center location optimization".
Golub and Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least squares".
"""

from typing import NamedTuple

import numpy as np

from refp.core.arrays import FloatArray, Index
from refp.core.jit import compiled, inlined
from refp.core.robust import MAD_TO_SIGMA
from refp.measure.profiles.rings import median
from refp.measure.profiles.spline import (
    BANDS,
    CUBICS,
    PENALTY,
    Pixels,
    Spline,
    as_cubics,
    fit,
    gather,
    new_pixels,
    new_spline,
    residuals,
    slope_at,
    solve_lower,
    solve_upper,
    value_at,
)

COARSE = 2
"""The first search uses every second pixel of every second row."""
MAX_STEPS = 20
"""Maximum number of steps; beads need three or four."""
MAX_HALVINGS = 6
COARSE_STEP_PX, FINE_STEP_PX = 0.03, 1e-3
"""Step below which the first and the second search end."""
STRAY_ROUNDS = 3
"""Maximum number of iterations: stray pixels are identified better the less they bias the centre."""
STRAYS_OF_NOISE = 0.02
"""Fraction of pixels beyond the limit that noise alone explains."""
MIN_STRAY = 0.15
"""Minimum limit over the standard deviation of the pixels; without noise the error of the spline
dominates."""


class Search(NamedTuple):
    """Buffers of the search for a centre."""

    every: Pixels
    clear: Pixels
    """The pixels without stray ones."""
    spline: Spline
    pull: FloatArray
    """Shape ``(bases,)``."""
    again: FloatArray
    """Shape ``(intervals, 4)``: cubics of the spline of the residuals."""
    cross: FloatArray
    """Shape ``(2, intervals, 4)``: sums of the derivative by ``y`` or ``x`` times ``t**k``."""
    lower: FloatArray
    """Shape ``(2, bases)``: the same, solved with the lower factor."""


def new_search(radius_px: float, reach_px: float, knot_px: float, lam: float) -> Search:
    """Allocate buffers for pixels within a radius, and a spline that covers the search."""
    spline = new_spline(reach_px, knot_px, lam)
    pixels = new_pixels(radius_px), new_pixels(radius_px)
    pull, again = np.empty_like(spline.coef), np.empty_like(spline.cubic)
    return Search(
        *pixels, spline, pull, again, np.empty((2, *again.shape)), np.empty((2, *pull.shape))
    )


@inlined
def _fit_residuals(room: Search, n: Index) -> None:
    """Find the cubics of the spline that is fitted to the residuals of the fit.

    The right-hand side for the residuals is the penalty matrix times the coefficients.
    """
    spline, pull = room.spline, room.pull
    pull[:] = 0.0
    stiffness = spline.lam / spline.knot_px**3
    for j in range(n):
        for a in range(BANDS):
            for b in range(BANDS):
                pull[j + a] += stiffness * PENALTY[a, b] * spline.coef[j + b]
    solve_lower(spline.bands, pull, n + BANDS - 1)
    solve_upper(spline.bands, pull, n + BANDS - 1)
    as_cubics(pull, room.again, n)


@inlined
def _project(room: Search, n: Index) -> None:
    """Solve for the sums of both derivatives with the lower factor."""
    for axis in range(2):
        cross, v = room.cross[axis], room.lower[axis]
        v[:] = 0.0
        for j in range(n):
            for a in range(BANDS):
                for k in range(BANDS):
                    v[j + a] += CUBICS[a, k] * cross[j, k]
        solve_lower(room.spline.bands, v, n + BANDS - 1)


@inlined
def _try_center(
    pixels: Pixels, n_pixels: int, y: float, x: float, room: Search
) -> tuple[float, float, float]:
    """Fit the spline about a centre; return the residual sum and the Gauss-Newton step.

    The step is NaN if there is no descent direction, as on a flat tile.
    """
    spline, cross = room.spline, room.cross
    n = fit(pixels, n_pixels, y, x, spline, np.int64(0))
    _fit_residuals(room, n)
    cross[:] = 0.0
    total = hyy = hyx = hxx = gy = gx = 0.0
    for p in range(n_pixels):
        j, t = pixels.interval[p], pixels.t[p]
        toward = -1.0 / (spline.knot_px * max(pixels.r[p], 1e-9))
        ty, tx = toward * (pixels.y[p] - y), toward * (pixels.x[p] - x)
        e = pixels.value[p] - value_at(spline.cubic, j, t)
        s = slope_at(spline.cubic, j, t)
        g = (e - value_at(room.again, j, t)) * s + e * slope_at(room.again, j, t)
        jy, jx = s * ty, s * tx
        total += e * e
        gy += g * ty
        gx += g * tx
        hyy += jy * jy
        hyx += jy * jx
        hxx += jx * jx
        for k in range(BANDS):
            cross[0, j, k] += jy
            cross[1, j, k] += jx
            jy *= t
            jx *= t
    _project(room, n)
    vyy = vyx = vxx = 0.0
    for i in range(n + BANDS - 1):
        vy, vx = room.lower[0, i], room.lower[1, i]
        vyy += vy * vy
        vyx += vy * vx
        vxx += vx * vx
    hyy, hyx, hxx = hyy - vyy, hyx - vyx, hxx - vxx
    det = hyy * hxx - hyx * hyx
    if det <= 1e-12 * (1.0 + hyy * hxx):
        return total, np.nan, np.nan
    return total, (hxx * gy - hyx * gx) / det, (hyy * gx - hyx * gy) / det


@inlined
def _longer(sy: float, sx: float, my: float, mx: float) -> float:
    """Return the factor for a step ``s`` after a move ``m``, from the remainder along that move.

    Successive short steps are too long or too short by nearly the same factor; long ones are not.
    """
    moved = my * my + mx * mx
    if not 0.0 < moved < 0.1:
        return 1.0
    return 1.0 / (1.0 - min(max((sy * my + sx * mx) / moved, -2.0), 0.5))


@compiled
def _search(
    pixels: Pixels,
    n_pixels: int,
    start: tuple[float, float],
    room: Search,
    step_px: float,
    limit: tuple[float, float, float],
) -> tuple[float, float, bool]:
    """Minimise the residual sum over the pixels within a circle, the limit."""
    y, x = start
    if n_pixels < 3 * room.spline.coef.shape[0] // 2:
        return y, x, False
    best = np.inf
    my = mx = sy = sx = part = length = 0.0
    steps = halvings = 0
    while True:
        improved = False
        if steps == 0 or np.hypot(y + my - limit[0], x + mx - limit[1]) <= limit[2]:
            total, ty, tx = _try_center(pixels, n_pixels, y + my, x + mx, room)
            improved = steps == 0 or total <= best * (1.0 + 1e-12)
        if improved:
            y, x, best, sy, sx = y + my, x + mx, total, ty, tx
            length = np.hypot(sy, sx)
            if steps == MAX_STEPS or np.isnan(length):  # a flat tile has no centre
                return y, x, False
            if length < step_px:
                return y + sy, x + sx, True
            part = min(_longer(sy, sx, my, mx), 1.5 / length)
            steps, halvings = steps + 1, 0
        else:
            part *= 0.5
            halvings += 1
            if halvings == MAX_HALVINGS:
                return y, x, length < 0.05
        my, mx = part * sy, part * sx


@inlined
def _leave_out_strays(n: int, y: float, x: float, stray_sigmas: float, room: Search) -> int:
    """Select the pixels of the bead, if more are stray than noise explains.

    A neighbouring cell or bead shifts the centre of a bead with a soft rim by half a pixel. Returns the
    number of selected pixels, ``n`` if all are used.
    """
    every, clear = room.every, room.clear
    fit(every, n, y, x, room.spline, np.int64(0))
    deviation, copy = clear.r, clear.t
    residuals(every, n, room.spline.cubic, deviation)
    mean = variance = 0.0
    for p in range(n):
        deviation[p] = copy[p] = abs(deviation[p])
        mean += every.value[p]
    mean /= n
    for p in range(n):
        variance += (every.value[p] - mean) ** 2
    sigma = MAD_TO_SIGMA * median(copy, np.int64(0), n)
    limit = max(stray_sigmas * sigma, MIN_STRAY * np.sqrt(variance / n))
    n_clear = 0
    for p in range(n):
        if deviation[p] <= limit:
            clear.y[n_clear] = every.y[p]
            clear.x[n_clear] = every.x[p]
            clear.value[n_clear] = every.value[p]
            n_clear += 1
    return n if n_clear > (1.0 - STRAYS_OF_NOISE) * n else n_clear


@inlined
def find_center(
    image: FloatArray,
    start: tuple[float, float],
    radius_px: float,
    limit_px: float,
    stray_sigmas: float,
    room: Search,
) -> tuple[float, float, bool]:
    """Search on few pixels, then on all, and again if the nearest pixel to the centre changes.

    The set of pixels within ``radius_px``, and so the result, does not depend on the start. Pixels
    with a residual above ``stray_sigmas`` are excluded; 0: none. The spline has to cover
    ``radius_px + limit_px + 1``.
    """
    y, x = start
    every = room.every
    n = gather(image, np.rint(y), np.rint(x), radius_px, np.int64(COARSE), every)
    y, x, found = _search(every, n, (y, x), room, COARSE_STEP_PX, (y, x, limit_px))
    limit = (y, x, limit_px)
    for _ in range(2):
        row, column = np.rint(y), np.rint(x)
        n = gather(image, row, column, radius_px, np.int64(1), every)
        y, x, found = _search(every, n, (y, x), room, FINE_STEP_PX, limit)
        if np.rint(y) == row and np.rint(x) == column:
            break
    for _ in range(STRAY_ROUNDS if stray_sigmas > 0.0 and found else 0):
        n_clear = _leave_out_strays(n, y, x, stray_sigmas, room)
        if n_clear == n:
            break
        y, x, found = _search(room.clear, n_clear, (y, x), room, FINE_STEP_PX, limit)
    return y, x, found
