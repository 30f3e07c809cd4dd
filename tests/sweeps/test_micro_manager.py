"""Data of Micro-Manager as they are on disk: single files, stacks, positions, channels, stopped ones."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from refp.core.errors import DataError
from refp.sweeps import open_dataset, read_header

N = 6
BEAD = {"bead_diameter_um": 28.0}


def image(k: int) -> Any:
    return np.full((30, 40), k, np.uint16)


def tag(k: int, **changes: Any) -> dict[str, Any]:
    """Metadata of the ``k``-th slice, as version 1.4 and 2 write them."""
    entry = {"ZPositionUm": 100 + 2.5 * k, "Exposure-ms": 9.0, "PixelSizeUm": 0.65, "SliceIndex": k}
    return (
        entry | {"BitDepth": 12, "PositionIndex": 0, "FrameIndex": 0, "ChannelIndex": 0} | changes
    )


def save(path: Path, tags: Iterable[dict[str, Any]], first: int = 0) -> Path:
    """Write a TIFF with a tag for each page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as writer:
        for k, entry in enumerate(tags, first):
            extra = [(51123, "s", 0, json.dumps(entry), True)]
            writer.write(image(k), photometric="minisblack", metadata=None, extratags=extra)
    return path


def save_each(folder: Path, tags: Iterable[dict[str, Any]], name: str = "Pos0") -> None:
    for k, entry in enumerate(tags):
        save(folder / name / f"img_channel000_position000_time000000000_z{k:03d}.tif", [entry], k)


def test_single_files_are_read_without_a_pattern(tmp_path: Path) -> None:
    save_each(tmp_path, [tag(k) for k in range(N)], "")
    data = open_dataset(tmp_path, **BEAD)
    (sweep,) = data.sweeps
    assert sweep.z_um == (100, 102.5, 105, 107.5, 110, 112.5)
    assert (sweep.key.exposure_ms, data.instrument.optics.pixel_size_um) == (9.0, 0.65)
    assert data.instrument.optics.white_level == 4095
    assert [frame.read()[0, 0] for frame in sweep.frames] == list(range(N))


def test_positions_in_folders_are_fields_of_view(tmp_path: Path) -> None:
    for p in range(2):
        save_each(tmp_path, [tag(k, PositionIndex=p) for k in range(N)], f"Pos{p}")
    data = open_dataset(tmp_path, **BEAD)
    assert [(s.key.fov, len(s.frames)) for s in data.sweeps] == [(1, N), (2, N)]


def test_a_stack_split_by_position_and_by_size_is_whole(tmp_path: Path) -> None:
    for p in range(2):
        tags = [tag(k, PositionIndex=p) for k in range(N)]
        save(tmp_path / f"a_MMStack_Pos{p}.ome.tif", tags[:4])
        save(tmp_path / f"a_MMStack_Pos{p}_1.ome.tif", tags[4:], 4)
    data = open_dataset(tmp_path, **BEAD)
    assert [(s.key.fov, s.z_um[-1]) for s in data.sweeps] == [(1, 112.5), (2, 112.5)]
    assert [frame.read()[0, 0] for frame in data.sweeps[0].frames] == list(range(N))


def test_the_stage_wins_over_names_and_the_contradiction_is_noted(tmp_path: Path) -> None:
    save_each(tmp_path, [tag(k) for k in range(N)], "")
    data = open_dataset(tmp_path, pattern="*_z{z_um}.tif", **BEAD)
    assert data.sweeps[0].z_um[0] == 100
    (note,) = data.notes
    assert "100 um, by its name 0" in note


def test_names_win_over_a_stage_that_stood_still(tmp_path: Path) -> None:
    """A piezo that is not the focus drive moves; the position of the drive is the same in every file."""
    save_each(tmp_path, [tag(k, ZPositionUm=50) for k in range(N)], "")
    data = open_dataset(tmp_path, pattern="*_z{z_um}.tif", **BEAD)
    assert (data.sweeps[0].z_um, data.notes) == ((0, 1, 2, 3, 4, 5), ())


def test_slices_are_steps_where_the_stage_stood_still(tmp_path: Path) -> None:
    tags = [tag(k, ZPositionUm=50) for k in range(N)]
    save_each(tmp_path, tags, "")
    entries = {
        "Summary": {"z-step_um": 2.5},
        **{f"FrameKey-0-0-{k}": {**tags[k], "FileName": f"{k}.tif"} for k in range(N)},
    }
    (tmp_path / "metadata.txt").write_text(json.dumps(entries), encoding="utf-8")
    assert open_dataset(tmp_path, **BEAD).sweeps[0].z_um == (0, 2.5, 5, 7.5, 10, 12.5)


VERSIONS = {
    "1.4": lambda k, name: {f"FrameKey-0-0-{k}": {**tag(k), "FileName": name}},
    "2.0": lambda k, name: {
        f"Coords-Default/{name}": {"position": 0, "time": 0, "z": k, "channel": 0},
        f"Metadata-Default/{name}": {"ZPositionUm": 100 + 2.5 * k, "Exposure-ms": 9.0},
    },
}


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_metadata_txt_states_what_files_do_not(tmp_path: Path, version: str, stopped: bool) -> None:
    entries: dict[str, Any] = {"Summary": {"PixelSize_um": 0.65, "BitDepth": 12}}
    for k in range(N):
        name = f"img_{k:09d}.tif"
        tifffile.imwrite(tmp_path / name, image(k), metadata=None)
        entries |= VERSIONS[version](k, name)
    text = json.dumps(entries, indent=1)
    text = text.rstrip("}\n ") + "}," if stopped else text
    (tmp_path / "metadata.txt").write_text(text, encoding="utf-8")
    data = open_dataset(tmp_path, **BEAD)
    assert data.sweeps[0].z_um == (100, 102.5, 105, 107.5, 110, 112.5)
    assert data.instrument.optics.pixel_size_um == 0.65


def test_channels_of_single_files_are_chosen(tmp_path: Path) -> None:
    for c, name in enumerate(("BF", "DAPI")):
        tags = [tag(k, ChannelIndex=c, Channel=name) for k in range(N)]
        save_each(tmp_path / "a", tags, name)
    with pytest.raises(
        DataError, match=r"2 channels \(0 'BF', 1 'DAPI'\); choose one with --channel"
    ):
        open_dataset(tmp_path, **BEAD)
    for channel in ("BF", "0", "bf"):
        data = open_dataset(tmp_path, channel=channel, **BEAD)
        assert {frame.path.parent.name for frame in data.frames} == {"BF"}


def test_a_stopped_stack_has_its_whole_pages(tmp_path: Path) -> None:
    path = save(tmp_path / "a_MMStack.ome.tif", [tag(k) for k in range(N)])
    with tifffile.TiffFile(path) as tif:
        end = tif.pages[4].dataoffsets[0] + 100
    path.write_bytes(path.read_bytes()[:end])
    data = open_dataset(path, **BEAD)
    assert data.sweeps[0].z_um == (100, 102.5, 105, 107.5)
    assert data.notes == ("a_MMStack.ome.tif: the acquisition was stopped; its 4 pages are used",)
    assert [frame.read()[0, 0] for frame in data.frames] == [0, 1, 2, 3]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"Summary": 3, "x": [1]}', "[" * 100_000])
def test_metadata_txt_of_anything_else_states_nothing(tmp_path: Path, text: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", image(0), metadata=None)
    (tmp_path / "metadata.txt").write_text(text, encoding="utf-8")
    assert read_header(tmp_path / "a.tif").stated.z_um == ()
