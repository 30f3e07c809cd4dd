"""Dates of acquisition from metadata and names."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from refp.sweeps.dates import acquired, date_in_name
from refp.sweeps.listing import walk_images

PIXELS = np.zeros((8, 8), dtype=np.uint16)
OME = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    '<Image ID="Image:0">'
    "<AcquisitionDate>2022-05-06T07:08:09</AcquisitionDate></Image></OME>"
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a_2024-03-17.tif", datetime(2024, 3, 17)),
        ("20240317.tif", datetime(2024, 3, 17)),
        ("x_20240317_143005_z12.tif", datetime(2024, 3, 17, 14, 30, 5)),
        ("x_20240317143005.tif", datetime(2024, 3, 17, 14, 30, 5)),
        ("2024-03-17T14-30-05.tif", datetime(2024, 3, 17, 14, 30, 5)),
        ("20240317_0012.tif", datetime(2024, 3, 17)),  # number 12 of the day
        ("20240317_993000.tif", datetime(2024, 3, 17)),  # no such hour
        ("2024/03/17/image1.tif", datetime(2024, 3, 17)),
        ("2023-01-01/2024-03-17/image1.tif", datetime(2024, 3, 17)),
        ("2024-03-17/20240318.tif", datetime(2024, 3, 18)),
        ("20241317.tif", None),
        ("image_0020240317.tif", None),
        ("17-03-2024.tif", None),  # day and month cannot be told apart in other names
        ("image.tif", None),
    ],
)
def test_dates_in_names(name: str, expected: datetime | None) -> None:
    assert date_in_name(name) == expected


def test_metadata_precede_names(tmp_path: Path) -> None:
    tagged, ome, micro_manager, jpeg = (
        tmp_path / f"{name}_20240317.{suffix}"
        for name, suffix in (("tag", "tif"), ("ome", "tif"), ("mm", "tif"), ("exif", "jpg"))
    )
    tifffile.imwrite(tagged, PIXELS, datetime=datetime(2021, 2, 3, 4, 5, 6))
    tifffile.imwrite(ome, PIXELS, description=OME, metadata=None)
    entry = b'{"ReceivedTime": "2020-01-02 03:04:05.123 -0500"}'
    tifffile.imwrite(micro_manager, PIXELS, extratags=[(51123, 2, None, entry, True)])
    exif = Image.Exif()
    exif[306] = "2019:08:09 10:11:12"
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(jpeg, exif=exif)
    assert acquired(tagged).at == datetime(2021, 2, 3, 4, 5, 6)
    assert acquired(ome).at == datetime(2022, 5, 6, 7, 8, 9)
    assert acquired(micro_manager).at == datetime(2020, 1, 2, 3, 4, 5)
    assert acquired(jpeg).at == datetime(2019, 8, 9, 10, 11, 12)
    assert {acquired(p).source for p in (tagged, ome, micro_manager, jpeg)} == {"metadata"}


def test_a_file_without_a_date_has_none(tmp_path: Path) -> None:
    plain, damaged = tmp_path / "plain.tif", tmp_path / "damaged_20240317.tif"
    tifffile.imwrite(plain, PIXELS)
    damaged.write_bytes(b"II*\0")
    assert acquired(plain).at is None
    assert acquired(plain).source == ""
    assert acquired(plain, named="2024-03-17/plain.tif").source == "name"
    assert acquired(damaged).at == datetime(2024, 3, 17)


def test_folders_are_walked_in_order_without_circles(tmp_path: Path) -> None:
    for name in (
        "z10.tif",
        "z9.tif",
        "b/x.tif",
        "a/deep/y.png",
        ".hidden/n.tif",
        "a/notes.txt",
        "w.czi",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with suppress(OSError):  # Windows without the right to make links
        (tmp_path / "a" / "back").symlink_to(tmp_path, target_is_directory=True)
    names = [path.relative_to(tmp_path).as_posix() for path in walk_images(tmp_path)]
    assert names == ["w.czi", "z9.tif", "z10.tif", "a/deep/y.png", "b/x.tif"]
