"""``refp refocus``."""

import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from refp.history.stage import STAGE_COLUMNS

RunRefp = Callable[..., Any]
COLUMNS = {"z_um", "delta_z_um", "u_um", "move_um", "status", "outcome", "true_delta_z_um"}
LIMITS = ("--limits-um", "1200", "1800", "--largest-step-um", "300")


def test_a_simulated_microscope_returns_to_its_plane(run_refp: RunRefp, lookup_model: Path) -> None:
    command = ("refocus", lookup_model, "--simulated", "--start-um", "60", "--seed", "3", "--json")
    done = run_refp(*command)
    assert done.code == 0, done.stderr
    rows = json.loads(done.stdout)
    assert rows[0].keys() >= COLUMNS
    assert rows[0]["true_delta_z_um"] == pytest.approx(60.0)
    assert [row["outcome"] for row in rows][-1] == "reached"
    assert abs(rows[-1]["true_delta_z_um"]) <= 7.5
    for row, after in pairwise(rows):
        assert after["z_um"] == pytest.approx(row["z_um"] + row["move_um"])
    assert "reached: dZ" in done.stderr
    assert run_refp(*command).stdout == done.stdout


def test_a_run_that_stops_says_why(run_refp: RunRefp, lookup_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = ("refocus", lookup_model, "--simulated", "--start-um", "-40", "-o", out)
    done = run_refp(*command, "--fault", "reversed-stage")
    assert done.code == 3
    assert "stopped (wrong_direction)" in done.stderr
    assert "the stage is where it began" in done.stderr
    assert "delta_z_um" in done.stdout
    lines = (out / "refocus.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [json.loads(line) for line in lines]
    assert [step["image"] for step in steps] == [1, 2]
    assert len({step["run"] for step in steps}) == 1
    assert steps[-1]["outcome"] == "wrong_direction"
    assert steps[-1]["z_um"] + steps[-1]["move_um"] == pytest.approx(steps[0]["z_um"])
    assert (out / "refocus.svg").read_text(encoding="utf-8").startswith("<?xml")
    again = run_refp(*command)
    assert (again.code, "exists already" in again.stderr) == (2, True)
    assert run_refp(*command, "--overwrite").code == 0
    assert len((out / "refocus.jsonl").read_text(encoding="utf-8").splitlines()) == 3


def test_a_camera_without_images_is_a_row(run_refp: RunRefp, lookup_model: Path) -> None:
    command = ("refocus", lookup_model, "--simulated", "--start-um", "60", "--json")
    done = run_refp(*command, "--fault", "camera-timeout")
    last = json.loads(done.stdout)[-1]
    assert (done.code, last["status"], last["delta_z_um"]) == (3, "no_image", None)


def test_every_step_is_in_the_history(
    run_refp: RunRefp, lookup_model: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    command = ("refocus", lookup_model, "--simulated", "--start-um", "60", "--home", home)
    done = run_refp(*command, "--json", "--operator", "Ada", "--serial", "A2K-7")
    rows = json.loads(done.stdout)
    listed = json.loads(run_refp("history", "list", "--home", home, "--json").stdout)
    assert [row["delta_z_um"] for row in listed] == pytest.approx(
        [row["delta_z_um"] for row in rows]
    )
    assert {(row["operator"], row["serial"]) for row in listed} == {("Ada", "A2K-7")}
    assert "move -15.00 um" in listed[0]["note"]
    assert listed[-1]["note"].endswith("reached")
    assert len((home / "refocus.jsonl").read_text(encoding="utf-8").splitlines()) == len(rows)


def test_records_of_a_run_have_a_purpose_of_their_own(
    run_refp: RunRefp, lookup_model: Path, tmp_path: Path
) -> None:
    home, out = ("--home", tmp_path / "home"), tmp_path / "all.csv"
    run_refp("refocus", lookup_model, "--simulated", "--start-um", "60", *home)
    listed = json.loads(run_refp("history", "list", *home, "--json").stdout)
    assert {row["purpose"] for row in listed} == {"refocus"}
    assert "refocus" in run_refp("history", "list", *home).stdout
    assert json.loads(run_refp("history", "list", *home, "--daily", "--json").stdout) == []
    assert run_refp("history", "export", "-o", out, *home).code == 0
    assert out.read_text(encoding="utf-8").count(",refocus,") == len(listed)
    chart = ("history", "chart", "-o", tmp_path / "chart.html", "--instrument", "a2k", *home)
    assert "no daily check" in run_refp(*chart).stderr
    assert run_refp(*chart, "--all").code == 0


def moves_of(done: Any) -> list[float]:
    return [row["move_um"] for row in json.loads(done.stdout)]


def test_the_direction_is_kept_for_the_serial_number(
    run_refp: RunRefp, lookup_model: Path, tmp_path: Path
) -> None:
    home = ("--home", tmp_path / "home")
    command = ("refocus", lookup_model, "--simulated", "--seed", "3", "--json")
    first = run_refp(*command, "--start-um", "60", *home, "--serial", "A2K-7")
    assert abs(moves_of(first)[0]) == pytest.approx(15.0)
    assert "a2k #A2K-7: the focal plane rises with the Z of the stage" in first.stderr
    again = run_refp(*command, "--start-um", "60", *home, "--serial", "A2K-7")
    assert abs(moves_of(again)[0]) > 50.0
    assert "the focal plane" not in again.stderr  # nothing new
    for other in ((*home,), (*home, "--serial", "B2"), ("--serial", "A2K-7")):
        assert abs(moves_of(run_refp(*command, "--start-um", "60", *other))[0]) < 15.1
    stated = run_refp(
        *(*command, "--start-um", "60", *home, "--serial", "A2K-7", "--stage-direction", "down")
    )
    assert (stated.code, "against the stated direction" in stated.stderr) == (3, True)
    assert abs(moves_of(stated)[0]) < 15.1  # the option precedes, and the first move checks it
    assert "not known any more" not in stated.stderr


def test_a_kept_direction_that_is_wrong_is_dropped(
    run_refp: RunRefp, lookup_model: Path, tmp_path: Path
) -> None:
    own = ("--home", tmp_path / "home", "--serial", "A2K-7", "--start-um", "40", "--seed", "3")
    command = ("refocus", lookup_model, "--simulated", "--json", *own)
    turned = (*command, "--fault", "reversed-stage")
    assert run_refp(*turned, "--stage-direction", "down").code == 0
    wrong = run_refp(*command)
    assert (wrong.code, "stopped (wrong_direction)" in wrong.stderr) == (3, True)
    assert "the stage is where it began" in wrong.stderr
    assert "a2k #A2K-7: the direction of the stage is not known any more" in wrong.stderr
    back = run_refp(*command)
    assert (back.code, abs(moves_of(back)[0]) < 15.1) == (0, True)


def test_kept_directions_are_listed_and_forgotten(
    run_refp: RunRefp, lookup_model: Path, tmp_path: Path
) -> None:
    place = ("--home", tmp_path / "home")
    refocus = (
        *("refocus", lookup_model, "--simulated", "--start-um", "60", "--seed", "3", "--json"),
        *(*place, "--serial", "A2K-7"),
    )
    none = run_refp("history", "stages", *place)
    assert (none.code, "no history here" in none.stderr) == (2, True)
    assert run_refp(*refocus, "--operator", "Ada").code == 0
    (row,) = json.loads(run_refp("history", "stages", *place, "--json").stdout)
    assert list(row) == list(STAGE_COLUMNS)
    names = ("instrument", "serial", "direction", "source", "operator")
    assert [row[name] for name in names] == ["a2k", "A2K-7", 1, "refocus", "Ada"]
    assert " up " in run_refp("history", "stages", *place).stdout
    own = ("--instrument", "a2k", "--serial", "A2K-7", *place)
    done = run_refp("history", "forget-stage", *own)
    assert (done.code, "not known any more" in done.stderr) == (0, True)
    assert " not known " in run_refp("history", "stages", *place).stdout
    assert abs(moves_of(run_refp(*refocus))[0]) < 15.1  # a small move first
    other = run_refp("history", "forget-stage", *own[:3], "B2", *place)
    assert (other.code, other.stderr.count("\n")) == (2, 1)
    assert "a2k #B2: no direction of the stage is kept" in other.stderr
    assert (
        json.loads(run_refp("history", "stages", "--instrument", "b", *place, "--json").stdout)
        == []
    )


def test_a_verification_saves_the_small_move(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    own = ("--home", tmp_path / "home", "--serial", "B2")
    verified = run_refp("verify", lookup_model, tiny_test, *own)
    assert "a2k #B2" in verified.stderr
    command = ("refocus", lookup_model, "--simulated", "--start-um", "60", "--seed", "3", "--json")
    done = run_refp(*command, *own)
    assert (done.code, abs(moves_of(done)[0]) > 50.0) == (0, True)


def test_guards_from_a_file(run_refp: RunRefp, lookup_model: Path, tmp_path: Path) -> None:
    guards = tmp_path / "guards.toml"
    guards.write_text("largest_step_um = 20\nproof_step_um = 8\n", encoding="utf-8")
    command = ("refocus", lookup_model, "--simulated", "--start-um", "50", "--json")
    moves = [
        abs(row["move_um"]) for row in json.loads(run_refp(*command, "--guards", guards).stdout)
    ]
    assert moves[0] == pytest.approx(8.0)
    assert max(moves) <= 20.0
    wide = run_refp(*command, "--guards", guards, "--largest-step-um", "50")
    assert max(abs(row["move_um"]) for row in json.loads(wide.stdout)) > 20.0
    guards.write_text("largest_stp_um = 20\n", encoding="utf-8")
    assert "largest_stp_um" in run_refp(*command, "--guards", guards).stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "give one microscope"),
        (("--simulated", "--config", "x.cfg"), "give one microscope"),
        (("--config", "x.cfg", "--seed", "3"), "--seed: is of a simulated microscope"),
        (("--config", "x.cfg"), "--limits-um LOW HIGH"),
        (("--config", "x.cfg", "--limits-um", "0", "9"), "largest_step_um not stated"),
        (("--simulated", "--limits-um", "9", "0"), "lower_um = 9 must be below"),
        (("--simulated", "--fault", "fire"), "choose none, backlash"),
        (("--simulated", "--start-um", "9999"), "reaches"),
        (("--simulated", "--guards", "none.toml"), "none.toml: no such file"),
        (("--simulated", "--tolerance-um", "0"), "--tolerance-um"),
    ],
)
def test_bad_options(
    run_refp: RunRefp, lookup_model: Path, options: tuple[str, ...], expected: str
) -> None:
    done = run_refp("refocus", lookup_model, *options)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert expected in done.stderr


DEVICES = """
from refp.scope import FAULTS, SimulatedMicroscope
from refp.scope.micromanager.devices import SimulatedCameraDevice, SimulatedStageDevice

SCOPE = SimulatedMicroscope("a2k", start_um=60.0, seed=3, behaviour=FAULTS["{fault}"])


class Eye(SimulatedCameraDevice):
    def __init__(self):
        super().__init__(SCOPE)


class Drive(SimulatedStageDevice):
    def __init__(self):
        super().__init__(SCOPE)
"""
CONFIG = """
Property,Core,Initialize,0
#py pyDevice,Camera,{module},Eye
#py pyDevice,Z,{module},Drive
Property,Core,Initialize,1
#py Property,Core,Camera,Camera
#py Property,Core,Focus,Z
Property,Core,AutoShutter,0
"""


@pytest.fixture
def make_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write a Micro-Manager configuration whose devices are simulated."""
    pytest.importorskip("pymmcore_plus", reason="Micro-Manager is reached with extra 'scope'")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("REFP_HOME", str(tmp_path / "home"))

    def make(fault: str) -> Path:
        module = f"devices_{fault}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(DEVICES.format(fault=fault), encoding="utf-8")
        config = tmp_path / "scope.cfg"
        config.write_text(CONFIG.format(module=module), encoding="utf-8")
        return config

    return make


def test_a_configuration_of_micro_manager(
    run_refp: RunRefp, lookup_model: Path, tmp_path: Path, make_config: Callable[[str], Path]
) -> None:
    config = make_config("none")
    done = run_refp("refocus", lookup_model, "--config", config, *LIMITS, "--json")
    assert done.code == 0, done.stderr
    rows = json.loads(done.stdout)
    assert "true_delta_z_um" not in rows[0]
    assert rows[-1]["outcome"] == "reached"
    true_um = sys.modules["devices_none"].SCOPE.true_delta_z_um
    assert abs(true_um) <= 7.5
    home = tmp_path / "home"
    assert len((home / "refocus.jsonl").read_text(encoding="utf-8").splitlines()) == len(rows)
    listed = json.loads(run_refp("history", "list", "--json").stdout)
    assert len(listed) == len(rows)


def test_a_configuration_whose_stage_is_verified(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, make_config: Callable[[str], Path]
) -> None:
    """The devices count the other way than the files of the verification."""
    own = ("--config", make_config("reversed-stage"), *LIMITS, "--serial", "B2", "--json")
    assert run_refp("verify", lookup_model, tiny_test, "--serial", "B2").code == 0
    wrong = run_refp("refocus", lookup_model, *own)
    assert (wrong.code, abs(moves_of(wrong)[0]) > 50.0) == (3, True)
    assert "the stage is where it began" in wrong.stderr
    assert "not known any more" in wrong.stderr
    stated = run_refp("refocus", lookup_model, *own, "--stage-direction", "down")
    assert (stated.code, abs(moves_of(stated)[0]) < 15.1) == (0, True), stated.stderr
    assert "a2k #B2: the focal plane falls with the Z of the stage" in stated.stderr
    scope = sys.modules["devices_reversed_stage"].SCOPE
    assert all(1200 <= z_um <= 1800 for z_um in scope.stage.commands_um)
    listed = json.loads(run_refp("history", "list", "--json").stdout)
    assert {(row["purpose"], row["serial"]) for row in listed} == {("refocus", "B2")}


def test_a_configuration_with_a_fault(
    run_refp: RunRefp, lookup_model: Path, make_config: Callable[[str], Path]
) -> None:
    config = make_config("light-off")
    done = run_refp("refocus", lookup_model, "--config", config, *LIMITS)
    assert done.code == 3
    assert "stopped (refused): no_beads" in done.stderr


def test_a_configuration_that_does_not_load(
    run_refp: RunRefp, lookup_model: Path, tmp_path: Path, make_config: Callable[[str], Path]
) -> None:
    config = make_config("none")
    config.write_text("Device,Camera,NoSuchAdapter,NoSuchCamera\n", encoding="utf-8")
    done = run_refp("refocus", lookup_model, "--config", config, *LIMITS)
    assert done.code == 2
    assert "not loaded" in done.stderr.splitlines()[-1]  # pymmcore-plus logs before it
    missing = run_refp("refocus", lookup_model, "--config", tmp_path / "none.cfg", *LIMITS)
    assert "no such configuration file" in missing.stderr
