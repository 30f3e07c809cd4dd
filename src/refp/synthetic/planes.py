"""Reference plane by the article's definition, on noiseless profiles."""

import numpy as np
from scipy.interpolate import CubicSpline

from refp.core.arrays import FloatArray
from refp.synthetic.optics import SphereMaps

CENTER_PX = 1.0
"""Radius at which the centre intensity is read (article, "Radial profile")."""
SLOPE_RADII = (0.1, 1.8)
"""Radii at which the steepest slope is searched."""


def feature_curves(
    maps: SphereMaps, radius_um: float, index: float, z_um: FloatArray, pixel_um: float
) -> tuple[FloatArray, FloatArray]:
    """Return steepest slope and centre intensity of one sphere, against Z.

    Parameters
    ----------
    maps
        Maps of the spheres, blurred by the camera's pixels.
    radius_um, index
        Radius and index of the sphere.
    z_um
        Shape ``(z,)``, stage positions relative to the focus of its centre.
    pixel_um
        Side of a pixel.

    Returns
    -------
    tuple of ndarray
        Steepest slope (the most negative derivative, per px) and centre intensity, over background,
        each of shape ``(z,)``.
    """
    r_um = np.arange(0.0, SLOPE_RADII[1] * radius_um, np.diff(maps.r_um[:2])[0] / 2)
    profile = CubicSpline(r_um, maps.at(radius_um, index, z_um, r_um), axis=1)
    within = r_um[r_um > SLOPE_RADII[0] * radius_um]
    return profile(within, 1).min(axis=1) * pixel_um, profile(CENTER_PX * pixel_um)


def find_planes(z_um: FloatArray, slope: FloatArray, center: FloatArray) -> tuple[float, float]:
    """Return the Z of the minimum of the steepest slope, and of the nearest maximum of centre intensity.

    The nearest, because far from the plane the centre of a weakly focusing bead is as bright as the
    background. Both are NaN if one is at an end of the curves.
    """
    least = CubicSpline(z_um, -slope)
    stationary = least.derivative().roots(extrapolate=False)
    steepest = float(max(stationary, key=least, default=np.nan))
    bright = CubicSpline(z_um, center)
    stationary = bright.derivative().roots(extrapolate=False)
    peaks = stationary[bright(stationary, 2) < 0]
    if np.isnan(steepest) or not peaks.size or least(steepest) < max(least(z_um[[0, -1]])):
        return np.nan, np.nan
    return steepest, float(peaks[np.abs(peaks - steepest).argmin()])
