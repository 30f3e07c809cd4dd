"""Which files of a folder are images, in the order in which a person counts."""

import re
from collections.abc import Iterator
from pathlib import Path

from refp.core.errors import DataError
from refp.sweeps.readers import SUFFIXES, ZARR_SUFFIX

FOREIGN_SUFFIXES = (".czi", ".lif", ".lsm", ".vsi", ".oib", ".oif", ".ims", ".stk", ".svs", ".gif")
"""Images of formats that refp does not read; reported, where any other file is passed over."""


def list_files(folder: Path, depth: int = 0) -> list[Path]:
    """List the image files of a folder in natural order, ``z9`` before ``z10``.

    Parameters
    ----------
    folder
        Where to look. Hidden files and files that are no images are passed over.
    depth
        Levels of folders below it to look into.

    Raises
    ------
    DataError
        If the folder cannot be listed.
    """
    try:
        return sorted(_images(folder, depth), key=natural_order)
    except OSError as error:
        raise DataError(f"{folder}: not listed: {error.strerror}; check its rights") from error


def natural_order(path: Path) -> tuple[list[int | str], str]:
    """Sorting key by which numbers inside a path count as numbers."""
    parts = re.split(r"([0-9]+)", path.as_posix())
    return [int(p) if k % 2 else p.casefold() for k, p in enumerate(parts)], path.as_posix()


def is_image(path: Path) -> bool:
    """Whether a path looks like an image file or an OME-Zarr folder."""
    return path.suffix.lower() in SUFFIXES and (path.is_file() or is_zarr(path))


def is_zarr(path: Path) -> bool:
    """Whether a path is an OME-Zarr folder by its name."""
    return path.suffix.lower() == ZARR_SUFFIX and path.is_dir()


def _images(folder: Path, depth: int) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if is_image(entry) or entry.suffix.lower() in FOREIGN_SUFFIXES:
            yield entry
        elif depth and entry.is_dir():
            yield from _images(entry, depth - 1)
