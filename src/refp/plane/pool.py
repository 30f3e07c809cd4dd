"""Align all feature curves to one pooled profile, by shift and factor.

The model is ``feature_k(z) = factor_k * pooled(z - shift_k)``. Shifts, factors and the pooled profile
are refined alternately until the shifts converge, so that the result does not depend on the order of
the sweeps.

References
----------
Chalfoun et al. 2024, "Pooled profile".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline
from scipy.optimize import least_squares

from refp.core.arrays import BoolArray, FloatArray
from refp.plane.plane import PooledProfile
from refp.plane.smooth import fit_smooth, smooth_with

GRID_POINTS = 401
JACKKNIFE_GROUPS = 8
SETTLED = 1e-4
"""Shifts have converged when none changes by more than this fraction of the pooled Z range."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One feature of one sweep at all its frames, with a mask of those that take part.

    ``sign`` is -1 where the plane is the feature's minimum (SS) and +1 where it is the maximum (CI).
    """

    z_um: FloatArray
    value: FloatArray
    used: BoolArray
    sign: int

    @property
    def points(self) -> tuple[FloatArray, FloatArray]:
        """Z and value of the frames that take part."""
        return self.z_um[self.used], self.value[self.used]


@dataclass(frozen=True, slots=True)
class PoolFit:
    """Shift and factor of a curve against the pooled profile."""

    shift_um: float
    factor: float
    u_shift_um: float


def fit_to_pool(curve: Curve, profile: PooledProfile) -> PoolFit:
    """Fit shift and factor of a pooled profile to one curve.

    Parameters
    ----------
    curve
        Curve with at least three frames that take part.
    profile
        The pooled profile; its zero is the feature's plane, so the shift is that plane's Z.
    """
    z, value = curve.points
    spline = as_spline(profile)
    start = _search_shift(z, value, profile, spline)
    return _refine(z, value, spline, start)


def pool_curves(curves: Sequence[Curve]) -> PooledProfile:
    """Build the pooled profile of several curves.

    Parameters
    ----------
    curves
        Curves of one feature, each with at least four frames that take part.

    Returns
    -------
    PooledProfile
        Profile with the extremum at zero of its axis.
    """
    first = _best_bracketed(curves)
    pooled = _pooled(curves[first : first + 1], [_at_start(curves[first])])
    fits = [fit_to_pool(curve, pooled) for curve in curves]
    reach = float(np.ptp(np.concatenate([curve.z_um for curve in curves])))
    for _ in range(30):
        pooled = _pooled(curves, fits)
        spline = as_spline(pooled)
        moved = _gauge([_refine(*c.points, spline, f) for c, f in zip(curves, fits, strict=True)])
        change = max(abs(a.shift_um - b.shift_um) for a, b in zip(moved, fits, strict=True))
        fits = moved
        if change < SETTLED * reach:
            break
    x, y = _aligned(curves, fits)
    last = _pooled(curves, fits)
    near = last.dz_um[np.abs(last.dz_um) <= np.ptp(last.dz_um) / 4]
    zero_um = float(x.min() - last.dz_um[0])
    u_um = _jackknife(x - zero_um, y, curves[0].sign, fit_smooth(x, y).lam, near)
    return PooledProfile(last.dz_um, last.value, u_um)


def as_spline(profile: PooledProfile) -> BSpline:
    """Return the pooled profile as an interpolating spline."""
    return make_interp_spline(profile.dz_um, profile.value, k=3)


def has_extremum(curve: Curve) -> bool:
    """Return whether the extremum of the smoothed curve is inside its range, not at an end."""
    z, _ = curve.points
    return bool(z.min() < _at_start(curve).shift_um < z.max())


def _gauge(fits: Sequence[PoolFit]) -> list[PoolFit]:
    """Divide the factors by their geometric mean, which fixes the scale of the pooled profile."""
    mean = float(np.exp(np.mean([np.log(fit.factor) for fit in fits])))
    return [PoolFit(fit.shift_um, fit.factor / mean, fit.u_shift_um) for fit in fits]


def _at_start(curve: Curve) -> PoolFit:
    """Return the initial fit of a curve: its own extremum as shift, and factor one."""
    z, value = curve.points
    grid = np.linspace(z.min(), z.max(), GRID_POINTS)
    smoothed = fit_smooth(z, value).spline(grid)
    return PoolFit(float(grid[np.argmax(curve.sign * smoothed)]), 1.0, 0.0)


def _best_bracketed(curves: Sequence[Curve]) -> int:
    """Return the index of the curve with most frames on the side of its extremum that has fewer."""

    def bracket(curve: Curve) -> int:
        z, _ = curve.points
        at = _at_start(curve).shift_um
        return int(min(np.count_nonzero(z < at), np.count_nonzero(z > at)))

    return int(np.argmax([bracket(curve) for curve in curves]))


def _aligned(curves: Sequence[Curve], fits: Sequence[PoolFit]) -> tuple[FloatArray, FloatArray]:
    """Return the points of all curves on one axis and scale."""
    pairs = list(zip(curves, fits, strict=True))
    x = np.concatenate([c.points[0] - f.shift_um for c, f in pairs])
    y = np.concatenate([c.points[1] / f.factor for c, f in pairs])
    return x, y


def _pooled(curves: Sequence[Curve], fits: Sequence[PoolFit]) -> PooledProfile:
    """Smooth all aligned points and put the zero at the extremum."""
    x, y = _aligned(curves, fits)
    grid = np.linspace(x.min(), x.max(), GRID_POINTS)
    value = fit_smooth(x, y).spline(grid)
    return PooledProfile(grid - extremum(grid, value, curves[0].sign), value, float("nan"))


def extremum(x: FloatArray, y: FloatArray, sign: int) -> float:
    """Return the position of the extremum on an even grid, refined by a parabola except at the ends."""
    i = int(np.argmax(sign * y))
    if i in (0, len(x) - 1):
        return float(x[i])
    left, middle, right = y[i - 1 : i + 2]
    bend = left - 2 * middle + right
    return float(x[i] + (0.5 * (left - right) / bend if bend else 0.0) * (x[1] - x[0]))


def _search_shift(
    z: FloatArray, value: FloatArray, profile: PooledProfile, spline: BSpline
) -> PoolFit:
    """Return the best shift on a grid over all overlaps of curve and profile.

    Only points that overlap the pooled profile are compared, by the fraction of variance that is not
    explained. At least half of all points must overlap.
    """
    low, high = float(profile.dz_um[0]), float(profile.dz_um[-1])
    best, score = PoolFit(float(z.mean()), 1.0, 0.0), np.inf
    shifts = np.linspace(z.min() - high, z.max() - low, GRID_POINTS)
    at = z - shifts[:, None]
    overlaps = (at >= low) & (at <= high)
    n_inside = np.count_nonzero(overlaps, axis=1)
    models = np.split(spline(at[overlaps]), np.cumsum(n_inside)[:-1])
    for k in np.flatnonzero(n_inside >= max(3, len(z) / 2)):
        seen, model = value[overlaps[k]], models[k]
        factor = float(model @ seen / max(model @ model, 1e-30))
        if factor <= 0:
            continue
        spread = float(seen.var()) + 1e-30
        unexplained = float(((seen - factor * model) ** 2).mean()) / spread
        if unexplained < score:
            best, score = PoolFit(float(shifts[k]), factor, 0.0), unexplained
    return best


def _refine(z: FloatArray, value: FloatArray, spline: BSpline, start: PoolFit) -> PoolFit:
    """Refine a fit by robust least squares, with a sandwich estimate of its uncertainty."""
    scale = max(float(np.ptp(value)), 1e-12)
    low, high = spline.t[3], spline.t[-4]

    def model(parameters: FloatArray) -> FloatArray:
        at = np.clip(z - parameters[0], low, high)
        fitted: FloatArray = np.exp(parameters[1]) * spline(at)
        return fitted

    def residual(parameters: FloatArray) -> FloatArray:
        return (value - model(parameters)) / scale

    noise = max(1.4826 * float(np.median(np.abs(residual(_start(start))))), 1e-6)
    found = least_squares(
        residual, _start(start), loss="soft_l1", f_scale=3 * noise, x_scale=[np.ptp(z) / 20, 0.05]
    )
    shift, log_factor = found.x
    return PoolFit(
        float(shift), float(np.exp(log_factor)), _sandwich(np.asarray(found.jac), residual(found.x))
    )


def _start(fit: PoolFit) -> FloatArray:
    return np.array([fit.shift_um, np.log(fit.factor)])


def _sandwich(jacobian: FloatArray, residual: FloatArray) -> float:
    """Return the standard uncertainty of the first parameter with heteroscedastic residuals.

    Stage errors scatter the values on the slopes of a peak, but hardly those at its top. The sandwich
    estimator (White 1980, corrected for the degrees of freedom) needs no model of the variance.
    """
    n, p = jacobian.shape
    if n <= p:
        return float("nan")
    bread = np.linalg.pinv(jacobian.T @ jacobian)
    meat = (jacobian * residual[:, None] ** 2).T @ jacobian
    return float(np.sqrt((bread @ meat @ bread)[0, 0] * n / (n - p)))


def _jackknife(x: FloatArray, y: FloatArray, sign: int, lam: float, near: FloatArray) -> float:
    """Return the standard uncertainty of an extremum; NaN with too few points.

    Frames are left out in interleaved groups. The scatter of the extremum includes the effects of noise,
    of stage errors and of a Z step too coarse for the peak.

    References
    ----------
    Shao and Wu 1989, "A general theory for jackknife variance estimation" (groups of observations).
    """
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    positions: list[float] = []
    for group in range(JACKKNIFE_GROUPS):
        kept = np.arange(len(x)) % JACKKNIFE_GROUPS != group
        if len(np.unique(x[kept])) < 4:
            break
        positions.append(extremum(near, smooth_with(x[kept], y[kept], lam)(near), sign))
    if len(positions) < JACKKNIFE_GROUPS:
        return float("nan")
    return float(np.sqrt((JACKKNIFE_GROUPS - 1) * np.var(positions)))
