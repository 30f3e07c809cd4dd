"""Locate the reference plane of every sweep by its two feature curves, the method of the article."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.core.flags import UNUSABLE_SWEEP, SweepFlag
from refp.core.robust import mad_sigma
from refp.measure.features.features import FeatureCurve
from refp.plane.budget import BEADS, CURVES, Expanded, expand_budget
from refp.plane.choice import of_features
from refp.plane.plane import Contribution, FeaturePlane, PooledProfile, ReferencePlane
from refp.plane.pool import Curve, as_spline, fit_to_pool, has_extremum, pool_curves
from refp.settings import FeatureChoice, PlaneSettings

SS_SIGN, CI_SIGN = -1, 1
EMPTY_PROFILE = PooledProfile(np.empty(0), np.empty(0), float("nan"))


@dataclass(frozen=True, slots=True)
class FeatureResult:
    """Planes of feature curves, and their pooled profiles; empty where none could be built."""

    planes: tuple[ReferencePlane, ...]
    pooled_ss: PooledProfile
    pooled_ci: PooledProfile


def locate_by_features(
    curves: Sequence[FeatureCurve],
    settings: PlaneSettings,
    *,
    bead_diameter_um: float,
    stage_sigma_um: float = 0.0,
    pooled: tuple[PooledProfile, PooledProfile] | None = None,
) -> FeatureResult:
    """Pool the feature curves and locate the plane of every sweep.

    Parameters
    ----------
    curves
        One per sweep, in any order.
    settings
        Requirements on a sweep.
    bead_diameter_um
        Nominal bead diameter, um; the largest distance between the planes of the two features is a
        fraction of it.
    stage_sigma_um
        Repeatability of the stage, um; 0 where it is not known. It bounds the uncertainty from below.
    pooled
        Pooled profiles (SS, CI) of earlier data; built from ``curves`` when not given.

    Returns
    -------
    FeatureResult
        A plane per curve, in their order. If the sweep does not bracket the extremum, or too few
        frames can be used, the plane is NaN and a flag states the reason.

    Notes
    -----
    Chalfoun et al. 2024, "Feature-specific REFP" and "REFP computation": ``REFP_SS`` is the position
    of the minimum of SS, ``REFP_CI`` that of the maximum of CI, and REFP their mean.
    """
    ss = _locate_feature(
        [_ss_curve(c, settings) for c in curves], pooled and pooled[0], settings, stage_sigma_um
    )
    ci = _locate_feature(
        [_ci_curve(c, settings) for c in curves], pooled and pooled[1], settings, stage_sigma_um
    )
    limit = settings.maximum_feature_distance_diameters * bead_diameter_um
    planes = tuple(
        combine_features(
            curve,
            s,
            c,
            settings,
            limit,
            _spread_of_draws(curve, (s, c), (ss.pooled, ci.pooled), settings.feature),
        )
        for curve, s, c in zip(curves, ss.planes, ci.planes, strict=True)
    )
    return FeatureResult(planes, ss.pooled, ci.pooled)


def _spread_of_draws(
    curve: FeatureCurve,
    planes: tuple[FeaturePlane, FeaturePlane],
    pooled: tuple[PooledProfile, PooledProfile],
    feature: FeatureChoice,
) -> Contribution | None:
    """Return the contribution of the choice of beads to the plane of their median curve.

    The plane of each draw is that of one Gauss-Newton step from the fit, with both features together.
    """
    value = (curve.steepest_slope, curve.center_intensity)
    n_beads = int(np.median(curve.n_beads)) if len(curve.n_beads) else 0
    if not len(curve.resampled) or n_beads < 2 or not np.isfinite([p.z_um for p in planes]).all():
        return None
    moved = [
        _moved_by_draws(curve.z_um, value[k], curve.resampled[:, k], planes[k], pooled[k])
        for k in range(2)
    ]
    of_plane = of_features(moved[0], moved[1], feature)
    # Draws from n beads have (n - 1) / n of the variance of the population.
    u_um = float(np.nanstd(of_plane, ddof=1)) * np.sqrt(n_beads / (n_beads - 1))
    return Contribution(BEADS, str(curve.key), float(u_um), n_beads - 1.0)


def _moved_by_draws(
    z_um: FloatArray,
    value: FloatArray,
    drawn: FloatArray,
    plane: FeaturePlane,
    pooled: PooledProfile,
) -> FloatArray:
    """Return the shift of one feature's plane for the curve of each draw, shape ``(r,)``."""
    spline = as_spline(pooled)
    known = plane.used & np.isfinite(drawn).all(axis=0) & np.isfinite(plane.fitted)
    at = z_um[known] - plane.z_um
    step = np.column_stack([-plane.factor * spline.derivative()(at), spline(at)])
    return np.asarray((np.linalg.pinv(step) @ (drawn[:, known] - value[known]).T)[0])


@dataclass(frozen=True, slots=True)
class _Feature:
    planes: list[FeaturePlane]
    pooled: PooledProfile


def _ss_curve(curve: FeatureCurve, settings: PlaneSettings) -> Curve:
    used = _usable(curve.steepest_slope, curve.ss_saturated, curve, settings)
    return Curve(curve.z_um, curve.steepest_slope, used, SS_SIGN)


def _ci_curve(curve: FeatureCurve, settings: PlaneSettings) -> Curve:
    used = _usable(curve.center_intensity, curve.ci_saturated, curve, settings)
    return Curve(curve.z_um, curve.center_intensity, used, CI_SIGN)


def _usable(
    value: FloatArray, saturated: BoolArray, curve: FeatureCurve, settings: PlaneSettings
) -> BoolArray:
    return np.isfinite(value) & ~saturated & (curve.n_beads >= settings.minimum_beads)


def _locate_feature(
    curves: Sequence[Curve],
    pooled: PooledProfile | None,
    settings: PlaneSettings,
    stage_sigma_um: float,
) -> _Feature:
    """Locate one feature's extremum in every sweep."""
    enough = [int(curve.used.sum()) >= settings.minimum_frames for curve in curves]
    pool = pooled if pooled is not None else _own_pool(curves, enough)
    if pool is None:
        return _Feature([_undetermined(curve) for curve in curves], EMPTY_PROFILE)
    planes = [
        _place(curve, pool, settings, stage_sigma_um, known=pooled is not None)
        if ok
        else _undetermined(curve)
        for curve, ok in zip(curves, enough, strict=True)
    ]
    return _Feature(planes, pool)


def _own_pool(curves: Sequence[Curve], enough: Sequence[bool]) -> PooledProfile | None:
    """Pool the curves that have an extremum of their own; ``None`` if there are none."""
    sources = [c for c, ok in zip(curves, enough, strict=True) if ok and has_extremum(c)]
    return pool_curves(sources) if sources else None


def _undetermined(curve: Curve) -> FeaturePlane:
    nan = float("nan")
    return FeaturePlane(nan, nan, nan, nan, curve.used, np.full(len(curve.z_um), nan))


def _place(
    curve: Curve,
    pool: PooledProfile,
    settings: PlaneSettings,
    stage_sigma_um: float,
    *,
    known: bool,
) -> FeaturePlane:
    """Fit the pooled profile to a curve and check that the sweep brackets the extremum.

    With a profile ``known`` from earlier data, the sweep must reach over the extremum, but need not
    have one of its own.
    """
    fit = fit_to_pool(curve, pool)
    dz = curve.z_um - fit.shift_um
    inside = (dz >= pool.dz_um[0]) & (dz <= pool.dz_um[-1])
    spline = as_spline(pool)
    fitted = np.where(inside, fit.factor * spline(dz), np.nan)
    u_stage = stage_sigma_um / np.sqrt(_effective_frames(spline.derivative()(dz[inside])))
    u_fit = float(max(fit.u_shift_um, u_stage))
    u = float(np.hypot(u_fit, pool.u_um))
    top = fit.factor * float(spline(0.0))
    ok = _inside(curve, fit.shift_um, u)
    if ok and not known:
        ok = _is_prominent(curve, fitted, top, fit.shift_um, settings)
    z_um, u_um = (fit.shift_um, u) if ok else (float("nan"), float("nan"))
    return FeaturePlane(z_um, u_um, u_fit, fit.factor, curve.used, fitted)


def _effective_frames(slope: FloatArray) -> float:
    """Return the effective number of frames, weighted by the squared slope of the profile at each."""
    weight = slope**2
    return max(1.0, float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300)))


def _is_prominent(
    curve: Curve, fitted: FloatArray, top: float, z_um: float, settings: PlaneSettings
) -> bool:
    """Return whether the curve falls from the extremum by more than the noise on both sides."""
    z, value = curve.points
    model = fitted[curve.used]
    known = np.isfinite(model)
    below, above = model[known & (z < z_um)], model[known & (z > z_um)]
    if not below.size or not above.size:
        return False
    noise = mad_sigma(value - model)
    drops = [curve.sign * top - (curve.sign * side).min() for side in (below, above)]
    return bool(min(drops) > settings.minimum_prominence * noise)


def _inside(curve: Curve, z_um: float, u_um: float) -> bool:
    """Return whether frames that take part bracket the plane by more than its uncertainty."""
    z, _ = curve.points
    return bool(np.isfinite(u_um) and z.min() + u_um < z_um < z.max() - u_um)


def combine_features(
    curve: FeatureCurve,
    ss: FeaturePlane,
    ci: FeaturePlane,
    settings: PlaneSettings,
    limit_um: float,
    beads: Contribution | None = None,
) -> ReferencePlane:
    """Combine the planes of the two features, and set flags where something is missing.

    Parameters
    ----------
    curve
        The sweep's feature curve.
    ss, ci
        Planes of the two features.
    settings
        Requirements on a sweep.
    limit_um
        Largest distance between the two, um.
    beads
        Contribution of the choice of beads, where resampled curves are available.
    """
    flags = SweepFlag(0)
    n_used = int(np.count_nonzero(ss.used & ci.used))
    if not curve.n_beads.any():
        flags |= SweepFlag.NO_BEADS
    elif min(np.count_nonzero(ss.used), np.count_nonzero(ci.used)) < settings.minimum_frames:
        flags |= SweepFlag.TOO_FEW_FRAMES
        if (curve.ss_saturated | curve.ci_saturated).any():
            flags |= SweepFlag.PEAK_SATURATED
    else:
        if not np.isfinite(ss.z_um) and settings.feature != "ci":
            flags |= SweepFlag.SS_NOT_BRACKETED
        if not np.isfinite(ci.z_um) and settings.feature != "ss":
            flags |= SweepFlag.CI_NOT_BRACKETED
    # Both features are from the same frames and beads, so their errors are correlated.
    u_um = of_features(ss.u_um, ci.u_um, settings.feature)
    curves = Contribution(CURVES, str(curve.key), u_um, max(n_used - 3.0, 1.0))
    budget = (curves,) if beads is None else (curves, beads)
    located = Located(ss, ci, settings.feature, limit_um)
    return make_plane(curve, located, flags, budget, n_used)


@dataclass(frozen=True, slots=True)
class Located:
    """Planes of both features, the choice of them, and the largest distance between the two, um."""

    ss: FeaturePlane
    ci: FeaturePlane
    feature: FeatureChoice
    limit_um: float

    @property
    def refp_um(self) -> float:
        """Plane of the chosen features, um."""
        return of_features(self.ss.z_um, self.ci.z_um, self.feature)

    @property
    def disagrees(self) -> bool:
        """Whether the plane is the mean of two that are too far apart."""
        return self.feature == "both" and abs(self.ss.z_um - self.ci.z_um) > self.limit_um


def make_plane(
    curve: FeatureCurve,
    located: Located,
    flags: SweepFlag,
    budget: tuple[Contribution, ...],
    n_used: int,
) -> ReferencePlane:
    """Return the plane of the chosen features, or NaN with flags that state the reason.

    Parameters
    ----------
    curve
        The sweep's feature curve.
    located
        Planes of the two features.
    flags
        Flags that are already set.
    budget
        Contributions to the uncertainty.
    n_used
        Number of frames that take part.
    """
    refp_um = located.refp_um
    if located.disagrees:
        flags |= SweepFlag.FEATURES_DISAGREE
    if np.isfinite(refp_um):
        nearest = np.argsort(np.abs(curve.z_um - refp_um))[:3]
        if (curve.ss_saturated | curve.ci_saturated)[nearest].any():
            flags |= SweepFlag.PEAK_SATURATED
    determined = not flags & UNUSABLE_SWEEP and bool(np.isfinite(refp_um))
    nan = float("nan")
    expanded = expand_budget(refp_um, budget) if determined else Expanded(nan, nan, nan)
    refp_um = float(refp_um) if determined else nan
    return ReferencePlane(
        key=curve.key,
        ss=located.ss,
        ci=located.ci,
        refp_um=refp_um,
        refp_u_um=expanded.u_um,
        dof=expanded.dof,
        lower_um=refp_um - expanded.half_width_um,
        upper_um=refp_um + expanded.half_width_um,
        budget=budget if determined else (),
        n_frames=len(curve.z_um),
        n_frames_used=n_used,
        n_beads=int(np.median(curve.n_beads)) if len(curve.n_beads) else 0,
        flags=flags,
    )
