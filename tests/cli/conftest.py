"""Data to spoil, and counters of the work on them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from tests.sketches import sketch_figures

from refp.core.jit import compile_kernels
from refp.measure import dataset as measure
from refp.settings import Recipe

PATTERN = "exp1_fov1_z{z:g}_t10ms.tif"
DECLARED = 'dataset = "spoilt"\ninstrument = "a2k"\n'


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """No command of a test is the first one of an install, with a message of its own."""
    compile_kernels()


@pytest.fixture(scope="module")
def sketched_figures() -> Iterator[None]:
    """Put digests in place of the figures of reports, whose drawing takes half the time of a small run."""
    with pytest.MonkeyPatch.context() as patched:
        sketch_figures(patched)
        yield


@pytest.fixture
def n_measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every frame that is measured in this process."""
    counted: list[int] = []
    whole = measure.measure_frame

    def count(*given: Any) -> Any:
        counted.append(1)
        return whole(*given)

    monkeypatch.setattr(measure, "measure_frame", count)
    return counted


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """Copy a data set, so that a test may spoil it."""

    def copy(folder: Path) -> Path:
        return Path(shutil.copytree(folder, tmp_path / "data" / folder.name))

    return copy


@pytest.fixture
def save_frames(tmp_path: Path) -> Callable[..., Path]:
    """Write frames as a data set of instrument a2k, 10 um apart."""

    def save(*frames: np.ndarray) -> Path:
        folder = tmp_path / "frames"
        folder.mkdir()
        (folder / "sweep.toml").write_text(DECLARED, encoding="utf-8")
        for k, frame in enumerate(frames):
            photometric = "rgb" if frame.ndim == 3 else "minisblack"
            path = folder / PATTERN.format(z=1400 + 10 * k)
            tifffile.imwrite(path, frame, photometric=photometric)
        return folder

    return save


@pytest.fixture(scope="session")
def trained_run(
    tiny_sweep: Path,
    recipe_for: Callable[[str], Recipe],
    run_process: Callable[..., Any],
    make_once: Callable[[str, Callable[[Path], None]], Path],
) -> Path:
    """Output of ``refp train --seed 5``: ``a2k.refp`` and its page; ``recipe.toml``, fits of two rounds."""
    pytest.importorskip("torch", reason="the networks are trained with extra 'train'")

    def make(folder: Path) -> None:
        folder.mkdir()
        recipe, model = folder / "recipe.toml", folder / "a2k.refp"
        settings = recipe_for("profile").replace("train.profile.steps", 400)
        recipe.write_text(settings.to_toml(), encoding="utf-8")
        command = ["train", tiny_sweep, "-o", model, "--recipe", recipe, "--seed", "5"]
        done = run_process(*command, "--jobs", "1")
        assert done.code == 0, done.stderr

    return make_once("trained", make)


@pytest.fixture(autouse=True)
def of_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the width that the test processes get from the terminal of the run."""
    monkeypatch.delenv("COLUMNS", raising=False)
