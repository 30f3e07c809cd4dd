"""Atomic writes, and the recorded origin of results."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import refp.core.files
from refp.core.errors import DataError, OutputError
from refp.core.files import (
    library_versions,
    provenance,
    read_arrays,
    rows_of,
    to_json,
    write_arrays,
    write_bytes,
    write_csv,
    write_json,
    write_parquet,
    write_whole,
)

TABLE = pd.DataFrame({"name": ["a", "b"], "z_um": [1 / 3, np.nan], "n": [1, 2]})


def test_a_file_is_written_with_its_folder_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.bin"
    write_bytes(b"first", path)
    write_bytes(b"second", path)
    assert path.read_bytes() == b"second"
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError("odd")])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: OSError
) -> None:
    path = tmp_path / "a.bin"
    write_bytes(b"old", path)

    def fail(part: Path) -> None:
        part.write_bytes(b"half")
        raise error

    reason = error.strerror or "odd"
    with pytest.raises(OutputError, match=rf"a\.bin: not written: {reason}; check the folder"):
        write_whole(path, fail)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_no_temporary_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def fail(part: Path) -> None:
        part.write_bytes(b"half")
        raise error

    with pytest.raises(error):
        write_whole(tmp_path / "a.bin", fail)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"a\.bin: not written: .*; check the folder"):
        write_bytes(b"", tmp_path / "file" / "a.bin")


def test_a_path_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match="a: not written"):
        write_bytes(b"", tmp_path / "a")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_no_other_code_renames_a_file_over_another() -> None:
    """Only ``move`` renames files over others, for ``write_whole``.

    Other callers move to a new name; uploads to one that is the digest of their content.
    """
    root = Path(refp.core.files.__file__).parents[1]
    movers = []
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                moved = node.func.attr == "replace" and len(node.args) == 1 and not node.keywords
                if moved or node.func.attr == "write_text":
                    movers.append(path.relative_to(root).as_posix())
    assert set(movers) == {"core/moves.py"}


def test_reading_images_loads_no_tables() -> None:
    code = "import sys, refp.sweeps; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tables_come_back(tmp_path: Path) -> None:
    write_csv(TABLE, tmp_path / "a.csv")
    write_parquet(TABLE, tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), TABLE)
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "name,z_um,n",
        "a,0.333333333,1",
        "b,,2",
    ]


JSON = {
    "NaN": ({"a": float("nan")}, {"a": None}),
    "infinity": ([np.inf, -np.inf], [None, None]),
    "numpy": (
        {"n": np.int64(3), "x": np.float32(0.5), "b": np.bool_(True)},
        {"n": 3, "x": 0.5, "b": True},
    ),
    "arrays": (np.array([[1.0, np.nan]]), [[1.0, None]]),
    "tuples and keys": ({1: (1, "a")}, {"1": [1, "a"]}),
}


@pytest.mark.parametrize(("value", "plain"), JSON.values(), ids=JSON)
def test_json_is_plain(tmp_path: Path, value: object, plain: object) -> None:
    write_json(value, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_bytes()) == json.loads(to_json(value)) == plain
    assert (tmp_path / "a.json").read_bytes().endswith(b"\n")


def test_rows_of_a_table_are_plain() -> None:
    table = TABLE.assign(
        whole=pd.array([1, None], dtype="Int64"), flag=[True, False], part=[[1, 2], []]
    )
    rows = rows_of(table)
    assert rows[0] == {
        "name": "a", "z_um": pytest.approx(1 / 3), "n": 1, "whole": 1, "flag": True, "part": [1, 2],
    }  # fmt: skip
    assert rows[1] == {
        "name": "b", "z_um": None, "n": 2, "whole": None, "flag": False, "part": [],
    }  # fmt: skip
    assert [type(v) for v in rows[0].values()] == [str, float, int, int, bool, list]
    assert rows_of(TABLE.iloc[:0]) == []


def test_arrays_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_arrays({"x": np.arange(3.0), "y": np.ones((2, 2))}, path)
    found = read_arrays(path, ["y", "x"])
    np.testing.assert_array_equal(found["x"], [0, 1, 2])
    assert list(found) == ["y", "x"]


def spoil_pickle(path: Path) -> None:
    np.savez(path, x=np.array([{"a": 1}], dtype=object))


SPOILT = {
    "missing": lambda p: None,
    "cut": lambda p: p.write_bytes(b"PK\x03\x04 half"),
    "other array": lambda p: write_arrays({"y": np.ones(2)}, p),
    "pickle": spoil_pickle,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_bad_array_file_is_named(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "a.npz"
    spoil(path)  # type: ignore[operator]
    with pytest.raises(DataError, match=r"a\.npz: not a complete array file .*make it again"):
        read_arrays(path, ["x"])


def test_provenance_lists_versions_recipe_and_data() -> None:
    stamp = provenance("abc", "def")
    assert (stamp["recipe"], stamp["data"]) == ("abc", "def")
    assert stamp.keys() >= library_versions("numpy", "scipy").keys()
    assert stamp["numpy"] == np.__version__
