"""Observed coverage of intervals, its comparison with the nominal one, and the widening that it needs.

References
----------
Korn and Graubard 1998, "Confidence intervals for proportions with small expected number of positive
counts estimated from survey data", Survey Methodology 24 (effective number of clustered observations).
"""

import numpy as np
from scipy.special import betainc

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.labels import reach_um
from refp.models.card import Coverage
from refp.models.tiles.label_errors import TYPICAL_FREEDOM


def observe_coverage(
    inside: BoolArray, field: IntArray, dz_um: FloatArray, nominal: float
) -> Coverage:
    """Compare the fraction of intervals that hold their label with the nominal coverage.

    Parameters
    ----------
    inside
        Shape ``(n,)``, at least one: whether the interval of an image holds its label.
    field
        Shape ``(n,)``, field of view of each image.
    dz_um
        Shape ``(n,)``, labelled dZ of each image, um.
    nominal
        Nominal coverage.

    Notes
    -----
    The test is the exact one-sided binomial one, with the effective number of images in place of
    their number. Errors of neighbouring frames of a field are alike: a stretch of dZ, a twentieth of
    the field's range, is a cluster, since errors are about as smooth as a function of that many degrees
    of freedom (:data:`~refp.models.tiles.label_errors.TYPICAL_FREEDOM`). The variance between clusters,
    over that of independent images, is the design effect by which the number is divided. Whole fields
    are not the clusters, since two or three of them, the usual number, cannot show their variance. The
    error that a field has in common is that of its plane, which is in the uncertainty of the labels. A
    wrong alarm costs wider intervals only.
    """
    n = len(inside)
    observed = float(np.mean(inside))
    n_effective = n / _design_effect(inside, _clusters(field, dz_um))
    return Coverage(
        nominal=nominal,
        observed=observed,
        n_images=n,
        n_effective=n_effective,
        p_value=_lower_tail(observed * n_effective, n_effective, nominal),
    )


def widening(
    error_um: FloatArray, half_um: FloatArray, label_u_um: FloatArray, nominal: float
) -> float:
    """Return the factor, at least 1, on intervals with which they hold the nominal fraction of labels.

    It is the conformal quantile of the factors that single images need; parameters have shape ``(n,)``.
    """
    own_um = np.sqrt(np.maximum(error_um**2 - reach_um(0.0, label_u_um) ** 2, 0.0))
    n = len(error_um)
    rank = min((n + 1) * nominal / n, 1.0)
    return max(float(np.quantile(own_um / half_um, rank, method="higher")), 1.0)


def _clusters(field: IntArray, dz_um: FloatArray) -> IntArray:
    """Return the number of the cluster of each image: its field and its stretch of dZ."""
    stretch = np.empty(len(field), dtype=np.int64)
    for number in np.unique(field):
        own = field == number
        along = dz_um[own] - dz_um[own].min()
        part = TYPICAL_FREEDOM * along / max(float(along.max()), 1e-9)
        stretch[own] = np.minimum(part, TYPICAL_FREEDOM - 1)
    return np.unique(np.stack([field, stretch]), axis=1, return_inverse=True)[1].ravel()


def _design_effect(inside: BoolArray, cluster: IntArray) -> float:
    """Return the variance of the fraction inside, over that of independent images; at least 1."""
    n, observed = len(inside), float(np.mean(inside))
    size, hits = np.bincount(cluster), np.bincount(cluster, weights=inside)
    if not 0.0 < observed < 1.0 or len(size) < 2:
        return 1.0
    between = len(size) / (len(size) - 1) * float(np.sum((hits - observed * size) ** 2)) / n**2
    return max(between * n / (observed * (1.0 - observed)), 1.0)


def _lower_tail(inside: float, n: float, nominal: float) -> float:
    """Return the probability of at most so many inside of ``n``, which need not be whole numbers."""
    return float(betainc(n - inside, inside + 1.0, 1.0 - nominal)) if inside < n else 1.0
