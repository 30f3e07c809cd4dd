"""Locate the reference plane of every sweep: profiles place the frames, features locate the plane.

Every field of view has an axis with the positions of its frames, found from their profiles
(:mod:`refp.plane.align`). The feature curves of all its exposures are joined on that axis, and all
fields share the pooled profiles of steepest slope and centre intensity. The plane of a sweep is that
of its field plus the shift of the sweep on the axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refp.core.flags import SweepFlag
from refp.measure.features.features import FeatureCurve, SweepMeasurement
from refp.plane.align import align_field, align_jointly, move_axis, place_field
from refp.plane.bead_planes import locate_beads
from refp.plane.budget import expand_budget, expand_mean, mean_term
from refp.plane.locate import FeatureResult, Located, locate_by_features, make_plane
from refp.plane.plane import (
    BeadPlanes,
    FeaturePlane,
    FieldAxis,
    PlaneResult,
    Pool,
    PositionErrors,
    ReferencePlane,
)
from refp.plane.propagate import BY_VALIDATION, choose_smoothing
from refp.plane.stack import EMPTY_STACK, join_stacks
from refp.plane.stated import state_planes, stated_zero
from refp.plane.typical import group_fields, typical_profiles
from refp.plane.zero import (
    Zero,
    field_curves,
    saturated_range_um,
    zero_of_beads,
    zero_of_pool,
    zero_of_saturated,
)
from refp.settings import Instrument, PlaneSettings


def place_fields(
    sweeps: Sequence[SweepMeasurement],
    curves: Sequence[FeatureCurve],
    settings: PlaneSettings,
    instrument: Instrument,
    pool: Pool | None = None,
) -> list[FieldAxis]:
    """Place the frames of every field of view.

    Parameters
    ----------
    sweeps, curves
        Measured sweeps and their feature curves.
    settings, instrument
        Largest radius at which profiles are compared; repeatability of the stage.
    pool
        Earlier data, on whose stack frames are placed; default: a stack of the fields' own profiles.

    Returns
    -------
    list of FieldAxis
        Axes of the fields; one with too few frames, or that does not fit the pool's stack, is left out.
    """
    sigma_um = instrument.stage.repeatability_um
    fields = group_fields(sweeps).values()
    seen = [typical_profiles(sweeps, members, settings.reach_radii) for members in fields]
    if pool is not None:
        placed = [place_field(p, pool.stack, sigma_um) for p in seen if len(p) and pool.has_stack]
        return [axis for axis in placed if axis is not None]
    aligned = [align_field(profiles, sigma_um) for profiles in seen if len(profiles)]
    return _join_fields(
        [axis for axis in aligned if axis is not None], curves, settings, instrument
    )


def _join_fields(
    axes: list[FieldAxis],
    curves: Sequence[FeatureCurve],
    settings: PlaneSettings,
    instrument: Instrument,
) -> list[FieldAxis]:
    """Place all fields that have a plane of their own on one stack; leave the others unchanged."""
    if len(axes) < 2:
        return axes
    groups = [_join(curves, axis) for axis in axes]
    located = locate_by_features(
        groups, settings, bead_diameter_um=instrument.bead.diameter_um
    ).planes
    whole = [i for i, plane in enumerate(located) if plane.determined]
    if len(whole) < 2:
        return axes
    joint = align_jointly([axes[i] for i in whole], [located[i].refp_um for i in whole])
    together = dict(zip(whole, joint, strict=True))
    return [together.get(i, axis) for i, axis in enumerate(axes)]


def find_bead_planes(
    sweeps: Sequence[SweepMeasurement],
    curves: Sequence[FeatureCurve],
    axes: Sequence[FieldAxis],
    settings: PlaneSettings,
    instrument: Instrument,
) -> list[BeadPlanes]:
    """Find the own plane of every bead of every placed field.

    Parameters
    ----------
    sweeps, curves
        Measured sweeps and their feature curves.
    axes
        From :func:`place_fields`.
    settings, instrument
        Requirements on a sweep; size of the bead.
    """
    diameter_um = instrument.bead.diameter_um
    groups = [_join(curves, axis) for axis in axes]
    located = locate_by_features(groups, settings, bead_diameter_um=diameter_um)
    beads: list[BeadPlanes] = []
    for axis, group, plane in zip(axes, groups, located.planes, strict=True):
        middle_um, smoothing = float(np.median(axis.x_um)), BY_VALIDATION
        if plane.determined:
            middle_um = plane.refp_um
            smoothing = choose_smoothing(field_curves(axis, group, plane, instrument))
        beads.append(locate_beads(sweeps, axis, middle_um, diameter_um, smoothing))
    return beads


def locate_planes(
    curves: Sequence[FeatureCurve],
    axes: Sequence[FieldAxis],
    beads: Sequence[BeadPlanes],
    settings: PlaneSettings,
    instrument: Instrument,
    pool: Pool | None = None,
) -> PlaneResult:
    """Locate the plane of every sweep.

    Parameters
    ----------
    curves
        One feature curve per sweep.
    axes, beads
        From :func:`place_fields` and :func:`find_bead_planes`; sweeps of a field without an axis are
        located by their features against nominal Z.
    settings, instrument
        Requirements on a sweep; size of the bead and repeatability of the stage.
    pool
        Earlier data to locate the planes with; built from the curves when not given.

    Returns
    -------
    PlaneResult
        A plane per curve, in their order. If the sweep does not bracket the plane by more than its
        uncertainty, or too few frames can be used, it is NaN and a flag states the reason.
    """
    diameter_um = instrument.bead.diameter_um
    stage_um = instrument.stage.repeatability_um
    known = (pool.ss, pool.ci) if pool is not None else None
    by_features = locate_by_features(
        curves, settings, bead_diameter_um=diameter_um, stage_sigma_um=stage_um, pooled=known
    )
    if not axes:
        result = _by_features_alone(by_features, pool, instrument)
        return replace(result, planes=tuple(state_planes(result.planes, settings)))
    groups = [_join(curves, axis) for axis in axes]
    joined = locate_by_features(groups, settings, bead_diameter_um=diameter_um, pooled=known)
    fields = [_Field(*parts) for parts in zip(axes, groups, joined.planes, beads, strict=True)]
    zeros = [_zero_of_field(field, joined, pool, settings, instrument) for field in fields]
    planes = list(by_features.planes)
    for axis, zero in zip(axes, zeros, strict=True):
        for number in axis.shift_um:
            planes[number] = _plane_of_sweep(
                curves[number], axis, number, zero, settings, instrument
            )
    planes = state_planes(planes, settings)
    return PlaneResult(
        planes=tuple(planes),
        by_features=by_features.planes,
        pool=pool or _make_pool(joined, zeros, axes, planes, settings, instrument),
        axes=tuple(axes),
        beads=tuple(beads),
        positions=_positions(axes, zeros, settings),
    )


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of view: its axis, the curve of its joined sweeps and their plane, its beads."""

    axis: FieldAxis
    curve: FeatureCurve
    plane: ReferencePlane
    beads: BeadPlanes


def _zero_of_field(
    field: _Field,
    joined: FeatureResult,
    pool: Pool | None,
    settings: PlaneSettings,
    instrument: Instrument,
) -> Zero:
    """Locate the plane of a field on its axis: by a pool, by its saturated range, or by its beads."""
    diameter_um, feature = instrument.bead.diameter_um, settings.feature
    if pool is not None:
        return zero_of_pool(field.plane, pool, field.beads, diameter_um, feature)
    saturated_um = saturated_range_um(field.curve)
    if saturated_um is not None:
        return zero_of_saturated(field.plane, saturated_um, field.beads, diameter_um, feature)
    return zero_of_beads(
        field.axis, field.curve, field.plane, joined, field.beads, instrument, feature
    )


def _known_zeros_um(
    axes: Sequence[FieldAxis], zeros: Sequence[Zero], settings: PlaneSettings
) -> dict[int, float]:
    """Return the plane on the axis of each field where it is stated or determined, um."""
    known: dict[int, float] = {}
    for i, (axis, zero) in enumerate(zip(axes, zeros, strict=True)):
        stated_um = stated_zero(axis, settings)
        if stated_um is not None:
            known[i] = stated_um
        elif zero.determined:
            known[i] = zero.refp_um
    return known


def _positions(
    axes: Sequence[FieldAxis], zeros: Sequence[Zero], settings: PlaneSettings
) -> tuple[PositionErrors, ...]:
    """Return the errors of position of the fields whose planes are located."""
    return tuple(
        errors
        for axis, zero in zip(axes, zeros, strict=True)
        if zero.determined and stated_zero(axis, settings) is None
        for errors in zero.positions
    )


def _by_features_alone(
    result: FeatureResult, pool: Pool | None, instrument: Instrument
) -> PlaneResult:
    """Return the planes by features alone, for data without any axis."""
    made = Pool(
        ss=result.pooled_ss,
        ci=result.pooled_ci,
        stack=EMPTY_STACK,
        feature_distance_um=_mean_distance(
            [p.ss.z_um - p.ci.z_um for p in result.planes if p.determined]
        ),
        u_um=float(np.hypot(result.pooled_ss.u_um, result.pooled_ci.u_um) / 2),
        stage_sigma_um=float("nan"),
        black_level=instrument.optics.black_level or 0.0,
    )
    return PlaneResult(result.planes, result.planes, pool or made, (), ())


def _join(curves: Sequence[FeatureCurve], axis: FieldAxis) -> FeatureCurve:
    """Join the feature curves of a field's sweeps on its axis; frames not trusted have no beads."""
    order = np.argsort(axis.x_um, kind="stable")
    frames = axis.profiles
    pairs = [(curves[frames.sweep[i]], frames.frame[i]) for i in order]

    def column(name: str) -> Any:
        return np.array([getattr(curve, name)[frame] for curve, frame in pairs])

    return FeatureCurve(
        key=curves[frames.sweep[0]].key,
        z_um=axis.x_um[order],
        steepest_slope=column("steepest_slope"),
        center_intensity=column("center_intensity"),
        ss_saturated=column("ss_saturated"),
        ci_saturated=column("ci_saturated"),
        n_beads=np.where(axis.trusted[order], column("n_beads"), 0),
    )


def _mean_distance(distances_um: Sequence[float]) -> float:
    """Return the mean of SS planes less CI planes; NaN without any."""
    known = [distance for distance in distances_um if np.isfinite(distance)]
    return float(np.mean(known)) if known else float("nan")


def _plane_of_sweep(
    curve: FeatureCurve,
    axis: FieldAxis,
    number: int,
    zero: Zero,
    settings: PlaneSettings,
    instrument: Instrument,
) -> ReferencePlane:
    """Return the plane of a sweep: that of its field plus the shift of the sweep."""
    diameter_um = instrument.bead.diameter_um
    stated_um = instrument.stage.repeatability_um
    terms = (mean_term(axis, number, str(curve.key), stated_um), *zero.terms)
    shift_um = axis.shift_um[number]
    placed = axis.trusted & (axis.profiles.sweep == number)
    n_placed = int(np.count_nonzero(placed))
    flags = zero.flags & ~SweepFlag.PEAK_SATURATED
    if n_placed < settings.minimum_frames:
        flags |= SweepFlag.TOO_FEW_FRAMES
    ss = _of_sweep(zero.ss, axis, number, shift_um, len(curve.z_um))
    ci = _of_sweep(zero.ci, axis, number, shift_um, len(curve.z_um))
    limit_um = settings.maximum_feature_distance_diameters * diameter_um
    located = Located(ss, ci, settings.feature, limit_um)
    refp_um = located.refp_um
    u_um = expand_budget(0.0, terms).u_um if np.isfinite(refp_um) else np.nan
    z_um = axis.profiles.z_um[placed]
    # The mean stage error of a sweep shifts its frames and its plane alike.
    if np.isfinite(refp_um) and n_placed and not z_um.min() + u_um < refp_um < z_um.max() - u_um:
        flags |= SweepFlag.SS_NOT_BRACKETED | SweepFlag.CI_NOT_BRACKETED
    return make_plane(curve, located, flags, terms, n_placed)


def _of_sweep(
    plane: FeaturePlane, axis: FieldAxis, number: int, shift_um: float, n_frames: int
) -> FeaturePlane:
    """Return the feature plane of a field in nominal Z and frame order of one sweep."""
    order = np.argsort(axis.x_um, kind="stable")
    of_sweep = axis.profiles.sweep[order] == number
    frames = axis.profiles.frame[order][of_sweep]
    used = np.zeros(n_frames, dtype=np.bool_)
    fitted = np.full(n_frames, np.nan)
    used[frames], fitted[frames] = plane.used[of_sweep], plane.fitted[of_sweep]
    return replace(plane, z_um=plane.z_um + shift_um, used=used, fitted=fitted)


def _make_pool(
    joined: FeatureResult,
    zeros: Sequence[Zero],
    axes: Sequence[FieldAxis],
    planes: Sequence[ReferencePlane],
    settings: PlaneSettings,
    instrument: Instrument,
) -> Pool:
    """Pool the data with which later sweeps are located."""
    fields = _known_zeros_um(axes, zeros, settings)
    first = [next(iter(axes[i].shift_um)) for i in fields]
    chosen = [planes[number] for number in first if planes[number].determined]
    u_um = expand_mean(chosen).u_um if chosen else float("nan")
    sigmas = [(axis.stage_sigma_um, axis.n_trusted) for axis in axes]
    return Pool(
        ss=joined.pooled_ss,
        ci=joined.pooled_ci,
        stack=join_stacks([move_axis(axes[i], z) for i, z in fields.items()])[0].stack
        if fields
        else EMPTY_STACK,
        feature_distance_um=_mean_distance(
            [zero.ss.z_um - zero.ci.z_um for zero in zeros if zero.determined]
        ),
        u_um=u_um,
        stage_sigma_um=float(
            np.sqrt(np.average([s**2 for s, _ in sigmas], weights=[n for _, n in sigmas]))
        ),
        black_level=instrument.optics.black_level or 0.0,
    )
