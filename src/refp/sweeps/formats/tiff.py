"""TIFF, OME-TIFF and ImageJ TIFF, by tifffile."""

from pathlib import Path
from typing import Any

import tifffile

from refp.core.arrays import Image
from refp.sweeps.formats import raster
from refp.sweeps.formats.guard import (
    COPY_AGAIN,
    SAVE_GREY,
    as_plane,
    bad_image,
    check_grey,
    check_page,
    reading,
)
from refp.sweeps.formats.ome_xml import check_one_channel, stated_by_ome
from refp.sweeps.formats.units import um_per
from refp.sweeps.header import Header, Stated

_BY_PILLOW = (tifffile.COMPRESSION.LZW, tifffile.COMPRESSION.JPEG)
"""Compressions for which tifffile needs a further package; Pillow decodes them instead."""

_PALETTE, _WHITE_IS_ZERO = tifffile.PHOTOMETRIC.PALETTE, tifffile.PHOTOMETRIC.MINISWHITE


def read_header(path: Path) -> Header:
    """Read the header of a TIFF file, without pixels.

    Raises
    ------
    DataError
        If the file is truncated or damaged, not grey of 8 or 16 bits, of several channels or time
        points, or of pages that differ in size.
    """
    with reading(path) as log, tifffile.TiffFile(path) as tif:
        pages = list(tif.pages)
        _check_whole(path, tif, pages, log)
        kinds = {(_check_page(path, page), page.dtype.name) for page in pages}
        if len(kinds) > 1:
            raise bad_image(path, f"pages of {len(kinds)} sizes or types", "save them as files")
        ((shape, dtype),) = kinds
        return Header(shape, dtype, len(pages), _stated(path, tif, pages))


def read_plane(path: Path, page: int) -> Image:
    """Read one page.

    Raises
    ------
    DataError
        If there is no such page, or it is truncated, damaged or not grey of 8 or 16 bits.
    """
    with reading(path), tifffile.TiffFile(path) as tif:
        check_page(path, page, len(tif.pages))
        plane = tif.pages[page]
        _check_page(path, plane)
        _check_extent(path, plane, tif.filehandle.size)
        if plane.compression in _BY_PILLOW:
            return raster.read_plane(path, page)
        return as_plane(path, plane.asarray())


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


def _check_whole(path: Path, tif: Any, pages: list[Any], log: list[str]) -> None:
    """Check that a file contains everything that its header refers to."""
    if not pages:
        raise bad_image(path, "no image inside", COPY_AGAIN)
    if _chain_is_cut(tif) or any("invalid value offset" in line for line in log):
        raise bad_image(path, "truncated, its header refers beyond its end", COPY_AGAIN)
    for page in pages:
        _check_extent(path, page, tif.filehandle.size)


def _chain_is_cut(tif: Any) -> bool:
    """Whether the last page found refers to a further one."""
    tif.filehandle.seek(tif.pages.next_page_offset)
    return any(tif.filehandle.read(tif.tiff.offsetsize))


def _check_extent(path: Path, page: Any, size: int) -> None:
    ends = (o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False))
    end = max(ends, default=0)
    if end > size:
        raise bad_image(path, f"truncated, {size} of at least {end} bytes", COPY_AGAIN)


def _stated(path: Path, tif: Any, pages: list[Any]) -> Stated:
    if tif.is_ome:
        return stated_by_ome(path, tif.ome_metadata, len(pages))
    if tif.is_imagej:
        return _stated_by_imagej(path, tif.imagej_metadata, pages)
    return Stated()


def _stated_by_imagej(path: Path, meta: dict[str, Any], pages: list[Any]) -> Stated:
    n_images = int(meta.get("images", 1))
    if n_images > len(pages):  # ImageJ writes one header for a stack above 4 GB
        problem = f"{n_images} images behind a single TIFF page"
        raise bad_image(path, problem, "save as OME-TIFF, or one file per frame")
    check_one_channel(path, int(meta.get("channels", 1)), int(meta.get("frames", 1)))
    factor = um_per(str(meta.get("unit", "")))
    step = factor * float(meta.get("spacing", 0.0))
    origin = float(meta.get("zorigin", 0.0))
    return Stated(
        pixel_size_um=factor * _pixel_width(pages[0]),
        z_um=tuple(step * (k - origin) for k in range(len(pages))) if step else (),
    )


def _pixel_width(page: Any) -> float:
    """Width of a pixel in the unit of the file; the tag holds pixels per unit as a ratio."""
    pixels, units = page.tags.valueof("XResolution", (0, 0))
    return units / pixels if pixels else 0.0
