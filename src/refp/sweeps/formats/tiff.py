"""TIFF, OME-TIFF and ImageJ TIFF, by tifffile."""

import math
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
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
        n_pages = _n_behind(path, tif) or len(pages)
        stated = _stated(path, tif, pages, n_pages).completed(Stated(notes=notes))
        return Header(shape, dtype, n_pages, stated, has_colours(pages[0].shape))


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
        n_behind = _n_behind(path, tif)
        check_page(path, page, n_behind or len(tif.pages))
        if n_behind:
            return as_plane(path, _read_behind(path, tif, page), colour)
        plane = tif.pages[page]
        _check_page(path, plane)
        _check_extent(path, plane, tif.filehandle.size)
        if plane.compression in _BY_PILLOW and not find_spec(_CODECS):
            return raster.read_plane(path, page, colour)
        return as_plane(path, _decode(path, plane), colour)


def _n_behind(path: Path, tif: Any) -> int:
    """Return the number of images behind the only page of an ImageJ file; 0: each has a page.

    ImageJ writes one header for a stack above 4 GB, and the images one after the other behind it.

    Raises
    ------
    DataError
        If the file ends before the last image, or they cannot be located, as compressed ones.
    """
    n_pages = len(tif.pages)
    if not n_pages or not tif.is_imagej or _OME.search(tif.pages[0].description):
        return 0
    n_images, page = whole((tif.imagej_metadata or {}).get("images"), 1), tif.pages[0]
    if n_images <= n_pages:
        return 0
    if n_pages > 1 or not page.is_final:
        problem = f"{n_images} images, of which {n_pages} can be found"
        raise bad_image(path, problem, "save as OME-TIFF, or one file per frame")
    end, size = page.dataoffsets[0] + n_images * page.nbytes, tif.filehandle.size
    if end > size:
        raise bad_image(path, f"truncated, {size} of at least {end} bytes", COPY_AGAIN)
    return n_images


def _read_behind(path: Path, tif: Any, index: int) -> Any:
    """Read an image behind the only page of an ImageJ file."""
    page = tif.pages[0]
    _check_page(path, page)
    tif.filehandle.seek(page.dataoffsets[0] + index * page.nbytes)
    pixels = np.frombuffer(tif.filehandle.read(page.nbytes), page.dtype.newbyteorder(tif.byteorder))
    return pixels.reshape(page.shape)


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


def _stated(path: Path, tif: Any, pages: list[Any], n_pages: int) -> Stated:
    """Metadata of Micro-Manager's own tag, completed by OME-XML or by those of ImageJ."""
    stated = stated_by_micro_manager(path, tif, pages)
    description = pages[0].description
    if _OME.search(description):
        stated = stated.completed(stated_by_ome(path, description, len(pages)))
    elif tif.is_imagej:
        stated = stated.completed(_stated_by_imagej(tif.imagej_metadata or {}, pages[0], n_pages))
    return stated


def _stated_by_imagej(meta: dict[str, Any], first: Any, n_pages: int) -> Stated:
    n_c, n_z = (max(whole(meta.get(name), 1), 1) for name in ("channels", "slices"))
    if n_c * n_z * max(whole(meta.get("frames"), 1), 1) != n_pages:
        n_c, n_z = 1, n_pages
    unit = str(meta.get("unit", ""))
    step = number(meta.get("spacing")) * um_per(str(meta.get("zunit", unit)))
    origin = number(meta.get("zorigin", 0.0))
    index = range(n_pages)
    is_known = math.isfinite(step * origin) and step
    return Stated(
        pixel_size_um=um_per(unit) * _pixel_width(first),
        z_um=tuple(step * (k // n_c % n_z - origin) for k in index) if is_known else (),
        channel_index=tuple(k % n_c for k in index),
        time_index=tuple(k // (n_c * n_z) for k in index),
    )


def _pixel_width(page: Any) -> float:
    """Width of a pixel in the unit of the file; the tag holds pixels per unit as a ratio."""
    pixels, units = page.tags.valueof("XResolution", (0, 0))
    return size(units / pixels) if pixels else 0.0
