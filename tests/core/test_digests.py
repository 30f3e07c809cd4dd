"""Digests depend on content and code only."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from refp.core import digests
from refp.core.digests import (
    Contents,
    digest_bytes,
    digest_json,
    hash_code,
    hash_file,
    hash_path,
    hash_paths,
)


@pytest.fixture
def zarr(tmp_path: Path) -> Path:
    """A folder like an OME-Zarr, with chunks in folders below it."""
    root = tmp_path / "stack.zarr"
    for name in ("0/0/0", "0/0/1", "1/0/0"):
        chunk = root / name
        chunk.parent.mkdir(parents=True, exist_ok=True)
        chunk.write_bytes(b"chunk " + name.encode())
    return root


OF_CONTENT: dict[str, Callable[[Path], str]] = {
    "hash_path": hash_path,
    "hash_paths": lambda path: hash_paths([path]),
    "Contents": lambda path: Contents().of(path),
}


@pytest.mark.parametrize("of", OF_CONTENT.values(), ids=OF_CONTENT)
def test_a_byte_of_a_chunk_changes_the_digest(zarr: Path, of: Callable[[Path], str]) -> None:
    before = of(zarr)
    assert before == of(zarr)
    (zarr / "0/0/1").write_bytes(b"chunk 0/0/2")
    changed = of(zarr)
    (zarr / "0/0/1").rename(zarr / "0/0/2")
    assert len({before, changed, of(zarr)}) == 3


def test_the_name_of_the_path_itself_does_not_count(zarr: Path) -> None:
    before = hash_path(zarr)
    assert hash_path(zarr.rename(zarr.with_name("other.zarr"))) == before


def test_names_and_bytes_in_a_folder_are_separated(tmp_path: Path) -> None:
    for folder, name, content in (("one", "a", b"bc"), ("two", "ab", b"c")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(content)
    assert hash_path(tmp_path / "one") != hash_path(tmp_path / "two")


def test_a_path_that_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    assert hash_path(tmp_path / "absent") == ""
    with pytest.raises(OSError, match="absent"):
        hash_file(tmp_path / "absent")


def test_contents_read_a_file_once(tmp_path: Path) -> None:
    path, contents = tmp_path / "a.tif", Contents()
    path.write_bytes(b"pixels")
    assert contents.of(path) == hashlib.sha256(b"pixels").hexdigest()
    path.write_bytes(b"changed meanwhile")
    assert contents.of(path) == hashlib.sha256(b"pixels").hexdigest()


def test_the_digest_of_paths_is_of_names_and_bytes_not_of_order(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    paths = [folder / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(b"1")
    first = hash_paths(paths)
    assert hash_paths(paths[::-1]) == hash_paths([*paths, paths[0]]) == first
    assert hash_paths(paths[:1]) != first
    paths[1].write_bytes(b"2")
    changed = hash_paths(paths)
    assert changed != first
    moved = folder.rename(tmp_path / "elsewhere")
    assert hash_paths(moved.iterdir()) == changed
    paths = [path.rename(path.with_name(f"{path.name}.tif")) for path in moved.iterdir()]
    assert hash_paths(paths) != changed


def test_arrays_count_in_c_order() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert digest_bytes(array) == hashlib.sha256(array.tobytes()).hexdigest()
    assert digest_bytes(np.asfortranarray(array)) == digest_bytes(array)
    assert digest_bytes(array[:, ::2]) == digest_bytes(array[:, ::2].copy())
    assert digest_bytes(array[:, :0], b"a") == digest_bytes(b"a")


def test_the_order_of_keys_does_not_count() -> None:
    assert digest_json({"a": 1, "b": [2.5]}) == digest_json({"b": [2.5], "a": 1})
    assert digest_json({"a": 1}) != digest_json({"a": 2})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's code, which the digests are taken of."""
    copied = tmp_path / "refp"
    shutil.copytree(digests.PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digests, "PACKAGE", copied)
    return copied


def edit(path: Path) -> None:
    path.write_text(f'"""Another docstring."""\n{path.read_text(encoding="utf-8")}', "utf-8")


def code_digests() -> dict[str, str]:
    from refp.measure import dataset
    from refp.pipeline import assembly, runs
    from refp.study import study

    codes = {
        "frame": dataset.CODE,
        "planes": runs.CODE,
        "training": assembly.CODE,
        "model": study.MODEL_CODE,
        "figure": study.ITEM_CODE,
    }
    return {name: hash_code(*code) for name, code in codes.items()}


@pytest.mark.parametrize(
    ("module", "changed"),
    [
        ("web/app.py", set()),
        ("cli/plane.py", set()),
        ("history/rules.py", set()),
        ("measure/frame.py", {"frame", "planes", "training", "model", "figure"}),
        ("plane/locate.py", {"planes", "training", "model", "figure"}),
        ("models/lookup.py", {"training", "model", "figure"}),
        ("estimate/combine.py", {"model", "figure"}),
        ("reports/style.py", {"planes", "figure"}),
        ("study/descriptions.py", {"figure"}),
    ],
)
def test_code_counts_where_it_can_change_the_result(
    package: Path, module: str, changed: set[str]
) -> None:
    before = code_digests()
    edit(package / module)
    after = code_digests()
    assert {name for name in before if before[name] != after[name]} == changed


def test_a_part_may_be_a_module_and_must_be_there(package: Path) -> None:
    before = hash_code("study.predictions")
    edit(package / "study" / "descriptions.py")
    assert hash_code("study.predictions") == before
    edit(package / "study" / "predictions.py")
    assert hash_code("study.predictions") != before
    with pytest.raises(ValueError, match=r"study\.none: no subpackage"):
        hash_code("study.none")
