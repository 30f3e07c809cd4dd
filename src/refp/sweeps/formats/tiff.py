"""TIFF, OME-TIFF and ImageJ TIFF, by tifffile."""

import math
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tifffile

from refp.core.arrays import Image
from refp.core.errors import DataError, MissingExtraError
from refp.sweeps.formats import raster
from refp.sweeps.formats.guard import (
    COPY_AGAIN,
    SAVE_GREY,
    as_plane,
    bad_image,
    check_grey,
    check_page,
    has_colours,
    reading,
)
from refp.sweeps.formats.micro_manager import stated_by_micro_manager
from refp.sweeps.formats.ome_xml import stated_by_ome
from refp.sweeps.formats.units import number, size, um_per, whole
from refp.sweeps.header import Header, Stated

_CODECS = "imagecodecs"
_BY_PILLOW = (tifffile.COMPRESSION.LZW, tifffile.COMPRESSION.JPEG)
"""Compressions for which tifffile needs imagecodecs; without it Pillow decodes them instead."""

_OME = re.compile(r"<(?:[A-Za-z]+:)?OME\b")
"""Start of OME-XML, which tifffile recognises by its end only, as some programs do not write it."""
_PALETTE, _WHITE_IS_ZERO = tifffile.PHOTOMETRIC.PALETTE, tifffile.PHOTOMETRIC.MINISWHITE


def read_header(path: Path) -> Header:
    """Read the header of a TIFF file, without pixels.

    Raises
    ------
    DataError
        If the file is truncated or damaged, not grey of 8 or 16 bits, or of pages that differ in size.
    """
    with reading(path) as log, tifffile.TiffFile(path) as tif:
        pages, notes = _whole_pages(path, tif, log)
        kinds = {(_check_page(path, page), page.dtype.name) for page in pages}
        if len(kinds) > 1:
            raise bad_image(path, f"pages of {len(kinds)} sizes or types", "save them as files")
        ((shape, dtype),) = kinds
        stated = _stated(path, tif, pages).completed(Stated(notes=notes))
        return Header(shape, dtype, len(pages), stated, has_colours(pages[0].shape))


def read_plane(path: Path, page: int, colour: str) -> Image:
    """Read one page.

    Raises
    ------
    DataError
        If there is no such page, or it is truncated, damaged or not grey of 8 or 16 bits.
    MissingExtraError
        If its compression needs imagecodecs, which is not installed.
    """
    with reading(path), tifffile.TiffFile(path) as tif:
        check_page(path, page, len(tif.pages))
        plane = tif.pages[page]
        _check_page(path, plane)
        _check_extent(path, plane, tif.filehandle.size)
        if plane.compression in _BY_PILLOW and not find_spec(_CODECS):
            return raster.read_plane(path, page, colour)
        return as_plane(path, _decode(path, plane), colour)


def _decode(path: Path, page: Any) -> Any:
    """Return the pixels of a page, or the error that names the library that its compression needs."""
    try:
        return page.asarray()
    except ValueError as error:
        if _CODECS in str(error):
            raise MissingExtraError(_CODECS, "formats", f"reading {path.name}") from error
        raise


def _check_page(path: Path, page: Any) -> tuple[int, int]:
    """Return the size of a page."""
    if page.dtype is None:
        raise bad_image(path, f"pixels of {page.bitspersample} bits", SAVE_GREY)
    if page.photometric == _PALETTE:
        raise bad_image(path, "palette colours", SAVE_GREY)
    shape = check_grey(path, page.shape, page.dtype)
    if page.bitspersample not in (8, 16):
        raise bad_image(path, f"packed pixels of {page.bitspersample} bits", SAVE_GREY)
    if page.photometric == _WHITE_IS_ZERO:
        raise bad_image(path, "inverted, white is stored as 0", "save it with black as 0")
    return shape


def _whole_pages(path: Path, tif: Any, log: list[str]) -> tuple[list[Any], tuple[str, ...]]:
    """Return the pages of a file that contains everything that its header refers to.

    Micro-Manager writes a stack page by page; of an acquisition that was stopped the complete pages
    are used, with a note.
    """
    pages = list(tif.pages)
    if not pages:
        raise bad_image(path, "no image inside", COPY_AGAIN)
    size_bytes = tif.filehandle.size
    whole_pages = [page for page in pages if _end_of(page) <= size_bytes]
    is_cut = _chain_is_cut(tif) or any("invalid value offset" in line for line in log)
    if not is_cut and len(whole_pages) == len(pages):
        return pages, ()
    if whole_pages and all(page.is_micromanager for page in whole_pages):
        return whole_pages, (f"the acquisition was stopped; its {len(whole_pages)} pages are used",)
    if is_cut:
        raise bad_image(path, "truncated, its header refers beyond its end", COPY_AGAIN)
    first = next(page for page in pages if page not in whole_pages)
    raise _truncated(path, first, size_bytes)


def _chain_is_cut(tif: Any) -> bool:
    """Whether the last page found refers to a further one."""
    tif.filehandle.seek(tif.pages.next_page_offset)
    return any(tif.filehandle.read(tif.tiff.offsetsize))


def _end_of(page: Any) -> int:
    ends = (o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False))
    return max(ends, default=0)


def _check_extent(path: Path, page: Any, size: int) -> None:
    if _end_of(page) > size:
        raise _truncated(path, page, size)


def _truncated(path: Path, page: Any, size: int) -> DataError:
    return bad_image(path, f"truncated, {size} of at least {_end_of(page)} bytes", COPY_AGAIN)


def _stated(path: Path, tif: Any, pages: list[Any]) -> Stated:
    """Metadata of Micro-Manager's own tag, completed by OME-XML or by those of ImageJ."""
    stated = stated_by_micro_manager(path, tif, pages)
    description = pages[0].description
    if _OME.search(description):
        stated = stated.completed(stated_by_ome(path, description, len(pages)))
    elif tif.is_imagej:
        stated = stated.completed(_stated_by_imagej(path, tif.imagej_metadata or {}, pages))
    return stated


def _stated_by_imagej(path: Path, meta: dict[str, Any], pages: list[Any]) -> Stated:
    n_images = whole(meta.get("images"), 1)
    if n_images > len(pages):  # ImageJ writes one header for a stack above 4 GB
        problem = f"{n_images} images behind a single TIFF page"
        raise bad_image(path, problem, "save as OME-TIFF, or one file per frame")
    n_c, n_z = (max(whole(meta.get(name), 1), 1) for name in ("channels", "slices"))
    if n_c * n_z * max(whole(meta.get("frames"), 1), 1) != len(pages):
        n_c, n_z = 1, len(pages)
    unit = str(meta.get("unit", ""))
    step = number(meta.get("spacing")) * um_per(str(meta.get("zunit", unit)))
    origin = number(meta.get("zorigin", 0.0))
    index = range(len(pages))
    is_known = math.isfinite(step * origin) and step
    return Stated(
        pixel_size_um=um_per(unit) * _pixel_width(pages[0]),
        z_um=tuple(step * (k // n_c % n_z - origin) for k in index) if is_known else (),
        channel_index=tuple(k % n_c for k in index),
        time_index=tuple(k // (n_c * n_z) for k in index),
    )


def _pixel_width(page: Any) -> float:
    """Width of a pixel in the unit of the file; the tag holds pixels per unit as a ratio."""
    pixels, units = page.tags.valueof("XResolution", (0, 0))
    return size(units / pixels) if pixels else 0.0
