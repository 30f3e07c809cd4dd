"""Fig. 1A: an assay's result against dZ."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from refp.core.parallel import Execution, Workers, ignore_progress
from refp.study import MAP_FILE, Study, check_items, find_sets, run_study

from .conftest import TINY


def add_assay(tiny_table1: Path, root: Path) -> Path:
    """Copy the data and put an assay's table beside them."""
    shutil.copytree(tiny_table1, root)
    (root / MAP_FILE).write_text('[assay]\ntable = "viability.csv"\nallowed_bias = 2.0\n')
    z_um = np.arange(1450.0, 1600.0, 10.0)
    table = pd.DataFrame(
        {"dataset": "a2k-test1", "z_um": z_um, "viability": 0.2 * (z_um - 1520) + 45}
    )
    table.to_csv(root / "viability.csv", index=False)
    return root


@pytest.fixture
def with_assay(tiny_table1: Path, tmp_path: Path) -> Path:
    return add_assay(tiny_table1, tmp_path / "data")


def run(root: Path, out: Path) -> tuple[str, str]:
    layout = find_sets(root)
    study = Study(layout, TINY, out, seed=0, execution=Execution(Workers(), ignore_progress))
    outcomes = {o.item: o for o in run_study(study, check_items(["fig01a"]))}
    return outcomes["fig01a"].state, outcomes["fig01a"].summary


@pytest.fixture(scope="module")
def placed(
    tiny_table1: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, tuple[str, str]]:
    """A folder with data and results, and the state of the item."""
    folder = tmp_path_factory.mktemp("assay")
    return folder, run(add_assay(tiny_table1, folder / "data"), folder / "out")


def test_an_assays_table_is_placed_by_the_data_sets_own_plane(
    placed: tuple[Path, tuple[str, str]],
) -> None:
    folder, (state, here) = placed
    assert state == "done", here
    assert "viability changes by +0.2 % per um" in here
    fit = pd.read_csv(folder / "out" / "tables" / "fig01a_fit.csv").iloc[0]
    assert fit["result_at_plane"] == pytest.approx(45.0, abs=0.2 * 3)
    assert fit["tolerance_high_um"] == pytest.approx(10.0, abs=0.5)
    assert (folder / "out" / "figures" / "fig01a.svg").is_file()


def test_a_table_that_was_changed_is_read_anew(
    placed: tuple[Path, tuple[str, str]], tmp_path: Path
) -> None:
    shutil.copytree(placed[0], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "data" / "viability.csv"
    table = pd.read_csv(path)
    table.assign(viability=3 * table["viability"]).to_csv(path, index=False)
    state, here = run(tmp_path / "data", tmp_path / "out")
    assert state == "done"
    assert "+0.6 % per um" in here


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ("dataset,z_um,count\na2k-test1,1500,3\n", "has no column viability"),
        (
            "dataset,z_um,viability\nA2K test 9,1500,3\n",
            "data set 'A2K test 9' is none of A2K training",
        ),
    ],
)
def test_an_invalid_table_of_an_assay_is_an_error(
    with_assay: Path, tmp_path: Path, text: str | None, message: str
) -> None:
    path = with_assay / "viability.csv"
    path.unlink()
    if text is not None:
        path.write_text(text)
    state, here = run(with_assay, tmp_path / "out")
    assert state == "failed"
    assert message in here
    assert "viability.csv" in here
