"""The README's example and every example of the gallery run."""

import importlib
import re
import runpy
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.figure import Figure

from refp import load_model, open_dataset
from refp.pipeline import Planes
from refp.reports import png_bytes

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))


def readme_example() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- example: run by the tests -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found, "README.md has no example"
    return found[1]


def test_the_readme_example_is_short() -> None:
    assert len([line for line in readme_example().splitlines() if line.strip()]) <= 10


def test_the_readme_example_runs(
    tiny_sweep: Path,
    tiny_test: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(tiny_sweep, tmp_path / "training")
    shutil.copytree(tiny_test, tmp_path / "test")
    monkeypatch.chdir(tmp_path)
    exec(compile(readme_example(), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "REFP" in printed
    images = [line for line in printed.splitlines() if ".tif " in line]
    assert len(images) == 9
    assert all(float(line.split()[2]) <= float(line.split()[3]) or "nan" in line for line in images)


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the examples' data."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    return importlib.import_module("simulated")


def test_there_is_a_gallery() -> None:
    assert len(EXAMPLES) >= 8


def test_the_data_of_the_examples(simulated: ModuleType) -> None:
    assert open_dataset(simulated.test()).n_frames == 13


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_every_example_runs_and_draws(
    path: Path,
    simulated: ModuleType,
    tiny_sweep: Path,
    tiny_test: Path,
    planes: Planes,
    lookup_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Run an example on the data, planes and model of the other tests, which exist already."""
    made = {
        "training": tiny_sweep,
        "test": tiny_test,
        "planes": planes,
        "model": load_model(lookup_model),
    }
    for name, value in made.items():
        monkeypatch.setattr(simulated, name, lambda value=value: value)
    figure = runpy.run_path(str(path), run_name="__main__")["figure"]
    assert "um" in capsys.readouterr().out
    assert isinstance(figure, Figure)
    assert png_bytes(figure, 300)


@pytest.mark.parametrize("name", ["refocus.py", "autofocus_mda.py"])
def test_every_example_at_the_microscope_runs(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ROOT / "examples" / name
    if "refp.scope.micromanager" in path.read_text(encoding="utf-8"):
        pytest.importorskip("pymmcore_plus", reason="Micro-Manager is reached with extra 'scope'")
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out
