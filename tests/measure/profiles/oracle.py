"""Slow reference for centre, steepest slope and centre intensity, with scipy alone."""

import numpy as np
from scipy.interpolate import BSpline, make_smoothing_spline
from scipy.optimize import minimize

from refp.core.arrays import FloatArray, Image


def disc(image: Image, center: FloatArray, radius: float) -> tuple[FloatArray, ...]:
    """Rows, columns and values of the pixels within a radius."""
    y, x = np.indices(image.shape)
    inside = np.hypot(y - center[0], x - center[1]) <= radius
    return y[inside], x[inside], image[inside].astype(float)


def smoothing_spline(r: FloatArray, values: FloatArray, lam: float, decimals: int = 3) -> BSpline:
    """Scipy's smoothing spline, with weighted means of equal distances, which it does not accept."""
    distance, index, n = np.unique(np.round(r, decimals), return_inverse=True, return_counts=True)
    return make_smoothing_spline(distance, np.bincount(index, values) / n, w=n * 1.0, lam=lam)


def best_center(
    image: Image, about: FloatArray, start: FloatArray, radius: float, lam: float
) -> FloatArray:
    """Nelder-Mead on the residual sum of squares over the disc about a pixel."""
    y, x, values = disc(image, about, radius)

    def residual(center: FloatArray) -> float:
        r = np.hypot(y - center[0], x - center[1])
        return float(((values - smoothing_spline(r, values, lam, 4)(r)) ** 2).sum())

    simplex = start + 0.3 * np.eye(3, 2, -1)
    options = {"xatol": 1e-3, "fatol": 1e-3, "initial_simplex": simplex}
    found: FloatArray = minimize(residual, start, method="Nelder-Mead", options=options).x
    return found


def slope_and_center(
    image: Image, center: FloatArray, radius: float, lam: float, slope_reach: float
) -> tuple[float, float]:
    """Least derivative within a reach and the value at 1 px, grey levels.

    Nearer to the centre than its first pixel the smoothing spline is a straight line; scipy would
    go on with its last cubic there.
    """
    y, x, values = disc(image, center, radius)
    r = np.hypot(y - center[0], x - center[1])
    spline = smoothing_spline(r, values, lam, 4)
    at = np.linspace(r.min(), slope_reach, 4001)
    return float(spline.derivative()(at).min()), float(spline(1.0))
