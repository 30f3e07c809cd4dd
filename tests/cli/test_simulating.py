"""``refp simulate`` and ``refp plan`` as a user gives them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import refp.synthetic
from refp.synthetic import PlannedSet, SimulationSettings, as_instrument, read_truth

RunRefp = Callable[..., Any]


def test_a_data_set_of_ones_own(run_refp: RunRefp, tmp_path: Path) -> None:
    settings = tmp_path / "crowded.toml"
    settings.write_text(
        "z_start_um = 1500\nz_stop_um = 1515\nz_step_um = 7.5\nexposures_ms = [9]\n"
        "[scene]\nshape_px = [200, 240]\nn_beads = 4\nn_touching = 0\n"
    )
    done = run_refp("simulate", tmp_path / "out", "--settings", settings, "--seed", 2)
    assert done.code == 0, done.stderr
    truth = read_truth(tmp_path / "out" / "crowded")
    assert truth.dataset == "crowded"
    assert [frame.z_um for frame in truth.frames] == [1500, 1507.5, 1515]
    assert len(truth.fields[0].beads) == 4
    settings.write_text("[scene]\nn_beads = -1\n")
    done = run_refp("simulate", tmp_path / "other", "--settings", settings)
    assert done.code == 2
    assert "scene.n_beads" in done.stderr
    assert not (tmp_path / "other").exists()


def test_table1(
    run_refp: RunRefp,
    tmp_path: Path,
    demo_sweeps: dict[str, SimulationSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which sets there are is checked beside ``table1_sets``; here they are small."""
    requested = []

    def few(instruments: list[str] | None, scale: str) -> list[PlannedSet]:
        requested.append((instruments, scale))
        settings = demo_sweeps["test"]
        return [PlannedSet("A2K test 2", "a2k-test2", as_instrument("a2k"), settings)]

    monkeypatch.setattr(refp.synthetic, "table1_sets", few)
    done = run_refp("simulate", tmp_path, "--like", "table1", "--scale", "full", "--overwrite")
    assert done.code == 0, done.stderr
    assert read_truth(tmp_path / "a2k-test2").dataset == "A2K test 2"
    run_refp("simulate", tmp_path, "--like", "table1", "--instrument", "nikon-ti2", "--overwrite")
    assert requested == [(None, "full"), (["nikon-ti2"], "quick")]


def test_plan(run_refp: RunRefp, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    done = run_refp("plan", "--tolerance-um", 2.5, "--range-um", 60, "-o", out, "--json")
    assert done.code == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["what"] for row in rows} == {"refp", "image"}
    assert all(row["half_width_um"] <= 2.5 for row in rows if row["reached"] == "yes")
    pd.testing.assert_frame_equal(pd.read_csv(out / "plan.csv"), pd.DataFrame(rows))
    assert sorted(path.name for path in out.iterdir()) == ["plan.csv", "plan.svg"]
    assert run_refp("plan", "--tolerance-um", 2.5, "-o", out).code == 2


def test_a_condenser_wider_than_the_objective_is_refused(run_refp: RunRefp, tmp_path: Path) -> None:
    recipe = tmp_path / "dark.toml"
    recipe.write_text(
        'name = "dark"\n[optics]\npixel_size_um = 1.5\n[bead]\ndiameter_um = 28\n'
        "[illumination]\ncondenser_na = 0.5\n"
    )
    done = run_refp("plan", "--tolerance-um", 1, "--instrument", recipe)
    assert done.code == 2
    assert "illumination.condenser_na = 0.5 is more than the objective's aperture" in done.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--scale", "full"], "--scale full: applies to --like table1 only"),
        (["--settings", "own.toml", "--like", "demo"], "--like demo: give only one of them"),
        (["--settings", "own.toml"], "own.toml: no such file"),
        (["--instrument", "no-such"], "'no-such' is neither"),
    ],
)
def test_options_that_do_not_go_together(
    run_refp: RunRefp, tmp_path: Path, options: list[str], expected: str
) -> None:
    done = run_refp("simulate", tmp_path / "out", *options)
    assert done.code == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "[bead]\ndiameter_um = 6\nindex = 1.333\ndiameter_spread = 0\nindex_sd = 0\n",
            "beads do not focus light",
        ),
        (
            "[bead]\ndiameter_um = 6\n[illumination]\nwavelength_um = 0.4\nbandwidth_um = 0.3\n",
            "band",
        ),
        ("[bead]\ndiameter_um = 6\n[camera]\noffset = 300\n", "must be below the white level"),
    ],
)
def test_settings_that_cannot_be_imaged_are_refused(
    run_refp: RunRefp, tmp_path: Path, table: str, expected: str
) -> None:
    recipe = tmp_path / "odd.toml"
    recipe.write_text(f'name = "odd"\n[optics]\npixel_size_um = 0.5\n{table}')
    done = run_refp("simulate", tmp_path / "out", "--instrument", recipe)
    assert done.code == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "out").glob("*"))
