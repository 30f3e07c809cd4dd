"""Propagate stage errors to the plane of a field by a Monte Carlo method.

The plane of a field is found from values at nominal positions, each of which has a stage error. Random
errors are drawn in pairs of opposite sign. They give the standard deviation of the extrema, and their
bias: smoothing shifts an asymmetric peak to one side, and effects of second order are the same for an
error and its opposite.

The sum of variance and squared bias also selects the smoothness. Cross-validation minimises the error of
the curve; the position of its extremum, a zero of the derivative, has the least error at a larger
bandwidth, unless the peak is sharp.

References
----------
JCGM 101:2008, "Propagation of distributions using a Monte Carlo method".
Müller, Stadtmüller and Schmitt 1987, "Bandwidth choice and confidence intervals for derivatives of noisy
data", Biometrika 74, 743.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import FloatArray, IntArray
from refp.plane.choice import of_features
from refp.plane.pool import Curve
from refp.plane.smooth import fit_smooth, smooth_with
from refp.settings import FeatureChoice

PAIRS = 100
"""Pairs of opposite draws: effects of first order cancel in their mean, so fewer are needed."""
SEED = 20
"""A fixed seed of the draws makes the plane reproducible."""
POINTS = 601
POSITIONS = 61
"""Positions along an axis at which the error of dZ is stated."""
FACTORS = (1.0, 3.0, 10.0)
"""Weights of the penalty that are compared, over that of cross-validation.

The bandwidth increases as the fourth root of the weight, by 1.8 at most. The errors of more weights are in
``benchmarks/accuracy/smoothing.json``.
"""
BY_VALIDATION: FloatArray = np.full(2, np.nan)
"""Smoothing by cross-validation for both features."""


@dataclass(frozen=True, slots=True)
class FieldCurves:
    """Feature curves of the joined sweeps of a field, ``n`` frames each.

    Attributes
    ----------
    curves
        Curves of SS and of CI against nominal positions.
    true_um
        Shape ``(n,)``, corrected positions of the frames, against which the curves are smooth, um.
    sweep
        Shape ``(n,)``, number of each frame's sweep; the mean error of a sweep is no error of its plane,
        since it shifts frames and plane alike.
    sigma_um
        Standard deviation of the stage errors, um.
    reach_um
        Largest distance from the extremum of the true curve in the search, um.
    """

    curves: Sequence[Curve]
    true_um: FloatArray
    sweep: IntArray
    sigma_um: float
    reach_um: float

    def draw(self) -> FloatArray:
        """Return random stage errors of the frames, shape ``(n, draws)``, um."""
        # They are drawn in the order of nominal positions: the result must not depend on that of sweeps.
        order = np.argsort(self.curves[0].z_um, kind="stable")
        n = len(self.true_um)
        error = np.empty((n, 2 * PAIRS))
        drawn = np.random.default_rng(SEED).normal(0.0, self.sigma_um, (n, PAIRS))
        error[order] = np.concatenate([drawn, -drawn], axis=1)
        for number in np.unique(self.sweep):
            error[self.sweep == number] -= error[self.sweep == number].mean(axis=0)
        return error


@dataclass(frozen=True, slots=True)
class StageDraws:
    """Shifts of the plane of a field by drawn stage errors.

    Attributes
    ----------
    moved_um
        Shape ``(2, draws)``: shifts of the extrema of SS and of CI by each draw, um.
    error_um
        Shape ``(n, draws)``: the drawn errors of the ``n`` frames, um.
    smoothing_um
        Shape ``(2,)``: the part of the shifts that is due to smoothing alone, um.
    smoothing_u_um
        Standard uncertainty of that part, as a shift of the plane, um.
    feature
        Features whose plane is the reference plane.
    """

    moved_um: FloatArray
    error_um: FloatArray
    smoothing_um: FloatArray
    smoothing_u_um: float = 0.0
    feature: FeatureChoice = "both"

    def with_smoothing(self, smoothing_um: FloatArray, u_um: float) -> "StageDraws":
        """Return the draws with another shift by smoothing, shape ``(2,)``, of uncertainty ``u_um``."""
        moved_um = self.moved_um + (smoothing_um - self.smoothing_um)[:, None]
        return replace(self, moved_um=moved_um, smoothing_um=smoothing_um, smoothing_u_um=u_um)

    @property
    def plane_um(self) -> FloatArray:
        """Shift of the plane by each draw, shape ``(draws,)``, um."""
        return of_features(self.moved_um[0], self.moved_um[1], self.feature)

    @property
    def sd_um(self) -> float:
        """Standard deviation of the shift of the plane, um."""
        return float(self.plane_um.std(ddof=1))

    @property
    def bias_um(self) -> float:
        """Mean shift of the plane, um."""
        return float(self.plane_um.mean())

    @property
    def corrected_fraction(self) -> float:
        """Fraction of the bias that is corrected.

        The measured curves contain stage errors themselves, so the standard uncertainty of the bias is
        about the standard deviation of one draw, and that of the smoothing. The fraction is the shrinkage
        factor of least mean squared error for a value with this uncertainty.
        """
        variance = self.sd_um**2 + self.smoothing_u_um**2
        return self.bias_um**2 / max(self.bias_um**2 + variance, 1e-300)

    @property
    def correction_um(self) -> FloatArray:
        """Corrections to subtract from the extrema of SS and of CI, shape ``(2,)``, um."""
        return np.asarray(self.corrected_fraction * self.moved_um.mean(axis=1))

    @property
    def residual_um(self) -> float:
        """Remaining bias, which is taken as a standard uncertainty, um.

        A second smoothing shows about half of the shift by the first, since it acts on a flatter curve: as
        much again is uncertain.
        """
        smoothing_um = of_features(self.smoothing_um[0], self.smoothing_um[1], self.feature)
        return math.hypot((1.0 - self.corrected_fraction) * self.bias_um, smoothing_um)


def choose_smoothing(field: FieldCurves) -> FloatArray:
    """Return the smoothing of least mean squared error of the extrema of SS and of CI.

    Returns
    -------
    ndarray
        Shape ``(2,)``, weights of the penalty for each frame.
    """
    error = field.draw()
    chosen: list[float] = []
    for curve in field.curves:
        weights = _validated(curve) * np.array(FACTORS)
        moved = np.array([_moved(curve, field, error, float(weight)) for weight in weights])
        squared = moved.mean(axis=1) ** 2 + moved.var(axis=1, ddof=1)
        chosen.append(float(weights[np.argmin(squared)]))
    return np.array(chosen)


def draw_stage_errors(field: FieldCurves, smoothing: FloatArray) -> StageDraws:
    """Draw stage errors and locate the plane of a field for each draw.

    Parameters
    ----------
    field
        Curves of the field.
    smoothing
        From :func:`choose_smoothing`, or :data:`BY_VALIDATION`.
    """
    error = field.draw()
    with_none = np.column_stack([np.zeros(len(error)), error])
    pairs = zip(field.curves, smoothing.tolist(), strict=True)
    moved = np.array(
        [_moved(c, field, with_none, w if np.isfinite(w) else _validated(c)) for c, w in pairs]
    )
    return StageDraws(moved[:, 1:], error, moved[:, 0])


def spread_positions(
    draws: StageDraws, x_um: FloatArray, lam: float, zero_um: float
) -> tuple[FloatArray, FloatArray]:
    """Return the standard deviation of the error of dZ along an axis.

    Parameters
    ----------
    draws
        Draws for ``n`` frames.
    x_um
        Shape ``(n,)``, positions of the frames on the axis, um.
    lam
        Weight of the penalty of the stack that the frames are placed on.
    zero_um
        The plane on the axis, um.

    Returns
    -------
    tuple of array
        dZ and standard deviation, shape ``(m,)`` each, um.

    Notes
    -----
    A stack through the frames follows the smooth part of their stage errors, so frames placed on it
    keep this part. The plane has an error of its own; only the difference of both is an error of dZ.
    """
    grid = np.linspace(x_um.min(), x_um.max(), POSITIONS)
    followed = smooth_with(x_um, draws.error_um, lam)(grid)
    error = -followed - draws.plane_um
    return grid - zero_um, np.asarray(error.std(axis=1, ddof=1))


def _validated(curve: Curve) -> float:
    """Return the weight of the penalty for each frame by cross-validation."""
    position, value = curve.points
    return fit_smooth(position, value).lam / len(position)


def _moved(curve: Curve, field: FieldCurves, error_um: FloatArray, weight: float) -> FloatArray:
    """Return the shift of the extremum of a curve by each column of errors."""
    used, sign = curve.used, curve.sign
    position, value = curve.points
    true_um = field.true_um[used]
    # Corrected positions keep the smooth part of the stage errors, which is no part of the true curve.
    true = smooth_with(true_um, value, max(FACTORS) * fit_smooth(true_um, value).lam)
    low, high = true_um.min(), true_um.max()
    grid = np.linspace(low, high, POINTS)
    top_um = _extremes(grid, sign * true(grid)[:, None])[0]
    near = np.linspace(
        max(low, top_um - field.reach_um), min(high, top_um + field.reach_um), POINTS
    )
    shown = true(np.clip(position[:, None] + error_um[used], low, high))
    smooth = smooth_with(position, shown, weight * len(position))
    return _extremes(near, sign * smooth(near)) - _extremes(near, sign * true(near)[:, None])[0]


def _extremes(grid: FloatArray, value: FloatArray) -> FloatArray:
    """Return the position of the maximum of each column, refined by a parabola except at the ends."""
    top = np.clip(value.argmax(axis=0), 1, len(grid) - 2)
    left, middle, right = (np.take_along_axis(value, top[None] + k, axis=0)[0] for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    part = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
    return np.asarray(grid[top] + np.clip(part, -1.0, 1.0) * (grid[1] - grid[0]))
