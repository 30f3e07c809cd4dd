"""``refp tune`` by the real command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from refp.settings import load_recipe

pytest.importorskip("torch")
pytest.importorskip("optuna")

RunRefp = Callable[..., Any]
FILES = [".measured", "best.toml", "report.html", "study.log", "trials.csv"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def searched(
    tiny_sweep: Path, run_process: RunRefp, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("search") / "out"
    command = ["tune", tiny_sweep, "-o", out, "--trials", "2", "--budget", "20", "--jobs", "1"]
    done = run_process(*command)
    assert done.code == 0, done.stderr
    assert done.stdout == ""
    assert "best of 2 trials: trial " in done.stderr
    return out


def test_files(searched: Path) -> None:
    assert names_in(searched) == FILES
    table = pd.read_csv(searched / "trials.csv")
    assert list(table.columns[:4]) == ["trial", "state", "n_steps", "rms_um"]
    assert set(table["state"]) == {"done"}
    assert "Search for settings, profile" in (searched / "report.html").read_text("utf-8")


def test_the_best_is_a_recipe(searched: Path) -> None:
    table = pd.read_csv(searched / "trials.csv").sort_values("rms_um")
    recipe = load_recipe(searched / "best.toml")
    assert recipe.name == "default-tuned"
    rate = recipe.train.profile.learning_rate
    assert rate == pytest.approx(table["learning_rate"].iloc[0], rel=1e-6)
    assert recipe.train.profile.steps == load_recipe().train.profile.steps


def test_more_trials_go_on_where_it_stopped(
    run_refp: RunRefp, searched: Path, tiny_sweep: Path
) -> None:
    before = pd.read_csv(searched / "trials.csv")[:2]
    command = ["tune", tiny_sweep, "-o", searched, "--jobs", "1"]
    done = run_refp(*command, "--budget", "20", "--trials", "3")
    assert done.code == 0, done.stderr
    after = pd.read_csv(searched / "trials.csv")
    pd.testing.assert_frame_equal(after[:2], before)
    assert len(after) == 3
    refused = run_refp(*command, "--budget", "30", "--trials", "3")
    assert refused.code == 2
    assert "holds a search of other data, settings, budget" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["--family", "lookup"], "nothing to tune", id="family"),
        pytest.param(["--trials", "0"], "--trials", id="no trial"),
        pytest.param(["--sampler", "random"], "--sampler", id="sampler"),
    ],
)
def test_bad_usage_leaves_no_trace(
    run_refp: RunRefp, tiny_sweep: Path, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    done = run_refp("tune", tiny_sweep, "-o", tmp_path / "out", "--jobs", "1", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert expected in done.stderr
    assert not (tmp_path / "out").exists()


def test_bad_input_leaves_no_files(
    run_refp: RunRefp, save_frames: Callable[..., Path], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).normal(60, 2, (6, 160, 200)).astype(np.uint8)
    done = run_refp("tune", save_frames(*noise), "-o", tmp_path / "out", "--jobs", "1")
    assert done.code == 2
    assert "no bead in any" in done.stderr
    assert not (tmp_path / "out").exists()


def test_existing_files_are_not_replaced_without_overwrite(
    run_refp: RunRefp, tiny_sweep: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = run_refp("tune", tiny_sweep, "-o", tmp_path)
    assert done.code == 2
    assert "exists already" in done.stderr
