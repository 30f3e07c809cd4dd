"""Compare the mean residual profile of the beads of an image with those of held-out images.

A single bead deviates from the pooled stack by its own shape and by noise. Other optics deviate alike
for all beads, so the mean over the beads shows them: Hotelling's T squared of the mean grows with the
number of beads, where the reduced chi squared of the typical bead does not.

References
----------
Hotelling 1931, "The generalization of Student's ratio".
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtri

from refp.core.arrays import FloatArray
from refp.models.card import ResidualSpread

SHRINKAGE = 0.1
"""Fraction of a covariance that is replaced by equal variances without correlation: held-out fields are
few, so the least eigenvalues are too small."""
UNEVEN = 0.01
"""Standard deviation of errors of background and black level, over background, that the profiles of an
image may have in common: uneven light, a camera's offset. They hardly change dZ; assumed."""
MIN_VARIANCE = 0.01
"""A tenth of the stack's spread, for held-out images that hardly deviate."""
FALSE_ALARM = 0.001
"""Fraction of images like the training's above the least limit."""


def spread_residuals(residuals: Sequence[FloatArray], reduced_chi2: float) -> ResidualSpread:
    """Return the covariances of residual profiles, without a limit.

    Parameters
    ----------
    residuals
        Shape ``(n, k)`` for each held-out image of ``n`` beads, from :class:`refp.models.Match`.
    reduced_chi2
        Reduced chi squared expected of the noise of these images.
    """
    means = np.array([mean_residual(rows) for rows in residuals])
    within = [rows - mean_residual(rows) for rows in residuals if len(rows) > 1]
    bead: FloatArray = np.zeros((means.shape[1], means.shape[1]))
    if within:
        n = sum(len(rows) for rows in within)
        bead = _positive(_covariance(np.concatenate(within)) * n / (n - len(within)))
    fewer = float(np.mean([1.0 / len(rows) for rows in residuals]))
    image = _positive(_covariance(means) - fewer * bead)
    return ResidualSpread(
        image=_nested(image), bead=_nested(bead), reduced_chi2=reduced_chi2, maximum_t_squared=0.0
    )


def mean_residual(rows: FloatArray) -> FloatArray:
    """Return the mean of each ring over the beads where it is known, NaN where it is in none."""
    known = np.isfinite(rows)
    n = known.sum(axis=0)
    total = np.where(known, rows, 0.0).sum(axis=0)
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), np.nan))


def least_limit(n_rings: int) -> float:
    """Return the limit of T squared a ring if the covariances were known."""
    return float(chdtri(n_rings, FALSE_ALARM)) / n_rings if n_rings else 0.0


def t_squared(
    residual: FloatArray,
    spread: ResidualSpread,
    reduced_chi2: float,
    *,
    unevenness: FloatArray | None = None,
    n_reference: int = 0,
    rounding: float = 0.0,
) -> float:
    """Return Hotelling's T squared a ring of the mean residual profile of an image; about 1 is usual.

    Parameters
    ----------
    residual
        Shape ``(n, k)``, of the beads in use; rings that are unknown for one of them are left out.
    spread
        Covariances of held-out images.
    reduced_chi2
        Reduced chi squared expected of the image's noise, by which single beads scatter more or less.
    unevenness
        Shape ``(n, 2, k)``, from :class:`refp.models.Match`: directions in which a deviation of a hundredth
        of the background is usual.
    n_reference
        Beads of another image whose mean residual was subtracted; 0 for none.
    rounding
        Standard deviation of a deviation, over background, that all beads have in common in each ring
        separately; with ``unevenness``.

    Returns
    -------
    float
        0 without beads or rings.
    """
    rings = np.isfinite(residual).all(axis=0) if len(residual) else np.zeros(0, dtype=np.bool_)
    n_rings = int(np.count_nonzero(rings))
    if not n_rings:
        return 0.0
    noise = reduced_chi2 / spread.reduced_chi2
    per_bead = 1.0 / len(residual) + (1.0 / n_reference if n_reference else 0.0)
    per_image = 2.0 if n_reference else 1.0
    covariance: FloatArray = per_image * np.array(spread.image)
    covariance = covariance + noise * per_bead * np.array(spread.bead)
    covariance = _shrunk(covariance[np.ix_(rings, rings)])
    if unevenness is not None:
        directions = UNEVEN * unevenness.mean(axis=0)[:, rings]
        covariance = covariance + directions.T @ directions
        raised = rounding * unevenness[:, 0].mean(axis=0)[rings]
        covariance = covariance + np.diag(raised**2)
    mean = residual[:, rings].mean(axis=0)
    return float(mean @ np.linalg.solve(covariance, mean)) / n_rings


def _covariance(rows: FloatArray) -> FloatArray:
    """Return the mean products of pairs of rings over the rows where both are known."""
    known = np.isfinite(rows).astype(np.float64)
    values = np.nan_to_num(rows)
    return np.asarray(values.T @ values / np.maximum(known.T @ known, 1.0))


def _shrunk(covariance: FloatArray) -> FloatArray:
    equal = max(float(np.trace(covariance)) / len(covariance), MIN_VARIANCE)
    return (1.0 - SHRINKAGE) * covariance + SHRINKAGE * equal * np.eye(len(covariance))


def _positive(covariance: FloatArray) -> FloatArray:
    """Return the nearest covariance without negative eigenvalues."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def _nested(matrix: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
