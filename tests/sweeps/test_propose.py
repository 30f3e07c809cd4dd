"""The pattern that fits the names of files of any make."""

from pathlib import Path

import pytest

from refp.core.errors import DataError
from refp.sweeps import open_dataset, parse_pattern
from refp.sweeps.propose import propose_pattern

Z = (1380, 1387.5, 1395, 1402.5)
MAKES = {
    "sentence": (
        [f"Sample A - Bright Field 9ms pos01 Z{z:g}um.tif" for z in Z],
        "Sample A - Bright Field {exposure_ms}ms pos{fov} Z{z_um}um.tif",
    ),
    "unit alone": ([f"{z:g} um.png" for z in Z], "{z_um} um.png"),
    "only number": ([f"bead_{z:g}.tif" for z in Z], "bead_{z_um}.tif"),
    "signed": ([f"bead_{z:g}.tif" for z in (-10, 0, 10)], "bead_{z_um}.tif"),
    "signed after z": ([f"a_z={z:g}_b.tif" for z in (-10, 0, 10)], "a_z={z_um}_b.tif"),
    "slices": ([f"scan_z{k:03d}.tif" for k in range(4)], "scan_z{z_index}.tif"),
    "slices by name": ([f"Slice {k}.tif" for k in range(1, 5)], "Slice {z_index}.tif"),
    "counter and Z": (
        [f"{k:04d}_z{z:g}um.tif" for k, z in enumerate(Z)],
        "*_z{z_um}um.tif",
    ),
    "fields": (
        [f"xy{f}_z{z:g}.tif" for f in (1, 2) for z in Z],
        "xy{fov}_z{z_um}.tif",
    ),
    "exposures": (
        [f"run2_z{z:g}_{t}ms.tif" for t in (9, 22) for z in Z],
        "run{experiment}_z{z_um}_{exposure_ms}ms.tif",
    ),
    "folders": ([f"day1/z{z:g}.tif" for z in Z], "day{experiment}/z{z_um}.tif"),
    "mostly": ([*(f"z{z:g}.tif" for z in Z), "overview.tif"], "z{z_um}.tif"),
}


@pytest.mark.parametrize(("names", "pattern"), MAKES.values(), ids=MAKES)
def test_the_pattern_that_fits_is_proposed(names: list[str], pattern: str) -> None:
    assert propose_pattern(names) == pattern
    assert any(parse_pattern(pattern).match(name) for name in names)


NONE = {
    "no number": ["a.tif", "b.tif", "c.tif"],
    "too few": ["z1.tif", "z2.tif"],
    "nothing varies by number": ["a_z1.tif", "b_z1.tif", "c_z1.tif"],
    "two numbers of no kind": [f"{a}_{b}.tif" for a in (1, 5, 7) for b in (2, 3, 9)],
    "nanometres": [f"z{1000 * z:.0f}nm.tif" for z in Z],
    "nothing": [],
}


@pytest.mark.parametrize("names", NONE.values(), ids=NONE)
def test_nothing_is_proposed_where_nothing_is_known(names: list[str]) -> None:
    assert propose_pattern(names) == ""


def test_the_message_holds_the_proposal(tmp_path: Path, save_names: object) -> None:
    for z in Z:
        save_names(f"bead {z:g}um.tif")  # type: ignore[operator]
    message = r"--pattern 'bead \{z_um\}um\.tif' fits; give it, or let 'refp inspect .* --write-sweep-toml'"
    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, instrument="a2k")


def test_the_message_about_numbered_frames_asks_for_the_step(
    tmp_path: Path, save_names: object
) -> None:
    for k in range(4):
        save_names(f"bead_{k:02d}.tif")  # type: ignore[operator]
    with pytest.raises(DataError, match=r"'bead_\{z_index\}\.tif' fits with .* --z-step-um"):
        open_dataset(tmp_path, instrument="a2k")
