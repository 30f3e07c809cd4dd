"""Guards of the refocus loop: pure functions that decide whether and how far the stage moves.

No function here touches hardware. Each returns a value, or raises :class:`Halt` with the outcome of the
loop and one sentence that names values and remedy.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from refp.estimate import FocusEstimate
from refp.history.stage import StageRecord
from refp.settings import RefocusSettings

Outcome = Literal[
    "reached",
    "refused",
    "too_uncertain",
    "outside_limits",
    "did_not_arrive",
    "wrong_direction",
    "wrong_response",
    "worse",
    "max_moves",
    "camera_timeout",
    "camera_error",
    "stage_timeout",
    "stage_error",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
SIGMAS = 3.0
"""Standard uncertainties beyond which a change of dZ is not due to noise."""
MIN_RESPONSE, MAX_RESPONSE = 0.3, 1.7
"""Change of dZ over the move; 1 without noise and backlash, -1 for the opposite direction."""


class Halt(Exception):  # noqa: N818 - it ends the loop, and is no error of the program
    """End of the loop before the reference plane.

    Parameters
    ----------
    outcome, reason
        Code, and one sentence with values and remedy.
    """

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Learnt:
    """Properties of the stage; those that its moves have shown hold for later runs on the same stage.

    Attributes
    ----------
    direction
        1 where dZ rises with the stage's Z, -1 where it falls.
    kept
        Whether the history holds this direction as proved, so that the first move needs not be small.
    proved
        Whether a move has changed dZ in this direction.
    approach_um
        Last leg of an approach that takes up the backlash.
    """

    direction: Literal[1, -1]
    kept: bool
    proved: bool
    approach_um: float


def first_learnt(settings: RefocusSettings, known: StageRecord | None = None) -> Learnt:
    """Return the properties of a stage before its first move.

    Parameters
    ----------
    settings
        Stated direction and last leg precede the known ones.
    known
        Record of the stage; ``None`` without one.
    """
    known_direction = 0 if known is None else known.direction
    direction = settings.direction or known_direction or 1
    kept = direction == known_direction
    approach_um = settings.first_approach_um
    if (
        known is not None
        and kept
        and settings.approach_um is None
        and known.approach_um > approach_um
    ):
        approach_um = known.approach_um
    return Learnt(direction, kept=kept, proved=False, approach_um=approach_um)


@dataclass(frozen=True, slots=True)
class Reading:
    """An estimate with the position of the stage."""

    z_um: float
    delta_z_um: float
    u_um: float
    half_width_um: float


def read_estimate(z_um: float, estimate: FocusEstimate) -> Reading:
    """Return an estimate as a reading; a refusal halts, so that it never moves the stage.

    Raises
    ------
    Halt
        ``refused``.
    """
    if estimate.status == "refused":
        raise Halt("refused", estimate.reason)
    half_width_um = (estimate.upper_um - estimate.lower_um) / 2
    values = (z_um, estimate.delta_z_um, estimate.u_um, half_width_um)
    if not all(map(math.isfinite, values)):
        raise Halt("refused", f"the estimate has no finite values: dZ {estimate.delta_z_um} um")
    return Reading(*values)


def is_reached(now: Reading, settings: RefocusSettings) -> bool:
    """Return whether the whole interval of dZ is within the tolerance.

    Raises
    ------
    Halt
        ``too_uncertain`` if dZ is smaller than U, and U alone exceeds the tolerance: no move helps.
    """
    if abs(now.delta_z_um) + now.half_width_um <= settings.tolerance_um:
        return True
    if now.half_width_um >= settings.tolerance_um and abs(now.delta_z_um) <= now.half_width_um:
        raise Halt(
            "too_uncertain",
            f"U = {now.half_width_um:.1f} um is not below the tolerance, {settings.tolerance_um:g} um; "
            "use more beads, verify the instrument, or allow a larger tolerance",
        )
    return False


def plan_target(
    now: Reading, learnt: Learnt, settings: RefocusSettings, dz_range_um: tuple[float, float]
) -> float:
    """Return the position of the next image, um.

    Parameters
    ----------
    now
        Position and dZ of the last image.
    learnt
        Without a direction that is kept or proved the move is at most ``settings.proof_um``.
    settings
        Limits and guards.
    dz_range_um
        Trained range of dZ; in its outer part the move is at most half of dZ.

    Raises
    ------
    Halt
        ``outside_limits`` if the reference plane is outside the limits.
    """
    wanted_um = -learnt.direction * now.delta_z_um
    _check_limits(now.z_um + wanted_um, now, settings)
    if _is_at_edge(now.delta_z_um, dz_range_um, settings.edge_fraction):
        wanted_um /= 2
    if not (learnt.kept or learnt.proved):
        wanted_um = _clip(wanted_um, settings.proof_um)
    target_um = now.z_um + _clip(wanted_um, _reach_um(wanted_um, learnt, settings))
    _check_limits(target_um, now, settings)
    return target_um


def plan_path(
    z_um: float, target_um: float, run_up_um: float, learnt: Learnt, settings: RefocusSettings
) -> list[float]:
    """Return the positions of a move: the target, after a turning point unless it is approached rightly.

    Parameters
    ----------
    z_um, target_um
        Position of the stage, and its target within the limits.
    run_up_um
        Length by which the last leg already went towards the target's side: with the backlash taken up,
        a move on needs no turning point.
    learnt, settings
        Length of the last leg, its side and the limits.
    """
    side = 1 if settings.approach_from == "below" else -1
    approach_um = _approach_um(learnt, settings)
    onward_um = side * (target_um - z_um)
    if onward_um >= approach_um or (onward_um >= 0 and run_up_um >= approach_um):
        return [target_um]
    turn_um = target_um - side * approach_um
    turn_um = min(max(turn_um, settings.lower_um), settings.upper_um)
    return [turn_um, target_um] if turn_um != target_um else [target_um]


def next_waypoint(z_um: float, target_um: float, settings: RefocusSettings) -> float:
    """Return the target, or a position on the way to it at the largest step."""
    return z_um + _clip(target_um - z_um, settings.largest_step_um)


def judge_arrival(z_um: float, target_um: float, settings: RefocusSettings) -> None:
    """Compare the position that the stage reports with the one that it was sent to.

    Raises
    ------
    Halt
        ``did_not_arrive``.
    """
    if not abs(z_um - target_um) <= settings.arrival_um:
        raise Halt(
            "did_not_arrive",
            f"the stage was sent to {target_um:.2f} um and reports {z_um:.2f} um, more than arrival_um = "
            f"{settings.arrival_um:g} um away; check that it is free, and its limits",
        )


def judge_move(
    before: Reading, after: Reading, path: list[float], learnt: Learnt, settings: RefocusSettings
) -> Learnt:
    """Compare the change of dZ with the move, and return the properties of the stage that it shows.

    Parameters
    ----------
    before, after
        Readings before and after the move.
    path
        Positions of the move; two where it turned.
    learnt, settings
        Properties known before, and guards. A first small move may be lost in the backlash: then the last
        leg is lengthened, and the next move must show the direction.

    Raises
    ------
    Halt
        ``wrong_direction``, ``wrong_response`` or ``worse``.
    """
    move_um = after.z_um - before.z_um
    change_um = learnt.direction * (after.delta_z_um - before.delta_z_um)
    noise_um = math.hypot(before.u_um, after.u_um, math.sqrt(2) * settings.stage_u_um)
    clear = abs(move_um) >= SIGMAS * noise_um
    lost_all = clear and abs(change_um) < MIN_RESPONSE * abs(move_um)
    if lost_all and _may_be_lost(move_um, learnt, settings):
        return replace(learnt, approach_um=_lengthened(path, learnt, move_um, change_um))
    if clear:
        _judge_response(move_um, change_um, learnt)
        learnt = replace(learnt, proved=True)
    if abs(after.delta_z_um) > abs(before.delta_z_um) + SIGMAS * noise_um:
        raise Halt(
            "worse",
            f"|dZ| rose from {abs(before.delta_z_um):.1f} to {abs(after.delta_z_um):.1f} um by a move of "
            f"{move_um:+.1f} um; check that nothing else moves the stage or the sample",
        )
    if abs(move_um) - abs(change_um) <= SIGMAS * noise_um:
        return learnt
    return replace(learnt, approach_um=_lengthened(path, learnt, move_um, change_um))


def _lengthened(path: list[float], learnt: Learnt, move_um: float, change_um: float) -> float:
    """Return the last leg that would have taken up the motion that was lost, um.

    After a turn the last leg took up a part of the backlash; a straight move lost all of it.
    """
    taken_up_um = learnt.approach_um if len(path) > 1 else 0.0
    return max(learnt.approach_um, taken_up_um + abs(move_um) - abs(change_um))


def _may_be_lost(move_um: float, learnt: Learnt, settings: RefocusSettings) -> bool:
    """Return whether the backlash may have taken up a whole move: the first one, and a small one."""
    is_small = not learnt.kept or abs(move_um) <= settings.proof_um
    return is_small and not learnt.proved and learnt.approach_um == settings.first_approach_um


def _judge_response(move_um: float, change_um: float, learnt: Learnt) -> None:
    """Compare a change of dZ with a move; backlash that is taken up late adds to the change."""
    response = change_um / move_um
    about = f"dZ changed by {learnt.direction * change_um:+.1f} um in a move of {move_um:+.1f} um"
    if response < -MIN_RESPONSE:
        raise Halt(
            "wrong_direction",
            f"{about}, against the {'kept' if learnt.kept else 'stated'} direction; if the stage counts "
            f"the other way, state direction = {-learnt.direction}",
        )
    largest_um = MAX_RESPONSE * abs(move_um) + learnt.approach_um
    if response < MIN_RESPONSE or abs(change_um) > largest_um:
        raise Halt(
            "wrong_response",
            f"{about}; check that the stage moves freely and that its unit is um; with a backlash above "
            f"{learnt.approach_um:.3g} um state it as approach_um",
        )


def _check_limits(z_um: float, now: Reading, settings: RefocusSettings) -> None:
    if not settings.holds(z_um):
        raise Halt(
            "outside_limits",
            f"dZ = {now.delta_z_um:+.1f} um at Z {now.z_um:.1f} um leads to Z {z_um:.1f} um, outside the "
            f"limits {settings.lower_um:g} to {settings.upper_um:g} um; focus by hand, or widen the limits",
        )


def _is_at_edge(dz_um: float, range_um: tuple[float, float], fraction: float) -> bool:
    """Return whether dZ is in the outer part of the trained range, or beyond it."""
    low_um, high_um = range_um
    margin_um = fraction * (high_um - low_um) / 2
    return not low_um + margin_um < dz_um < high_um - margin_um


def _reach_um(wanted_um: float, learnt: Learnt, settings: RefocusSettings) -> float:
    """Return the largest move; one that has to turn leaves room for its turning point."""
    side = 1 if settings.approach_from == "below" else -1
    turns = side * wanted_um < 0
    return settings.largest_step_um - turns * _approach_um(learnt, settings)


def _approach_um(learnt: Learnt, settings: RefocusSettings) -> float:
    return min(learnt.approach_um, settings.largest_step_um / 2)


def _clip(length_um: float, largest_um: float) -> float:
    return min(max(length_um, -largest_um), largest_um)
