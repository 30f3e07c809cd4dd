"""Folders of any layout: kinds of images, folders below, the proposed pattern, and its sweep.toml."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from refp.core.errors import DataError, OutputError, RefpError, UnknownInstrumentError
from refp.sweeps import (
    as_options,
    open_dataset,
    read_sweep_file,
    survey_folder,
    write_proposed_sweep_file,
)

Z = (1380, 1387.5, 1395, 1402.5)
PATTERN = "BF {exposure_ms}ms pos{fov} Z{z_um}um.tif"
SaveNames = Callable[[str], Path]


@pytest.fixture
def of_any_make(tmp_path: Path, save_names: SaveNames) -> Path:
    """A sweep whose names are of another make, an overview of another size, and a broken file."""
    for z in Z:
        save_names(f"BF 9ms pos01 Z{z:g}um.tif")
    tifffile.imwrite(tmp_path / "overview.tif", np.zeros((20, 20), np.uint8), metadata=None)
    (tmp_path / "broken.tif").write_bytes(b"II*\0" + bytes(20))
    return tmp_path


def test_images_are_counted_by_kind(of_any_make: Path) -> None:
    survey = survey_folder(of_any_make)
    assert [(k.suffix, k.size, k.n_pages, len(k.files)) for k in survey.kinds] == [
        (".tif", "40x30 uint8", (1, 1), 4),
        (".tif", "20x20 uint8", (1, 1), 1),
    ]
    assert [item.path.name for item in survey.left_out] == ["broken.tif"]
    assert (survey.pattern, survey.needs_step, survey.folders) == (PATTERN, False, ())


def test_previews_of_every_image_do_not_hide_the_pattern(of_any_make: Path) -> None:
    for path in list(of_any_make.glob("BF*.tif")):
        tifffile.imwrite(path.with_suffix(".btf"), np.zeros((10, 10), np.uint8), metadata=None)
    assert survey_folder(of_any_make).pattern in (PATTERN, PATTERN.replace(".tif", ".btf"))


def test_a_folder_of_data_sets_lists_them_without_reading(tmp_path: Path) -> None:
    for name, declared in (("a", True), ("b/c", True), ("d", False)):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for z in Z:
            (folder / f"z{z:g}.tif").write_bytes(b"not read")
        if declared:
            (folder / "sweep.toml").write_text('instrument = "a2k"\n', encoding="utf-8")
    survey = survey_folder(tmp_path)
    assert survey.holds_datasets
    assert survey.kinds == ()
    assert [(f.name, f.n_images, f.has_sweep_file, f.pattern) for f in survey.folders] == [
        ("a", 4, True, ""),
        ("b/c", 4, True, ""),
        ("d", 4, False, "z{z_um}.tif"),
    ]


def test_folders_of_one_sweep_get_one_pattern(tmp_path: Path, save_names: SaveNames) -> None:
    for day in (1, 2):
        (tmp_path / f"day{day}").mkdir()
        for z in Z:
            save_names(f"day{day}/z{z:g}.tif")
    assert survey_folder(tmp_path).pattern == "day{experiment}/z{z_um}.tif"
    path = write_proposed_sweep_file(tmp_path, as_options(instrument="a2k"))
    assert path == tmp_path / "sweep.toml"
    assert [len(sweep.frames) for sweep in open_dataset(tmp_path).sweeps] == [4, 4]


def test_a_folder_around_the_folder(of_any_make: Path, tmp_path_factory: Any) -> None:
    outer = tmp_path_factory.mktemp("outer")
    of_any_make.rename(outer / "inner")
    try:
        path = write_proposed_sweep_file(outer, as_options(instrument="a2k"))
        assert path == outer / "inner" / "sweep.toml"
        assert open_dataset(outer).n_frames == 4
    finally:
        (outer / "inner").rename(of_any_make)


def test_the_written_file_holds_pattern_and_options(of_any_make: Path) -> None:
    options = as_options(pixel_size_um=1.5, bead_diameter_um=28.0, serial="A-1", channel="0")
    path = write_proposed_sweep_file(of_any_make, options)
    written = read_sweep_file(path)
    assert (written.pattern, written.channel, written.identity.serial) == (PATTERN, "0", "A-1")
    dataset = open_dataset(of_any_make)
    assert [frame.z_um for frame in dataset.sweeps[0].frames] == list(Z)
    assert dataset.sweeps[0].key.exposure_ms == 9.0
    assert dataset.instrument.bead.diameter_um == 28.0


def test_a_file_is_replaced_if_told_to_and_its_other_entries_kept(of_any_make: Path) -> None:
    path = of_any_make / "sweep.toml"
    path.write_text('dataset = "mine"\npattern = "wrong"\n[optics]\npixel_size_um = 1.4\n')
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"sweep\.toml: exists already; .* --overwrite"):
        write_proposed_sweep_file(of_any_make, as_options(instrument="a2k"))
    assert path.read_bytes() == before
    write_proposed_sweep_file(of_any_make, as_options(instrument="a2k"), overwrite=True)
    written = read_sweep_file(path)
    assert (written.dataset, written.pattern) == ("mine", PATTERN)
    assert written.optics == {"pixel_size_um": 1.4}


def test_a_pattern_that_is_given_precedes_the_proposed_one(of_any_make: Path) -> None:
    own = "BF {exposure_ms}ms pos{experiment} Z{z_um}um.tif"
    path = write_proposed_sweep_file(of_any_make, as_options(instrument="a2k", pattern=own))
    assert read_sweep_file(path).pattern == own


@pytest.mark.parametrize(
    ("names", "options", "error", "message"),
    [
        pytest.param(
            [f"z{z:g}.tif" for z in Z], {}, UnknownInstrumentError, "--instrument", id="instrument"
        ),
        pytest.param(
            [f"scan_{k:02d}.tif" for k in range(4)],
            {"instrument": "a2k"},
            RefpError,
            "--z-step-um",
            id="step",
        ),
        pytest.param(
            ["a.tif", "b.tif", "c.tif"], {"instrument": "a2k"}, DataError, "--manifest", id="names"
        ),
    ],
)
def test_nothing_is_written_that_does_not_open(
    tmp_path: Path,
    save_names: SaveNames,
    names: list[str],
    options: dict[str, str],
    error: type[RefpError],
    message: str,
) -> None:
    for name in names:
        save_names(name)
    with pytest.raises(error, match=message):
        write_proposed_sweep_file(tmp_path, as_options(**options))  # type: ignore[arg-type]
    assert not (tmp_path / "sweep.toml").exists()


def test_no_folder_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image in this folder"):
        survey_folder(tmp_path)
    with pytest.raises(DataError, match="not a folder"):
        survey_folder(tmp_path / "absent")
