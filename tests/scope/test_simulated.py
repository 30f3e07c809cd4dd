"""The simulated microscope, and the loop on it with every fault."""

from pathlib import Path

import numpy as np
import pytest

from refp.core.errors import RecipeError
from refp.estimate.estimator import Estimator
from refp.scope import (
    FAULTS,
    FocusModel,
    Refocused,
    Refocuser,
    SimulatedBehaviour,
    SimulatedMicroscope,
)

PERFECT = SimulatedBehaviour(repeatability_um=0.0, backlash_um=0.0)
ENDS = {
    "none": "reached",
    "backlash": "reached",
    "drift": "reached",
    "reversed-stage": "wrong_direction",
    "stuck-stage": "did_not_arrive",
    "silently-stuck-stage": "wrong_response",
    "stage-timeout": "stage_timeout",
    "camera-timeout": "camera_timeout",
    "light-off": "refused",
    "beads-leave": "refused",
}


@pytest.fixture(scope="module")
def model(lookup_model: Path) -> FocusModel:
    estimator = Estimator.load(lookup_model)
    return FocusModel(lambda image: estimator.estimate(image).estimate, (-150.0, 150.0))


def run(scope: SimulatedMicroscope, model: FocusModel) -> Refocused:
    return Refocuser(scope.microscope, model, scope.settings).run()


def test_every_fault_has_an_expected_end() -> None:
    assert ENDS.keys() == FAULTS.keys()


@pytest.mark.parametrize("start_um", [-55.0, 55.0])
@pytest.mark.parametrize("fault", ENDS)
def test_the_loop_with_every_fault(model: FocusModel, fault: str, start_um: float) -> None:
    scope = SimulatedMicroscope("a2k", start_um=start_um, seed=3, behaviour=FAULTS[fault])
    result = run(scope, model)
    assert result.outcome == ENDS[fault], result.describe()
    lower_um, upper_um = scope.limits_um
    assert all(lower_um <= z_um <= upper_um for z_um in scope.stage.commands_um)
    if result.reached:
        assert abs(scope.true_delta_z_um) <= 7.5
    else:  # not farther away than repeatability and backlash allow
        assert abs(scope.true_delta_z_um) <= 55.0 + 3 * 2.5 + 4.0


def test_the_image_is_that_of_the_stated_dz(lookup_model: Path) -> None:
    scope = SimulatedMicroscope("a2k", start_um=30.0, seed=1, behaviour=PERFECT)
    estimator = Estimator.load(lookup_model)
    for move_um in (0.0, -20.0, -40.0):
        scope.stage.move_to_um(scope.refp_um + 30.0 + move_um)
        taken = scope.camera.snap()
        assert taken.metadata["true_delta_z_um"] == pytest.approx(30.0 + move_um)
        estimate = estimator.estimate(taken.image).estimate
        assert estimate.delta_z_um == pytest.approx(30.0 + move_um, abs=5.0)


def test_backlash_is_lost_after_a_reversal() -> None:
    scope = SimulatedMicroscope("a2k", behaviour=PERFECT.replace("backlash_um", 6.0))
    true_um = []
    for step_um in (10.0, 8.0, 2.0, 10.0):
        scope.stage.move_to_um(scope.refp_um + step_um)
        true_um.append(scope.true_delta_z_um)
    assert true_um == pytest.approx([10.0, 10.0, 8.0, 10.0])


def test_repeatability_drift_and_tilt() -> None:
    behaviour = SimulatedBehaviour(
        backlash_um=0.0, drift_um_per_image=2.0, tilt_um_per_mm=(5.0, 10.0)
    )
    scope = SimulatedMicroscope("a2k", seed=2, behaviour=behaviour)
    scope.xy_um = (1000.0, -500.0)
    assert scope.true_delta_z_um == pytest.approx(0.0)
    scope.camera.snap()
    assert scope.true_delta_z_um == pytest.approx(2.0)
    errors = []
    for _ in range(400):
        scope.stage.move_to_um(scope.refp_um)
        errors.append(scope.true_delta_z_um - 2.0)
    assert np.std(errors) == pytest.approx(2.5, rel=0.15)
    assert scope.stage.position_um() == scope.refp_um


def test_the_same_seed_gives_the_same_images() -> None:
    first, again = (SimulatedMicroscope("a2k", start_um=9.0, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.camera.snap().image, again.camera.snap().image)


def test_a_start_out_of_reach() -> None:
    with pytest.raises(RecipeError, match="reaches"):
        SimulatedMicroscope("a2k", start_um=1e4)
