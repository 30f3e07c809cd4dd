"""Single images, and the instrument declared beside them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from refp.core.errors import DataError, RecipeError
from refp.sweeps import declared_instrument, declared_pixel_size_um, list_images, write_frame

GREY = np.zeros((30, 40), np.uint8)


def test_files_folders_and_stacks_become_images(tmp_path: Path, save_stack) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for k in (10, 9):
        write_frame(folder / f"image{k}.tif", GREY + k)
    stack = save_stack("stack.tif", 3)
    (folder / "notes.txt").touch()
    images = list_images([stack, folder])
    labels = ["stack.tif", "stack.tif#1", "stack.tif#2", "image9.tif", "image10.tif"]
    assert [image.label for image in images] == labels
    assert [image.read()[0, 0] for image in images] == [0, 1, 2, 9, 10]


def test_an_unreadable_file_is_listed_and_raises_when_read(tmp_path: Path) -> None:
    write_frame(tmp_path / "good.tif", GREY)
    (tmp_path / "bad.tif").touch()
    bad, good = list_images([tmp_path])
    assert good.read().shape == (30, 40)
    with pytest.raises(DataError, match="empty file"):
        bad.read()


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.tif: no such file or folder"):
        list_images([tmp_path / "none.tif"])


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image in this folder"):
        list_images([tmp_path])


DECLARED = {
    "recipe": ('instrument = "a2k"', "a2k"),
    "optics and bead": ("[optics]\npixel_size_um = 1.5\n[bead]\ndiameter_um = 28.0", "custom"),
    "too little": ("[bead]\ndiameter_um = 28.0", ""),
}


@pytest.mark.parametrize(("text", "name"), DECLARED.values(), ids=DECLARED)
def test_the_sweep_file_beside_an_image_declares_its_instrument(
    tmp_path: Path, text: str, name: str
) -> None:
    write_frame(tmp_path / "a.tif", GREY)
    (tmp_path / "sweep.toml").write_text(text, encoding="utf-8")
    for path in (tmp_path / "a.tif", tmp_path):
        instrument = declared_instrument(path)
        assert (instrument.name if instrument else "") == name


def test_nothing_is_declared_without_a_sweep_file(tmp_path: Path) -> None:
    write_frame(tmp_path / "a.tif", GREY)
    assert declared_instrument(tmp_path / "a.tif") is None
    assert declared_pixel_size_um(tmp_path / "a.tif") is None
    assert declared_pixel_size_um(tmp_path / "none.tif") is None


def test_a_pixel_size_of_the_file_completes_the_declaration(tmp_path: Path, save_stack) -> None:
    meta = {"axes": "ZYX", "unit": "um"}
    path = save_stack("a.tif", 2, imagej=True, resolution=(2.0, 2.0), metadata=meta)
    (tmp_path / "sweep.toml").write_text("[bead]\ndiameter_um = 28.0", encoding="utf-8")
    instrument = declared_instrument(path)
    assert instrument is not None
    assert instrument.optics.pixel_size_um == declared_pixel_size_um(path) == 0.5


def test_a_wrong_declaration_is_an_error(tmp_path: Path) -> None:
    write_frame(tmp_path / "a.tif", GREY)
    (tmp_path / "sweep.toml").write_text('instrument = "a3k"', encoding="utf-8")
    with pytest.raises(RecipeError, match="a3k"):
        declared_instrument(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_an_unknown_channel_of_a_colour_image_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"colour{suffix}"
    pixels = np.dstack([GREY + 10, GREY + 60, GREY + 110])
    PillowImage.fromarray(pixels).save(path)
    (image,) = list_images([path], channel="gfp")
    with pytest.raises(
        DataError, match="no channel 'gfp' of an image in colour; choose red, green"
    ):
        image.read()
    (image,) = list_images([path], channel="Blue")
    assert abs(int(image.read()[0, 0]) - 110) <= 2
