"""Locate the reference plane of every sweep by its two feature curves, as the article does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.core.flags import UNUSABLE_SWEEP, SweepFlag
from refp.core.robust import mad_sigma
from refp.measure.features.features import FeatureCurve
from refp.plane.budget import BEADS, CURVES, Expanded, expand_budget
from refp.plane.plane import Contribution, FeaturePlane, PooledProfile, ReferencePlane
from refp.plane.pool import Curve, as_spline, fit_to_pool, has_extremum, pool_curves
from refp.settings import PlaneSettings

SS_SIGN, CI_SIGN = -1, 1
EMPTY_PROFILE = PooledProfile(np.empty(0), np.empty(0), float("nan"))


@dataclass(frozen=True, slots=True)
class FeatureResult:
    """Planes of feature curves, and the profiles they share; empty where none could be built."""

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
        What a sweep must have.
    bead_diameter_um
        The planes of the two features may differ by a part of it.
    stage_sigma_um
        Repeatability of the stage where it is known; the uncertainty is never below what it implies.
    pooled
        Pooled profiles (SS, CI) of earlier data to locate the planes with; built from ``curves``
        when not given.

    Returns
    -------
    FeatureResult
        A plane per curve, in their order. Where the extremum is not bracketed by the sweep, or too
        few frames are left, the plane is NaN and a flag says why.

    Notes
    -----
    Chalfoun et al. 2024, "Feature-specific REFP" and "REFP computation": ``REFP_SS`` where SS is
    least, ``REFP_CI`` where CI is greatest, REFP their mean.
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
            curve, s, c, settings, limit, _spread_of_draws(curve, (s, c), (ss.pooled, ci.pooled))
        )
        for curve, s, c in zip(curves, ss.planes, ci.planes, strict=True)
    )
    return FeatureResult(planes, ss.pooled, ci.pooled)


def _spread_of_draws(
    curve: FeatureCurve,
    planes: tuple[FeaturePlane, FeaturePlane],
    pooled: tuple[PooledProfile, PooledProfile],
) -> Contribution | None:
    """Return what the choice of beads contributes to the plane of their median curve.

    One step from the fit to the curve of each draw, both features together.
    """
    value = (curve.steepest_slope, curve.center_intensity)
    n_beads = int(np.median(curve.n_beads)) if len(curve.n_beads) else 0
    if not len(curve.resampled) or n_beads < 2 or not np.isfinite([p.z_um for p in planes]).all():
        return None
    moved = [
        _moved_by_draws(curve.z_um, value[k], curve.resampled[:, k], planes[k], pooled[k])
        for k in range(2)
    ]
    of_plane = (moved[0] + moved[1]) / 2
    # Draws from n beads scatter as from a population whose variance is (n - 1) / n of the true one.
    u_um = float(np.nanstd(of_plane, ddof=1)) * np.sqrt(n_beads / (n_beads - 1))
    return Contribution(BEADS, str(curve.key), float(u_um), n_beads - 1.0)


def _moved_by_draws(
    z_um: FloatArray,
    value: FloatArray,
    drawn: FloatArray,
    plane: FeaturePlane,
    pooled: PooledProfile,
) -> FloatArray:
    """Return how far the plane of one feature moves with the curve of each draw, shape ``(r,)``."""
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
        return _Feature([_nothing(curve) for curve in curves], EMPTY_PROFILE)
    planes = [
        _place(curve, pool, settings, stage_sigma_um, known=pooled is not None)
        if ok
        else _nothing(curve)
        for curve, ok in zip(curves, enough, strict=True)
    ]
    return _Feature(planes, pool)


def _own_pool(curves: Sequence[Curve], enough: Sequence[bool]) -> PooledProfile | None:
    """Pool the curves that have an extremum of their own; none of them may lack one."""
    sources = [c for c, ok in zip(curves, enough, strict=True) if ok and has_extremum(c)]
    return pool_curves(sources) if sources else None


def _nothing(curve: Curve) -> FeaturePlane:
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

    Where the profile is ``known`` from earlier data, it says where the extremum is; the sweep need
    only reach over it, not show it.
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
        ok = _stands_out(curve, fitted, top, fit.shift_um, settings)
    z_um, u_um = (fit.shift_um, u) if ok else (float("nan"), float("nan"))
    return FeaturePlane(z_um, u_um, u_fit, fit.factor, curve.used, fitted)


def _effective_frames(slope: FloatArray) -> float:
    """Return the effective number of frames: frames on the slopes place the curve, others hardly do."""
    weight = slope**2
    return max(1.0, float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300)))


def _stands_out(
    curve: Curve, fitted: FloatArray, top: float, z_um: float, settings: PlaneSettings
) -> bool:
    """Whether the frames on both sides of the extremum fall off from it beyond the noise."""
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
    """Whether the plane lies between the frames that take part, by more than its uncertainty."""
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
    """Join the two features' planes and say what is missing.

    Parameters
    ----------
    curve
        The sweep's feature curve.
    ss, ci
        Planes of the two features.
    settings
        What a sweep must have.
    limit_um
        Largest distance between the two.
    beads
        What the choice of beads contributes, where it was drawn.
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
        if not np.isfinite(ss.z_um):
            flags |= SweepFlag.SS_NOT_BRACKETED
        if not np.isfinite(ci.z_um):
            flags |= SweepFlag.CI_NOT_BRACKETED
    # The same frames and beads make both features, so their errors go together.
    u_um = (ss.u_um + ci.u_um) / 2
    curves = Contribution(CURVES, str(curve.key), u_um, max(n_used - 3.0, 1.0))
    budget = (curves,) if beads is None else (curves, beads)
    return make_plane(curve, ss, ci, flags, budget, n_used, limit_um)


def make_plane(
    curve: FeatureCurve,
    ss: FeaturePlane,
    ci: FeaturePlane,
    flags: SweepFlag,
    budget: tuple[Contribution, ...],
    n_used: int,
    limit_um: float,
) -> ReferencePlane:
    """Return the plane halfway between the two features', or none with the flags that say why.

    Parameters
    ----------
    curve, ss, ci, limit_um
        As for :func:`combine_features`.
    flags
        What is known already.
    budget
        Sources of uncertainty.
    n_used
        Frames that took part.
    """
    refp_um = (ss.z_um + ci.z_um) / 2
    if abs(ss.z_um - ci.z_um) > limit_um:
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
        ss=ss,
        ci=ci,
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
