"""Result of an assay against dZ: slope at the plane, and the dZ that an allowed bias tolerates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline
from scipy.optimize import minimize_scalar
from scipy.stats import t as student

from refp.core.arrays import FloatArray
from refp.core.errors import DataError

COVERAGE = 0.95
MIN_POSITIONS = 6
"""Minimum number of distinct Z positions."""
MIN_ASIDE = 2
"""Minimum number of distinct Z positions below the plane, and above it."""
MAX_KNOTS = 30
LOG_WEIGHTS = (-8.0, 8.0)
"""Range of the decimal logarithm of the penalty's weight, from interpolation to a line."""
GRID_POINTS = 2001
_EXACT = 1e-9
"""Residuals below this fraction of the range of results are rounding errors."""


@dataclass(frozen=True, slots=True)
class Value:
    """A fitted number with its standard uncertainty and 95 % interval."""

    value: float
    u: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Range of dZ about the plane, um; NaN where it extends beyond the measured range.

    Attributes
    ----------
    low_um, high_um
        Nearest dZ below and above the plane at which the fitted bias exceeds the allowed one.
    guarded_low_um, guarded_high_um
        The same for the bias and its uncertainty: within them the bias is at most the allowed one with
        97.5 % confidence at each dZ.
    """

    low_um: float
    high_um: float
    guarded_low_um: float
    guarded_high_um: float


@dataclass(frozen=True, slots=True)
class AssayFit:
    """Smooth curve of an assay's result against dZ.

    Attributes
    ----------
    knots_um
        Knots of the cubic spline.
    coefficients, covariance
        Shapes ``(p,)`` and ``(p, p)``: coefficients of its B-splines and their covariance.
    dof
        Degrees of freedom of the residuals.
    n_positions, n_fields
        Number of distinct Z positions and of fields.
    """

    knots_um: FloatArray
    coefficients: FloatArray
    covariance: FloatArray
    dof: float
    n_positions: int
    n_fields: int

    @property
    def range_um(self) -> tuple[float, float]:
        """Lowest and highest measured dZ."""
        return float(self.knots_um[0]), float(self.knots_um[-1])

    @property
    def factor(self) -> float:
        """Half width of a 95 % interval in standard uncertainties."""
        return float(student.ppf((1 + COVERAGE) / 2, self.dof))

    def at_plane(self, derivative: int = 0) -> Value:
        """Return the result at dZ = 0, its slope (``derivative=1``) or its curvature (2)."""
        value, u = self._combine(self._basis(np.zeros(1), derivative))
        half = self.factor * u[0]
        return Value(float(value[0]), float(u[0]), float(value[0] - half), float(value[0] + half))

    def curve(self, dz_um: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the result at each dZ, shape ``(n,)``, and its standard uncertainty."""
        return self._combine(self._basis(dz_um))

    def bias(self, dz_um: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the result at each dZ less that at the plane, and its standard uncertainty."""
        return self._combine(self._basis(dz_um) - self._basis(np.zeros(1)))

    def grid_um(self) -> FloatArray:
        """Return dZ over the measured range, the plane included."""
        low, high = self.range_um
        return np.union1d(np.linspace(low, high, GRID_POINTS), 0.0)

    def tolerance(self, allowed_bias: float) -> Tolerance:
        """Return the range of dZ about the plane in which the bias is allowed."""
        grid_um = self.grid_um()
        bias, u = self.bias(grid_um)
        fitted, guarded = np.abs(bias), np.abs(bias) + self.factor * u
        return Tolerance(
            -_first_above(-grid_um[::-1], fitted[::-1], allowed_bias),
            _first_above(grid_um, fitted, allowed_bias),
            -_first_above(-grid_um[::-1], guarded[::-1], allowed_bias),
            _first_above(grid_um, guarded, allowed_bias),
        )

    def _basis(self, dz_um: FloatArray, derivative: int = 0) -> FloatArray:
        return _basis(self.knots_um, dz_um, derivative)

    def _combine(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        variance = np.einsum("ij,jk,ik->i", rows, self.covariance, rows)
        return rows @ self.coefficients, np.sqrt(np.maximum(variance, 0.0))


def fit_assay(
    dz_um: FloatArray, result: FloatArray, fields: Sequence[object] | None = None, name: str = ""
) -> AssayFit:
    """Fit a smooth curve to results against dZ.

    The curve is a penalised cubic spline, straight where the results show no curvature, whose smoothness
    restricted maximum likelihood determines. It need not be symmetric about the plane. The covariance is
    the sum of that of the residuals, whose variance may change along Z (HC3), and of the bias of
    smoothing. Residuals are taken as independent.

    Parameters
    ----------
    dz_um
        Shape ``(n,)``: dZ of each result.
    result
        Shape ``(n,)``: results, such as viability or a count.
    fields
        Field of view or sample of each result. Fields have levels of their own, and the curve is that of
        their mean; default: one field.
    name
        Origin of the results, for messages.

    Raises
    ------
    DataError
        If there are too few Z positions, the plane is outside them, or fields differ in their Z positions
        so that level and dZ cannot be separated.

    References
    ----------
    Wood, "Fast stable restricted maximum likelihood and marginal likelihood estimation of semiparametric
    generalized linear models", J. R. Stat. Soc. B 73, 3 (2011).
    Nychka, "Bayesian confidence intervals for smoothing splines", J. Am. Stat. Assoc. 83, 1134 (1988).
    MacKinnon and White, "Some heteroskedasticity-consistent covariance matrix estimators", J. Econometrics
    29, 305 (1985).
    """
    positions = np.unique(dz_um)
    _check_positions(positions, name)
    levels = _levels(fields, len(dz_um))
    _check_levels(np.column_stack([np.ones_like(dz_um), dz_um, levels]), name)
    knots_um = _knots(positions)
    design = np.hstack([_basis(knots_um, dz_um), levels])
    p = design.shape[1] - levels.shape[1]
    penalty = np.zeros((design.shape[1],) * 2)
    penalty[:p, :p] = _roughness(knots_um)
    smooth = _Penalised(design, penalty, result, n_free=2 + levels.shape[1])
    coefficients, covariance, dof = smooth.solve(smooth.most_likely())
    return AssayFit(
        knots_um, coefficients[:p], covariance[:p, :p], dof, len(positions), levels.shape[1] + 1
    )


@dataclass(frozen=True, slots=True)
class _Penalised:
    """Least squares with a penalty of unknown weight.

    Attributes
    ----------
    design
        Shape ``(n, p)``.
    penalty
        Shape ``(p, p)``.
    result
        Shape ``(n,)``.
    n_free
        Number of dimensions without penalty.
    """

    design: FloatArray
    penalty: FloatArray
    result: FloatArray
    n_free: int

    def most_likely(self) -> float:
        """Return the weight of the penalty by restricted maximum likelihood."""
        found = minimize_scalar(self._deviance, bounds=LOG_WEIGHTS, method="bounded")
        return float(found.x)

    def _system(self, log_weight: float) -> tuple[FloatArray, float]:
        normal = self.design.T @ self.design
        weight = 10.0**log_weight * np.trace(normal) / np.trace(self.penalty)
        return normal + weight * self.penalty, weight

    def _deviance(self, log_weight: float) -> float:
        system, weight = self._system(log_weight)
        coefficients = np.linalg.solve(system, self.design.T @ self.result)
        residuals = self.result - self.design @ coefficients
        squares = residuals @ residuals + weight * coefficients @ self.penalty @ coefficients
        floor = len(residuals) * (_EXACT * (np.ptp(self.result) or 1.0)) ** 2
        n, p = self.design.shape
        log_det = np.linalg.slogdet(system)[1] - (p - self.n_free) * np.log(weight)
        return float((n - self.n_free) * np.log(max(squares, floor)) + log_det)

    def solve(self, log_weight: float) -> tuple[FloatArray, FloatArray, float]:
        """Return coefficients, their covariance, and the degrees of freedom of the residuals."""
        system, weight = self._system(log_weight)
        inverse = np.linalg.inv(system)
        gain = inverse @ self.design.T
        coefficients = gain @ self.result
        residuals = self.result - self.design @ coefficients
        leverage = np.einsum("ij,ji->i", self.design, gain)
        dof = len(residuals) - float(leverage.sum())
        # A result that alone determines a level has no residual, and no weight in the curve.
        left = 1.0 - leverage
        scaled = np.divide(residuals, left, out=np.zeros_like(left), where=left > _EXACT)
        bias = weight * (inverse @ self.penalty @ inverse) * (residuals @ residuals) / dof
        return coefficients, (gain * scaled**2) @ gain.T + bias, dof


def _check_positions(positions: FloatArray, name: str) -> None:
    if len(positions) < MIN_POSITIONS:
        raise DataError(
            f"{name}: {len(positions)} Z positions; a tolerance needs at least {MIN_POSITIONS}"
        )
    n_below, n_above = int((positions < 0).sum()), int((positions > 0).sum())
    if min(n_below, n_above) < MIN_ASIDE:
        raise DataError(
            f"{name}: {n_below} Z positions below the reference plane and {n_above} above; at least "
            f"{MIN_ASIDE} of each are needed; check --refp-um, or measure on both sides of the plane"
        )


def _levels(fields: Sequence[object] | None, n: int) -> FloatArray:
    """Return columns for the levels of fields about their mean, shape ``(n, n_fields - 1)``."""
    if fields is None:
        return np.empty((n, 0))
    names, number = np.unique(np.array([str(field) for field in fields]), return_inverse=True)
    effects = np.vstack([np.eye(len(names) - 1), -np.ones(len(names) - 1)])
    return effects[number]


def _check_levels(line: FloatArray, name: str) -> None:
    """Check that a line and the levels of fields can be separated."""
    n, p = line.shape
    if n < p + 2 or np.linalg.matrix_rank(line / np.abs(line).max(axis=0)) < p:
        raise DataError(
            f"{name}: the levels of {p - 1} fields cannot be separated from dZ; measure each field at "
            "several Z positions"
        )


def _knots(positions: FloatArray) -> FloatArray:
    """Return the knots of cubic B-splines, so few that the curve cannot pass through all results."""
    n_inner = max(min(MAX_KNOTS, 2 * len(positions) // 3 - 4), 0)
    inner = np.quantile(positions, np.arange(1, n_inner + 1) / (n_inner + 1))
    return np.concatenate([np.repeat(positions[0], 4), inner, np.repeat(positions[-1], 4)])


def _roughness(knots_um: FloatArray) -> FloatArray:
    """Return the integral of products of second derivatives, by Gauss's rule of two points, exact here."""
    edges = np.unique(knots_um)
    half = np.diff(edges) / 2
    middle = edges[:-1] + half
    nodes = np.concatenate([middle - half / np.sqrt(3), middle + half / np.sqrt(3)])
    curvature = _basis(knots_um, nodes, 2)
    return (curvature.T * np.tile(half, 2)) @ curvature


def _basis(knots_um: FloatArray, dz_um: FloatArray, derivative: int = 0) -> FloatArray:
    """Return the B-splines of each dZ, or their derivatives, shape ``(n, p)``."""
    p = len(knots_um) - 4
    return np.asarray(BSpline(knots_um, np.eye(p), 3)(dz_um, nu=derivative))


def _first_above(dz_um: FloatArray, values: FloatArray, limit: float) -> float:
    """Return the first dZ above 0 where the values rise beyond the limit; NaN if none does.

    Parameters
    ----------
    dz_um
        Shape ``(n,)``: rising, 0 among them.
    values
        Shape ``(n,)``: 0 at 0.
    limit
        The limit; the crossing is interpolated linearly.
    """
    outside = np.flatnonzero((dz_um > 0) & (values > limit))
    if not len(outside):
        return float("nan")
    k = int(outside[0])
    part = (limit - values[k - 1]) / (values[k] - values[k - 1])
    return float(dz_um[k - 1] + part * (dz_um[k] - dz_um[k - 1]))
