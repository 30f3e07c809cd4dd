"""``refp inspect`` of folders of any layout, and the way from there to a plane."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

RunRefp = Callable[..., Any]
PATTERN = "Beads day {experiment} - BF {exposure_ms}ms pos{fov} Z{z_um}um.tif"


@pytest.fixture
def of_any_make(tiny_test: Path, tmp_path: Path) -> Path:
    """The test sweep, its names of another make, without a sweep.toml."""
    folder = tmp_path / "any make"
    folder.mkdir()
    for path in tiny_test.glob("*.tif"):
        z = path.name.partition("_z")[2].partition("_")[0]
        shutil.copy(path, folder / f"Beads day 2 - BF 10ms pos01 Z{z}um.tif")
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_a_folder_of_any_make(run_refp: RunRefp, of_any_make: Path) -> None:
    done = run_refp("inspect", of_any_make)
    assert done.code == 0
    assert done.stdout.splitlines()[-2].split() == ["9", ".tif", "200x160", "uint8", "1"]
    assert f"proposed pattern: {PATTERN}" in done.stdout
    assert "beads in 3 of the images: 6, 6, 6 usable, about 18 px wide" in done.stderr  # 18.7
    command = f'  refp inspect "{of_any_make}" --write-sweep-toml --instrument NAME'
    assert done.stderr.splitlines()[-1] == command


def test_json_of_a_folder_beside_a_data_set(
    run_refp: RunRefp, of_any_make: Path, tiny_test: Path
) -> None:
    done = run_refp("inspect", of_any_make, tiny_test, "--instrument", "a2k", "--json")
    survey, sweep = json.loads(done.stdout)
    assert (survey["n_images"], survey["size"]) == (9, "200x160 uint8")
    assert (survey["pattern"], survey["folder"]) == (PATTERN, str(of_any_make))
    assert sweep["n_frames"] == 9
    assert "6, 6, 6 usable, of 18.7 px" in done.stderr


def test_a_folder_of_data_sets(run_refp: RunRefp, tiny_test: Path, tmp_path: Path) -> None:
    for name in ("monday", "tuesday"):
        shutil.copytree(tiny_test, tmp_path / "all" / name)
    done = run_refp("inspect", tmp_path / "all")
    assert done.code == 0
    rows = [line.split() for line in done.stdout.splitlines()[-2:]]
    assert [(row[0], Path(row[1]).name, row[2]) for row in rows] == [
        ("9", "monday", "sweep.toml"),
        ("9", "tuesday", "sweep.toml"),
    ]
    assert f"refp inspect {tmp_path / 'all' / 'monday'}\n" in done.stderr


def test_a_wrong_pattern_is_an_error(run_refp: RunRefp, of_any_make: Path) -> None:
    done = run_refp("inspect", of_any_make, "--pattern", "z{z_um}.tif", "--instrument", "a2k")
    assert (done.code, done.stdout) == (2, "")
    assert "matches none of 9 files" in done.stderr


def test_a_wrong_instrument_is_an_error(run_refp: RunRefp, of_any_make: Path) -> None:
    done = run_refp("inspect", of_any_make, "--write-sweep-toml", "--instrument", "a2q")
    assert (done.code, done.stdout) == (2, "")
    assert not (of_any_make / "sweep.toml").exists()


def test_from_names_of_any_make_to_a_plane(
    run_refp: RunRefp, of_any_make: Path, tmp_path: Path
) -> None:
    done = run_refp("inspect", of_any_make, "--write-sweep-toml", "--instrument", "a2k")
    assert done.code == 0
    assert f"wrote {of_any_make / 'sweep.toml'}\n" in done.stderr
    assert run_refp("plane", of_any_make, "-o", tmp_path / "planes").code == 0
    (row,) = pd.read_csv(tmp_path / "planes" / "planes.csv").to_dict("records")
    assert (row["experiment"], row["exposure_ms"], row["n_frames"]) == (2, 10.0, 9)
    assert row["refp_um"] == pytest.approx(1520.0, abs=3.0)
    again = run_refp("inspect", of_any_make, "--write-sweep-toml", "--instrument", "a2k")
    assert (again.code, again.stdout) == (2, "")
    assert "exists already" in again.stderr
