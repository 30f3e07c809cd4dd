"""The loop on a core of Micro-Manager, and in its acquisition engine; the devices are simulated."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from refp.core.errors import DataError, RecipeError
from refp.estimate.estimator import Estimator
from refp.scope import (
    FAULTS,
    FocusModel,
    Records,
    Refocuser,
    SimulatedBehaviour,
    SimulatedMicroscope,
    open_recorded,
)

pytest.importorskip("pymmcore_plus", reason="Micro-Manager is reached with extra 'scope'")
import useq

from refp.scope.micromanager import (
    AutofocusError,
    OnFailure,
    RefocusEngine,
    core_microscope,
    simulated_core,
)

TILTED = SimulatedBehaviour(tilt_um_per_mm=(0.0, 30.0))
RANGE_UM = (-150.0, 150.0)


class Acquisition:
    """A sequence run on a simulated microscope, with the frames it gave."""

    def __init__(
        self,
        behaviour: SimulatedBehaviour,
        *,
        on_failure: OnFailure = "stop",
        every: int = 1,
    ) -> None:
        self.scope = SimulatedMicroscope("a2k", start_um=40.0, seed=3, behaviour=behaviour)
        self.core = simulated_core(self.scope)
        self.microscope = core_microscope(self.core, self.scope.instrument)
        model = FocusModel(self.scope.true_estimate, RANGE_UM)
        refocuser = Refocuser(self.microscope, model, self.scope.settings)
        self.set_refocuser(refocuser, on_failure=on_failure, every=every)
        self.frames: list[tuple[dict[str, int], float, dict[str, Any]]] = []
        self.core.mda.events.frameReady.connect(self._keep)

    def set_refocuser(
        self, refocuser: Refocuser, *, on_failure: OnFailure = "stop", every: int = 1
    ) -> None:
        engine = RefocusEngine(self.core, refocuser, on_failure=on_failure, every=every)
        self.core.mda.set_engine(engine)

    def run(self, axes: tuple[str, ...] = ("p",), **plans: Any) -> None:
        z_um = self.scope.refp_um + 40.0
        positions = [(0.0, 0.0, z_um), (1000.0, 0.0, z_um)]
        plan = useq.AxesBasedAF(axes=axes)
        plans = {"stage_positions": positions, "autofocus_plan": plan} | plans
        self.core.mda.run(useq.MDASequence(**plans))

    def _keep(self, _image: object, event: useq.MDAEvent, metadata: dict[str, Any]) -> None:
        index = {str(getattr(axis, "value", axis)): k for axis, k in event.index.items()}
        self.frames.append((index, self.scope.true_delta_z_um, metadata))


def loops(n: int) -> dict[str, Any]:
    return {"time_plan": {"interval": 0, "loops": n}}


def test_each_position_is_focused_by_itself() -> None:
    done = Acquisition(TILTED)
    done.run()
    assert [index["p"] for index, _, _ in done.frames] == [0, 1]
    assert all(abs(true_um) <= 12.0 for _, true_um, _ in done.frames)
    first, second = (metadata["refp"] for _, _, metadata in done.frames)
    assert first["outcome"] == second["outcome"] == "reached"
    assert first["found_um"] == pytest.approx(40.0, abs=10.0)
    assert second["found_um"] == pytest.approx(10.0, abs=10.0)
    for own in (first, second):
        assert own["move_um"] == pytest.approx(-own["found_um"], abs=8.0)
        assert own["upper_um"] - own["lower_um"] == pytest.approx(2.0)


def test_a_z_plan_is_about_the_plane_that_was_found() -> None:
    done = Acquisition(SimulatedBehaviour(repeatability_um=0.0, backlash_um=0.0))
    done.run(z_plan={"range": 20, "step": 10})
    true_um = [true for _, true, _ in done.frames]
    assert true_um == pytest.approx([-10.0, 0.0, 10.0] * 2, abs=0.1)


def test_at_every_time_point() -> None:
    done = Acquisition(FAULTS["none"].replace("drift_um_per_image", 4.0))
    done.run(("t",), stage_positions=[(0.0, 0.0, done.scope.refp_um + 40.0)], **loops(4))
    found = [metadata["refp"]["found_um"] for _, _, metadata in done.frames]
    assert len(set(found)) == 4
    assert all(abs(true_um) <= 20.0 for _, true_um, _ in done.frames)


def test_at_every_second_time_point() -> None:
    done = Acquisition(FAULTS["none"], every=2)
    done.run(("p", "t"), **loops(4))
    found = [(index["t"], index["p"], m["refp"]["found_um"]) for index, _, m in done.frames]
    for position in (0, 1):
        values = [value for _, p, value in found if p == position]
        assert values[0] == values[1] != values[2] == values[3]


def test_a_failed_autofocus_stops_the_acquisition() -> None:
    done = Acquisition(FAULTS["reversed-stage"])
    with pytest.raises(AutofocusError, match=r"position 0: stopped \(wrong_direction\)"):
        done.run()
    assert done.frames == []


def test_a_failed_autofocus_skips_the_position() -> None:
    done = Acquisition(FAULTS["reversed-stage"], on_failure="skip")
    done.run()
    assert done.frames == []
    done.scope.behaviour = FAULTS["none"]
    done.run(**loops(2))
    assert len(done.frames) == 4


def test_a_failed_autofocus_goes_on() -> None:
    done = Acquisition(FAULTS["reversed-stage"], on_failure="go_on")
    done.run()
    assert [m["refp"]["outcome"] for _, _, m in done.frames] == ["wrong_direction"] * 2
    assert [m["refp"]["move_um"] for _, _, m in done.frames] == [0.0, 0.0]


@contextmanager
def recorded(
    folder: Path, model: Path, behaviour: SimulatedBehaviour, on_failure: OnFailure = "stop"
) -> Iterator[Acquisition]:
    """Open an acquisition whose autofocus records in a folder."""
    pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")
    records = Records(folder / "history.db", folder / "refocus.jsonl", "A2K-7", operator="Ada")
    done, estimator = Acquisition(behaviour), Estimator.load(model)
    given = done.microscope, estimator, done.scope.settings, records
    with open_recorded(*given, qualified=False) as refocuser:
        done.set_refocuser(refocuser, on_failure=on_failure)
        yield done


def runs_of(folder: Path) -> list[list[dict[str, Any]]]:
    """Return the steps of each run in the log."""
    lines = (folder / "refocus.jsonl").read_text(encoding="utf-8").splitlines()
    return [list(steps) for _, steps in groupby(map(json.loads, lines), lambda step: step["run"])]


def test_an_autofocus_is_recorded_and_uses_the_kept_direction(
    lookup_model: Path, tmp_path: Path
) -> None:
    with recorded(tmp_path, lookup_model, TILTED) as done:
        done.run()
    first, second = runs_of(tmp_path)
    assert [step["image"] for step in first] == [*range(1, len(first) + 1)]
    assert second[0]["image"] == 1
    assert abs(first[0]["move_um"]) == pytest.approx(15.0)  # a small move first
    with recorded(tmp_path, lookup_model, TILTED) as again:
        again.run()
    steps = [step for run in runs_of(tmp_path) for step in run]
    assert abs(runs_of(tmp_path)[2][0]["move_um"]) > 30.0  # the history holds the direction
    assert all(abs(true_um) <= 12.0 for _, true_um, _ in again.frames)
    from refp.history import History

    with History.open(tmp_path / "history.db") as history:
        table = history.select()
    assert table["delta_z_um"].tolist() == pytest.approx([step["delta_z_um"] for step in steps])
    keys = table[["purpose", "serial", "operator", "tolerance_um"]].drop_duplicates()
    assert keys.to_numpy().tolist() == [["refocus", "A2K-7", "Ada", 7.5]]


def test_an_autofocus_that_contradicts_the_kept_direction_drops_it(
    lookup_model: Path, tmp_path: Path
) -> None:
    """The next autofocus of the same acquisition begins with a small move."""
    with recorded(tmp_path, lookup_model, FAULTS["none"]) as done:
        done.run()
    with recorded(tmp_path, lookup_model, FAULTS["reversed-stage"], "go_on") as turned:
        turned.run()
    first, second = runs_of(tmp_path)[2:]
    assert abs(first[0]["move_um"]) > 30.0
    assert second[0]["move_um"] == pytest.approx(-15.0)
    assert {first[-1]["outcome"], second[-1]["outcome"]} == {"wrong_direction"}


@pytest.mark.parametrize("on_failure", ["stop", "skip"])
def test_a_corrected_z_outside_the_limits_is_not_commanded(on_failure: OnFailure) -> None:
    done = Acquisition(FAULTS["none"], on_failure=on_failure)
    upper_um = done.scope.limits_um[1]
    plans = {
        "stage_positions": [(0.0, 0.0, upper_um - 5.0)],
        "z_plan": {"range": 30, "step": 10},
        "autofocus_plan": None,
    }
    if on_failure == "stop":
        with pytest.raises(AutofocusError, match="outside the limits"):
            done.run(**plans)
    else:
        done.run(**plans)
        assert len(done.frames) == 3
    assert max(done.scope.stage.commands_um) <= upper_um


def test_the_choice_is_checked() -> None:
    scope = SimulatedMicroscope("a2k")
    core = simulated_core(scope)
    model = FocusModel(scope.true_estimate, RANGE_UM)
    refocuser = Refocuser(core_microscope(core, scope.instrument), model, scope.settings)
    with pytest.raises(RecipeError, match="choose stop, skip, go_on"):
        RefocusEngine(core, refocuser, on_failure="ask")
    with pytest.raises(RecipeError, match="every = 0"):
        RefocusEngine(core, refocuser, every=0)


def test_the_adapters_reach_the_devices() -> None:
    scope = SimulatedMicroscope("a2k", start_um=20.0)
    microscope = core_microscope(simulated_core(scope), scope.instrument)
    microscope.stage.move_to_um(scope.refp_um)
    assert microscope.stage.position_um() == scope.refp_um == scope.stage.position_um()
    microscope.camera.exposure_ms = 9.0
    taken = microscope.camera.snap()
    assert scope.camera.exposure_ms == taken.metadata["exposure_ms"] == 9.0
    assert taken.image.shape == scope.camera.shape_px
    assert microscope.stage.limits_um[0] == float("-inf")
    microscope.stage.stop()


def test_a_core_without_devices() -> None:
    from pymmcore_plus.experimental.unicore import UniMMCore

    with pytest.raises(DataError, match="no camera"):
        core_microscope(UniMMCore(), SimulatedMicroscope("a2k").instrument)


def test_another_pixel_size() -> None:
    scope = SimulatedMicroscope("a2k")
    core = simulated_core(scope)
    core.definePixelSizeConfig("px")
    core.setPixelSizeUm("px", 0.65)
    core.setPixelSizeConfig("px")
    with pytest.raises(DataError, match=r"pixel size: Micro-Manager states 0\.65 um"):
        core_microscope(core, scope.instrument)
