"""Proposals: the contents of folders whose names are not read, and the pattern that reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the pages need extra 'web'")

import tifffile

from refp.web.job import Proposal
from refp.web.jobs.proposals import propose_reading

Z = (1380, 1387.5, 1395, 1402.5)
Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write plain TIFFs of these names; return their folder."""

    def save(*names: str, side_px: int = 40, **options: Any) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, np.zeros((30, side_px), np.uint8), metadata=None, **options)
        return tmp_path

    return save


def proposed(folder: Path, **options: Any) -> Proposal:
    proposal = propose_reading(folder, options)
    assert proposal is not None
    return proposal


def test_contents_pattern_and_examples(save: Save) -> None:
    save(*(f"BF 9ms pos{p:02d} Z{z:g}um.tif" for p in (1, 2) for z in Z))
    folder = save("overview.tif", side_px=20)
    (folder / "broken.tif").write_bytes(b"II*\0" + bytes(20))
    proposal = proposed(folder)
    assert [(k["n"], k["suffix"], k["size"]) for k in proposal["kinds"]] == [
        (8, ".tif", "40x30 uint8"),
        (1, ".tif", "20x30 uint8"),
    ]
    assert [one["name"] for one in proposal["left_out"]] == ["broken.tif"]
    assert proposal["pattern"] == "BF {exposure_ms}ms pos{fov} Z{z_um}um.tif"
    assert (proposal["n_names"], proposal["n_frames"]) == (8, [4, 4])
    assert (proposal["needs_instrument"], proposal["needs_step"]) == (True, False)
    assert [(one["name"], one["z_um"], one["fov"]) for one in proposal["examples"]] == [
        ("BF 9ms pos01 Z1380um.tif", 1380.0, "1"),
        ("BF 9ms pos02 Z1395um.tif", 1395.0, "2"),
        ("BF 9ms pos02 Z1402.5um.tif", 1402.5, "2"),
    ]
    assert {one["exposure_ms"] for one in proposal["examples"]} == {9.0}


def test_numbers_of_frames_need_their_distance(save: Save) -> None:
    folder = save(*(f"scan_{k:02d}.tif" for k in range(5)))
    proposal = proposed(folder, instrument="a2k")
    assert (proposal["needs_step"], proposal["needs_instrument"]) == (True, False)
    assert [one["z_um"] for one in proposal["examples"]] == [0.0, 2.0, 4.0]
    stepped = proposed(folder, instrument="a2k", z_step_um=2.5)
    assert not stepped["needs_step"]
    assert [one["z_um"] for one in stepped["examples"]] == [0.0, 5.0, 10.0]


@pytest.mark.parametrize("stated", ["other_{z_um}.tif", "other_{zed}.tif"])
def test_a_pattern_that_reads_no_name_is_replaced(save: Save, stated: str) -> None:
    folder = save(*(f"img_z{z:g}.tif" for z in Z))
    (folder / "sweep.toml").write_text(f'instrument = "a2k"\npattern = "{stated}"\n')
    proposal = proposed(folder)
    assert (proposal["stated"], proposal["pattern"]) == (stated, "img_z{z_um}.tif")
    assert not proposal["needs_instrument"]


def test_folders_below(save: Save) -> None:
    folder = save(*(f"day{day}/z{z:g}.tif" for day in (1, 2) for z in Z))
    proposal = proposed(folder)
    assert [(one["name"], one["n"]) for one in proposal["folders"]] == [("day1", 4), ("day2", 4)]
    assert proposal["pattern"] == "day{experiment}/z{z_um}.tif"
    assert proposal["examples"][-1]["name"] == "day2/z1402.5.tif"


def test_folders_that_are_data_sets_get_no_pattern(save: Save) -> None:
    folder = save(*(f"day{day}/z{z:g}.tif" for day in (1, 2) for z in Z))
    (folder / "day1" / "sweep.toml").write_text('instrument = "a2k"\n')
    proposal = proposed(folder)
    assert (proposal["holds_datasets"], proposal["pattern"]) == (True, "")
    assert [one["has_sweep_file"] for one in proposal["folders"]] == [True, False]


def test_nothing_fits(save: Save) -> None:
    proposal = proposed(save("left.tif", "middle.tif", "right.tif"))
    assert (proposal["pattern"], proposal["examples"], proposal["n_names"]) == ("", [], 3)
    assert proposal["names"] == ["left.tif", "middle.tif", "right.tif"]


def test_a_pattern_that_does_not_open_has_the_reason(save: Save) -> None:
    folder = save(*(f"stack_{k}.tif" for k in range(4)))
    for path in folder.glob("*.tif"):
        tifffile.imwrite(path, np.zeros((3, 30, 40), np.uint8), photometric="minisblack")
    proposal = proposed(folder)
    assert proposal["pattern"]
    assert "its name one Z" in proposal["problem"]
    assert str(folder) not in proposal["problem"]


def test_causes_other_than_names_get_no_proposal(save: Save) -> None:
    folder = save(*(f"exp1_fov1_z{z:g}_t9ms.tif" for z in Z))
    assert propose_reading(folder, {}) is None  # the instrument alone is not known
    assert propose_reading(folder / "exp1_fov1_z1380_t9ms.tif", {}) is None
    (folder / "sweep.toml").write_text('manifest = "frames.csv"\n')
    assert propose_reading(folder, {}) is None
    (folder / "sweep.toml").write_text("unknown = 1\n")
    assert propose_reading(folder, {}) is None
    empty = folder / "empty"
    empty.mkdir()
    assert propose_reading(empty, {}) is None


def test_long_lists_are_cut(save: Save) -> None:
    folder = save(*(f"day{day}/z{z:g}.tif" for day in range(9) for z in Z))
    proposal = proposed(folder)
    assert (len(proposal["folders"]), proposal["n_folders"]) == (6, 9)
