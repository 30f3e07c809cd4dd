"""Image files: formats, headers, and the pixels of one page."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from refp.core.arrays import Image
from refp.core.errors import DataError, RefpError
from refp.sweeps.formats.guard import GREEN, bad_image
from refp.sweeps.header import Header
from refp.sweeps.left_out import LeftOut

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".tf2")
RASTER_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
ZARR_SUFFIX = ".zarr"
ND2_SUFFIX, LIF_SUFFIX, CZI_SUFFIX = ".nd2", ".lif", ".czi"
ZARR_FILES = ("zarr.json", ".zgroup", ".zattrs")
"""Files of which an OME-Zarr folder without a suffix has at least one."""
SUFFIXES = (*TIFF_SUFFIXES, *RASTER_SUFFIXES, ND2_SUFFIX, LIF_SUFFIX, CZI_SUFFIX, ZARR_SUFFIX)


class Format(Protocol):
    """Functions of every module of :mod:`refp.sweeps.formats`."""

    def read_header(self, path: Path) -> Header:
        """Read the header of a file."""
        ...

    def read_plane(self, path: Path, page: int, colour: str) -> Image:
        """Read the pixels of one page, of a colour image the chosen channel."""
        ...


def read_plane(path: Path, page: int = 0, colour: str = GREEN) -> Image:
    """Read the pixels of one page.

    Parameters
    ----------
    path
        TIFF, OME-TIFF, PNG, JPEG or BMP; OME-Zarr, ND2, LIF and CZI with the extra ``formats``.
    page
        Index of the page in the file, from 0.
    colour
        Channel of a colour image: ``red``, ``green``, ``blue``, or ``mean`` of the three.

    Returns
    -------
    ndarray
        Shape ``(y, x)``, ``uint8`` or ``uint16``.

    Raises
    ------
    DataError
        If the file is missing, empty, truncated or damaged, has no such page, or is not grey of 8
        or 16 bits.
    MissingExtraError
        If the format needs a library that is not installed.
    """
    return _format(path).read_plane(path, page, colour)


def read_header(path: Path) -> Header:
    """Read size, type, number of pages and metadata of an image file, without pixels.

    Raises
    ------
    DataError
        As :func:`read_plane`, as far as the header shows it; and if pages differ in size.
    MissingExtraError
        If the format needs a library that is not installed.
    """
    return _format(path).read_header(path)


def read_headers(paths: Iterable[Path]) -> tuple[dict[Path, Header], list[LeftOut]]:
    """Read many headers; a file that cannot be used is left out with the reason."""
    headers: dict[Path, Header] = {}
    left_out: list[LeftOut] = []
    for path in paths:
        try:
            headers[path] = read_header(path)
        except RefpError as error:
            left_out.append(leave_out(path, error))
    return headers, left_out


def leave_out(path: Path, error: RefpError) -> LeftOut:
    """Make the entry of a file that is left out from the error about it."""
    return LeftOut(path, str(error).removeprefix(f"{path}: "))


def is_zarr(path: Path) -> bool:
    """Return whether a path is an OME-Zarr folder, by its suffix or its files."""
    if not path.is_dir():
        return False
    return path.suffix.lower() == ZARR_SUFFIX or any((path / name).is_file() for name in ZARR_FILES)


def _format(path: Path) -> Format:
    """Return the module for a file; imported here because the libraries are slow to import."""
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        from refp.sweeps.formats import tiff

        return tiff
    if suffix in RASTER_SUFFIXES:
        from refp.sweeps.formats import raster

        return raster
    if suffix == ZARR_SUFFIX or is_zarr(path):
        from refp.sweeps.formats import ome_zarr

        return ome_zarr
    if suffix == ND2_SUFFIX:
        from refp.sweeps.formats import nikon

        return nikon
    if suffix == LIF_SUFFIX:
        from refp.sweeps.formats import leica

        return leica
    if suffix == CZI_SUFFIX:
        from refp.sweeps.formats import zeiss

        return zeiss
    raise _unknown_format(path)


def _unknown_format(path: Path) -> DataError:
    if not path.exists():
        return bad_image(path, "no such file", "check the path")
    problem = f"{path.suffix or 'no suffix'!r} is not a format that refp reads"
    return bad_image(path, problem, "export it as OME-TIFF")
