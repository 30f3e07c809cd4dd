"""Propagate stage errors through the reading of a plane, by drawing them.

The plane of a field is read off values at nominal places, where every frame is off by a stage error.
Drawn errors, each with its opposite, show how far that moves the extremes by chance, and by how much on
average: the smoother flattens an uneven peak to one side, and the second order of the errors is the
same for an error and its opposite.

References
----------
JCGM 101:2008, "Propagation of distributions using a Monte Carlo method".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refp.core.arrays import FloatArray, IntArray
from refp.plane.pool import Curve
from refp.plane.smooth import fit_smooth, smooth_with

PAIRS = 100
"""Draws, each with its opposite: their first orders cancel, so that fewer are needed."""
SEED = 20
"""Of the draws: the same data give the same plane."""
POINTS = 601


@dataclass(frozen=True, slots=True)
class StageDraws:
    """What drawn stage errors do to the plane of a field.

    Attributes
    ----------
    moved_um
        Shape ``(2, draws)``: how far each draw moves the extrema of SS and of CI.
    """

    moved_um: FloatArray

    @property
    def sd_um(self) -> float:
        """How far one draw moves the plane, the mean of both extrema, by chance."""
        return float(self.moved_um.mean(axis=0).std(ddof=1))

    @property
    def bias_um(self) -> float:
        """How far all of them move the plane on average."""
        return float(self.moved_um.mean())

    @property
    def share(self) -> float:
        """Share of the bias that is taken off.

        The curves that are drawn from owe their own bends to stage errors, so a bias is found with
        about the uncertainty of one draw. Of a value and a deviation of which nothing else is known
        the best estimate of the value is this share of their sum.
        """
        return self.bias_um**2 / max(self.bias_um**2 + self.sd_um**2, 1e-300)

    @property
    def correction_um(self) -> FloatArray:
        """What is taken off the extrema of SS and of CI, shape ``(2,)``."""
        return np.asarray(self.share * self.moved_um.mean(axis=1))

    @property
    def residual_um(self) -> float:
        """What is left of the bias, taken as a standard uncertainty."""
        return (1.0 - self.share) * abs(self.bias_um)


def draw_stage_errors(
    curves: Sequence[Curve],
    true_um: FloatArray,
    sweep: IntArray,
    sigma_um: float,
    reach_um: float,
) -> StageDraws:
    """Draw stage errors and read the plane of a field anew.

    Parameters
    ----------
    curves
        The field's curves of SS and CI against the places that they are read at, ``(n,)`` frames each.
    true_um
        Shape ``(n,)``, where the frames lie as well as is known: there the curves are smooth.
    sweep
        Shape ``(n,)``, number of each frame's sweep; the mean error of a sweep is left out, since it
        moves the sweep's frames with its plane.
    sigma_um
        Standard deviation of the stage errors.
    reach_um
        How far off the extremum of the true curve another one may be found.
    """
    # Drawn along the axis, so that nothing hangs on the order of sweeps.
    order = np.argsort(curves[0].z_um, kind="stable")
    error = np.empty((len(true_um), 2 * PAIRS))
    drawn = np.random.default_rng(SEED).normal(0.0, sigma_um, (len(true_um), PAIRS))
    error[order] = np.concatenate([drawn, -drawn], axis=1)
    for number in np.unique(sweep):
        error[sweep == number] -= error[sweep == number].mean(axis=0)
    moved = [_moved(curve, true_um, error, reach_um) for curve in curves]
    return StageDraws(np.array(moved))


def _moved(curve: Curve, true_um: FloatArray, error_um: FloatArray, reach_um: float) -> FloatArray:
    """Return how far each column of errors moves the extremum of a curve."""
    used, sign = curve.used, curve.sign
    places, value = curve.points
    true = fit_smooth(true_um[used], value).spline
    low, high = true_um[used].min(), true_um[used].max()
    grid = np.linspace(low, high, POINTS)
    top_um = _extremes(grid, sign * true(grid)[:, None])[0]
    near = np.linspace(max(low, top_um - reach_um), min(high, top_um + reach_um), POINTS)
    shown = true(np.clip(places[:, None] + error_um[used], low, high))
    smooth = smooth_with(places, shown, fit_smooth(places, value).lam)
    return _extremes(near, sign * smooth(near)) - _extremes(near, sign * true(near)[:, None])[0]


def _extremes(grid: FloatArray, value: FloatArray) -> FloatArray:
    """Return where each column is greatest, refined by a parabola; an end point as it is."""
    top = np.clip(value.argmax(axis=0), 1, len(grid) - 2)
    left, middle, right = (np.take_along_axis(value, top[None] + k, axis=0)[0] for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    part = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
    return np.asarray(grid[top] + np.clip(part, -1.0, 1.0) * (grid[1] - grid[0]))
