"""``refp study``."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RunRefp = Callable[..., Any]


OPTIONS = ("--scale", "quick", "--jobs", "1")


@pytest.fixture(scope="module")
def kept_root(tiny_sweep: Path, tiny_test: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data sets, called as in Table 1; not to be changed."""
    folder = tmp_path_factory.mktemp("study") / "data"
    shutil.copytree(tiny_sweep, folder / "a2k-training")
    shutil.copytree(tiny_test, folder / "2- A2K test 1")
    return folder


@pytest.fixture
def root(kept_root: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return Path(shutil.copytree(kept_root, tmp_path / "data"))


@pytest.fixture(scope="module")
def some_items(
    kept_root: Path, run_process: RunRefp, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    """Results of two items, and the output of the command."""
    out = tmp_path_factory.mktemp("study") / "out"
    command = ["study", kept_root, "-o", out, *OPTIONS, "--only", "table1", "--only", "fig01b"]
    return out, run_process(*command, "--json")


def test_some_items_as_a_new_user_would(some_items: tuple[Path, Any]) -> None:
    out, done = some_items
    assert done.code == 0, done.stderr
    states = {row["item"]: row["state"] for row in json.loads(done.stdout)}
    assert states["table1"] == states["fig01b"] == "done"
    assert states["fig12"] == "missing"
    assert states["fig10"] == "not made"
    assert "left out: Nikon training: not there" in done.stderr
    assert f"wrote {out / 'study.html'}" in done.stderr
    assert sorted(p.name for p in out.iterdir()) == [".study", "figures", "study.html", "tables"]
    assert (out / "figures" / "fig01b-a2k.svg").is_file()


def test_a_map_file_is_written_and_no_more(root: Path, run_refp: RunRefp) -> None:
    done = run_refp("study", root, "--init")
    assert (done.code, done.stdout) == (0, "")
    assert "correct it, then: refp study" in done.stderr
    assert 'path = "2- A2K test 1"' in (root / "study.toml").read_text(encoding="utf-8")
    again = run_refp("study", root, "--init")
    assert again.code == 2
    assert "study.toml" in again.stderr


def test_errors_are_one_line(root: Path, run_refp: RunRefp, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wrong = {
        "-o/--output: name a folder": [root],
        "--only fig3: choose of table1": [root, "-o", out, "--only", "fig3"],
        "no such folder": [tmp_path / "none", "-o", out],
        "a name of Table 1": [root / "a2k-training", "-o", out],
        "exists": [root, "-o", root],
    }
    for message, arguments in wrong.items():
        done = run_refp("study", *arguments)
        assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1), message
        assert message in done.stderr
    assert not out.exists()


def test_a_cell_of_a_table_may_hold_brackets(
    kept_root: Path, some_items: tuple[Path, Any], run_refp: RunRefp
) -> None:
    done = run_refp("study", kept_root, "-o", some_items[0], *OPTIONS, "--only", "table1")
    assert done.code == 0, done.stderr
    assert "[assay] in study.toml" in done.stdout
