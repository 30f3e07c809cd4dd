"""Data to spoil, and counters of the work on them."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text

from refp.core.jit import compile_kernels
from refp.measure import dataset as measure
from refp.reports import page
from refp.settings import Recipe

PATTERN = "exp1_fov1_z{z:g}_t10ms.tif"
DECLARED = 'dataset = "spoilt"\ninstrument = "a2k"\n'


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """No command of a test is the first one of an install, with a message of its own."""
    compile_kernels()


def _sketch(figure: Figure) -> str:
    """Return the digest of the lines, images and words of a figure."""
    shown = hashlib.sha256()
    for line in figure.findobj(Line2D):
        shown.update(np.asarray(line.get_xydata(), dtype=float).tobytes())
    for image in figure.findobj(AxesImage):
        shown.update(np.ma.getdata(image.get_array()).tobytes())
    for text in figure.findobj(Text):
        shown.update(text.get_text().encode())
    return f"<svg><!-- {shown.hexdigest()} --></svg>"


@pytest.fixture(scope="module")
def sketched_figures() -> Iterator[None]:
    """Put digests in place of the figures of reports, whose drawing takes half the time of a small run."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page, "svg_text", _sketch)
        patched.setattr(page, "png_bytes", lambda figure: _sketch(figure).encode())
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
