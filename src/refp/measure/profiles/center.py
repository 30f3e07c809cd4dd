"""The centre of a bead: where the spline leaves the least residual sum of squares.

The sum is over a fixed set of pixels: with one that moves along, the optimum can run away to flat
background. The coefficients are eliminated (variable projection), which leaves a Gauss-Newton step
in two unknowns. The gradient is exact: as the residuals ``e`` of a smoothing spline are not at right
angles to the splines, it has a part from the residuals' own spline ``h`` besides that from the
spline ``f`` of the values,

    -d(sum(e**2)) / 2  =  sum((e - h) df + e dh).

References
----------
Chalfoun et al. 2024, "Bead center location optimization".
Golub and Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least squares".
"""

import numpy as np

from refp.core.arrays import FloatArray, Image
from refp.core.jit import compiled
from refp.core.robust import MAD_TO_SIGMA
from refp.measure.profiles.spline import (
    BANDS,
    CUBICS,
    PENALTY,
    Pixels,
    Spline,
    as_cubics,
    fit_placed,
    gather,
    place,
    residuals,
    slope_at,
    solve_lower,
    solve_upper,
    value_at,
)

COARSE = 2
"""The search starts on every second pixel of every second row, until its steps are short."""
MOST_STEPS = 20
"""Beads take three or four; only where there is none does a search go on for long."""
COARSE_STEP_PX, FINE_STEP_PX = 0.03, 1e-3
"""The two searches end with a step below this."""
STRAY_ROUNDS = 3
"""What is beside the bead is told the better the less it pulled."""
STRAYS_OF_NOISE = 0.02
LEAST_STRAY = 0.15
"""Of the pixels' standard deviation: without noise the spline itself is off by more than noise."""


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
    solve_lower(spline.bands, pull)
    solve_upper(spline.bands, pull)
    cubic = np.empty_like(spline.cubic)
    as_cubics(pull, cubic)
    return cubic


@compiled
def _projected(cross: FloatArray, spline: Spline) -> FloatArray:
    """Sums over the pixels of a derivative times ``t**k``, as seen through the lower factor."""
    v = np.zeros_like(spline.coef)
    for j in range(cross.shape[0]):
        for a in range(BANDS):
            for k in range(BANDS):
                v[j + a] += CUBICS[a, k] * cross[j, k]
    solve_lower(spline.bands, v)
    return v


@compiled
def try_center(pixels: Pixels, y: float, x: float, room: Spline) -> tuple[float, float, float]:
    """Fit the spline about a centre: the residual sum, and the Gauss-Newton step from there.

    The step is NaN where no way is down, as on a flat tile.
    """
    spline = place(pixels, y, x, room)
    fit_placed(pixels, spline)
    again = _spline_of_residuals(spline)
    cross = np.zeros((spline.sums.shape[0], 2, BANDS))
    total = hyy = hyx = hxx = gy = gx = 0.0
    for p in range(pixels.t.shape[0]):
        j, t = pixels.interval[p], pixels.t[p]
        toward = -1.0 / (spline.knot_px * max(pixels.r[p], 1e-9))
        ty, tx = toward * (pixels.y[p] - y), toward * (pixels.x[p] - x)
        e = pixels.value[p] - value_at(spline.cubic[j], t)
        s = slope_at(spline.cubic[j], t)
        g = (e - value_at(again[j], t)) * s + e * slope_at(again[j], t)
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
def _longer(sy: float, sx: float, my: float, mx: float) -> float:
    """Return the factor for a step ``s`` after a move ``m``, from what that move has left to do.

    Short steps are all too long or all too short by much the same factor, long ones just wrong.
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
    best, sy, sx = try_center(pixels, y, x, spline)
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
                total, ty, tx = try_center(pixels, y + my, x + mx, spline)
                if total <= best * (1.0 + 1e-12):
                    improved = True
                    break
            part *= 0.5
        if not improved:
            return y, x, length < 0.05
        y, x, best, sy, sx = y + my, x + mx, total, ty, tx
    return y, x, False


@compiled
def _without_strays(
    pixels: Pixels, y: float, x: float, spline: Spline, stray_sigmas: float
) -> Pixels:
    """Leave out pixels that are not the bead's, where they are too many for noise.

    A cell or a bead beside it pulls the centre by half a pixel where the rim is soft.
    """
    placed = place(pixels, y, x, spline)
    fit_placed(pixels, placed)
    apart = np.empty(pixels.r.shape[0])
    residuals(pixels, placed.cubic, apart)
    apart = np.abs(apart)
    usual = MAD_TO_SIGMA * np.median(apart)
    kept = apart <= max(stray_sigmas * usual, LEAST_STRAY * np.std(pixels.value))
    if np.sum(kept) > (1.0 - STRAYS_OF_NOISE) * kept.shape[0]:
        return pixels
    return Pixels(
        pixels.y[kept],
        pixels.x[kept],
        pixels.value[kept],
        pixels.r[kept],
        pixels.interval[kept],
        pixels.t[kept],
    )


@compiled
def find_center(
    image: Image,
    start: tuple[float, float],
    radius_px: float,
    limit_px: float,
    stray_sigmas: float,
    spline: Spline,
) -> tuple[float, float, bool]:
    """Search on few pixels, then on all about the answer, and again if it comes nearer to another.

    The set of pixels within ``radius_px``, and so the result, does not hang on how far off the start
    was. Pixels further off the spline than ``stray_sigmas`` are left out of the set, 0: none. The
    spline has to reach over ``radius_px + limit_px + 1``.
    """
    y, x = start
    pixels = gather(image, np.rint(y), np.rint(x), radius_px, COARSE)
    y, x, found = _search(pixels, (y, x), spline, COARSE_STEP_PX, (y, x, limit_px))
    limit = (y, x, limit_px)
    for _ in range(2):
        row, column = np.rint(y), np.rint(x)
        pixels = gather(image, row, column, radius_px, 1)
        y, x, found = _search(pixels, (y, x), spline, FINE_STEP_PX, limit)
        if np.rint(y) == row and np.rint(x) == column:
            break
    for _ in range(STRAY_ROUNDS if stray_sigmas > 0.0 and found else 0):
        clear = _without_strays(pixels, y, x, spline, stray_sigmas)
        if clear.y.shape[0] == pixels.y.shape[0]:
            break
        y, x, found = _search(clear, (y, x), spline, FINE_STEP_PX, limit)
    return y, x, found
