"""Values and exact extreme slopes of fitted splines."""

import numpy as np

from refp.core.arrays import FloatArray
from refp.measure.profiles.profiles import RadialProfiles
from refp.measure.profiles.spline import CUBICS


def evaluate(coefficients: FloatArray, knot_px: float, radius_px: FloatArray) -> FloatArray:
    """Evaluate the splines.

    Parameters
    ----------
    coefficients
        Shape ``(n, k)``.
    knot_px
        Knot spacing.
    radius_px
        Shape ``(m,)``, distances covered by the splines.

    Returns
    -------
    ndarray
        Shape ``(n, m)``, grey levels.
    """
    along = radius_px / knot_px
    interval = np.minimum(along.astype(np.int64), coefficients.shape[1] - 4)
    bases = CUBICS @ (along - interval) ** np.arange(4)[:, None]
    values = np.zeros((coefficients.shape[0], len(radius_px)))
    for k, base in enumerate(bases):
        values += base * coefficients[:, interval + k]
    return values


def extreme_slopes(profiles: RadialProfiles, reach_px: float) -> tuple[FloatArray, FloatArray]:
    """Return the least and the greatest derivative of every spline, grey levels per pixel.

    The derivative of a cubic spline is a parabola between knots, so its extrema are at knots or at
    vertices of the parabolas; they are exact, not sampled.

    Parameters
    ----------
    profiles
        ``n`` fitted profiles.
    reach_px
        Largest distance of the search.

    Returns
    -------
    least, greatest : ndarray
        Shape ``(n,)``; NaN for a bead without a fit.
    """
    c = profiles.coefficients
    h = profiles.knot_px
    last = max(1, min(c.shape[1] - 3, int(np.ceil(reach_px / h))))
    first = np.diff(c, axis=1)  # the derivative is a quadratic B-spline of these
    a, b, d = (first[:, i : i + last] for i in range(3))
    # On interval j at fraction t: s(t) = s0 + s1 t + s2 t^2, in grey levels per knot interval.
    s0, s1, s2 = (a + b) / 2, b - a, (a - 2 * b + d) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.clip(np.where(s2 != 0, -s1 / (2 * s2), 0.0), 0.0, 1.0)
    vertex = s0 + s1 * t + s2 * t * t
    slopes = np.concatenate([s0, (s0 + s1 + s2)[:, -1:], vertex], axis=1) / h
    return slopes.min(axis=1), slopes.max(axis=1)
