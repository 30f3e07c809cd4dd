"""The reference plane on the axis of a field of view.

It is the mean of the own planes of the field's beads, the plane of its feature curves, or, where every
frame about the extremum is saturated, the middle of those frames.
"""

from dataclasses import dataclass, replace

import numpy as np

from refp.core.flags import SweepFlag
from refp.measure.features.features import FeatureCurve
from refp.plane.bead_planes import mean_of_beads
from refp.plane.budget import (
    PEAK,
    POOLED,
    axis_term,
    bias_term,
    fit_term,
    height_term,
    name_of,
    stage_sigma,
)
from refp.plane.choice import of_features
from refp.plane.locate import CI_SIGN, SS_SIGN, FeatureResult
from refp.plane.plane import (
    BeadPlanes,
    Contribution,
    FeaturePlane,
    FieldAxis,
    Pool,
    PositionErrors,
    ReferencePlane,
)
from refp.plane.pool import Curve
from refp.plane.propagate import (
    BY_VALIDATION,
    FieldCurves,
    StageDraws,
    draw_stage_errors,
    spread_positions,
)
from refp.settings import FeatureChoice, Instrument

MIN_POSITIONS = 12
"""Fewest nominal Z positions of a field whose plane is the mean of its beads' own planes."""
OWN_REACH_DIAMETERS = 0.6
"""Largest distance of an extremum from the plane in the search with drawn stage errors."""
MIN_SATURATED_STEPS = 2.5
"""Gap between unsaturated frames, in Z steps, from which an extremum within it is not sampled."""


@dataclass(frozen=True, slots=True)
class Zero:
    """Reference plane on a field's axis.

    Attributes
    ----------
    ss, ci
        Planes of the two features.
    feature
        Features whose plane is the reference plane.
    flags, terms
        Flags of the field's plane, and contributions to its uncertainty.
    determined
        Whether there is a plane.
    positions
        Errors of dZ on an axis of the field's own frames.
    """

    ss: FeaturePlane
    ci: FeaturePlane
    feature: FeatureChoice
    flags: SweepFlag
    terms: tuple[Contribution, ...]
    determined: bool = True
    positions: tuple[PositionErrors, ...] = ()

    @property
    def refp_um(self) -> float:
        """Plane of the chosen features on the axis, um."""
        return of_features(self.ss.z_um, self.ci.z_um, self.feature)


def zero_of_pool(
    field: ReferencePlane,
    pool: Pool,
    beads: BeadPlanes,
    diameter_um: float,
    feature: FeatureChoice,
) -> Zero:
    """Return the plane on the pool's axis, which is its zero, with the pool's distance of features."""
    heights = height_term(beads, diameter_um)
    apart_um = pool.feature_distance_um
    ss_um = of_features(0.0, apart_um, feature)
    ss, ci = replace(field.ss, z_um=ss_um), replace(field.ci, z_um=ss_um - apart_um)
    terms = (heights, Contribution(POOLED, "", pool.u_um, np.inf))
    return Zero(ss, ci, feature, SweepFlag(0), terms, determined=field.determined)


def zero_of_beads(
    axis: FieldAxis,
    group: FeatureCurve,
    field: ReferencePlane,
    joined: FeatureResult,
    beads: BeadPlanes,
    instrument: Instrument,
    feature: FeatureChoice,
) -> Zero:
    """Return the plane on a field's axis: the mean of its beads' own planes, or that of its curves.

    The curves are used if too few beads have an own plane or the field has few Z positions, at which
    curves of single beads cannot be smoothed; the pooled profile of all fields is fitted to them.
    """
    if not field.determined:
        return Zero(field.ss, field.ci, feature, field.flags, (), determined=False)
    diameter_um, stated_um = instrument.bead.diameter_um, instrument.stage.repeatability_um
    many = len(np.unique(axis.profiles.z_um[axis.trusted])) >= MIN_POSITIONS
    own = mean_of_beads(beads, diameter_um, feature) if many else None
    curves = field_curves(axis, group, field, instrument)
    smoothing = beads.smoothing if own is not None else BY_VALIDATION
    draws = replace(draw_stage_errors(curves, smoothing), feature=feature)
    if own is not None:
        draws = draws.with_smoothing(own.smoothing_um, own.smoothing_u_um)
    stage = (axis_term(draws, axis, stated_um), bias_term(draws, axis))
    if own is not None:
        ss = replace(field.ss, z_um=own.ss_um, u_um=own.ss_u_um, u_fit_um=own.ss_u_um)
        ci = replace(field.ci, z_um=own.ci_um, u_um=own.ci_u_um, u_fit_um=own.ci_u_um)
        zero = _corrected(Zero(ss, ci, feature, field.flags, (own.term, *stage)), draws)
    else:
        terms = (*_terms_of_curves(field, joined, beads, diameter_um, feature), *stage)
        zero = Zero(field.ss, field.ci, feature, field.flags, terms)
    return replace(zero, positions=_positions(draws, axis, zero.refp_um, stated_um))


def _terms_of_curves(
    field: ReferencePlane,
    joined: FeatureResult,
    beads: BeadPlanes,
    diameter_um: float,
    feature: FeatureChoice,
) -> tuple[Contribution, ...]:
    """Return the contributions to the plane of a field's curves, those of the stage left out."""
    n_used = int(np.count_nonzero(field.ss.used & field.ci.used))
    u_ss_um, u_ci_um = joined.pooled_ss.u_um, joined.pooled_ci.u_um
    both_um = float(np.hypot(u_ss_um, u_ci_um)) / 2
    pooled_um = {"ss": u_ss_um, "ci": u_ci_um, "both": both_um}[feature]
    heights = height_term(beads, diameter_um)
    fit = fit_term(field.ss, field.ci, heights.source, max(n_used - 3.0, 1.0), feature)
    return heights, fit, Contribution(POOLED, "", pooled_um, np.inf)


def saturated_range_um(curve: FeatureCurve) -> tuple[float, float] | None:
    """Return the range between unsaturated frames that hold both extrema, um; ``None`` without one.

    Parameters
    ----------
    curve
        Joined curve of a field, in rising order.

    Notes
    -----
    The features of a saturated frame are bounds: the true steepest slope is steeper, the true centre
    brighter. If both extrema of all frames are among saturated ones, so are the true extrema.
    """
    saturated = curve.ss_saturated | curve.ci_saturated
    known = np.isfinite(curve.center_intensity) & np.isfinite(curve.steepest_slope)
    z_um, rows = curve.z_um[known], saturated[known]
    if not rows.any():
        return None
    lows, highs = [], []
    for at in (curve.center_intensity[known].argmax(), curve.steepest_slope[known].argmin()):
        below, above = np.flatnonzero(~rows[:at]), np.flatnonzero(~rows[at:])
        if not rows[at] or not len(below) or not len(above):
            return None
        lows.append(z_um[below[-1]])
        highs.append(z_um[at + above[0]])
    low, high = float(min(lows)), float(max(highs))
    step_um = float(np.median(np.diff(np.unique(z_um))))
    return (low, high) if high - low >= MIN_SATURATED_STEPS * step_um else None


def zero_of_saturated(
    field: ReferencePlane,
    range_um: tuple[float, float],
    beads: BeadPlanes,
    diameter_um: float,
    feature: FeatureChoice,
) -> Zero:
    """Return the plane in the middle of saturated frames, with a rectangular distribution over them."""
    low, high = range_um
    u_um = (high - low) / np.sqrt(12.0)
    ss, ci = (
        replace(plane, z_um=(low + high) / 2, u_um=u_um, u_fit_um=u_um)
        for plane in (field.ss, field.ci)
    )
    heights = height_term(beads, diameter_um)
    terms = (heights, Contribution(PEAK, name_of(beads.field), u_um, np.inf))
    return Zero(ss, ci, feature, SweepFlag.PEAK_SATURATED, terms)


def _positions(
    draws: StageDraws, axis: FieldAxis, zero_um: float, stated_um: float
) -> tuple[PositionErrors, ...]:
    """Return the errors of dZ on a field's axis; none where its stack was given."""
    if axis.origin.given:
        return ()
    # With F times the frames the same smoothness has F times the weight of the penalty.
    lam = axis.origin.lam * len(axis.x_um) / len(axis.origin.x_um)
    dz_um, sd_um = spread_positions(draws, np.sort(axis.x_um), lam, zero_um)
    dof = stage_sigma(axis, stated_um)[1]
    return (PositionErrors(axis.profiles.field, dz_um, sd_um, dof),)


def _corrected(zero: Zero, draws: StageDraws) -> Zero:
    """Subtract the estimated bias of the extrema due to smoothing and stage errors."""
    ss_um, ci_um = draws.correction_um
    ss = replace(zero.ss, z_um=zero.ss.z_um - float(ss_um))
    ci = replace(zero.ci, z_um=zero.ci.z_um - float(ci_um))
    return replace(zero, ss=ss, ci=ci)


def field_curves(
    axis: FieldAxis, joined: FeatureCurve, field: ReferencePlane, instrument: Instrument
) -> FieldCurves:
    """Return the curves of a field against nominal positions.

    Parameters
    ----------
    axis
        Positions of the field's frames.
    joined
        Joined curve of the field's sweeps, in the order of the axis.
    field
        Plane of that curve, with the frames that take part.
    instrument
        Repeatability of the stage, and size of the bead.
    """
    order = np.argsort(axis.x_um, kind="stable")
    nominal_um = axis.nominal_um[order]
    return FieldCurves(
        curves=(
            Curve(nominal_um, joined.steepest_slope, field.ss.used, SS_SIGN),
            Curve(nominal_um, joined.center_intensity, field.ci.used, CI_SIGN),
        ),
        true_um=axis.x_um[order],
        sweep=axis.profiles.sweep[order],
        sigma_um=stage_sigma(axis, instrument.stage.repeatability_um)[0],
        reach_um=OWN_REACH_DIAMETERS * instrument.bead.diameter_um,
    )
