"""Zeiss CZI files, by czifile; needs the extra ``formats``.

A file holds images as subblocks: one for each scene, place in its mosaic, time point, channel and Z
position, and smaller copies of them, which are not read. A mosaic is not stitched: each of its images is a
field of view.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree as ET

import numpy as np

from refp.core.arrays import Image
from refp.core.errors import MissingExtraError
from refp.sweeps.formats.guard import (
    COLOURS,
    COPY_AGAIN,
    as_plane,
    bad_image,
    check_grey,
    check_page,
    has_colours,
    reading,
)
from refp.sweeps.formats.units import UM_PER_M, number, size, whole
from refp.sweeps.header import Header, Stated

MS_PER_NS = 1e-6
_ORDER = "SMTZC"
"""Axes of the pages, slowest first: scene, place in its mosaic, time point, Z position, channel."""
_FOCUS = re.compile(r"<FocusPosition>([^<]+)<")
_PLAIN, _ZSTD, _HEADED_ZSTD = 0, 5, 6
"""Codes of no compression, and of Zstandard without and with a header."""
_CODECS = (1, 2, 4)
"""Codes of JPEG, LZW and JPEG XR."""
_RED_FIRST = [2, 1, 0, 3]
"""Order of the samples of a colour image, which stores blue first."""
Element = ET.Element


@dataclass(frozen=True, slots=True)
class _Page:
    """An entry of the directory of subblocks, and the index of its image along each axis."""

    entry: Any
    at: dict[str, int]

    @property
    def field(self) -> tuple[int, ...]:
        """Scene, and place in its mosaic."""
        return self.index("SM")

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and samples."""
        return tuple(int(n) for n in self.entry.stored_shape[-3:])

    @property
    def dtype(self) -> Any:
        """Type of a sample."""
        return np.dtype(self.entry.dtype).base

    def index(self, axes: str) -> tuple[int, ...]:
        """Return the indices along some axes, 0 along one that the file does not have."""
        return tuple(self.at.get(axis, 0) for axis in axes)


def read_header(path: Path) -> Header:
    """Read the header of a CZI file, without pixels; each image of a mosaic is a field of view.

    Raises
    ------
    MissingExtraError
        If czifile is not installed.
    DataError
        If the file is damaged, its images differ in size or type, or they are not grey of 8 or 16 bits.
    """
    with reading(path), _open(path) as file:
        pages = _pages(path, file)
        kinds = {(check_grey(path, page.shape, page.dtype), page.dtype.name) for page in pages}
        if len(kinds) != 1:
            problem = f"images of {len(kinds)} sizes or types"
            raise bad_image(path, problem, "export the sweep as OME-TIFF")
        ((shape, dtype),) = kinds
        segments = [_segment(file, page.entry) for page in pages]
        _check_whole(path, segments)
        focus_um = [_focus_um(segment) for segment in segments]
        stated = _stated(_metadata(file), pages, focus_um)
        return Header(shape, dtype, len(pages), stated, has_colours(pages[0].shape))


def read_plane(path: Path, page: int, colour: str) -> Image:
    """Read one image.

    Raises
    ------
    MissingExtraError
        If czifile is not installed, or the library of the compression.
    DataError
        If there is no such page, or it is damaged or not grey of 8 or 16 bits.
    """
    with reading(path), _open(path) as file:
        pages = _pages(path, file)
        check_page(path, page, len(pages))
        chosen = pages[page]
        segment = _segment(file, chosen.entry)
        _check_whole(path, [segment])
        return as_plane(path, _pixels(path, segment, chosen), colour)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    try:
        import czifile
    except ImportError as error:
        raise MissingExtraError("czifile", "formats", f"reading {path.name}") from error
    # czifile leaves a file open of which it does not understand the header.
    with path.open("rb") as stream, czifile.CziFile(stream) as file:
        # Without them it searches the file, without end in a damaged one.
        if not _begins(stream, file.header.directory_position, b"ZISRAWDIRECTORY"):
            raise bad_image(path, "truncated or damaged, no directory of its images", COPY_AGAIN)
        if not _begins(stream, file.header.metadata_position, b"ZISRAWMETADATA"):
            raise bad_image(path, "truncated or damaged, no metadata", COPY_AGAIN)
        yield file


def _begins(stream: BinaryIO, position: int, name: bytes) -> bool:
    """Return whether a part of the file with a name begins at a position."""
    stream.seek(max(position, 0))
    return stream.read(len(name)) == name


def _pages(path: Path, file: Any) -> list[_Page]:
    """Return the images in full resolution, in the order of :data:`_ORDER`."""
    pages = [
        _Page(entry, _indices(file, entry))
        for entry in file.subblock_directory
        if entry.pyramid_type == 0 and tuple(entry.stored_shape) == tuple(entry.shape)
    ]
    if not pages:
        raise bad_image(path, "no image inside", COPY_AGAIN)
    places = Counter(page.index(_ORDER) for page in pages)
    if len(places) < len(pages):
        problem = "several images of one Z position, channel and time point, as of angles or phases"
        raise bad_image(path, problem, "export the sweep as OME-TIFF")
    return sorted(pages, key=lambda page: page.index(_ORDER))


def _indices(file: Any, entry: Any) -> dict[str, int]:
    """Return the start of an entry along each axis, by either interface of czifile."""
    if hasattr(entry, "dimension_entries"):  # until 2019, the newest release for Python 3.11
        return {axis.dimension: int(axis.start) for axis in entry.dimension_entries}
    axes = entry.read_dimension_entries(file)
    return {str(name): int(axis.start) for name, axis in axes.items()}


def _segment(file: Any, entry: Any) -> Any:
    """Return the subblock of an entry, by either interface of czifile."""
    if hasattr(entry, "data_segment"):
        return entry.data_segment()
    return entry.read_segment_data(file)


def _check_whole(path: Path, segments: Sequence[Any]) -> None:
    """Refuse a file that ends before the pixels do."""
    end, length = max(s.data_offset + s.data_size for s in segments), path.stat().st_size
    if end > length:
        raise bad_image(path, f"truncated, {length} of at least {end} bytes", COPY_AGAIN)


def _pixels(path: Path, segment: Any, page: _Page) -> Any:
    """Return the pixels of a subblock, shape ``(y, x, samples)``."""
    compression = int(page.entry.compression)
    if compression not in (_PLAIN, _ZSTD, _HEADED_ZSTD):
        return _decoded(path, segment, compression).reshape(page.shape)
    # czifile for Python 3.11 does not decode Zstandard; of a damaged file it may enlarge the pixels.
    plain, n_bytes = segment.data(raw=True), math.prod(page.shape) * page.dtype.itemsize
    if compression != _PLAIN:
        plain = _unpack(path, plain, n_bytes, headed=compression == _HEADED_ZSTD)
    pixels = np.frombuffer(plain[:n_bytes], page.dtype).reshape(page.shape)
    samples = page.shape[-1]
    return pixels[..., _RED_FIRST[:samples]] if samples in COLOURS else pixels


def _decoded(path: Path, segment: Any, compression: int) -> Any:
    """Return the pixels of a compression that czifile decodes."""
    if compression not in _CODECS:  # such as the raw pixels of a camera
        problem = f"compression {compression} is not one that refp reads"
        raise bad_image(path, problem, "export it as OME-TIFF")
    _import_codecs(path)  # without them czifile states no reason
    return segment.data()


def _import_codecs(path: Path) -> Any:
    try:
        import imagecodecs
    except ImportError as error:
        raise MissingExtraError("imagecodecs", "formats", f"reading {path.name}") from error
    return imagecodecs


def _unpack(path: Path, packed: bytes, n_bytes: int, *, headed: bool) -> bytes:
    """Decode Zstandard, and undo the separation of low and high bytes that the header may state."""
    start = packed[0] if headed else 0
    plain = _import_codecs(path).zstd_decode(bytes(packed[start:]), out=n_bytes)
    if start == 3 and packed[2] & 1:
        return np.frombuffer(plain, np.uint8).reshape(2, -1).T.tobytes()
    return bytes(plain)


def _focus_um(segment: Any) -> float:
    """Return the focus position that a subblock records; NaN if it records none."""
    try:
        text = segment.metadata(raw=True)
    except TypeError:  # since 2026 text is the default, and the argument is gone
        text = segment.metadata()
    found = _FOCUS.search(text)
    return number(found.group(1)) if found else math.nan


def _metadata(file: Any) -> Element:
    """Return the metadata of a file; XML that cannot be parsed states nothing."""
    try:
        return ET.fromstring(file.metadata() or "<none/>")  # noqa: S314 - expat bounds entities
    except ET.ParseError:
        return Element("none")


def _stated(root: Element, pages: Sequence[_Page], focus_um: Sequence[float]) -> Stated:
    of_stage = _are_distinct(pages, focus_um)
    channels = root.findall(".//Information/Image/Dimensions/Channels/Channel")
    n_channels = len({page.index("C") for page in pages})
    exposures = [_exposure_ms(channels, *page.index("C")) for page in pages]
    return Stated(
        pixel_size_um=UM_PER_M * _scale_m(root, "X"),
        z_um=tuple(focus_um) if of_stage else _stepped(root, pages),
        of_stage=of_stage,
        exposure_ms=tuple(exposures) if any(exposures) else (),
        field_index=_ranks([page.field for page in pages]),
        channel_index=_ranks([page.index("C") for page in pages]) if n_channels > 1 else (),
        time_index=_ranks([page.index("T") for page in pages]),
        channels=tuple(channel.get("Name", "") for channel in channels) if n_channels > 1 else (),
        bit_depth=whole(root.findtext(".//Information/Image/ComponentBitCount")),
    )


def _are_distinct(pages: Sequence[_Page], focus_um: Sequence[float]) -> bool:
    """Return whether the recorded focus positions distinguish the Z positions of each sweep.

    A piezo moves the sample while the recorded position of the focus drive stays.
    """
    places = {(page.field, page.index("TZ")) for page in pages}
    found = {(p.field, p.index("T"), z) for p, z in zip(pages, focus_um, strict=True)}
    return all(map(math.isfinite, focus_um)) and len(found) == len(places)


def _stepped(root: Element, pages: Sequence[_Page]) -> tuple[float, ...]:
    """Return start plus index times step as the file states them; empty if it states no step."""
    z = [page.at.get("Z", 0) for page in pages]
    if len(set(z)) == 1:
        return ()
    interval = ".//Information/Image/Dimensions/Z/Positions/Interval"
    start = number(root.findtext(f"{interval}/Start"))
    step = number(root.findtext(f"{interval}/Increment")) or math.nan
    if not math.isfinite(step):
        step = UM_PER_M * _scale_m(root, "Z") or math.nan
    if not math.isfinite(step):
        return ()
    return tuple((start if math.isfinite(start) else 0.0) + step * k for k in z)


def _scale_m(root: Element, axis: str) -> float:
    """Return the size of a pixel, or the step in Z; 0 if it is not stated."""
    return size(root.findtext(f".//Scaling/Items/Distance[@Id='{axis}']/Value"))


def _exposure_ms(channels: Sequence[Element], channel: int) -> float:
    if channel >= len(channels):
        return 0.0
    return float(f"{MS_PER_NS * size(channels[channel].findtext('ExposureTime')):.6g}")


def _ranks(places: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the number of each place among the different ones, in rising order."""
    rank = {place: k for k, place in enumerate(sorted(set(places)))}
    return tuple(rank[place] for place in places)
