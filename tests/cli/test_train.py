"""``refp train`` that was interrupted, or is given again."""

import hashlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refp.core.errors import OutputError
from refp.measure import dataset as measure
from refp.models import load_model
from refp.pipeline.runs import REPORT_DIGEST, TrainingRun

pytest.importorskip("torch", reason="the networks are trained with extra 'train'")

pytestmark = pytest.mark.slow
RunRefp = Callable[..., Any]
STOPS_AT_THE_SECOND_CHECKPOINT = """
import os, sys, threading
from refp.cli.app import main

n = 0

def stop(event, given):
    global n
    if event == "os.rename" and os.fspath(given[1]).endswith(".pt"):
        n += 1
        if n == 2:
            print("one is kept", flush=True)
            threading.Event().wait()

sys.addaudithook(stop)
main(sys.argv[1:])
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kill_after_a_checkpoint(command: list[object]) -> None:
    """Start the command line and end it without a word once the first checkpoint is there."""
    program = [sys.executable, "-c", STOPS_AT_THE_SECOND_CHECKPOINT, *map(str, command)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "one is kept\n"
        process.kill()  # SIGKILL, or TerminateProcess on Windows
        assert process.wait() in {-9, 1}


def test_a_killed_training_goes_on_to_the_same_bytes(
    run_refp: RunRefp, tiny_sweep: Path, trained_run: Path, tmp_path: Path, n_measured: list[int]
) -> None:
    model, unbroken = tmp_path / "a2k.refp", trained_run / "a2k.refp"
    recipe = trained_run / "recipe.toml"
    command = ["train", tiny_sweep, "-o", model, "--recipe", recipe, "--seed", "5", "--jobs", "1"]
    kill_after_a_checkpoint(command)
    assert names_in(tmp_path) == ["a2k.refp.checkpoints"]
    assert len(list((tmp_path / "a2k.refp.checkpoints").rglob("*.pt"))) == 1
    done = run_refp(*command)
    assert done.code == 0, done.stderr
    assert n_measured == []
    assert model.read_bytes() == unbroken.read_bytes()
    assert (tmp_path / "a2k.html").read_bytes() == unbroken.with_suffix(".html").read_bytes()
    assert names_in(tmp_path) == ["a2k.html", "a2k.refp"]


def test_frames_of_refp_plane_are_not_measured_again(
    run_refp: RunRefp, tiny_sweep: Path, plane_run: Path, tmp_path: Path, n_measured: list[int]
) -> None:
    shutil.copytree(plane_run / "planes", tmp_path, dirs_exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / ".measured").iterdir()}
    model = tmp_path / "a2k.refp"
    done = run_refp("train", tiny_sweep, "-o", model, "--family", "lookup", "--jobs", "1")
    assert (done.code, n_measured) == (0, [])
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / ".measured").iterdir()}
    assert after == before
    assert not (tmp_path / "a2k.refp.checkpoints").exists()


def test_existing_files_are_not_replaced_without_overwrite(
    run_refp: RunRefp, tiny_sweep: Path, tmp_path: Path, n_measured: list[int]
) -> None:
    command = ["train", tiny_sweep, "-o", tmp_path / "a2k.refp", "--family", "lookup"]
    for there in (tmp_path / "a2k.refp", tmp_path / "a2k.html"):
        there.write_text("mine")
        refused = run_refp(*command)
        assert (refused.code, refused.stderr.count("\n"), n_measured) == (2, 1, [])
        assert f"{there}: exists already; choose another output" in refused.stderr
        assert names_in(tmp_path) == [there.name]
        there.unlink()
    for name in ("a2k.refp", "a2k.html"):
        (tmp_path / name).write_text("mine")
    assert run_refp(*command, "--overwrite").code == 0
    assert names_in(tmp_path) == ["a2k.html", "a2k.refp"]
    assert (tmp_path / "a2k.html").read_text("utf-8") != "mine"
    assert load_model(tmp_path / "a2k.refp").card.family == "lookup"


def test_a_model_may_not_have_the_name_of_its_page(run_refp: RunRefp, tmp_path: Path) -> None:
    refused = run_refp("train", tmp_path, "-o", tmp_path / "a2k.html")
    assert refused.code == 2
    assert "has the name of the report; name the model *.refp" in refused.stderr


def test_bad_input_leaves_no_files(
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
def test_ctrl_c_keeps_measured_frames(
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
