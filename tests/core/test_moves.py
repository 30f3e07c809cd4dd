"""Renaming where another program has the file open, as on Windows."""

from pathlib import Path

import pytest

from refp.core import moves
from refp.core.moves import move


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[PermissionError]:
    """Refusals of the next attempts to rename; no wait between attempts."""
    monkeypatch.setattr(moves, "WAITS_S", (0.0, 0.0, 0.0))
    left: list[PermissionError] = []
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if left:
            raise left.pop()
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    return left


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_file_that_is_open_for_a_moment_is_replaced(
    tmp_path: Path, refusals: list[PermissionError], n: int
) -> None:
    refusals += [PermissionError(13, "Access is denied")] * n
    (tmp_path / "part").write_bytes(b"new")
    (tmp_path / "file").write_bytes(b"old")
    move(tmp_path / "part", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert not (tmp_path / "part").exists()


def test_a_file_that_stays_open_is_an_error(
    tmp_path: Path, refusals: list[PermissionError]
) -> None:
    refusals += [PermissionError(13, "Access is denied")] * 4
    (tmp_path / "part").touch()
    with pytest.raises(PermissionError):
        move(tmp_path / "part", tmp_path / "file")


def test_a_folder_is_moved(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a").touch()
    move(tmp_path / "part", tmp_path / "folder")
    assert (tmp_path / "folder" / "a").is_file()
