"""Propagate stage errors to the plane of a field by a Monte Carlo method.

The plane of a field is found from values at nominal positions, each of which has a stage error. Random
errors are drawn in pairs of opposite sign. They give the standard deviation of the extrema, and their
bias: smoothing shifts an asymmetric peak to one side, and effects of second order are the same for an
error and its opposite.

References
----------
JCGM 101:2008, "Propagation of distributions using a Monte Carlo method".
"""

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
        """Remaining bias, which is taken as a standard uncertainty, um."""
        return (1.0 - self.corrected_fraction) * abs(self.bias_um)


def draw_stage_errors(
    curves: Sequence[Curve],
    true_um: FloatArray,
    sweep: IntArray,
    sigma_um: float,
    reach_um: float,
) -> StageDraws:
    """Draw stage errors and locate the plane of a field for each draw.

    Parameters
    ----------
    curves
        The field's curves of SS and CI against nominal positions, ``n`` frames each.
    true_um
        Shape ``(n,)``, corrected positions of the frames, against which the curves are smooth, um.
    sweep
        Shape ``(n,)``, number of each frame's sweep; the mean error of a sweep is subtracted, since it
        shifts frames and plane alike.
    sigma_um
        Standard deviation of the stage errors, um.
    reach_um
        Largest distance from the extremum of the true curve in the search, um.
    """
    # Errors are drawn in the order of nominal positions: the result must not depend on that of sweeps.
    order = np.argsort(curves[0].z_um, kind="stable")
    error = np.empty((len(true_um), 2 * PAIRS))
    drawn = np.random.default_rng(SEED).normal(0.0, sigma_um, (len(true_um), PAIRS))
    error[order] = np.concatenate([drawn, -drawn], axis=1)
    for number in np.unique(sweep):
        error[sweep == number] -= error[sweep == number].mean(axis=0)
    with_none = np.column_stack([np.zeros(len(error)), error])
    moved = np.array([_moved(curve, true_um, with_none, reach_um) for curve in curves])
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


def _moved(curve: Curve, true_um: FloatArray, error_um: FloatArray, reach_um: float) -> FloatArray:
    """Return the shift of the extremum of a curve by each column of errors."""
    used, sign = curve.used, curve.sign
    position, value = curve.points
    true = fit_smooth(true_um[used], value).spline
    low, high = true_um[used].min(), true_um[used].max()
    grid = np.linspace(low, high, POINTS)
    top_um = _extremes(grid, sign * true(grid)[:, None])[0]
    near = np.linspace(max(low, top_um - reach_um), min(high, top_um + reach_um), POINTS)
    shown = true(np.clip(position[:, None] + error_um[used], low, high))
    smooth = smooth_with(position, shown, fit_smooth(position, value).lam)
    return _extremes(near, sign * smooth(near)) - _extremes(near, sign * true(near)[:, None])[0]


def _extremes(grid: FloatArray, value: FloatArray) -> FloatArray:
    """Return the position of the maximum of each column, refined by a parabola except at the ends."""
    top = np.clip(value.argmax(axis=0), 1, len(grid) - 2)
    left, middle, right = (np.take_along_axis(value, top[None] + k, axis=0)[0] for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    part = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
    return np.asarray(grid[top] + np.clip(part, -1.0, 1.0) * (grid[1] - grid[0]))
