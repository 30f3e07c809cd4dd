"""Damaged and invented files: every reader returns or raises its own error, in bounded time.

``HYPOTHESIS_PROFILE=nightly`` tries more examples.
"""

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refp.core.errors import RefpError
from refp.sweeps import (
    list_images,
    open_dataset,
    parse_pattern,
    read_header,
    read_manifest,
    read_plane,
)
from refp.sweeps.formats.ome_xml import stated_by_ome
from refp.sweeps.formats.units import ms_per, number, size, um_per, whole
from refp.sweeps.propose import propose_pattern

MAX_SECONDS = 10.0
FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def tiff_bytes(**options: Any) -> bytes:
    buffer = io.BytesIO()
    pixels = np.arange(3 * 12 * 10, dtype=np.uint16).reshape(3, 12, 10)
    tifffile.imwrite(buffer, pixels, photometric="minisblack", **options)
    return buffer.getvalue()


TAG = json.dumps({"ZPositionUm": 3.0, "PixelSizeUm": 0.5, "SliceIndex": 1})
BASES = {
    "plain": tiff_bytes(metadata=None),
    "ome": tiff_bytes(ome=True, metadata={"axes": "ZYX", "PhysicalSizeZ": 2.0}),
    "imagej": tiff_bytes(imagej=True, metadata={"axes": "ZYX", "spacing": 2.0, "unit": "um"}),
    "micro-manager": tiff_bytes(metadata=None, extratags=[(51123, "s", 0, TAG, True)]),
    "deflated": tiff_bytes(compression="zlib", metadata=None),
    "big": tiff_bytes(bigtiff=True, metadata=None),
}
edits = st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), max_size=8)


def check_reads(path: Path, read: Callable[[Path], object]) -> None:
    """Check that reading ends soon, with a result or with an error of refp in one line."""
    start = time.thread_time()
    try:
        read(path)
    except RefpError as error:
        assert "\n" not in str(error)  # noqa: PT017
    assert time.thread_time() - start < MAX_SECONDS


@FOLDER
@given(base=st.sampled_from(sorted(BASES)), changes=edits, keep=st.floats(0.0, 1.0))
def test_damaged_tiff(tmp_path: Path, base: str, changes: Any, keep: float) -> None:
    content = bytearray(BASES[base])
    for place, value in changes:
        content[place % len(content)] = value
    path = tmp_path / "a.tif"
    path.write_bytes(content[: 8 + int(keep * len(content))])
    check_reads(path, read_header)
    check_reads(path, read_plane)
    check_reads(path, lambda p: [image.read() for image in list_images([p])])
    check_reads(path, lambda p: open_dataset(p, pixel_size_um=1.5, bead_diameter_um=28.0))


texts = st.one_of(
    st.sampled_from(
        ["0", "1", "-1", "2.5", "2,5", "1e999", "nan", "", "um", "\u00b5m", "XYZCT", "T"]
    ),
    st.integers(-5, 10**12).map(str),
    st.text(max_size=8),
)
NAMES = (
    *("SizeX", "SizeZ", "SizeC", "SizeT", "DimensionOrder", "PhysicalSizeX", "PhysicalSizeZ"),
    *("PhysicalSizeZUnit", "SignificantBits", "UUID", "FirstZ", "IFD", "PlaneCount", "TheZ"),
    *("PositionZ", "PositionZUnit", "ExposureTime", "FileName", "MetadataFile", "SamplesPerPixel"),
)
ELEMENTS = ("Image", "Pixels", "TiffData", "UUID", "Plane", "Channel", "BinaryOnly", "OME")


def element(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def write(name: str, attributes: dict[str, str], inside: list[str]) -> str:
        from xml.sax.saxutils import quoteattr

        written = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
        return f"<{name}{written}>{''.join(inside)}</{name}>"

    attributes = st.dictionaries(st.sampled_from(NAMES), texts, max_size=6)
    return st.builds(write, st.sampled_from(ELEMENTS), attributes, st.lists(children, max_size=4))


xml = st.one_of(
    st.text(max_size=200), st.recursive(element(st.just("")), element, max_leaves=12)
).map(lambda inside: f"<OME>{inside}</OME>")


@FOLDER
@given(text=xml, n_pages=st.integers(1, 5))
def test_invented_ome_xml(tmp_path: Path, text: str, n_pages: int) -> None:
    start = time.thread_time()
    stated = stated_by_ome(tmp_path / "a.ome.tif", text, n_pages)
    assert len(stated.z_um) in (0, n_pages)
    assert len(stated.channel_index) in (0, n_pages)
    assert np.isfinite(stated.z_um).all()
    assert stated.pixel_size_um >= 0
    assert time.thread_time() - start < MAX_SECONDS


def test_entities_of_xml_are_bounded(tmp_path: Path) -> None:
    """Entities that double thirty times: a gigabyte of text."""
    entities = "".join(f'<!ENTITY e{k + 1} "&e{k};&e{k};">' for k in range(30))
    text = f'<!DOCTYPE OME [<!ENTITY e0 "{"x" * 50}">{entities}]><OME>&e30;</OME>'
    start = time.thread_time()
    assert stated_by_ome(tmp_path / "a.ome.tif", text, 1).z_um == ()
    assert time.thread_time() - start < MAX_SECONDS


@given(text=st.text(max_size=20), value=st.one_of(st.text(), st.integers(), st.floats(), st.none()))
def test_any_unit_and_number(text: str, value: object) -> None:
    assert um_per(text) >= 0
    assert ms_per(text) >= 0
    assert number(value) != 0 or size(value) == 0
    assert size(value) >= 0
    assert whole(value) >= 0


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["Summary", "FileName", "ZPositionUm", "SliceIndex", "ChNames", "a.tif"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=15,
)


@FOLDER
@given(value=json_values, in_tag=st.booleans(), cut=st.integers(0, 40))
def test_invented_metadata_of_micro_manager(
    tmp_path: Path, value: object, in_tag: bool, cut: int
) -> None:
    text = json.dumps(value)
    extra = {"extratags": [(51123, "s", 0, text, True)]} if in_tag else {}
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 5), np.uint8), metadata=None, **extra)
    (tmp_path / "metadata.txt").write_text(text[: len(text) - cut], encoding="utf-8")
    check_reads(path, read_header)


@FOLDER
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(alphabet='path,z_um;"\n0123.a-', max_size=120).map(str.encode),
    )
)
def test_any_manifest(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(BASES["plain"])
    path = tmp_path / "m.csv"
    path.write_bytes(b"path,z_um\n" + content)
    check_reads(path, lambda p: read_manifest(p, "d"))
    path.write_bytes(content)
    check_reads(path, lambda p: read_manifest(p, "d"))


@settings(deadline=None)
@given(
    pattern=st.lists(
        st.sampled_from(["*", "{z_um}", "{fov}", "{z_index}", "a", "1", "/", ".", "{", "-"]),
        max_size=40,
    ).map("".join),
    name=st.text(alphabet="a1/.-", max_size=200),
)
def test_any_pattern_and_name(pattern: str, name: str) -> None:
    start = time.thread_time()
    try:
        parse_pattern(pattern).match(name)
    except RefpError:
        return
    finally:
        assert time.thread_time() - start < MAX_SECONDS


def test_many_wildcards_take_no_long_time() -> None:
    """Half of a long name's letters as wildcards: all their combinations are beyond any time."""
    start = time.thread_time()
    assert parse_pattern("*a" * 60 + "b").match("a" * 250) is None
    assert time.thread_time() - start < MAX_SECONDS


@given(names=st.lists(st.text(alphabet="zfovum_.-/ 0159", max_size=15), max_size=12))
def test_any_names_have_a_proposal_that_fits_or_none(names: list[str]) -> None:
    pattern = propose_pattern(names)
    assert not pattern or any(parse_pattern(pattern).match(name) for name in names)


@pytest.mark.parametrize("text", ["*" * 1000, "a*" * 101])
def test_a_pattern_of_too_many_parts_is_refused(text: str) -> None:
    with pytest.raises(RefpError, match="more than 200"):
        parse_pattern(text)
