"""Folders under the roots."""

from pathlib import Path

import pytest

from refp.web.storage.roots import OutsideRoots
from refp.web.workers.folders import MAX_ENTRIES, list_folder


def test_folders_follow_no_link_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "z10", root / "z9", root / ".hidden", outside):
        folder.mkdir(parents=True)
    (root / "a.ome.tif").write_bytes(b"")
    (root / "frame.tif").write_bytes(b"")
    try:
        (root / "out").symlink_to(outside, target_is_directory=True)
        (root / "ring").symlink_to(root / "ring")
    except OSError:
        pytest.skip("links cannot be made here")
    listing = list_folder("", [root])
    assert [entry.name for entry in listing.entries] == ["a.ome.tif", "z9", "z10"]
    assert listing.here is not None
    assert (listing.here.n_images, listing.n_more) == (2, 0)
    with pytest.raises(OutsideRoots):
        list_folder("out", [root])
    several = list_folder("", [root, outside])
    assert (several.here, [entry.name for entry in several.entries]) == (None, ["root", "outside"])
    for k in range(MAX_ENTRIES):
        (outside / f"{k}").mkdir()
    (outside / "one more").mkdir()
    many = list_folder(str(outside), [root, outside])
    assert (len(many.entries), many.n_more) == (MAX_ENTRIES, 1)
