"""Formats: pixels, metadata, and one-line errors about unreadable files."""

import builtins
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from refp.core.errors import DataError, MissingExtraError
from refp.sweeps import list_images, read_header, read_plane
from refp.sweeps.formats.guard import check_page

SHAPE = (30, 40)
RAMP8 = (np.arange(1200).reshape(SHAPE) % 251).astype(np.uint8)
RAMP16 = (np.arange(1200).reshape(SHAPE) * 50).astype(np.uint16)


def save_tiff(path: Path, pixels: Any, **options: Any) -> Path:
    tifffile.imwrite(path, pixels, **{"photometric": "minisblack", **options})
    return path


def save_pillow(path: Path, pixels: Any, mode: str = "") -> Path:
    image = PillowImage.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def refuse(path: Path, message: str, page: int = 0) -> None:
    """Check that reading fails with one line that names the file, and the header raises no other error."""
    with pytest.raises(DataError, match=message) as caught:
        read_plane(path, page)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text


GOOD = {
    "tif 8 bit": ("a.tif", RAMP8, save_tiff, {}),
    "tif 16 bit": ("a.tiff", RAMP16, save_tiff, {}),
    "big-endian tif": ("a.tif", RAMP16, save_tiff, {"byteorder": ">"}),
    "big tif": ("a.tif", RAMP16, save_tiff, {"bigtiff": True}),
    "deflated tif": ("a.tif", RAMP16, save_tiff, {"compression": "zlib", "predictor": True}),
    "tiled tif": ("a.tif", RAMP16, save_tiff, {"tile": (16, 16)}),
    "big tif by its suffix": ("a.btf", RAMP8, save_tiff, {"bigtiff": True}),
    "tf8": ("a.tf8", RAMP8, save_tiff, {"bigtiff": True}),
    "upper-case suffix": ("a.TIF", RAMP8, save_tiff, {}),
    "png 8 bit": ("a.png", RAMP8, save_pillow, {}),
    "png 16 bit": ("a.png", RAMP16, save_pillow, {}),
    "bmp": ("a.bmp", RAMP8, save_pillow, {}),
}


@pytest.mark.parametrize(("name", "pixels", "save", "options"), GOOD.values(), ids=GOOD)
def test_pixels_come_back(
    tmp_path: Path, name: str, pixels: Any, save: Any, options: dict[str, Any]
) -> None:
    path = save(tmp_path / name, pixels, **options)
    image = read_plane(path)
    assert image.flags.writeable  # read-only pixels would make every kernel compile again
    np.testing.assert_array_equal(image, pixels)
    assert image.dtype == pixels.dtype
    assert image.dtype.isnative
    header = read_header(path)
    assert (header.shape, header.dtype, header.n_planes) == (SHAPE, pixels.dtype.name, 1)


def test_a_grey_jpeg_is_read(tmp_path: Path) -> None:
    path = save_pillow(tmp_path / "a.jpg", np.full(SHAPE, 100, np.uint8))
    assert abs(int(read_plane(path).mean()) - 100) <= 1


@pytest.mark.parametrize("pixels", [RAMP8, RAMP16], ids=["8 bit", "16 bit"])
def test_lzw_needs_no_further_package(tmp_path: Path, pixels: Any) -> None:
    path = tmp_path / "a.tif"
    PillowImage.fromarray(pixels).save(path, compression="tiff_lzw")
    assert read_header(path).shape == SHAPE
    np.testing.assert_array_equal(read_plane(path), pixels)


def test_a_single_page_stack_is_a_plane(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", RAMP8[None])
    assert read_header(path).n_planes == 1
    np.testing.assert_array_equal(read_plane(path), RAMP8)


COLOURED = {
    "rgb tif": ("a.tif", -1, 3, {"photometric": "rgb"}),
    "rgba tif": ("a.tif", -1, 4, {"photometric": "rgb"}),
    "planar tif": ("a.tif", 0, 3, {"photometric": "rgb", "planarconfig": "separate"}),
}


@pytest.mark.parametrize("gains", [(1.0, 1.0, 1.0), (0.4, 1.0, 0.7)], ids=["grey", "tinted"])
@pytest.mark.parametrize(("name", "axis", "n", "options"), COLOURED.values(), ids=COLOURED)
def test_colour_is_read_by_its_green_channel(
    tmp_path: Path,
    name: str,
    axis: int,
    n: int,
    options: dict[str, Any],
    gains: tuple[float, ...],
) -> None:
    channels = [np.rint(RAMP8 * gain).astype(np.uint8) for gain in gains]
    alpha = [np.full_like(RAMP8, 255)] * (n - 3)
    path = save_tiff(tmp_path / name, np.stack(channels + alpha, axis=axis), **options)
    assert read_header(path).shape == RAMP8.shape
    np.testing.assert_array_equal(read_plane(path), RAMP8)


@pytest.mark.parametrize(("name", "axis", "n", "options"), COLOURED.values(), ids=COLOURED)
def test_the_channel_of_a_colour_image_is_chosen(
    tmp_path: Path, name: str, axis: int, n: int, options: dict[str, Any]
) -> None:
    channels = {"red": RAMP8 // 2, "green": RAMP8, "blue": RAMP8 // 5}
    alpha = [np.full_like(RAMP8, 255)] * (n - 3)
    path = save_tiff(tmp_path / name, np.stack([*channels.values(), *alpha], axis=axis), **options)
    assert read_header(path).in_colour
    for colour, expected in channels.items():
        np.testing.assert_array_equal(read_plane(path, 0, colour), expected)
    mean = np.rint(np.mean(list(channels.values()), axis=0)).astype(np.uint8)
    np.testing.assert_array_equal(read_plane(path, 0, "mean"), mean)
    for chosen, expected in (("Red", channels["red"]), ("", RAMP8), ("0", RAMP8)):
        (image,) = list_images([path], channel=chosen)
        np.testing.assert_array_equal(image.read(), expected)
    (image,) = list_images([path], channel="BF")
    with pytest.raises(DataError, match="no channel 'BF' of an image in colour; choose red, green"):
        image.read()


@pytest.mark.parametrize(("name", "mode"), [("a.png", "RGB"), ("a.png", "RGBA"), ("a.bmp", "RGB")])
def test_colour_saved_by_pillow_is_read(tmp_path: Path, name: str, mode: str) -> None:
    path = save_pillow(tmp_path / name, RAMP8, mode)
    assert read_header(path).shape == RAMP8.shape
    np.testing.assert_array_equal(read_plane(path), RAMP8)


BAD_PIXELS = {
    "float tif": ("a.tif", np.zeros(SHAPE, np.float32), {}, "float32 pixels; save as grey"),
    "signed tif": ("a.tif", np.zeros(SHAPE, np.int16), {}, "int16 pixels"),
    "32-bit tif": ("a.tif", np.zeros(SHAPE, np.uint32), {}, "uint32 pixels"),
    "1-bit tif": ("a.tif", np.zeros((32, 32), bool), {}, "1-bit pixels"),
    "inverted tif": (
        "a.tif",
        RAMP8,
        {"photometric": "miniswhite"},
        "inverted, white is stored as 0",
    ),
    "palette tif": (
        "a.tif",
        RAMP8,
        {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)},
        "palette colours",
    ),
    "volume tif": (
        "a.tif",
        np.zeros((16, 32, 48), np.uint8),
        {"volumetric": True, "tile": (16, 16, 16)},
        "16x32x48 is not a grey image",
    ),
}


@pytest.mark.parametrize(
    ("name", "pixels", "options", "message"), BAD_PIXELS.values(), ids=BAD_PIXELS
)
def test_tiff_pixels_that_are_not_grey_are_refused(
    tmp_path: Path, name: str, pixels: Any, options: dict[str, Any], message: str
) -> None:
    path = save_tiff(tmp_path / name, pixels, **options)
    refuse(path, message)
    with pytest.raises(DataError, match=message):
        read_header(path)


BAD_MODES = {
    "grey and alpha": ("a.png", "LA", "LA, 2 channels"),
    "palette": ("a.png", "P", "palette colours"),
    "1 bit": ("a.png", "1", "1-bit pixels"),
}


@pytest.mark.parametrize(("name", "mode", "message"), BAD_MODES.values(), ids=BAD_MODES)
def test_other_pixels_that_are_not_grey_are_refused(
    tmp_path: Path, name: str, mode: str, message: str
) -> None:
    path = save_pillow(tmp_path / name, RAMP8, mode)
    refuse(path, message)
    with pytest.raises(DataError, match=message):
        read_header(path)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.bmp", "a.nd2", "a.lif", "a.czi"])
def test_an_empty_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    refuse(tmp_path / name, "empty file, 0 bytes; copy it again")


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.bmp", "a.nd2", "a.lif", "a.czi"])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("this is a text about beads, and none of it is an image\n" * 30)
    refuse(tmp_path / name, "cannot be read: .*; copy it again")


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.zarr", "a.nd2", "a.lif", "a.czi"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    refuse(tmp_path / name, "no such file")


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.vsi").touch()
    refuse(tmp_path / "a.vsi", "'.vsi' is not a format that refp reads; export it as OME-TIFF")
    refuse(tmp_path / "b.vsi", "no such file")


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["plain", "stack", "ome", "imagej", "deflated"])
def test_a_truncated_tiff_shows_at_its_header(
    tmp_path: Path, kind: str, keep: float, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {
        "plain": {},
        "stack": {},
        "ome": {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeZ": 2.0}},
        "imagej": {"imagej": True, "metadata": {"axes": "ZYX", "spacing": 2.0, "unit": "um"}},
        "deflated": {"compression": "zlib"},
    }[kind]
    pixels = RAMP16 if kind in ("plain", "deflated") else np.stack([RAMP16] * 5)
    path = save_tiff(tmp_path / "a.ome.tif", pixels, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError, match=r"truncated|cannot be read"):
        read_header(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_truncated_png_or_jpeg_shows_at_its_header(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (90, 90), np.uint8)
    path = save_pillow(tmp_path / name, noise)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(DataError, match="truncated"):
        read_header(path)
    refuse(path, "cannot be read")


def test_damaged_data_show_when_read(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", RAMP16, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        offset, size = tif.pages[0].dataoffsets[0], tif.pages[0].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + size] = bytes(size)
    path.write_bytes(content)
    read_header(path)
    refuse(path, "cannot be read")


def test_a_truncated_page_is_refused_when_read(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", RAMP16)
    path.write_bytes(path.read_bytes()[:-100])
    refuse(path, "truncated, 2556 of at least 2656 bytes")


@pytest.mark.parametrize("page", [-1, 3])
def test_a_missing_page_is_named(tmp_path: Path, page: int) -> None:
    path = save_tiff(tmp_path / "a.tif", np.stack([RAMP8] * 3))
    refuse(path, f"no page {page} among 3; pages are numbered from 0", page)
    refuse(save_pillow(tmp_path / "a.png", RAMP8), f"no page {page} among 1", page)


def test_a_file_without_any_page_has_no_image(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the file has no image"):
        check_page(tmp_path / "a.tif", 0, 0)


def test_a_long_library_message_is_truncated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_tiff(tmp_path / "a.tif", RAMP8)

    def fail(*_: object) -> None:
        raise ValueError("bad bytes " * 100)

    monkeypatch.setattr(tifffile, "TiffFile", fail)
    with pytest.raises(DataError, match=r"cannot be read: bad bytes .*\.\.\.; ") as caught:
        read_header(path)
    assert len(str(caught.value)) < len(str(path)) + 250


def test_pages_of_different_sizes_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(RAMP8, photometric="minisblack")
        writer.write(RAMP8[:20], photometric="minisblack")
    with pytest.raises(DataError, match="pages of 2 sizes or types"):
        read_header(tmp_path / "a.tif")


def test_log_lines_of_other_threads_pass(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_header(save_tiff(tmp_path / "a.tif", RAMP8))
    logging.getLogger("tifffile").warning("somebody else's")
    assert "somebody else's" in caplog.text


@pytest.mark.parametrize("compression", ["zstd", "lzw", "jpeg2000"])
def test_compressions_of_imagecodecs_are_read(tmp_path: Path, compression: str) -> None:
    pytest.importorskip("imagecodecs")
    path = save_tiff(tmp_path / "a.tif", RAMP16, compression=compression)
    assert read_header(path).shape == SHAPE
    np.testing.assert_array_equal(read_plane(path), RAMP16)


def test_a_compression_without_its_library_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("imagecodecs")
    path = save_tiff(tmp_path / "a.tif", RAMP8, compression="zstd")

    def fail(_: object) -> None:
        raise ValueError("<COMPRESSION.ZSTD: 50000> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", fail)
    with pytest.raises(MissingExtraError, match=r"imagecodecs, .* pip install 'refp\[formats\]'"):
        read_plane(path)


def test_an_image_over_the_limit_of_pillow_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_pillow(tmp_path / "a.png", RAMP8)
    monkeypatch.setattr(PillowImage, "MAX_IMAGE_PIXELS", RAMP8.size // 2 - 1)
    refuse(path, "more than 0 million pixels in a compressed image; crop it, or save it as TIFF")


MISSING = {
    "nd2": ("a.nd2", "nd2"),
    "liffile": ("a.lif", "liffile"),
    "czifile": ("a.czi", "czifile"),
    "zarr": ("a.zarr", "ome-zarr"),
}


@pytest.mark.parametrize(("library", "case"), MISSING.items(), ids=MISSING)
def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, case: tuple[str, str]
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == library:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    path = tmp_path / case[0]
    path.write_bytes(b"anything")
    for read in (read_plane, read_header):
        with pytest.raises(
            MissingExtraError, match=rf"{case[1]}, .* pip install 'refp\[formats\]'"
        ):
            read(path)
