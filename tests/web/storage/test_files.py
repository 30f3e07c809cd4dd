"""Files by content: once each, the newest of them, and no name that leads elsewhere."""

import hashlib
from pathlib import Path

import pytest

from refp.core.errors import DataError
from refp.web.storage.files import Files, NewestFiles


def sent(folder: Path, content: bytes) -> Path:
    path = folder / "sent.bin"
    path.write_bytes(content)
    return path


def kept(files: Files) -> set[bytes]:
    return {path.read_bytes() for path in files.folder.rglob("*") if path.is_file()}


def test_the_same_content_is_kept_once(tmp_path: Path) -> None:
    files = Files(tmp_path / "kept")
    names = [files.keep(sent(tmp_path, content), ".tif") for content in (b"a", b"b", b"a")]
    assert names[0] == names[2] == f"{hashlib.sha256(b'a').hexdigest()}.tif"
    assert kept(files) == {b"a", b"b"}
    assert files.find(names[1]).read_bytes() == b"b"
    assert not (tmp_path / "sent.bin").exists()


@pytest.mark.parametrize("name", ["", "../x", "a" * 64, f"{'a' * 64}.tif/../x", "A" * 64])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="not kept any more"):
        Files(tmp_path).find(name)


def test_the_oldest_go(tmp_path: Path) -> None:
    files = NewestFiles(tmp_path / "kept", 5)
    for content in (b"aa", b"bb", b"aa", b"cc"):  # the first is sent again
        files.keep(sent(tmp_path, content), ".png")
    assert kept(files) == {b"aa", b"cc"}
    later = NewestFiles(tmp_path / "kept", 5)
    later.keep(sent(tmp_path, b"d"), ".png")
    assert kept(later) == {b"aa", b"cc", b"d"}
    later.keep(sent(tmp_path, b"too large"), ".png")
    assert kept(later) == {b"too large"}
