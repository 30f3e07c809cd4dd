"""Image files below a folder, and the image that a changed path belongs to."""

import os
from pathlib import Path

import pytest

from refp.pipeline.watching.listing import image_of, list_stamps, stamp_of
from refp.pipeline.watching.settling import Stamp


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_images_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    images = {write(tmp_path / name) for name in ("a.TIF", "b/c.png", "b/d/e.nd2", "b/f.czi")}
    for name in ("g.txt", ".h.tif", ".hidden/i.tif", "__MACOSX/j.tif", "k.tif.part"):
        write(tmp_path / name)
    found = dict(list_stamps(tmp_path))
    assert set(found) == images
    assert all(stamp == stamp_of(path) for path, stamp in found.items())


def test_the_stamp_is_size_and_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", "four")
    os.utime(path, ns=(0, 1_500_000_000_123_456_700))
    assert stamp_of(path) == Stamp(4, path.stat().st_mtime_ns)
    assert stamp_of(write(tmp_path / "a.txt")) is None
    assert stamp_of(tmp_path / "missing.tif") is None
    assert stamp_of(tmp_path) is None


def test_a_zarr_is_one_image_that_changes_with_its_files(tmp_path: Path) -> None:
    for root in (tmp_path / "a.zarr", tmp_path / "without suffix"):
        write(root / "zarr.json")
        write(root / "0" / "c" / "0", "12345")
        assert [path for path, _ in list_stamps(tmp_path) if path == root] == [root]
        before = stamp_of(root)
        write(root / "0" / "c" / "1", "1")
        after = stamp_of(root)
        assert before is not None
        assert after is not None
        assert after.size_bytes > before.size_bytes


@pytest.mark.parametrize(
    ("changed", "image"),
    [
        ("a.tif", "a.tif"),
        ("b/c.tif", "b/c.tif"),
        ("b/x.zarr/0/c/1", "b/x.zarr"),
        ("b/x.ZARR", "b/x.ZARR"),
        (".a.tif.12.part", None),
        (".trash/a.tif", None),
        ("", None),
    ],
)
def test_image_of_a_changed_path(changed: str, image: str | None) -> None:
    folder = Path("/data/in")
    assert image_of(folder / changed, folder) == (None if image is None else folder / image)
    assert image_of(Path("/data/elsewhere/a.tif"), folder) is None


def test_folders_that_are_links_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.tif")
    try:
        (tmp_path / "in" / "back").symlink_to(tmp_path / "in", target_is_directory=True)
    except OSError:
        pytest.skip("links need a right on this system")
    assert [path.name for path, _ in list_stamps(tmp_path / "in")] == ["a.tif"]


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        list(list_stamps(tmp_path / "missing"))
