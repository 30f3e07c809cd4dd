"""Every guard of the loop on a fake stage, without images."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from refp.core.errors import RecipeError
from refp.scope import (
    FAULTS,
    OUTCOMES,
    FocusModel,
    Refocused,
    Refocuser,
    Snapshot,
    Step,
)
from refp.scope.session import make_guards
from refp.settings import RefocusSettings

from .fakes import (
    RANGE_UM,
    FakeCamera,
    FakeStage,
    answers,
    estimate_of,
    guards,
    plane_at,
    refusal,
    scope_of,
)

Response = Callable[[float, FakeStage], tuple[float, float]]


def run(
    stage: FakeStage,
    model: FocusModel,
    settings: RefocusSettings | None = None,
    camera: FakeCamera | None = None,
) -> Refocused:
    return Refocuser(scope_of(stage, camera), model, settings or guards()).run()


def test_it_ends_in_the_plane() -> None:
    stage = FakeStage(100.0)
    result = run(stage, plane_at(30.0, stage))
    assert result.outcome == "reached"
    assert stage.true_um == pytest.approx(30.0)
    assert (result.start_um, result.end_um) == (100.0, pytest.approx(30.0))


def test_an_image_within_the_tolerance_moves_nothing() -> None:
    stage = FakeStage(5.0)
    result = run(stage, plane_at(0.0, stage))
    assert (result.outcome, stage.commands, len(result.steps)) == ("reached", [], 1)


@pytest.mark.parametrize(("dz_um", "reached"), [(6.4, True), (6.6, False)])
def test_the_interval_must_be_within_the_tolerance(dz_um: float, reached: bool) -> None:
    stage = FakeStage(dz_um)
    result = run(stage, plane_at(0.0, stage, half_um=1.0))
    assert (result.n_moves == 0) is reached


def test_the_first_move_is_small_and_the_next_is_not() -> None:
    stage = FakeStage(-100.0)
    result = run(stage, plane_at(0.0, stage))
    assert [step.move_um for step in result.steps] == pytest.approx([15.0, 85.0, 0.0])


def test_a_second_run_needs_no_proof() -> None:
    stage = FakeStage(-100.0)
    refocuser = Refocuser(scope_of(stage), plane_at(0.0, stage), guards())
    assert refocuser.run().n_moves == 2
    stage.true_um = stage.reported_um = 80.0
    assert refocuser.run().n_moves == 1


@pytest.mark.parametrize("direction", [1, -1])
def test_a_stage_that_counts_the_other_way(direction: int) -> None:
    stage = FakeStage(-60.0, lambda z, s: (z, s.start_um + direction * (z - s.start_um)))
    assert run(stage, plane_at(0.0, stage), guards(direction=direction)).reached
    stage = FakeStage(-60.0, lambda z, s: (z, s.start_um + direction * (z - s.start_um)))
    result = run(stage, plane_at(0.0, stage), guards(direction=-direction))
    assert result.outcome == "wrong_direction"
    assert f"direction = {direction}" in result.reason
    assert max(abs(z - stage.start_um) for _, z in stage.commands) <= 15.0 + 7.5
    assert result.restored


def test_moves_end_from_below() -> None:
    stage = FakeStage(100.0)
    run(stage, plane_at(0.0, stage))
    assert stage.commands[-1][0] < stage.commands[-1][1]
    assert [z for _, z in stage.commands] == pytest.approx([77.5, 85.0, -7.5, 0.0])


def test_moves_end_from_above_where_the_settings_state_it() -> None:
    stage = FakeStage(-100.0)
    run(stage, plane_at(0.0, stage), guards(approach_from="above"))
    assert [z for _, z in stage.commands] == pytest.approx([-77.5, -85.0, 7.5, 0.0])


def play(backlash_um: float) -> Response:
    """A screw with lost motion: the stage lags behind by up to half of it on either side."""
    half, screw = backlash_um / 2, [math.nan]

    def respond(z_um: float, stage: FakeStage) -> tuple[float, float]:
        before = stage.start_um - half if math.isnan(screw[0]) else screw[0]
        screw[0] = min(max(before, z_um - half), z_um + half)
        return z_um, screw[0] + half

    return respond


@pytest.mark.parametrize("backlash_um", [4.0, 10.0, 25.0])
@pytest.mark.parametrize("start_um", [120.0, -120.0, 40.0])
def test_backlash_is_learnt(backlash_um: float, start_um: float) -> None:
    stage = FakeStage(start_um, play(backlash_um))
    refocuser = Refocuser(scope_of(stage), plane_at(0.0, stage), guards())
    assert refocuser.run().reached
    assert abs(stage.true_um) <= 7.5
    refocuser.microscope.stage.move_to_um(90.0)
    again = refocuser.run()
    assert again.reached
    if backlash_um > 7.5 and start_um > 0:
        assert refocuser.learnt.approach_um >= backlash_um - 1.0
        assert again.n_moves == 1


def test_a_stage_that_does_not_arrive_is_taken_back() -> None:
    def respond(z_um: float, stage: FakeStage) -> tuple[float, float]:
        reached = min(z_um, -50.0)  # an obstacle
        return reached, reached

    stage = FakeStage(-100.0, respond)
    result = run(stage, plane_at(0.0, stage))
    assert (result.outcome, result.restored) == ("did_not_arrive", True)
    assert stage.true_um == -100.0
    assert "-50.00" in result.reason


def test_a_stage_that_sticks_and_reports_it() -> None:
    stage = FakeStage(-100.0, lambda _z, s: (s.reported_um, s.true_um))
    result = run(stage, plane_at(0.0, stage))
    assert (result.outcome, result.restored, stage.true_um) == ("did_not_arrive", True, -100.0)


def test_a_stage_that_sticks_in_secret() -> None:
    stage = FakeStage(-100.0, lambda z, s: (z, s.true_um))
    result = run(stage, plane_at(0.0, stage))
    assert (result.outcome, result.restored) == ("wrong_response", True)
    assert result.n_moves == 2  # the first may have been lost in backlash


def test_a_stage_in_another_unit() -> None:
    stage = FakeStage(-100.0, lambda z, s: (z, s.start_um + 4 * (z - s.start_um)))
    assert run(stage, plane_at(0.0, stage)).outcome == "wrong_response"


def test_a_worse_image_is_taken_back() -> None:
    model = answers([estimate_of(8.0), estimate_of(-30.0)])
    stage = FakeStage(0.0)
    result = run(stage, model, guards(repeatability_um=3.0))
    assert (result.outcome, result.restored, stage.true_um) == ("worse", True, 0.0)


def test_a_refusal_never_moves() -> None:
    stage = FakeStage(30.0)
    result = run(stage, answers([refusal()]))
    assert (result.outcome, stage.commands, result.restored) == ("refused", [], True)
    assert result.reason == "no_beads: no bead was found"
    assert result.steps[0].as_row()["status"] == "refused"


def test_a_refusal_after_a_move_is_taken_back() -> None:
    stage = FakeStage(-30.0)
    result = run(stage, answers([estimate_of(-60.0), refusal()]))
    assert (result.outcome, result.restored, stage.true_um) == ("refused", True, -30.0)
    assert result.steps[-1].move_um == pytest.approx(-15.0)


def test_an_estimate_without_numbers_is_refused() -> None:
    result = run(FakeStage(), answers([estimate_of(math.nan)]))
    assert result.outcome == "refused"


def test_a_plane_outside_the_limits() -> None:
    stage = FakeStage(150.0)
    result = run(stage, answers([estimate_of(-80.0)]))
    assert (result.outcome, stage.commands) == ("outside_limits", [])
    assert "-200 to 200" in result.reason


def test_the_limits_of_the_stage_count() -> None:
    stage = FakeStage(0.0, limits_um=(-10.0, 500.0))
    result = run(stage, answers([estimate_of(30.0)]))
    assert (result.outcome, stage.commands) == ("outside_limits", [])
    with pytest.raises(RecipeError, match="the stage allows 300 to 400 um"):
        Refocuser(scope_of(FakeStage(limits_um=(300, 400))), answers([refusal()]), guards())


def test_a_start_outside_the_limits_is_not_restored() -> None:
    stage = FakeStage(205.0)
    model = answers([estimate_of(60.0), refusal()])
    result = run(stage, model)
    assert (result.outcome, result.restored) == ("refused", False)
    assert stage.true_um == pytest.approx(190.0)
    assert "NOT" in result.describe()


def test_a_start_far_outside_the_limits_moves_nothing() -> None:
    stage = FakeStage(300.0)
    result = run(stage, answers([estimate_of(120.0)]))
    assert (result.outcome, stage.commands, result.restored) == ("outside_limits", [], True)


def test_the_largest_step() -> None:
    stage = FakeStage(-140.0)
    result = run(stage, plane_at(0.0, stage), guards(largest_step_um=50.0))
    assert result.reached
    assert max(abs(end - begin) for begin, end in stage.commands) <= 50.0
    moves = [step.move_um for step in result.steps]
    assert moves == pytest.approx([15.0, 50.0, 50.0, 25.0, 0.0])


def test_a_turn_stays_within_the_largest_step() -> None:
    stage = FakeStage(140.0)
    run(stage, plane_at(0.0, stage), guards(largest_step_um=50.0))
    assert max(abs(end - begin) for begin, end in stage.commands) <= 50.0


@pytest.mark.parametrize(("dz_um", "moved_um"), [(-130.0, 130.0), (-136.0, 68.0), (-200.0, 100.0)])
def test_at_the_edge_of_the_range_half_of_it(dz_um: float, moved_um: float) -> None:
    stage = FakeStage(dz_um)
    model = plane_at(0.0, stage, range_um=RANGE_UM)
    settings = guards(proof_step_um=150.0, lower_um=-300.0)
    result = run(stage, model, settings)
    assert result.steps[0].move_um == pytest.approx(moved_um)


def test_an_uncertainty_above_the_tolerance() -> None:
    stage = FakeStage(2.0)
    result = run(stage, plane_at(0.0, stage, half_um=9.0))
    assert (result.outcome, stage.commands) == ("too_uncertain", [])


def test_the_number_of_moves() -> None:
    stage = FakeStage(0.0)
    model = answers([estimate_of(8.0)])
    result = run(stage, model, guards(max_moves=3, repeatability_um=5.0))
    assert (result.outcome, result.n_moves, result.restored) == ("max_moves", 3, True)


def late(*_: object) -> tuple[float, float]:
    raise TimeoutError


def test_a_camera_that_takes_too_long() -> None:
    stage, camera = FakeStage(-60.0), FakeCamera()

    def snap() -> np.ndarray:
        if camera.n_images > 1:
            late()
        return np.zeros((4, 4), np.uint8)

    camera.snap_image = snap
    result = run(stage, plane_at(0.0, stage), camera=camera)
    assert (result.outcome, result.restored, stage.true_um) == ("camera_timeout", True, -60.0)
    assert result.steps[-1].as_row()["status"] == "no_image"


def test_a_camera_that_fails() -> None:
    def snap() -> np.ndarray:
        raise RuntimeError("no\nlight")

    result = run(FakeStage(), answers([refusal()]), camera=FakeCamera(snap_image=snap))
    assert (result.outcome, result.reason) == ("camera_error", "the camera: RuntimeError: no light")


def test_a_camera_of_colour_images() -> None:
    camera = FakeCamera(snap_image=lambda: np.zeros((4, 4, 3), np.uint8))
    result = run(FakeStage(), answers([refusal()]), camera=camera)
    assert result.outcome == "camera_error"
    assert "(4, 4, 3)" in result.reason


def test_a_stage_that_takes_too_long_is_stopped() -> None:
    stage = FakeStage(-60.0, late)
    result = run(stage, plane_at(0.0, stage))
    assert (result.outcome, result.restored) == ("stage_timeout", True)
    assert stage.n_stops >= 1


def test_a_stage_without_position() -> None:
    stage = FakeStage(math.nan)
    result = run(stage, answers([estimate_of(1.0)]))
    assert (result.outcome, result.restored, stage.commands) == ("stage_error", False, [])


def test_a_fault_of_the_program_restores_the_start_and_is_raised() -> None:
    stage = FakeStage(-60.0)

    def estimate(_: object) -> None:
        if stage.commands:
            raise ZeroDivisionError
        return estimate_of(-60.0)

    with pytest.raises(ZeroDivisionError):
        run(stage, FocusModel(estimate, RANGE_UM))
    assert stage.true_um == -60.0


def test_an_interrupt_stops_the_stage_where_it_is() -> None:
    stage = FakeStage(-60.0)

    def keep(_: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Refocuser(scope_of(stage), plane_at(0.0, stage), guards()).run(keep)
    assert (stage.n_stops, stage.true_um) == (1, -45.0)


def test_every_step_is_handed_on_with_its_move() -> None:
    stage, kept = FakeStage(-60.0), []
    result = Refocuser(scope_of(stage), plane_at(0.0, stage), guards()).run(kept.append)
    assert kept == list(result.steps)
    assert [step.outcome for step in kept] == [None, None, "reached"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "lower_um, upper_um, largest_step_um not stated"),
        ({"lower_um": 0.0, "upper_um": 9.0}, "largest_step_um not stated"),
        ({"lower_um": 9.0, "upper_um": 0.0, "largest_step_um": 5.0}, "lower_um = 9 must be below"),
        ({"lower_um": 0.0, "upper_um": 9.0, "largest_step_um": 1.0}, "arrival_um = 1 must be"),
        ({"lower_um": 0, "upper_um": 9, "largest_step_um": 5, "lower": 1}, "lower: Extra inputs"),
        ({"lower_um": 0, "upper_um": math.inf, "largest_step_um": 5}, "upper_um"),
    ],
)
def test_guards_are_stated_and_checked(table: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make_guards(table)


def test_snapshots_have_metadata() -> None:
    assert Snapshot(np.zeros((2, 2), np.uint8)).metadata == {}


def test_the_page_has_every_outcome_and_every_guard() -> None:
    page = (Path(__file__).parents[2] / "docs" / "microscope.md").read_text(encoding="utf-8")
    names = (*OUTCOMES[1:], *RefocusSettings.model_fields, *FAULTS)
    assert [name for name in names if name not in page] == []
