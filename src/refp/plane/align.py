"""Place every frame of a field of view by its whole radial profile.

A stage does not reach its nominal Z exactly: the position of frame ``i`` of a sweep is
``z_i + e_i``. The profile changes all along Z, so a smooth stack through all frames of a field, at
all exposures, determines ``e_i`` wherever the profile changes by more than its noise. This includes
frames far from the plane, where steepest slope and centre intensity change little. The stack and the
frame positions are refined alternately, :data:`ROUNDS` iterations. Two components of the stage error
cannot be found in this way and stay in the uncertainty budget: its mean over a sweep, and its part
that is smooth on the scale of the stack.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
from scipy.ndimage import median_filter

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.robust import mad_sigma
from refp.plane.match import Placement, fit_stretch, place_profiles, stretch_stack
from refp.plane.plane import FieldAxis, FieldProfiles, PooledStack, StackOrigin
from refp.plane.stack import MIN_FRAMES, can_stack, fit_stack, join_stacks, leave_one_out

ROUNDS = 2
JOINT_ROUNDS = 1
MARGIN_SIGMAS = 3.0
TRUSTED_SIGMAS = 5.0
MAX_REDUCED_CHI2 = 25.0
"""A frame is not trusted if its reduced chi squared exceeds the typical one by more than this factor."""
NEAR_FRAMES = 9
MAX_FRACTION_ODD = 0.1
"""Largest fraction of frames that are left out of the first stack as unlike the others."""
MAX_TAKEN = 0.75
MIN_FRACTION = 0.05
"""Lower bound of the weight of a profile when the shift of its sweep is updated."""
NO_FRAMES = StackOrigin(np.empty(0), 0.0, 0.0)
UNKNOWN_SIGMA_STEPS = 0.25
"""Initial standard deviation of stage errors, in Z steps, where the repeatability is not known."""
MIN_SIGMA_STEPS = 0.002


class _Gauge(Enum):
    """Components of the frame positions that only the nominal Z determines."""

    OWN = auto()
    """The stack is the field's own: offset and scale of the axis."""
    JOINT = auto()
    """The stack is that of all fields: scale of the axis."""
    GIVEN = auto()
    """The stack is given: none."""


@dataclass(frozen=True, slots=True)
class _Errors:
    """Stage errors of the frames of a field, and shifts of its sweeps."""

    x_um: FloatArray
    error_um: FloatArray
    shift_um: FloatArray
    trusted: BoolArray
    sigma_um: float


def align_field(profiles: FieldProfiles, stage_sigma_um: float) -> FieldAxis | None:
    """Find the stage errors of a field's frames from their own profiles.

    Parameters
    ----------
    profiles
        From :func:`refp.plane.typical.typical_profiles`.
    stage_sigma_um
        Repeatability of the stage, um, the initial value of the search; 0 where it is not known.

    Returns
    -------
    FieldAxis or None
        ``None`` if there are too few different Z positions for a stack, or too few frames fit one.
    """
    if len(np.unique(profiles.z_um)) < MIN_FRAMES:
        return None
    which = np.unique(profiles.sweep, return_inverse=True)[1]
    floor_um, sigma_um = _sigmas(profiles.z_um, stage_sigma_um)
    state = _start(profiles, which, sigma_um)
    for _ in range(ROUNDS):
        good = state.trusted
        if not can_stack(state.x_um[good], profiles.profile[good]):
            return None
        built = fit_stack(
            state.x_um[good],
            profiles.profile[good],
            profiles.radius_radii,
            MARGIN_SIGMAS * state.sigma_um,
            profiles.ring_noise if len(profiles.ring_noise) else None,
        )
        expected = profiles.z_um - state.shift_um[which]
        found = place_profiles(built.stack, profiles.profile, expected, state.sigma_um)
        state = _update(profiles.z_um, which, expected, found, floor_um, _Gauge.OWN)
    if not can_stack(state.x_um[state.trusted], profiles.profile[state.trusted]):
        return None
    return _axis(profiles, state, found, built.stack, built.origin)


def place_field(
    profiles: FieldProfiles, stack: PooledStack, stage_sigma_um: float
) -> FieldAxis | None:
    """Place a field's frames on the stack of earlier data.

    Parameters
    ----------
    profiles
        From :func:`refp.plane.typical.typical_profiles`.
    stack
        The stack; its zero is the reference plane of the earlier data.
    stage_sigma_um
        Repeatability of the stage, um; 0 where it is not known.

    Returns
    -------
    FieldAxis or None
        ``None`` if the profiles of the frames do not fit the stack.

    Notes
    -----
    Beads of another field differ in size. The image of a larger sphere is that of a smaller one on a
    larger scale, so radii and distances along Z are stretched by one factor, chosen by least reduced
    chi squared.
    """
    floor_um, sigma_um = _sigmas(profiles.z_um, stage_sigma_um)
    n_rings = profiles.profile.shape[1]
    narrowed = PooledStack(
        stack.dz_um, profiles.radius_radii, stack.mean[:, :n_rings], stack.sd[:, :n_rings]
    )
    size = fit_stretch(narrowed, profiles.profile)
    sized = stretch_stack(narrowed, size)
    # The shift of the sweep is not known yet, so the prior of the first placement is flat.
    first = place_profiles(sized, profiles.profile, np.zeros(len(profiles)), np.inf)
    inside = first.inside
    if np.count_nonzero(inside) < 3 or np.median(first.reduced_chi2[inside]) > MAX_REDUCED_CHI2:
        return None
    which = np.unique(profiles.sweep, return_inverse=True)[1]
    offset = np.where(inside, profiles.z_um - first.best_um, np.nan)
    shift = np.array([np.nanmedian(offset[which == k]) for k in range(which.max() + 1)])
    if not np.isfinite(shift).all():
        return None
    state = _Errors(first.best_um, offset, shift, inside, sigma_um)
    found = first
    for _ in range(ROUNDS):
        expected = profiles.z_um - state.shift_um[which]
        found = place_profiles(sized, profiles.profile, expected, state.sigma_um)
        state = _update(profiles.z_um, which, expected, found, floor_um, _Gauge.GIVEN)
    return replace(_axis(profiles, state, found, sized, NO_FRAMES), size=size)


def align_jointly(axes: Sequence[FieldAxis], plane_um: Sequence[float]) -> list[FieldAxis]:
    """Place the frames of several fields on one stack of them all.

    Parameters
    ----------
    axes
        Each field on its own axis, from :func:`align_field`.
    plane_um
        Approximate reference plane on each of those axes.

    Returns
    -------
    list of FieldAxis
        The zeros of all axes are the same position on the stack.

    Notes
    -----
    The more frames a stack is built from, the less it follows the stage errors of single frames.
    """
    moved = [move_axis(axis, plane) for axis, plane in zip(axes, plane_um, strict=True)]
    for _ in range(JOINT_ROUNDS):
        built, stretches = join_stacks(moved)
        moved = [
            replace(_place_again(axis, stretch_stack(built.stack, s), built.origin), size=s)
            for axis, s in zip(moved, stretches, strict=True)
        ]
    return moved


def move_axis(axis: FieldAxis, by_um: float) -> FieldAxis:
    """Move the zero of an axis by ``by_um``."""
    stack = replace(axis.stack, dz_um=axis.stack.dz_um - by_um)
    origin = replace(axis.origin, x_um=axis.origin.x_um - by_um)
    shift = {number: value + by_um for number, value in axis.shift_um.items()}
    return replace(axis, x_um=axis.x_um - by_um, shift_um=shift, origin=origin, stack=stack)


def _place_again(axis: FieldAxis, stack: PooledStack, origin: StackOrigin) -> FieldAxis:
    """Place a field's frames on another stack, starting from their present positions."""
    profiles = axis.profiles
    numbers, which = np.unique(profiles.sweep, return_inverse=True)
    floor_um, _ = _sigmas(profiles.z_um, axis.stage_sigma_um)
    expected = profiles.z_um - np.array([axis.shift_um[int(n)] for n in numbers])[which]
    found = place_profiles(stack, profiles.profile, expected, axis.stage_sigma_um)
    state = _update(profiles.z_um, which, expected, found, floor_um, _Gauge.JOINT)
    return _axis(profiles, state, found, stack, origin)


def _sigmas(z_um: FloatArray, stage_sigma_um: float) -> tuple[float, float]:
    """Return lower bound and initial value of the standard deviation of stage errors, um."""
    distinct = np.unique(z_um)
    step = float(np.median(np.diff(distinct))) if len(distinct) > 1 else 1.0
    floor = MIN_SIGMA_STEPS * step
    return floor, max(stage_sigma_um or UNKNOWN_SIGMA_STEPS * step, floor)


def _start(profiles: FieldProfiles, which: IntArray, sigma_um: float) -> _Errors:
    z_um, shift = profiles.z_um, np.zeros(which.max() + 1)
    return _Errors(z_um, np.zeros_like(z_um), shift, _like_neighbours(profiles), sigma_um)


def _like_neighbours(profiles: FieldProfiles) -> BoolArray:
    """Mark frames that deviate from the others no more than their neighbours along Z do.

    One outlying frame would bend the first stack towards itself and then fit it. The worst frame is
    removed first, since it increases the deviations of its neighbours.
    """
    z_um = profiles.z_um
    rings = np.isfinite(profiles.profile).all(axis=0)
    like = np.ones(len(z_um), dtype=np.bool_)
    for _ in range(int(MAX_FRACTION_ODD * len(z_um)) if rings.any() else 0):
        kept = np.flatnonzero(like)
        if len(np.unique(z_um[kept])) <= MIN_FRAMES:
            break
        deviation = leave_one_out(z_um[kept], profiles.profile[np.ix_(kept, rings)])
        order = np.lexsort((deviation, z_um[kept]))
        typical = median_filter(deviation[order], NEAR_FRAMES, mode="nearest")
        ratio = deviation[order] / np.maximum(typical, 1e-12)
        worst = int(np.argmax(ratio))
        if ratio[worst] <= MAX_REDUCED_CHI2:
            break
        like[kept[order[worst]]] = False
    return like


def _update(
    z_um: FloatArray,
    which: IntArray,
    expected: FloatArray,
    found: Placement,
    floor_um: float,
    gauge: _Gauge,
) -> _Errors:
    """Split the positions that were found into shifts of sweeps and stage errors of frames."""
    n = which.max() + 1
    error = found.dz_um - expected
    middle = np.array([np.median(error[which == k]) for k in range(n)])
    # The median deviation of few frames is uncertain: the scale is at least a frame's own uncertainty.
    scale = np.maximum(max(mad_sigma(error - middle[which]), floor_um), found.u_um)
    trusted = np.abs(error - middle[which]) <= TRUSTED_SIGMAS * scale
    trusted &= found.reduced_chi2 <= MAX_REDUCED_CHI2 * max(
        float(np.median(found.reduced_chi2)), 1.0
    )
    trusted &= found.inside
    error = error + _held_back(error, found.profile_weight, which, trusted)
    error = error - _line(expected, error, trusted, gauge)
    x = expected + error
    shift = np.array([_mean((z_um - x)[(which == k) & trusted], 0.0) for k in range(n)])
    error = x - (z_um - shift[which])
    variance = error[trusted] ** 2 + found.u_um[trusted] ** 2
    sigma = max(float(np.sqrt(_mean(variance, floor_um**2))), floor_um)
    return _Errors(x, error, shift, trusted, sigma)


def _held_back(
    error: FloatArray, weight: FloatArray, which: IntArray, used: BoolArray
) -> FloatArray:
    """Return the correction for the pull of the previous shift of each sweep on its frames.

    The prior pulls every frame towards its expected position. The stage's repeatability bounds the
    errors of frames about their sweep, not the shift of the sweep, which is that of the best fit of
    all its frames.
    """
    used_weight = np.where(used, np.maximum(weight, MIN_FRACTION), 0.0)
    moved = np.bincount(which, np.where(used, error, 0.0)) / np.maximum(
        np.bincount(which, used_weight), MIN_FRACTION
    )
    return (1.0 - weight) * moved[which]


def _line(x: FloatArray, y: FloatArray, used: BoolArray, gauge: _Gauge) -> FloatArray:
    """Return the component that a gauge removes: a line, a slope about the mean position, or zero."""
    if gauge is _Gauge.GIVEN or np.count_nonzero(used) < 3:
        return np.zeros_like(y)
    offset = x - x[used].mean()
    level = float(y[used].mean())
    slope = float(offset[used] @ (y[used] - level) / max(float(offset[used] @ offset[used]), 1e-12))
    return slope * offset + (level if gauge is _Gauge.OWN else 0.0)


def _mean(values: FloatArray, fallback: float) -> float:
    return float(values.mean()) if values.size else fallback


def _axis(
    profiles: FieldProfiles,
    state: _Errors,
    found: Placement,
    stack: PooledStack,
    origin: StackOrigin,
) -> FieldAxis:
    numbers = np.unique(profiles.sweep)
    # A stack built from the frames themselves follows a part of their errors.
    taken = 0.0 if origin.given else min(origin.edf / len(origin.x_um), MAX_TAKEN)
    return FieldAxis(
        profiles=profiles,
        x_um=state.x_um,
        stage_error_um=state.error_um,
        u_um=found.u_um,
        trusted=state.trusted,
        shift_um={int(n): float(s) for n, s in zip(numbers, state.shift_um, strict=True)},
        stage_sigma_um=state.sigma_um / float(np.sqrt(1.0 - taken)),
        origin=origin,
        stack=stack,
    )
