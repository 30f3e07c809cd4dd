"""The data sets of a folder."""

import shutil
from pathlib import Path

import pytest

from refp.core.errors import DataError, OutputError, RecipeError
from refp.study import MAP_FILE, find_sets, write_map
from refp.study.layout import table1_name
from refp.sweeps import open_dataset

NAMES = {
    "A2K training": "A2K training",
    "a2k-training": "A2K training",
    "a2k_train": "A2K training",
    "1- A2K training": "A2K training",
    "5- A2K test 4 (new lab)": "A2K test 4",
    "9_A2K_test_5_w_cells": "A2K test 5",
    "a2k-test1": "A2K test 1",
    "A2K Test 06": "A2K test 6",
    "nikon-ti2 test 2": "Nikon test 2",
    "Nikon_test_1": "Nikon test 1",
    "Cellometer Auto2000 training": "A2K training",
    "Leica DMi8 test 3": "Leica DMi8 test 3",
    "training": None,
    "test": None,
    "results": None,
    "": None,
    "A2K test": None,
}


@pytest.mark.parametrize(("text", "name"), NAMES.items(), ids=[f"{n!r}" for n in NAMES])
def test_names_of_folders(text: str, name: str | None) -> None:
    assert table1_name(text) == name


@pytest.fixture
def copy(tiny_table1: Path, tmp_path: Path) -> Path:
    root = tmp_path / "data"
    shutil.copytree(tiny_table1, root)
    return root


def test_sets_are_found_in_the_order_of_the_table(tiny_table1: Path) -> None:
    layout = find_sets(tiny_table1)
    assert list(layout.sets) == ["A2K training", "A2K test 1", "A2K test 2"]
    assert layout.labels == ["A2K"]
    assert layout.left_out["Nikon training"] == "not there"
    assert len(layout.left_out) == 7
    frame = next(iter(layout.sets["A2K test 1"].frames))
    assert frame.key.dataset == layout.sets["A2K test 1"].name == "A2K test 1"


def test_the_name_in_sweep_toml_counts_before_the_folders(copy: Path) -> None:
    (copy / "a2k-test1").rename(copy / "a2k-test4")
    assert "A2K test 1" in find_sets(copy).sets


def test_folders_without_sweep_toml_are_recognised_by_name(copy: Path) -> None:
    for folder in ("a2k-training", "a2k-test1", "a2k-test2"):
        (copy / folder / "sweep.toml").unlink()
    layout = find_sets(copy)
    assert not layout.sets.keys() - {"A2K training", "A2K test 1", "A2K test 2"}
    expected = open_dataset(copy / "a2k-test1", instrument="a2k")
    assert layout.sets["A2K test 1"].n_frames == expected.n_frames


def test_the_map_file_counts_before_all(copy: Path) -> None:
    (copy / "a2k-test1").rename(copy / "whatever")
    (copy / "whatever" / "sweep.toml").unlink()
    (copy / MAP_FILE).write_text(
        '[sets."A2K test 3"]\npath = "whatever"\ninstrument = "a2k"\npixel_size_um = 1.6\n'
    )
    layout = find_sets(copy)
    assert list(layout.sets) == ["A2K training", "A2K test 2", "A2K test 3"]
    assert layout.sets["A2K test 3"].instrument.optics.pixel_size_um == 1.6


def test_a_map_file_is_written_for_the_user_to_correct(copy: Path) -> None:
    (copy / "notes").mkdir()
    path = write_map(copy)
    text = path.read_text(encoding="utf-8")
    assert 'path = "a2k-test1"' in text
    assert '# [sets."Nikon training"]' in text
    assert "Folders with other names: notes" in text
    assert list(find_sets(copy).sets) == ["A2K training", "A2K test 1", "A2K test 2"]
    with pytest.raises(OutputError, match=r"study\.toml"):
        write_map(copy)
    assert write_map(copy, overwrite=True) == path


def test_a_set_that_cannot_be_opened_is_named_with_the_reason(copy: Path) -> None:
    (copy / "a2k-test1" / "sweep.toml").write_text('instrument = "none"\n')
    layout = find_sets(copy)
    assert "A2K test 1" not in layout.sets
    assert "none" in layout.left_out["A2K test 1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[set]", "set: Extra inputs"),
        ('[sets."A2K training"]\nfolder = "x"', "path: Field required|folder: Extra inputs"),
        ("[assay]\nallowed_bias = 0.0\ntable = 'x.csv'", "assay.allowed_bias: "),
        ("sets = ", "not a TOML file"),
    ],
)
def test_a_wrong_map_names_file_and_key(copy: Path, text: str, message: str) -> None:
    (copy / MAP_FILE).write_text(text)
    with pytest.raises(RecipeError, match=rf"study\.toml: .*({message})"):
        find_sets(copy)


def test_a_folder_without_data_sets_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        find_sets(tmp_path / "none")
    with pytest.raises(DataError, match=r"a name of Table 1, .* 'refp study --init"):
        find_sets(tmp_path)
    (tmp_path / "A2K training").mkdir()
    with pytest.raises(DataError, match="a name of Table 1"):
        find_sets(tmp_path)
