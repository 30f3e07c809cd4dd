"""Robust location, robust linear fit, and the interquartile rule.

The article removes outlier beads by the interquartile rule and takes medians
(Chalfoun et al. 2024, "Importance of outlier removal"); it does not state the factor, so Tukey's 1.5
is the default.
"""

import statistics
from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray

IQR_FACTOR = 1.5
MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""
BISQUARE = 4.685
"""Standard deviations beyond which the weight is 0 (Tukey's biweight, 95 % efficient)."""
MAX_ITERATIONS = 30
TOLERANCE = 1e-9


def iqr_inliers(values: FloatArray, factor: float = IQR_FACTOR) -> BoolArray:
    """Mark the values inside the interquartile fences.

    Parameters
    ----------
    values
        Shape ``(n,)``; NaN is never an inlier.
    factor
        Distance of the fences from the quartiles, in interquartile ranges.

    Returns
    -------
    ndarray of bool
        Shape ``(n,)``. With fewer than four finite values every finite value is an inlier, since the
        quartiles of three values cannot identify an outlier.
    """
    finite = np.isfinite(values)
    if np.count_nonzero(finite) < 4:
        return finite
    q1, q3 = np.quantile(values[finite], (0.25, 0.75))
    margin = factor * (q3 - q1)
    with np.errstate(invalid="ignore"):
        return finite & (values >= q1 - margin) & (values <= q3 + margin)


def iqr_inliers_of_rows(values: FloatArray, factor: float = IQR_FACTOR) -> BoolArray:
    """Mark the values inside the interquartile fences of each row, shape ``(n, m)``.

    As :func:`iqr_inliers` of each row, with the quartiles of all rows found at once.
    """
    finite = np.isfinite(values)
    few = np.count_nonzero(finite, axis=1) < 4
    fenced = np.where(few[:, None], 0.0, values)  # no row without a value
    q1, q3 = np.nanquantile(fenced, (0.25, 0.75), axis=1)
    margin = factor * (q3 - q1)
    with np.errstate(invalid="ignore"):
        inside = (values >= (q1 - margin)[:, None]) & (values <= (q3 + margin)[:, None])
    return finite & (inside | few[:, None])


def nan_median(values: FloatArray) -> FloatArray:
    """Return the median of each column, shape ``(n, ...)``, of its values that are not NaN.

    As :func:`numpy.nanmedian`, which takes much longer for a few rows. NaN, without a warning, where a
    column has no value.
    """
    median = np.atleast_1d(np.median(values, axis=0))
    unknown = np.isnan(median) & ~np.isnan(values).all(axis=0)
    if unknown.any():
        median[unknown] = np.nanmedian(values[:, unknown], axis=0)
    return median


def mad_sigma(values: FloatArray) -> float:
    """Estimate the standard deviation from the median absolute deviation; NaN if empty."""
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
        Shape ``(p, p)``, of the coefficients, if the given standard deviations are correct.
    influence
        Shape ``(p, n)``: derivative of the coefficients with respect to the values.
    weight
        Shape ``(n,)``: robust weight of each value, 0 to 1, which multiplies ``1 / sd**2``.
    standardised_residual
        Shape ``(n,)``: residuals over the given standard deviations.
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
    """Fit a linear model by Tukey's biweight, with priors on the coefficients.

    Parameters
    ----------
    design
        Shape ``(n, p)``.
    values, sd
        Shape ``(n,)``: values and their standard deviations; if the values scatter more widely, the
        limits of the biweight are scaled up.
    start
        Shape ``(p,)``, approximate coefficients.
    prior, expected
        Shape ``(p,)``: one over the variance of the prior, 0 for no prior, and its mean.
    """
    coefficients, precision = start, np.diag(prior)
    for _ in range(MAX_ITERATIONS):
        standardised_residual = (values - design @ coefficients) / sd
        # For a few values much faster than NumPy's.
        typical = statistics.median(np.abs(standardised_residual).tolist())
        scale = max(1.0, MAD_TO_SIGMA * typical)
        weight = np.maximum(1.0 - (standardised_residual / (BISQUARE * scale)) ** 2, 0.0) ** 2
        total_weight = weight / sd**2
        covariance = np.linalg.inv(design.T @ (design * total_weight[:, None]) + precision)
        influence = covariance @ (design.T * total_weight)
        previous, coefficients = coefficients, influence @ values + covariance @ (prior * expected)
        if np.abs(coefficients - previous).max() < TOLERANCE:
            break
    return RobustFit(coefficients, covariance, influence, weight, standardised_residual)
