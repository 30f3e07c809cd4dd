"""Fit smoothing splines to one or many curves, with smoothness by generalised cross-validation.

The spline is a cubic B-spline on even knots with the integrated squared second derivative as penalty.
Its weight minimises generalised cross-validation, for all curves together or for each. For a single
curve the result is that of :func:`scipy.interpolate.make_smoothing_spline` (see the tests). That
function fits one curve at a time, rejects repeated abscissae, and does not return the degrees of
freedom, which are needed for uncertainties.

References
----------
Craven and Wahba 1979, "Smoothing noisy data with spline functions".
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import cho_factor, cho_solve, eigh

from refp.core.arrays import FloatArray

MAXIMUM_KNOTS = 160


@dataclass(frozen=True, slots=True)
class Smooth:
    """A fitted smoothing spline.

    Attributes
    ----------
    spline
        Vector-valued where many curves were fitted.
    lam
        Weight of the penalty.
    leverage
        Shape ``(n,)``, weight of each value in the fit at its own abscissa.
    """

    spline: BSpline
    lam: float
    leverage: FloatArray

    @property
    def edf(self) -> float:
        """Effective degrees of freedom of one curve."""
        return float(self.leverage.sum())


def fit_smooth(x: FloatArray, y: FloatArray, lam: float | None = None) -> Smooth:
    """Fit a smoothing spline.

    Parameters
    ----------
    x
        Shape ``(n,)``, in any order, repeats allowed; at least four different values.
    y
        Shape ``(n,)`` or ``(n, m)``; several curves share one smoothness.
    lam
        Weight of the penalty; by generalised cross-validation when not given.

    Raises
    ------
    ValueError
        If there are fewer than four different abscissae.
    """
    system = _prepare(x)
    values = y.reshape(len(x), -1)
    if lam is None:
        bent = _without_line(x, values)
        lam = _least_gcv(system.roughness, system.rotate(bent), bent, _noise(x, values))
    coefficients = system.solve(values, lam).reshape(-1, *y.shape[1:])
    spline = BSpline(system.knots, coefficients, 3, extrapolate=True)
    return Smooth(spline, float(lam), system.leverage(lam))


def smooth_with(x: FloatArray, y: FloatArray, lam: float) -> BSpline:
    """Return the smoothing splines of curves for a given smoothness, without their leverage.

    Parameters and errors are those of :func:`fit_smooth`.
    """
    equations = _equations(x)
    return BSpline(equations.knots, equations.solve(y, lam), 3, extrapolate=True)


def fit_smooth_each(
    x: FloatArray, y: FloatArray, known_sd: FloatArray | None = None
) -> list[Smooth]:
    """Fit a smoothing spline to each of several curves, each with its own smoothness.

    Parameters
    ----------
    x
        Shape ``(n,)``, as for :func:`fit_smooth`.
    y
        Shape ``(n, m)``.
    known_sd
        Shape ``(m,)``, standard deviation of the noise where it is known. The smoothness is then that of
        least unbiased risk (Craven and Wahba 1979, section 2), which keeps all that exceeds the noise,
        whereas cross-validation smooths a curve that changes between two abscissae.

    Returns
    -------
    list of Smooth
        One per column of ``y``.

    Raises
    ------
    ValueError
        If there are fewer than four different abscissae.
    """
    system = _prepare(x)
    bent = _without_line(x, y)
    rotated, noise = system.rotate(bent), _noise(x, y)
    smooths: list[Smooth] = []
    for i in range(y.shape[1]):
        one = slice(i, i + 1)
        if known_sd is None:
            lam = _least_gcv(system.roughness, rotated[:, one], bent[:, one], noise[one])
        else:
            lam = _least_risk(system.roughness, rotated[:, i], bent[:, i], float(known_sd[i]))
        spline = BSpline(system.knots, system.solve(y[:, one], lam)[:, 0], 3, extrapolate=True)
        smooths.append(Smooth(spline, lam, system.leverage(lam)))
    return smooths


@dataclass(frozen=True)
class _Equations:
    """The equations of a penalised fit."""

    knots: FloatArray
    design: FloatArray
    gram: FloatArray
    penalty: FloatArray

    def solve(self, values: FloatArray, lam: float) -> FloatArray:
        """Return the coefficients of the fit.

        The diagonal basis is accurate enough for the choice of the smoothness; the equations
        themselves give the exact fit.
        """
        factor = cho_factor(self.gram + lam * self.penalty)
        return np.asarray(cho_solve(factor, self.design.T @ values))


@dataclass(frozen=True)
class _System(_Equations):
    """The equations, and a basis in which normal matrix and penalty are diagonal."""

    basis: FloatArray
    roughness: FloatArray
    squares: FloatArray

    def rotate(self, values: FloatArray) -> FloatArray:
        """Return the moments of the curves in the diagonal basis."""
        return self.basis.T @ (self.design.T @ values)

    def leverage(self, lam: float) -> FloatArray:
        """Return the diagonal of the hat matrix."""
        return self.squares @ (1.0 / (1.0 + lam * self.roughness))


def _prepare(x: FloatArray) -> _System:
    return _system_of(np.asarray(x, dtype=np.float64).tobytes())


@lru_cache(maxsize=4)  # the curves of the features and beads of a sweep have the same abscissae
def _system_of(abscissae: bytes) -> _System:
    own = _equations(np.frombuffer(abscissae))
    basis, roughness = _diagonalise(own.gram, own.penalty)
    squares = (own.design @ basis) ** 2
    return _System(own.knots, own.design, own.gram, own.penalty, basis, roughness, squares)


def _equations(x: FloatArray) -> _Equations:
    distinct = np.unique(x)
    if distinct.size < 4:
        raise ValueError(f"a smoothing spline needs four different abscissae, not {distinct.size}")
    intervals = int(min(MAXIMUM_KNOTS, max(4, _n_intervals(distinct))))
    knots, penalty = _basis(float(distinct[0]), float(distinct[-1]), intervals)
    design = BSpline.design_matrix(x, knots, 3).toarray()
    return _Equations(knots, design, _gram(design, penalty), penalty)


def _n_intervals(distinct: FloatArray) -> int:
    """Return the number of knot intervals: two per typical step, which does not limit the curve."""
    step = float(np.median(np.diff(distinct)))
    merged = np.unique(np.round((distinct - distinct[0]) / max(step, 1e-9)))
    return 2 * len(merged)


def _basis(low: float, high: float, intervals: int) -> tuple[FloatArray, FloatArray]:
    """Return knots and the penalty matrix, the integral of products of second derivatives."""
    step = (high - low) / intervals
    knots = low + step * (np.arange(intervals + 7) - 3.0)
    knots[3], knots[-4] = low, high
    second = BSpline(knots, np.eye(intervals + 3), 3).derivative(2)
    # Second derivatives are linear between knots: Simpson's rule is exact for their products.
    edges, middles = knots[3:-3], (knots[3:-4] + knots[4:-3]) / 2
    at_edges, at_middles = second(edges), second(middles)
    penalty = at_edges[:-1].T @ at_edges[:-1] + at_edges[1:].T @ at_edges[1:]
    penalty += 4 * at_middles.T @ at_middles
    return knots, penalty * step / 6


def _gram(design: FloatArray, penalty: FloatArray) -> FloatArray:
    """Return the normal matrix, regularised to be positive definite."""
    gram: FloatArray = design.T @ design
    # Splines without data have no weight; a small multiple of the penalty makes the matrix definite.
    gram += penalty * (1e-9 * np.trace(gram) / max(float(np.trace(penalty)), 1e-300))
    gram += np.eye(len(gram)) * (1e-12 * np.trace(gram) / len(gram))
    return gram


def _diagonalise(gram: FloatArray, penalty: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a basis in which the fit is the identity and the penalty is diagonal."""
    roughness, basis = eigh(penalty, gram)
    roughness[:2] = 0.0  # constant and slope are not penalised; rounding must not change that
    return basis, np.maximum(roughness, 0.0)


def _without_line(x: FloatArray, values: FloatArray) -> FloatArray:
    """Subtract the best straight line from every curve.

    A straight line is not penalised, so the choice of the smoothness does not depend on it; but with a
    level far above the range of the curve, rounding errors would exceed the residual.
    """
    line = np.column_stack([np.ones_like(x), (x - x.mean()) / x.std()])
    bent: FloatArray = values - line @ (np.linalg.pinv(line) @ values)
    return bent


def _noise(x: FloatArray, values: FloatArray) -> FloatArray:
    """Return the variance of the noise of every curve, from second differences along ``x``.

    Curves are weighted by its inverse. With their total variance as weight, curves that contain only
    noise would lead to a smoothness that flattens the others.
    """
    second = np.diff(values[np.argsort(x, kind="stable")], n=2, axis=0)
    noise: FloatArray = np.maximum((second**2).mean(axis=0) / 6, 1e-6 * values.var(axis=0))
    return np.maximum(noise, 1e-30)


def _least_gcv(
    roughness: FloatArray, rotated: FloatArray, values: FloatArray, scale: FloatArray
) -> float:
    """Return the penalty weight of least generalised cross-validation on a fine grid."""
    n, weights = len(values), _weights(roughness)
    energy = (rotated**2 / scale).sum(axis=1)
    total = (values**2 / scale).sum()
    shrink = 1.0 / (1.0 + weights[:, None] * roughness)
    residual = np.maximum(total - (2 * shrink - shrink**2) @ energy, 1e-30)
    # The factor 1.4 of the degrees of freedom prevents interpolation of small, noisy samples
    # (Kim and Gu 2004, "Smoothing spline Gaussian regression").
    freedom = n - 1.4 * shrink.sum(axis=1)
    scores = np.where(freedom > 0, residual / np.maximum(freedom, 1e-9) ** 2, np.inf)
    return float(weights[np.argmin(scores)])


def _least_risk(
    roughness: FloatArray, rotated: FloatArray, values: FloatArray, noise_sd: float
) -> float:
    """Return the penalty weight of least unbiased risk of one curve with known noise."""
    weights = _weights(roughness)
    shrink = 1.0 / (1.0 + weights[:, None] * roughness)
    residual = np.maximum((values**2).sum() - (2 * shrink - shrink**2) @ rotated**2, 0.0)
    return float(weights[np.argmin(residual / noise_sd**2 + 2.0 * shrink.sum(axis=1))])


def _weights(roughness: FloatArray) -> FloatArray:
    """Return penalty weights from hardly any to strong smoothing."""
    positive = roughness[roughness > 1e-12 * roughness.max()]
    return np.geomspace(1e-4 / positive.max(), 1e4 / positive.min(), 200)
