"""Date of acquisition of an image, from its metadata or from its name."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from refp.sweeps.readers import RASTER_SUFFIXES, TIFF_SUFFIXES

Source = Literal["metadata", "name", ""]

_STAMP = re.compile(r"\b(\d{4})[-:](\d\d)[-:](\d\d)[T ](\d\d):(\d\d):(\d\d)")
"""Date and time as in EXIF, OME-XML and Micro-Manager's tag."""
_NAMED = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_./]?)(\d\d)\2(\d\d)"
    r"(?:[T_\- ]?([01]\d|2[0-3])([-:._]?)([0-5]\d)\6([0-5]\d))?(?!\d)"
)
"""Year, month and day in this order, with a time only if it has seconds: a number of four digits after
a date may be that of the image."""
_OME_DATE = re.compile(r"<(?:\w+:)?AcquisitionDate>([^<]+)<")
_DATE_TIME, _EXIF, _ORIGINAL, _MICRO_MANAGER = 306, 0x8769, 36867, "MicroManagerMetadata"


@dataclass(frozen=True, slots=True)
class Acquired:
    """Date of acquisition of an image.

    Attributes
    ----------
    at
        Clock time as stated, without its zone; ``None`` where no date is stated.
    source
        ``metadata``, ``name`` of the file or of a folder above it, or empty.
    """

    at: datetime | None = None
    source: Source = ""


def acquired(path: Path, page: int = 0, named: str = "") -> Acquired:
    """Return the date of acquisition of a page of an image file.

    Metadata are those of Micro-Manager, OME-XML, EXIF, and the tag DateTime of TIFF, in this order. A
    date in a name is year, month and day, such as ``2024-03-17``, ``20240317`` or the folders
    ``2024/03/17``, with hour, minute and second if they follow. The time of the file itself is not used:
    copying changes it.

    Parameters
    ----------
    path
        An image file.
    page
        Index of the page.
    named
        Path of the file within its archive; default: the name of the file.
    """
    for text in _metadata(path, page):
        at = _parse(_STAMP.search(text))
        if at is not None:
            return Acquired(at, "metadata")
    at = date_in_name(named or path.name)
    return Acquired(at, "name") if at is not None else Acquired()


def date_in_name(name: str) -> datetime | None:
    """Return the date in a path with ``/``: that of the file's name, else the last of its folders."""
    folders, _, file = name.rpartition("/")
    for text in (file, folders):
        dates = [_parse(found) for found in _NAMED.finditer(text)]
        known = [date for date in dates if date is not None]
        if known:
            return known[-1]
    return None


def _parse(found: re.Match[str] | None) -> datetime | None:
    if found is None:
        return None
    numbers = [int(text) for text in found.groups("") if text.isdecimal()]
    with suppress(ValueError):  # not a date, such as month 13
        return datetime(*numbers)  # type: ignore[arg-type]
    return None


def _metadata(path: Path, page: int) -> Iterator[str]:
    """Yield the texts of a file that may hold the date, best first; none of an unreadable file."""
    suffix = path.suffix.lower()
    with suppress(Exception):  # reading the pixels reports a damaged file, with the remedy
        if suffix in TIFF_SUFFIXES:
            yield from _of_tiff(path, page)
        elif suffix in RASTER_SUFFIXES:
            yield from _of_raster(path)


def _of_tiff(path: Path, page: int) -> Iterator[str]:
    import tifffile

    with tifffile.TiffFile(path) as tif:
        tags = tif.pages[page].tags
        entries: Mapping[str, Any] = tags.valueof(_MICRO_MANAGER, {})
        exif = tags.valueof(_EXIF, {})
        texts = [
            *(entries.get(name, "") for name in ("ReceivedTime", "Time")),
            *_OME_DATE.findall(tif.pages[0].description),
            exif.get("DateTimeOriginal", ""),
            tags.valueof(_DATE_TIME, ""),
        ]
    yield from map(str, texts)


def _of_raster(path: Path) -> Iterator[str]:
    from PIL import Image

    with Image.open(path) as image:
        exif = image.getexif()
        texts = [exif.get_ifd(_EXIF).get(_ORIGINAL, ""), exif.get(_DATE_TIME, "")]
    yield from map(str, texts)
