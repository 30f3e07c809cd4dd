"""The reference plane by the article's definition, on profiles without noise."""

import numpy as np
from scipy.interpolate import CubicSpline

from refp.core.arrays import FloatArray
from refp.synthetic.optics import SphereMaps

CENTER_PX = 1.0
"""Radius at which the centre intensity is read (article, "Radial profile")."""
SLOPE_RADII = (0.1, 1.8)
"""Where the steepest slope is looked for."""


def feature_curves(
    maps: SphereMaps, radius_um: float, index: float, z_um: FloatArray, pixel_um: float
) -> tuple[FloatArray, FloatArray]:
    """Return steepest slope and centre intensity of one sphere, against Z.

    Parameters
    ----------
    maps
        How spheres look behind the camera's pixels.
    radius_um, index
        Of the sphere.
    z_um
        Stage positions from the focus of its middle.
    pixel_um
        Side of a pixel.

    Returns
    -------
    tuple of ndarray
        Steepest slope per px, the most negative derivative, and centre intensity, over background.
    """
    r_um = np.arange(0.0, SLOPE_RADII[1] * radius_um, np.diff(maps.r_um[:2])[0] / 2)
    profile = CubicSpline(r_um, maps.at(radius_um, index, z_um, r_um), axis=1)
    within = r_um[r_um > SLOPE_RADII[0] * radius_um]
    return profile(within, 1).min(axis=1) * pixel_um, profile(CENTER_PX * pixel_um)


def find_planes(z_um: FloatArray, slope: FloatArray, center: FloatArray) -> tuple[float, float]:
    """Return where the steepest slope is least, and the brightest centre nearest to it.

    Nearest: far from the plane the centre of a bead that gathers little light is as bright as background.
    NaN for both where either lies at the end of the curves.
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
