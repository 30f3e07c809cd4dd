"""No estimates and no stage lead the loop outside its limits or over its largest step."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.estimate import FocusEstimate
from refp.history.stage import Direction, StageRecord
from refp.scope import Refocused, Refocuser

from .fakes import FakeStage, answers, estimate_of, guards, refusal, scope_of

LENGTH = st.floats(-400, 400)
ESTIMATES = st.lists(
    st.one_of(
        st.builds(estimate_of, LENGTH, st.floats(0.1, 20)),
        st.builds(refusal),
        st.builds(estimate_of, st.just(float("nan"))),
    ),
    min_size=1,
    max_size=8,
)
ERRORS = st.lists(st.tuples(LENGTH, LENGTH), min_size=1, max_size=5)
"""Errors of the reported and of the true position, one pair a move."""


def known(direction: Direction, approach_um: float) -> StageRecord:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return StageRecord(now, "a2k", "A1", direction, "refocus", approach_um=approach_um)


def wild(errors: list[tuple[float, float]], steady: bool) -> FakeStage:
    left = list(errors)

    def respond(z_um: float, _stage: FakeStage) -> tuple[float, float]:
        reported, true = left.pop(0) if len(left) > 1 else left[0]
        return (z_um if steady else z_um + reported), z_um + true

    return FakeStage(0.0, respond)


@given(
    start_um=LENGTH,
    estimates=ESTIMATES,
    errors=ERRORS,
    steady=st.booleans(),
    largest_step_um=st.floats(3, 300),
    approach_from=st.sampled_from(["below", "above"]),
    direction=st.sampled_from([1, -1, None]),
    approach_um=st.floats(0, 100),
    known=st.none() | st.builds(known, st.sampled_from([1, 0, -1]), st.floats(0, 400)),
)
def test_no_command_is_outside_the_limits_or_over_the_largest_step(
    start_um: float,
    estimates: list[FocusEstimate],
    errors: list[tuple[float, float]],
    steady: bool,
    largest_step_um: float,
    approach_from: str,
    direction: int | None,
    approach_um: float,
    known: StageRecord | None,
) -> None:
    settings = guards(
        largest_step_um=largest_step_um,
        approach_from=approach_from,
        direction=direction,
        approach_um=approach_um,
        repeatability_um=20.0,  # so that wild changes are not stopped at once
    )
    stage = wild(errors, steady)
    stage.reported_um = stage.true_um = start_um
    result = Refocuser(scope_of(stage), answers(estimates), settings, known).run()
    for begin_um, end_um in stage.commands:
        assert settings.holds(end_um)
        assert abs(end_um - begin_um) <= largest_step_um + 1e-9
    _check_end(result, stage, start_um, settings.holds(start_um))


def _check_end(result: Refocused, stage: FakeStage, start_um: float, inside: bool) -> None:
    assert result.end_um == stage.reported_um
    assert result.restored == (abs(stage.reported_um - start_um) <= 1.0)
    if not result.reached and inside and result.outcome not in ("did_not_arrive", "outside_limits"):
        assert result.restored or stage.commands


@given(
    start_um=st.floats(-140, 140),
    refp_um=st.floats(-60, 60),
    backlash_um=st.floats(0, 30),
    error_um=st.floats(-2, 2),
)
def test_a_stage_with_backlash_and_errors_gets_there_or_stays(
    start_um: float, refp_um: float, backlash_um: float, error_um: float
) -> None:
    from .test_guards import plane_at, play

    stage = FakeStage(start_um)
    respond = play(backlash_um)
    stage.response = lambda z, s: (z, respond(z, s)[1] + (error_um if len(s.commands) % 2 else 0))
    model = plane_at(refp_um, stage, range_um=(-300.0, 300.0))
    result = Refocuser(scope_of(stage), model, guards(repeatability_um=1.5)).run()
    if result.reached:
        assert abs(stage.true_um - refp_um) <= 7.5
    else:
        assert stage.true_um == pytest.approx(start_um, abs=backlash_um + 2.0)
