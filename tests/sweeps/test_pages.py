"""Channels and time points: single images, sweeps, and choices."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from refp.core.errors import DataError
from refp.sweeps import list_images, open_dataset, read_header

OPTICS = {"pixel_size_um": 1.5, "bead_diameter_um": 28.0}
PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4, 1, 1) + np.zeros(
    (1, 1, 1, 30, 40), np.uint8
)
"""Two time points, three Z positions, four channels; each page has a value of its own."""


def save_imagej(path: Path, pixels: Any, axes: str, **metadata: Any) -> Path:
    meta = {"axes": axes, "unit": "um", "spacing": 2.0, **metadata}
    tifffile.imwrite(path, pixels, imagej=True, metadata=meta)
    return path


def save_ome(path: Path, pixels: Any, axes: str, names: tuple[str, ...] = ()) -> Path:
    meta: dict[str, Any] = {"axes": axes, "PhysicalSizeZ": 2.0}
    if names:
        meta["Channel"] = {"Name": list(names)}
    tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata=meta)
    return path


def first(images: Any) -> list[int]:
    return [int(image.read()[0, 0]) for image in images]


def test_a_row_for_each_time_point(tmp_path: Path) -> None:
    path = save_imagej(tmp_path / "a.tif", PIXELS[:, 0, 0], "TYX")
    assert first(list_images([path])) == [0, 12]
    assert first(list_images([path], t=1)) == [12]


@pytest.mark.parametrize("save", [save_imagej, save_ome])
def test_several_channels_are_refused_without_a_choice(tmp_path: Path, save: Any) -> None:
    path = save(tmp_path / "a.tif", PIXELS[0, 0], "CYX")
    (image,) = list_images([path])
    with pytest.raises(
        DataError, match=r"a\.tif: 4 channels \(0.*, 1.*\); choose one with --channel"
    ):
        image.read()
    assert first(list_images([path], channel="2")) == [2]


def test_a_channel_is_chosen_by_name_or_number(tmp_path: Path) -> None:
    names = ("DAPI", "BF", "0", "Cy5")
    path = save_ome(tmp_path / "a.ome.tif", PIXELS[0, 0], "CYX", names)
    assert [first(list_images([path], channel=name)) for name in ("bf", "1")] == [[1], [1]]
    assert first(list_images([path], channel="0")) == [2]  # a name has precedence over a number
    (image,) = list_images([path], channel="GFP")
    with pytest.raises(DataError, match=r"no channel 'GFP' among 4 channels \(0 'DAPI', 1 'BF'"):
        image.read()


@pytest.mark.parametrize(("save", "axes"), [(save_imagej, "TZCYX"), (save_ome, "TZCYX")])
def test_a_sweep_is_of_one_channel_and_time_point(tmp_path: Path, save: Any, axes: str) -> None:
    path = save(tmp_path / "a.tif", PIXELS, axes)
    with pytest.raises(DataError, match="4 channels"):
        open_dataset(path, **OPTICS)
    with pytest.raises(DataError, match="2 time points; choose one with --t, from 0"):
        open_dataset(path, **OPTICS, channel="1")
    (sweep,) = open_dataset(path, **OPTICS, channel="1", t=1).sweeps
    assert (sweep.z_um, first(sweep.frames)) == ((0, 2, 4), [13, 17, 21])


def test_sweep_toml_chooses_too(tmp_path: Path) -> None:
    save_imagej(tmp_path / "a.tif", PIXELS, "TZCYX")
    text = 'channel = "3"\nt = 0\n[optics]\npixel_size_um = 1.5\n[bead]\ndiameter_um = 28.0\n'
    (tmp_path / "sweep.toml").write_text(text, encoding="utf-8")
    assert first(open_dataset(tmp_path).frames) == [3, 7, 11]


def test_a_choice_that_no_image_has_is_refused(tmp_path: Path) -> None:
    path = save_imagej(tmp_path / "a.tif", PIXELS[:, 0, 0], "TYX")
    with pytest.raises(DataError, match=r"no image of --t 7; choose another"):
        list_images([path], t=7)


def test_one_channel_needs_no_choice(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0, 0, 0], metadata=None)
    assert first(list_images([tmp_path], channel="BF")) == [0]


@pytest.mark.parametrize("axes", ["tczyx", "tzcyx"])
def test_channels_and_times_of_an_ome_zarr(tmp_path: Path, axes: str) -> None:
    zarr = pytest.importorskip("zarr")
    pixels = PIXELS if axes == "tzcyx" else PIXELS.swapaxes(1, 2)
    group = zarr.open_group(str(tmp_path / "a"), mode="w", zarr_format=2)
    group.create_array("0", data=pixels, chunks=(1, 1, 1, 30, 40))
    image = {
        "axes": [{"name": a, "unit": "micrometer"} for a in axes],
        "datasets": [
            {
                "path": "0",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [2.0 if a == "z" else 1.0 for a in axes]}
                ],
            }
        ],
    }
    channels = [{"label": name} for name in ("BF", "a", "b", "c")]
    group.attrs.update({"multiscales": [image], "omero": {"channels": channels}})
    (sweep,) = open_dataset(tmp_path / "a", **OPTICS, channel="BF", t=1).sweeps
    assert (sweep.z_um, first(sweep.frames)) == ((0, 2, 4), [12, 16, 20])


def test_the_fields_of_a_plate_follow_one_another(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    plate = zarr.open_group(str(tmp_path / "plate"), mode="w", zarr_format=2)
    plate.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "B/2"}]}
    for w, well in enumerate(("A/1", "B/2")):
        group = plate.create_group(well)
        group.attrs["well"] = {"images": [{"path": "0"}]}
        image = group.create_group("0")
        image.create_array("0", data=PIXELS[w, :, 0], chunks=(1, 30, 40))
        axes = [{"name": a, "unit": "micrometer"} for a in "zyx"]
        scale = {"type": "scale", "scale": [2.0, 1.5, 1.5]}
        datasets = [{"path": "0", "coordinateTransformations": [scale]}]
        image.attrs["multiscales"] = [{"axes": axes, "datasets": datasets}]
    assert read_header(tmp_path / "plate").n_planes == 6
    data = open_dataset(tmp_path / "plate", instrument="a2k")
    assert [(s.key.fov, first(s.frames)) for s in data.sweeps] == [
        (1, [0, 4, 8]),
        (2, [12, 16, 20]),
    ]


def test_imagej_z_may_have_a_unit_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    meta = {"axes": "ZYX", "unit": "nm", "zunit": "um", "spacing": 15.0}
    resolution = (1 / 1500, 1 / 1500)
    tifffile.imwrite(path, PIXELS[0, :, 0], imagej=True, resolution=resolution, metadata=meta)
    stated = read_header(path).stated
    assert stated.z_um == (0, 15, 30)
    assert stated.pixel_size_um == pytest.approx(1.5, rel=1e-4)
