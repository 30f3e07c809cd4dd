"""Image files of a folder, in natural order."""

import re
from collections.abc import Iterator
from pathlib import Path

from refp.core.errors import DataError
from refp.sweeps.readers import SUFFIXES, ZARR_SUFFIX

FOREIGN_SUFFIXES = (".czi", ".lif", ".lsm", ".vsi", ".oib", ".oif", ".ims", ".stk", ".svs", ".gif")
"""Suffixes of image formats that refp does not read; such files are reported, all others ignored."""


def list_files(folder: Path, depth: int = 0) -> list[Path]:
    """List the image files of a folder in natural order, ``z9`` before ``z10``.

    Parameters
    ----------
    folder
        Folder to list. Hidden files and files that are not images are ignored.
    depth
        Number of levels of folders below it that are listed too.

    Raises
    ------
    DataError
        If the folder cannot be listed.
    """
    try:
        return sorted(_images(folder, depth), key=natural_order)
    except OSError as error:
        raise DataError(f"{folder}: not listed: {error.strerror}; check its permissions") from error


def natural_order(path: Path) -> tuple[list[int | str], str]:
    """Return a sorting key that compares numbers inside a path by value."""
    parts = re.split(r"([0-9]+)", path.as_posix())
    return [int(p) if k % 2 else p.casefold() for k, p in enumerate(parts)], path.as_posix()


def is_image(path: Path) -> bool:
    """Return whether a path has the suffix of an image file or is an OME-Zarr folder."""
    return path.suffix.lower() in SUFFIXES and (path.is_file() or is_zarr(path))


def is_zarr(path: Path) -> bool:
    """Return whether a path is a folder with the suffix of OME-Zarr."""
    return path.suffix.lower() == ZARR_SUFFIX and path.is_dir()


def _images(folder: Path, depth: int) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if is_image(entry) or entry.suffix.lower() in FOREIGN_SUFFIXES:
            yield entry
        elif depth and entry.is_dir():
            yield from _images(entry, depth - 1)
