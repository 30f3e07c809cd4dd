"""Runs: the outputs that they refuse, and the files that they leave."""

from collections.abc import Callable
from pathlib import Path

import pytest

from refp.core.errors import DataError, OutputError, RecipeError
from refp.pipeline.runs import MEASURED, OutputRun, PlaneRun, TrainingRun

RUNS: dict[str, Callable[[Path, bool], OutputRun]] = {
    "plane": lambda folder, overwrite: PlaneRun(folder / "out", overwrite=overwrite),
    "train": lambda folder, overwrite: TrainingRun(folder / "out.refp", overwrite=overwrite),
}
KEPT = {"plane": f"out/{MEASURED}", "train": "out.refp.checkpoints"}


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def fail(run: OutputRun, kept: Path, error: Exception) -> None:
    with run:
        kept.mkdir(parents=True, exist_ok=True)
        (kept / "batch").touch()
        raise error


@pytest.mark.parametrize("error", [DataError("no bead"), RecipeError("no family")])
@pytest.mark.parametrize("name", RUNS)
def test_bad_input_leaves_no_files(tmp_path: Path, name: str, error: Exception) -> None:
    with pytest.raises(type(error)):
        fail(RUNS[name](tmp_path, False), tmp_path / KEPT[name], error)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", RUNS)
def test_bad_input_keeps_files_of_an_earlier_run(tmp_path: Path, name: str) -> None:
    (tmp_path / KEPT[name]).mkdir(parents=True)
    with pytest.raises(DataError):
        fail(RUNS[name](tmp_path, False), tmp_path / KEPT[name], DataError("no bead"))
    assert f"{KEPT[name]}/batch" in names_in(tmp_path)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OutputError("disk full"), ValueError()])
@pytest.mark.parametrize("name", RUNS)
def test_created_files_stay_if_the_input_is_valid(
    tmp_path: Path, name: str, error: Exception
) -> None:
    with pytest.raises(type(error)):
        fail(RUNS[name](tmp_path, False), tmp_path / KEPT[name], error)
    assert f"{KEPT[name]}/batch" in names_in(tmp_path)


@pytest.mark.parametrize("there", ["out/notes.txt", "out.refp", "out.html"])
def test_existing_files_are_replaced_only_on_demand(tmp_path: Path, there: str) -> None:
    name = "plane" if there.startswith("out/") else "train"
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).touch()
    with pytest.raises(OutputError, match="exists already; choose another output or add"):
        RUNS[name](tmp_path, False)
    with pytest.raises(DataError):
        fail(RUNS[name](tmp_path, True), tmp_path / KEPT[name], DataError("no bead"))
    assert names_in(tmp_path) == sorted({there, Path(there).parts[0]})
