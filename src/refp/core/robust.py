"""Robust location and the interquartile rule, defined once.

The article drops outlier beads by the interquartile rule and takes medians
(Chalfoun et al. 2024, "Importance of outlier removal"); its factor is not stated, so Tukey's 1.5 is
used unless a recipe says otherwise.
"""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray

IQR_FACTOR = 1.5
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation of a normal distribution to its standard deviation."""
BISQUARE = 4.685
"""Standard deviations beyond which a value no longer counts (Tukey's biweight, 95 % efficient)."""
ROUNDS = 30
SETTLED = 1e-9


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


@dataclass(frozen=True, slots=True)
class RobustFit:
    """A linear fit that down-weights outliers.

    Attributes
    ----------
    coefficients
        Shape ``(p,)``.
    covariance
        Shape ``(p, p)``, of the coefficients if the stated standard deviations hold.
    influence
        Shape ``(p, n)``: derivative of the coefficients with respect to the values.
    weight
        Shape ``(n,)``: weight of each value, 0 to 1, besides that of its standard deviation.
    standardised_residual
        Shape ``(n,)``: residuals over the stated standard deviations.
    """

    coefficients: FloatArray
    covariance: FloatArray
    influence: FloatArray
    weight: FloatArray
    standardised_residual: FloatArray


def fit_bisquare(
    design: FloatArray,
    values: FloatArray,
    sd: FloatArray,
    *,
    start: FloatArray,
    prior: FloatArray,
    expected: FloatArray,
) -> RobustFit:
    """Fit by Tukey's biweight, with priors on the coefficients.

    Parameters
    ----------
    design
        Shape ``(n, p)``.
    values, sd
        Shape ``(n,)``: what is fitted, and its standard deviation; where the values scatter by more,
        so do the limits of what counts.
    start
        Shape ``(p,)``, coefficients that are not far off.
    prior, expected
        Shape ``(p,)``: one over the prior's variance, 0 for none, and its mean.
    """
    found, precision = start, np.diag(prior)
    for _ in range(ROUNDS):
        standardised_residual = (values - design @ found) / sd
        scale = max(1.0, MAD_TO_SIGMA * float(np.median(np.abs(standardised_residual))))
        weight = np.maximum(1.0 - (standardised_residual / (BISQUARE * scale)) ** 2, 0.0) ** 2
        total_weight = weight / sd**2
        covariance = np.linalg.inv(design.T @ (design * total_weight[:, None]) + precision)
        influence = covariance @ (design.T * total_weight)
        before, found = found, influence @ values + covariance @ (prior * expected)
        if np.abs(found - before).max() < SETTLED:
            break
    return RobustFit(found, covariance, influence, weight, standardised_residual)
