"""Manifests."""

from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
import tifffile

from refp.core.errors import DataError
from refp.sweeps import SweepKey, open_dataset, read_manifest

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
WRONG = {
    "no path column": (
        "file,z_um\na.tif,1\n",
        r"line 1, column path is missing \(found: file, z_um\)",
    ),
    "no Z column": ("path\na.tif\n", "line 1, column z_um is missing"),
    "Z is text": ("path,z_um\na.tif,1\na.tif,high\n", "line 3, z_um: 'high': write a number"),
    "Z is not finite": ("path,z_um\na.tif,nan\n", "line 2, z_um: 'nan': write a number"),
    "Z is blank": ("path,z_um\na.tif,\n", "line 2, z_um: '': write a number"),
    "exposure is text": ("path,z_um,exposure_ms\na.tif,1,x\n", "line 2, exposure_ms: 'x'"),
    "page is a fraction": ("path,z_um,page\na.tif,1,0.5\n", "line 2, page: '0.5': write a whole"),
    "page is negative": ("path,z_um,page\na.tif,1,-1\n", "line 2, page: '-1': write a whole"),
    "no such file": ("path,z_um\nb.tif,1\n", "line 2, path: 'b.tif': no such file"),
    "blank path": ("path,z_um\n,1\n", "line 2, path: '': no such file"),
    "no row": ("path,z_um\n", "lists no frame"),
    "empty": ("", "column path, z_um is missing"),
}


def write(folder: Path, text: str) -> Path:
    (folder / "a.tif").touch()
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_table_names_line_column_and_value(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        read_manifest(path, "set")
    assert str(caught.value).startswith(str(path))


def write_rows(folder: Path, rows: str) -> Path:
    for name in "ab":
        (folder / f"{name}.tif").touch()
    path = folder / "manifest.csv"
    path.write_text("path,page,fov,exposure_ms,z_um\n" + rows, encoding="utf-8")
    return path


TWICE = {
    "files": (
        "a.tif,,,,5\nb.tif,,,,6\nb.tif,1,,,5.0\n",
        r"line 4 \(b\.tif#1\): the same Z as .*line 2 \(a\.tif\)",
    ),
    "one row repeated": (
        "a.tif,,,,5\na.tif,,,,5\n",
        r"line 3 \(a\.tif\): the same Z as .*line 2 \(a\.tif\)",
    ),
    "FOV spelt otherwise": ("a.tif,,1,,5\nb.tif,,01,,5\n", r"line 3 \(b\.tif\): .*Z 5 um"),
}


@pytest.mark.parametrize(("rows", "message"), TWICE.values(), ids=TWICE)
def test_two_rows_at_one_z_of_a_sweep_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_manifest(write_rows(tmp_path, rows), "set")
    assert "remove one of them, or distinguish them by experiment, FOV" in str(caught.value)
    assert "\n" not in str(caught.value)


FALLING = {
    "one sweep": "a.tif,0,,,9\na.tif,1,,,6\na.tif,2,,,3\n",
    "the second of two": "b.tif,0,2,,1\nb.tif,1,2,,2\na.tif,0,,,9\na.tif,1,,,6\na.tif,2,,,3\n",
    "among rows of another": "a.tif,0,,,9\nb.tif,0,2,,7\na.tif,1,,,6\nb.tif,1,2,,8\na.tif,2,,,3\n",
}


@pytest.mark.parametrize("rows", FALLING.values(), ids=FALLING)
def test_a_sweep_whose_rows_fall_in_z_is_refused(tmp_path: Path, rows: str) -> None:
    message = (
        r"\(a\.tif\): Z falls from 9 um here to 3 um in .*\(a\.tif#2\) \(sweep set exp 1 FOV 1\)"
        r": the sign of Z may be inverted, and dZ would have the wrong sign; give Z that rises upwards"
    )
    with pytest.raises(DataError, match=message) as caught:
        read_manifest(write_rows(tmp_path, rows), "set")
    assert "\n" not in str(caught.value)


NOT_FALLING = {
    "one row a sweep": "a.tif,0,1,,9\na.tif,1,2,,6\na.tif,2,3,,3\n",
    "unordered": "a.tif,0,,,6\na.tif,1,,,3\na.tif,2,,,9\n",
    "falling over all, rising in each": "a.tif,0,1,,8\na.tif,1,1,,9\nb.tif,0,2,,1\nb.tif,1,2,,2\n",
    "exposures": "a.tif,0,,10,9\na.tif,1,,20,9\na.tif,2,,10,12\na.tif,3,,20,12\n",
}


@pytest.mark.parametrize("rows", NOT_FALLING.values(), ids=NOT_FALLING)
def test_rows_in_any_other_order_are_taken(tmp_path: Path, rows: str) -> None:
    assert len(read_manifest(write_rows(tmp_path, rows), "set")) == rows.count("\n")


def test_an_unordered_manifest_is_sorted(tmp_path: Path, save_stack, optics) -> None:
    save_stack("stack.tif", 3)
    text = "path,page,z_um\nstack.tif,0,5\nstack.tif,1,-5\nstack.tif,2,0\n"
    (tmp_path / "m.csv").write_text(text, encoding="utf-8")
    data = open_dataset(tmp_path, manifest=tmp_path / "m.csv", **optics)
    assert data.sweeps[0].z_um == (-5.0, 0.0, 5.0)
    assert [frame.page for frame in data.frames] == [1, 2, 0]


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: the manifest cannot be read"):
        read_manifest(tmp_path / "none.csv", "set")


def test_only_path_and_z_are_needed(tmp_path: Path) -> None:
    (frame,) = read_manifest(write(tmp_path, "path,z_um\na.tif,-7.5\n"), "set")
    assert (frame.key, frame.z_um, frame.page) == (SweepKey("set", 1, 1, 0.0), -7.5, 0)


def test_every_column_is_read_in_any_order(tmp_path: Path) -> None:
    text = "\ufeffz_um, fov ,path,page,exposure_ms,experiment\n1.5, B2, a.tif ,3,20,7\n"
    (frame,) = read_manifest(write(tmp_path, text), "set")
    assert (frame.key, frame.z_um, frame.page) == (SweepKey("set", 7, "B2", 20.0), 1.5, 3)
    assert frame.path == tmp_path / "a.tif"


def test_paths_may_be_separated_as_on_windows(tmp_path: Path) -> None:
    (tmp_path / "day1").mkdir()
    (tmp_path / "day1" / "b.tif").touch()
    (frame,) = read_manifest(write(tmp_path, "path,z_um\nday1\\b.tif,1\n"), "set")
    assert frame.path == tmp_path / "day1" / "b.tif"


def test_a_manifest_gives_a_plain_stack_its_z(tmp_path: Path, save_stack, optics) -> None:
    save_stack("stack.tif", 3)
    rows = "".join(f"stack.tif,{page},{7.5 * page}\n" for page in range(3))
    (tmp_path / "m.csv").write_text("path,page,z_um\n" + rows, encoding="utf-8")
    data = open_dataset(tmp_path, manifest=tmp_path / "m.csv", **optics)
    assert data.sweeps[0].z_um == (0.0, 7.5, 15.0)
    assert [frame.read()[0, 0] for frame in data.frames] == [0, 1, 2]


def test_a_manifest_in_the_sweep_file_is_relative_to_it(
    tmp_path: Path, save_frames, optics
) -> None:
    save_frames([1])
    (tmp_path / "m.csv").write_text("path,z_um\nexp1_fov1_z1_t20ms.tif,99\n", encoding="utf-8")
    (tmp_path / "sweep.toml").write_text('manifest = "m.csv"\n', encoding="utf-8")
    assert open_dataset(tmp_path, **optics).sweeps[0].z_um == (99.0,)


def test_a_missing_page_is_left_out(tmp_path: Path, save_stack, optics) -> None:
    save_stack("stack.tif", 2)
    text = "path,page,z_um\nstack.tif,1,5\nstack.tif,2,6\n"
    (tmp_path / "m.csv").write_text(text, encoding="utf-8")
    data = open_dataset(tmp_path, manifest=tmp_path / "m.csv", **optics)
    assert data.n_frames == 1
    assert data.left_out[0].reason.startswith("no page 2 among 2")


def test_one_file_of_a_manifest_is_opened_by_itself(tmp_path: Path, save_frames, optics) -> None:
    first, second = save_frames([1, 2])
    (tmp_path / "m.csv").write_text(f"path,z_um\n{first.name},5\n", encoding="utf-8")
    assert open_dataset(first, manifest=tmp_path / "m.csv", **optics).sweeps[0].z_um == (5.0,)
    with pytest.raises(DataError, match="not in the manifest"):
        open_dataset(second, manifest=tmp_path / "m.csv", **optics)


def test_a_decimal_comma_is_refused_with_its_cells(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    path = tmp_path / "m.csv"
    path.write_text("path,z_um,exposure_ms\na.tif,1380,9\na.tif,1387,5,9\n", encoding="utf-8")
    message = (
        r"line 3: 4 cells in 3 columns \(a\.tif \| 1387 \| 5 \| 9\); write decimals with a point"
    )
    with pytest.raises(DataError, match=message):
        read_manifest(path, "d")


def test_a_decimal_comma_in_quotes_is_refused_with_the_remedy(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    path = tmp_path / "m.csv"
    path.write_text('path,z_um\na.tif,"1387,5"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2, z_um: '1387,5': .*decimals with a point"):
        read_manifest(path, "d")


@pytest.mark.parametrize("content", ['"\0\n\0"', '"path","z_um"\n"a\n",1,"2\n"'])
def test_quoted_line_breaks_leave_the_message_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "m.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_manifest(tmp_path / "m.csv", "d")
    assert "\n" not in str(caught.value)


def test_empty_cells_beyond_the_columns_are_no_cells(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    path = tmp_path / "m.csv"
    path.write_text("path,z_um\na.tif,3,,\n", encoding="utf-8")
    assert read_manifest(path, "d")[0].z_um == 3


@pytest.mark.parametrize(("listed", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_of_another_unicode_composition_is_found(
    tmp_path: Path, listed: Any, stored: Any
) -> None:
    name = "K\u00f6rper.tif"
    tifffile.imwrite(tmp_path / normalize(stored, name), GREY)
    path = tmp_path / "m.csv"
    path.write_text(f"path,z_um\n{normalize(listed, name)},3\n", encoding="utf-8")
    assert read_manifest(path, "d")[0].read()[0, 0] == 0
