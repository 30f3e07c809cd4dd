"""Writing frames and sweep files."""

from pathlib import Path

import numpy as np
import pytest

from refp.core.errors import OutputError, RecipeError
from refp.sweeps import (
    fill_pattern,
    open_dataset,
    read_plane,
    read_sweep_file,
    write_frame,
    write_sweep_file,
)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_frame_comes_back(tmp_path: Path, dtype: type) -> None:
    image = np.arange(1200).reshape(30, 40).astype(dtype)
    path = tmp_path / "a.tif"
    write_frame(path, image)
    write_frame(path, image)
    np.testing.assert_array_equal(read_plane(path), image)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_a_frame_of_floats_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="unsigned integers"):
        write_frame(tmp_path / "a.tif", np.zeros((30, 40)))


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    write_frame(path, np.full((30, 40), 7, np.uint8))

    def full(part: Path, *_: object, **__: object) -> None:
        Path(part).write_bytes(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tifffile.imwrite", full)
    with pytest.raises(OutputError, match=r"a\.tif: not written: No space left on device"):
        write_frame(path, np.zeros((30, 40), np.uint8))
    monkeypatch.undo()
    assert read_plane(path)[0, 0] == 7
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_the_folder_of_a_frame_is_made(tmp_path: Path) -> None:
    write_frame(tmp_path / "new" / "a.tif", np.full((30, 40), 7, np.uint8))
    assert read_plane(tmp_path / "new" / "a.tif")[0, 0] == 7


def test_a_written_data_set_opens(tmp_path: Path) -> None:
    path = write_sweep_file(
        tmp_path, dataset="sim", instrument="a2k", optics={"pixel_size_um": 1.4}
    )
    settings = read_sweep_file(path)
    for z_um in (0.0, 7.5):
        name = fill_pattern(settings.pattern, experiment=1, fov="A1", z_um=z_um, exposure_ms=12.0)
        write_frame(tmp_path / name, np.zeros((30, 40), np.uint8))
    data = open_dataset(tmp_path)
    assert (data.name, data.instrument.optics.pixel_size_um) == ("sim", 1.4)
    assert data.sweeps[0].key.exposure_ms == 12.0
    assert "bead" not in path.read_text(encoding="utf-8")


def test_a_wrong_pattern_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="unknown field"):
        write_sweep_file(tmp_path, dataset="sim", pattern="{zed}.tif")
    assert list(tmp_path.iterdir()) == []
