"""Z of names: numbers of frames, dashes, exposures that were measured, Unicode."""

from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import pytest
import tifffile

from refp.core.errors import DataError, RecipeError
from refp.sweeps import fill_pattern, open_dataset, parse_pattern

SaveNames = Callable[[str], Path]


@pytest.fixture
def numbered(tmp_path: Path, save_names: SaveNames) -> Path:
    """A folder of numbered frames."""
    for k in range(4):
        save_names(f"scan_z{k:03d}.tif")
    return tmp_path


def test_numbers_of_frames_are_steps(numbered: Path) -> None:
    data = open_dataset(numbered, instrument="a2k", pattern="scan_z{z_index}.tif", z_step_um=7.5)
    assert data.sweeps[0].z_um == (0, 7.5, 15, 22.5)


def test_the_step_may_be_in_sweep_toml(numbered: Path) -> None:
    text = 'instrument = "a2k"\npattern = "scan_z{z_index}.tif"\nz_step_um = 5.0\n'
    (numbered / "sweep.toml").write_text(text, encoding="utf-8")
    assert open_dataset(numbered).sweeps[0].z_um == (0, 5, 10, 15)
    assert open_dataset(numbered, z_step_um=2).sweeps[0].z_um == (0, 2, 4, 6)


def test_numbers_without_a_step_are_refused(numbered: Path) -> None:
    with pytest.raises(DataError, match=r"scan_z000\.tif: .*\{z_index\}; give .* --z-step-um"):
        open_dataset(numbered, instrument="a2k", pattern="scan_z{z_index}.tif")


@pytest.mark.parametrize("step", [0, -1, float("nan")])
def test_a_step_is_positive(numbered: Path, step: float) -> None:
    with pytest.raises(RecipeError, match="z_step_um"):
        open_dataset(numbered, instrument="a2k", pattern="scan_z{z_index}.tif", z_step_um=step)


def test_a_pattern_holds_one_kind_of_z() -> None:
    with pytest.raises(RecipeError, match=r"both \{z_um\} and \{z_index\}"):
        parse_pattern("a{z_um}_{z_index}.tif")
    with pytest.raises(RecipeError, match=r"by \{z_um\}, not by \{z_index\}"):
        fill_pattern("z{z_index}.tif", experiment=1, fov=1, z_um=2, exposure_ms=3)


def test_a_dash_before_every_z_is_a_separator(tmp_path: Path, save_names: SaveNames) -> None:
    for z in (1380, 1395, 1410):
        save_names(f"sweep-{z}.tif")
    data = open_dataset(tmp_path, instrument="a2k", pattern="sweep{z_um}.tif")
    assert data.sweeps[0].z_um == (1380, 1395, 1410)
    assert [frame.read()[0, 0] for frame in data.frames] == [0, 1, 2]
    (note,) = data.notes
    assert note.startswith("every name has a dash before Z, read as a separator: Z 1380 to 1410 um")


@pytest.mark.parametrize("z_um", [(-10, 0, 10), (-10, -5, 0)])
def test_a_dash_before_some_z_is_a_minus(
    tmp_path: Path, save_names: SaveNames, z_um: tuple[int, ...]
) -> None:
    for z in z_um:
        save_names(f"sweep{z}.tif")
    data = open_dataset(tmp_path, instrument="a2k", pattern="sweep{z_um}.tif")
    assert (data.sweeps[0].z_um, data.notes) == (z_um, ())


def test_whole_numbers_one_apart_may_be_the_numbers_of_frames(
    tmp_path: Path, save_names: SaveNames
) -> None:
    for z in (1, 2, 3):
        save_names(f"exp1_fov1_z{z}_t9ms.tif")
    data = open_dataset(tmp_path, instrument="a2k")
    assert data.sweeps[0].z_um == (1, 2, 3)
    (note,) = data.notes
    assert "as micrometres, 1 to 3 um in steps of 1; if these are the numbers of frames" in note
    assert "--z-step-um" in note
    stepped = open_dataset(tmp_path, instrument="a2k", z_step_um=2.5)
    assert (stepped.sweeps[0].z_um, stepped.notes) == ((2.5, 5.0, 7.5), ())
    stated = open_dataset(
        tmp_path, instrument="a2k", pattern="exp{experiment}_fov{fov}_z{z_um}_t{exposure_ms}ms.tif"
    )
    assert (stated.sweeps[0].z_um, stated.notes) == ((1, 2, 3), ())


@pytest.mark.parametrize("pattern", [None, "exp{experiment}_fov{fov}_z{z_um}_t{exposure_ms}ms.tif"])
def test_a_step_that_is_not_used_is_noted(
    tmp_path: Path, save_names: SaveNames, pattern: str | None
) -> None:
    for z in (1380, 1395, 1410):
        save_names(f"exp1_fov1_z{z}_t9ms.tif")
    data = open_dataset(tmp_path, instrument="a2k", pattern=pattern, z_step_um=5.0)
    assert data.sweeps[0].z_um == (1380, 1395, 1410)
    (note,) = data.notes
    assert note.startswith("the Z step of 5 um (--z-step-um) is not used: ")


def test_names_that_refp_writes_may_all_be_negative(tmp_path: Path, save_names: SaveNames) -> None:
    for z in (-30, -20, -10):
        save_names(f"exp1_fov1_z{z}_t9ms.tif")
    assert open_dataset(tmp_path, instrument="a2k").sweeps[0].z_um == (-30, -20, -10)


def test_measured_exposures_of_one_setting_are_one_sweep(
    tmp_path: Path, save_names: SaveNames
) -> None:
    for z, exposure in ((1, 12.04), (2, 12.06), (3, 12.06), (4, 24.1)):
        save_names(f"z{z}_t{exposure}ms.tif")
    data = open_dataset(tmp_path, instrument="a2k", pattern="z{z_um}_t{exposure_ms}ms.tif")
    assert [(s.key.exposure_ms, s.z_um) for s in data.sweeps] == [(12.06, (1, 2, 3)), (24.1, (4,))]


def test_exposures_at_one_z_are_two_sweeps(tmp_path: Path, save_names: SaveNames) -> None:
    for exposure in (12.04, 12.06):
        for z in (1, 2):
            save_names(f"z{z}_t{exposure}ms.tif")
    data = open_dataset(tmp_path, instrument="a2k", pattern="z{z_um}_t{exposure_ms}ms.tif")
    assert [sweep.key.exposure_ms for sweep in data.sweeps] == [12.04, 12.06]


@pytest.mark.parametrize(("given", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_match_in_any_unicode_composition(
    tmp_path: Path, save_names: SaveNames, given: str, stored: str
) -> None:
    for z in (1, 2):
        save_names(normalize(stored, f"K\u00f6rper_z{z}.tif"))  # type: ignore[arg-type]
    pattern = normalize(given, "K\u00f6rper_z{z_um}.tif")  # type: ignore[arg-type]
    assert open_dataset(tmp_path, instrument="a2k", pattern=pattern).n_frames == 2


def test_a_folder_that_holds_one_folder_is_that_folder(tmp_path: Path) -> None:
    inner = tmp_path / "monday" / "sweep"
    inner.mkdir(parents=True)
    for name in (".DS_Store", "Icon\r", "__MACOSX"):
        (tmp_path / name).mkdir()
    for z in (1, 2):
        tifffile.imwrite(inner / f"z{z}.tif", [[z, 2], [3, 4]], dtype="uint8", metadata=None)
    text = 'instrument = "a2k"\npattern = "z{z_um}.tif"\n'
    (inner / "sweep.toml").write_text(text, encoding="utf-8")
    data = open_dataset(tmp_path)
    assert (data.root, data.sweeps[0].z_um) == (inner, (1, 2))


def test_a_step_replaces_the_z_that_a_stack_states(
    tmp_path: Path, save_stack: Callable[..., Path], optics: dict[str, float]
) -> None:
    path = save_stack("a.tif", 3)
    assert open_dataset(path, z_step_um=7.5, **optics).sweeps[0].z_um == (0, 7.5, 15)
    metadata = {"axes": "ZYX", "PhysicalSizeZ": 1.0}
    path = save_stack("b.ome.tif", 3, metadata=metadata)
    assert open_dataset(path, **optics).sweeps[0].z_um == (0, 1, 2)
    assert open_dataset(path, z_step_um=7.5, **optics).sweeps[0].z_um == (0, 7.5, 15)
