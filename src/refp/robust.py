"""Robust location and the interquartile rule, defined once.

The article drops outlier beads by the interquartile rule and takes medians
(Chalfoun et al. 2024, "Importance of outlier removal"); its factor is not stated, so Tukey's 1.5 is
used unless a recipe says otherwise.
"""

import numpy as np

from refp.arrays import BoolArray, FloatArray

IQR_FACTOR = 1.5
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation of a normal distribution to its standard deviation."""


def iqr_inliers(values: FloatArray, factor: float = IQR_FACTOR) -> BoolArray:
    """Mark the values inside the interquartile fences.

    Parameters
    ----------
    values
        Shape ``(n,)``; NaN is never an inlier.
    factor
        Fences lie ``factor`` interquartile ranges outside the quartiles.

    Returns
    -------
    ndarray of bool
        Shape ``(n,)``. With fewer than four finite values every finite value is an inlier: three
        values have no outlier that quartiles could tell.
    """
    finite = np.isfinite(values)
    if np.count_nonzero(finite) < 4:
        return finite
    q1, q3 = np.quantile(values[finite], (0.25, 0.75))
    margin = factor * (q3 - q1)
    with np.errstate(invalid="ignore"):
        return finite & (values >= q1 - margin) & (values <= q3 + margin)


def mad_sigma(values: FloatArray) -> float:
    """Return the standard deviation that the median absolute deviation implies; NaN if empty."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return float("nan")
    return float(MAD_TO_SIGMA * np.median(np.abs(finite - np.median(finite))))
