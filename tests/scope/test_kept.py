"""A stage that the history knows: no small first move, and the guards as before."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.history import StageLog, StageRecord
from refp.history.stage import Direction
from refp.scope import (
    FAULTS,
    FocusModel,
    RecordedRefocuser,
    Refocused,
    Refocuser,
    SimulatedMicroscope,
    Step,
)
from refp.scope.kept import CONTRADICTIONS, DOUBTS, KeptStage
from refp.settings import RefocusSettings

from .fakes import (
    RANGE_UM,
    FakeStage,
    answers,
    estimate_of,
    guards,
    plane_at,
    refusal,
    scope_of,
)
from .test_guards import play
from .test_simulated import ENDS, model

__all__ = ["model"]


def known(direction: Direction, approach_um: float = math.nan) -> StageRecord:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return StageRecord(now, "a2k", "A1", direction, "refocus", approach_um=approach_um)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[StageLog]:
    with StageLog.open(tmp_path / "history.db") as opened:
        yield opened


def turning(direction: int, start_um: float) -> FakeStage:
    return FakeStage(start_um, lambda z, s: (z, s.start_um + direction * (z - s.start_um)))


class NoRecorder:
    """Records nothing."""

    def __init__(self, model: FocusModel) -> None:
        self.model = model

    def begin(self) -> None: ...

    def keep(self, _step: Step) -> None: ...


def run(
    stage: FakeStage, log: StageLog, settings: RefocusSettings | None = None, refp_um: float = 0.0
) -> Refocused:
    """Run the loop as the command does."""
    return refocuser_on(stage, log, settings, refp_um).run()


def refocuser_on(
    stage: FakeStage, log: StageLog, settings: RefocusSettings | None = None, refp_um: float = 0.0
) -> RecordedRefocuser:
    kept = KeptStage(log, "a2k", "A1")
    recorder = NoRecorder(plane_at(refp_um, stage, range_um=RANGE_UM))
    return RecordedRefocuser(scope_of(stage), settings or guards(), recorder, kept)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_kept_direction_needs_no_small_move(log: StageLog, direction: Direction) -> None:
    log.append(known(direction))
    stage = turning(direction, -100.0)
    result = run(stage, log)
    assert (result.outcome, result.n_moves) == ("reached", 1)
    assert abs(stage.true_um) <= 7.5


def test_moves_keep_the_direction_once(log: StageLog) -> None:
    settings = guards(direction=-1)
    assert run(turning(-1, -60.0), log, settings).n_moves == 2
    first = log.latest()["a2k #A1"]
    assert (first.direction, math.isnan(first.approach_um)) == (-1, True)
    assert run(turning(-1, 80.0), log).n_moves == 1
    assert log.latest()["a2k #A1"].learnt_at == first.learnt_at


def test_an_image_that_moves_nothing_keeps_nothing(log: StageLog) -> None:
    assert run(FakeStage(2.0), log).reached
    assert log.latest() == {}


@pytest.mark.parametrize("start_um", [-60.0, 60.0, 12.0])
def test_a_kept_direction_that_is_wrong_is_taken_back_and_dropped(
    log: StageLog, start_um: float
) -> None:
    log.append(known(-1))
    stage = FakeStage(start_um)
    result = run(stage, log)
    assert (result.outcome, result.restored) == ("wrong_direction", True)
    assert "against the kept direction" in result.reason
    assert stage.true_um == pytest.approx(start_um)
    assert all(guards().holds(z_um) for _, z_um in stage.commands)
    assert log.latest()["a2k #A1"].direction == 0
    again = FakeStage(start_um)
    assert run(again, log).reached  # with a small move first
    assert abs(again.commands[0][1] - start_um) <= 15.0 + 7.5
    assert log.latest()["a2k #A1"].direction == 1


def test_a_worse_image_drops_it(log: StageLog) -> None:
    log.append(known(1))
    kept = KeptStage(log, "a2k", "A1")
    settings = guards(repeatability_um=3.0)
    stage = FakeStage(0.0)
    model = answers([estimate_of(8.0), estimate_of(-30.0)])
    refocuser = Refocuser(scope_of(stage), model, settings, kept.known)
    result = refocuser.run()
    assert (result.outcome, result.restored, stage.true_um) == ("worse", True, 0.0)
    dropped = kept.keep(refocuser.learnt, settings, result)
    assert dropped is not None
    assert log.latest()["a2k #A1"].direction == dropped.direction == 0


def test_a_first_move_out_of_the_trained_range_drops_it(log: StageLog) -> None:
    """As the simulated microscope shows: farther away the image may be refused instead of judged."""
    log.append(known(-1))
    stage = FakeStage(60.0)
    kept = KeptStage(log, "a2k", "A1")
    refocuser = Refocuser(
        scope_of(stage), answers([estimate_of(60.0), refusal()]), guards(), kept.known
    )
    result = refocuser.run()
    assert (result.outcome, result.restored) == ("refused", True)
    kept.keep(refocuser.learnt, refocuser.settings, result)
    assert log.latest()["a2k #A1"].direction == 0


def test_a_refusal_before_a_move_or_after_a_proof_drops_nothing(log: StageLog) -> None:
    log.append(known(1))
    settings = guards(repeatability_um=3.0)
    for given in ([refusal()], [estimate_of(60.0), estimate_of(9.0), refusal()]):
        stage, kept = FakeStage(60.0), KeptStage(log, "a2k", "A1")
        refocuser = Refocuser(scope_of(stage), answers(given), settings, kept.known)
        result = refocuser.run()
        assert result.outcome == "refused"
        assert kept.keep(refocuser.learnt, refocuser.settings, result) is None
    assert log.latest()["a2k #A1"].direction == 1


def test_a_stated_direction_wins(log: StageLog) -> None:
    log.append(known(-1))
    stage = FakeStage(-60.0)
    result = run(stage, log, guards(direction=1))
    assert (result.outcome, result.n_moves) == ("reached", 2)  # a small move checks it
    assert log.latest()["a2k #A1"].direction == 1
    log.append(known(1))
    wrong = run(FakeStage(-60.0), log, guards(direction=-1))
    assert (wrong.outcome, wrong.restored) == ("wrong_direction", True)
    assert log.latest()["a2k #A1"].direction == 1  # which the run did not rely on


def test_the_backlash_is_kept(log: StageLog) -> None:
    assert run(FakeStage(100.0, play(25.0)), log).reached
    kept_um = log.latest()["a2k #A1"].approach_um
    assert kept_um > 7.5
    stage = FakeStage(-20.0, play(25.0))
    assert run(stage, log).outcome == "reached"
    assert stage.commands[0][1] < stage.start_um  # the last leg is longer than the move
    assert run(FakeStage(-20.0), log, guards(approach_um=3.0)).reached
    assert log.latest()["a2k #A1"].approach_um == kept_um


def test_a_large_first_move_without_a_response_stops(log: StageLog) -> None:
    log.append(known(1))
    stage = FakeStage(-100.0, lambda z, s: (z, s.start_um))
    result = run(stage, log)
    assert (result.outcome, result.restored, result.n_moves) == ("wrong_response", True, 1)
    assert log.latest()["a2k #A1"].direction == 0


def test_two_instruments_have_a_stage_each(log: StageLog) -> None:
    log.append(known(1))
    assert KeptStage(log, "nikon-ti2", "A1").known is None
    assert KeptStage(log, "a2k", "B2").known is None
    own = KeptStage(log, "a2k", "A1").known
    assert own is not None
    assert repr(own) == repr(log.latest()["a2k #A1"])  # NaN, which equals nothing, included


@pytest.mark.parametrize("start_um", [-55.0, 55.0])
@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("fault", ENDS)
def test_every_fault_on_a_known_stage(
    model: object, fault: str, start_um: float, direction: Direction
) -> None:
    """Rightly known or wrongly: no command is outside the limits, and a run that stops goes back."""
    scope = SimulatedMicroscope("a2k", start_um=start_um, seed=3, behaviour=FAULTS[fault])
    result = Refocuser(scope.microscope, model, scope.settings, known(direction)).run()
    lower_um, upper_um = scope.limits_um
    assert all(lower_um <= z_um <= upper_um for z_um in scope.stage.commands_um)
    distance_um = 7.5 if result.reached else 55.0 + 3 * 2.5 + scope.behaviour.backlash_um
    if fault in ("stuck-stage", "stage-timeout"):  # which does not go back
        distance_um *= 2
    assert abs(scope.true_delta_z_um) <= distance_um
    right = -1 if fault == "reversed-stage" else 1
    if fault in ("none", "drift", "reversed-stage"):
        assert result.reached == (direction == right), result.describe()
        assert result.reached or (result.restored and result.outcome in CONTRADICTIONS | DOUBTS)


def test_runs_of_one_session_drop_the_direction_that_an_earlier_one_has_proved(
    log: StageLog,
) -> None:
    """As runs of separate commands do: a stage that is rewired is found by a small move."""
    stage = FakeStage(-60.0)
    refocuser = refocuser_on(stage, log, guards(direction=None))
    assert refocuser.run().n_moves == 2
    assert log.latest()["a2k #A1"].direction == 1
    stage.reported_um = stage.true_um = stage.start_um = 60.0
    stage.response = turning(-1, 60.0).response
    assert refocuser.run().outcome == "wrong_direction"
    assert log.latest()["a2k #A1"].direction == 0
    n = len(stage.commands)
    assert refocuser.run().outcome == "wrong_direction"  # the default, which a small move checks
    assert all(abs(z_um - 60.0) <= 15.0 + 7.5 for _, z_um in stage.commands[n:])
    assert refocuser.new_stage is None


def test_a_record_is_replaced_not_changed(log: StageLog) -> None:
    log.append(known(1))
    log.append(replace(known(1), direction=0))
    assert log.latest()["a2k #A1"].direction == 0
