"""``refp train`` that was interrupted, or is given again."""

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refp.core.errors import OutputError
from refp.measure import dataset as measure
from refp.pipeline.runs import REPORT_DIGEST, TrainingRun

pytest.importorskip("torch", reason="the networks are trained with extra 'train'")

RunRefp = Callable[..., Any]
PATIENCE_SECONDS = 300.0


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def recipe_quick(tmp_path_factory: pytest.TempPathFactory, recipe_for: Any) -> Path:
    """Fits of three rounds each."""
    path = tmp_path_factory.mktemp("recipe") / "quick.toml"
    path.write_text(recipe_for("profile").replace("train.profile.steps", 600).to_toml())
    return path


@pytest.fixture(scope="module")
def unbroken(
    tiny_sweep: Path,
    recipe_quick: Path,
    run_process: RunRefp,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """What a training without interruption writes."""
    model = tmp_path_factory.mktemp("unbroken") / "a2k.refp"
    done = run_process("train", tiny_sweep, "-o", model, "--recipe", recipe_quick, "--jobs", "1")
    assert done.code == 0, done.stderr
    return model


def kill_when(command: list[object], there: Callable[[], bool]) -> None:
    """Start the real command line and end it without a word once something is there."""
    with subprocess.Popen([sys.executable, "-m", "refp", *map(str, command)]) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not there() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None, "it ended before it could be killed"
        process.kill()  # SIGKILL, or TerminateProcess on Windows
        assert process.wait(PATIENCE_SECONDS) in {-9, 1}


def test_a_killed_training_goes_on_to_the_same_bytes(
    run_refp: RunRefp,
    tiny_sweep: Path,
    recipe_quick: Path,
    unbroken: Path,
    tmp_path: Path,
    n_measured: list[int],
) -> None:
    model = tmp_path / "a2k.refp"
    command = ["train", tiny_sweep, "-o", model, "--recipe", recipe_quick, "--jobs", "1"]
    kept = tmp_path / "a2k.refp.checkpoints"
    kill_when(command, lambda: any(kept.rglob("*.pt")))
    assert names_in(tmp_path) == ["a2k.refp.checkpoints"]
    done = run_refp(*command)
    assert done.code == 0, done.stderr
    assert n_measured == []
    assert model.read_bytes() == unbroken.read_bytes()
    assert (tmp_path / "a2k.html").read_bytes() == unbroken.with_suffix(".html").read_bytes()
    assert names_in(tmp_path) == ["a2k.html", "a2k.refp"]


def test_what_refp_plane_measured_is_not_measured_again(
    run_refp: RunRefp, tiny_sweep: Path, tmp_path: Path, n_measured: list[int]
) -> None:
    assert run_refp("plane", tiny_sweep, "-o", tmp_path, "--jobs", "1").code == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / ".measured").iterdir()}
    n_measured.clear()
    model = tmp_path / "a2k.refp"
    done = run_refp("train", tiny_sweep, "-o", model, "--family", "lookup", "--jobs", "1")
    assert (done.code, n_measured) == (0, [])
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / ".measured").iterdir()}
    assert after == before
    assert not (tmp_path / "a2k.refp.checkpoints").exists()


@pytest.mark.parametrize("there", ["a2k.refp", "a2k.html"])
def test_what_is_there_is_not_replaced_unasked(
    run_refp: RunRefp, tiny_sweep: Path, tmp_path: Path, there: str
) -> None:
    (tmp_path / there).write_text("mine")
    command = ["train", tiny_sweep, "-o", tmp_path / "a2k.refp", "--family", "lookup"]
    refused = run_refp(*command)
    assert (refused.code, refused.stderr.count("\n")) == (2, 1)
    assert f"{tmp_path / there}: exists already; choose another output" in refused.stderr
    assert names_in(tmp_path) == [there]
    assert run_refp(*command, "--overwrite").code == 0
    assert names_in(tmp_path) == ["a2k.html", "a2k.refp"]


def test_a_model_may_not_have_the_name_of_its_page(run_refp: RunRefp, tmp_path: Path) -> None:
    refused = run_refp("train", tmp_path, "-o", tmp_path / "a2k.html")
    assert refused.code == 2
    assert "is where the report goes; name the model *.refp" in refused.stderr


def test_bad_input_leaves_no_trace(
    run_refp: RunRefp, save_frames: Callable[..., Path], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).normal(60, 2, (6, 160, 200)).astype(np.uint8)
    out = tmp_path / "out"
    out.mkdir()
    refused = run_refp("train", save_frames(*noise), "-o", out / "a2k.refp", "--jobs", "1")
    assert refused.code == 2
    assert "no bead in any" in refused.stderr
    assert names_in(out) == []


def test_a_training_killed_between_page_and_model_may_go_on(tmp_path: Path) -> None:
    model = tmp_path / "a2k.refp"
    TrainingRun(model, overwrite=False).write_report(b"page")
    digest = (tmp_path / "a2k.refp.checkpoints" / REPORT_DIGEST).read_text()
    assert digest == hashlib.sha256(b"page").hexdigest()
    assert TrainingRun(model, overwrite=False).report.read_bytes() == b"page"
    (tmp_path / "a2k.html").write_text("my notes")
    with pytest.raises(OutputError, match="exists already"):
        TrainingRun(model, overwrite=False)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_keeps_what_was_measured(
    tiny_sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_refp: RunRefp
) -> None:
    whole, done = measure.measure_frame, []

    def stop(*given: Any) -> Any:
        done.append(1)
        if len(done) > 5:
            signal.raise_signal(signal.SIGINT)
        return whole(*given)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(measure, "measure_frame", stop)
        model = tmp_path / "a2k.refp"
        stopped = run_refp("train", tiny_sweep, "-o", model, "--family", "lookup", "--jobs", "1")
    finally:
        signal.signal(signal.SIGINT, previous)
    assert stopped.code == 130
    assert len(list((tmp_path / "a2k.refp.checkpoints" / ".measured").iterdir())) == 1
