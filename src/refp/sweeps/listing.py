"""Image files of a folder, in natural order."""

import re
from collections.abc import Iterator
from pathlib import Path

from refp.core.errors import DataError
from refp.sweeps.readers import SUFFIXES, is_zarr

FOREIGN_SUFFIXES = (".lsm", ".vsi", ".oib", ".oif", ".ims", ".stk", ".svs", ".gif")
"""Suffixes of image formats that refp does not read; such files are reported, all others ignored."""

IGNORED = ("__macosx", "thumbs.db", "desktop.ini", "icon\r")
"""Entries that macOS and Windows add to folders and archives, in lower case."""


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


def walk_images(folder: Path) -> Iterator[Path]:
    """Yield the image files of a folder and of all folders below it, one folder in memory at a time.

    Files of a folder precede its subfolders, both in natural order. A folder that cannot be listed is
    yielded itself, so that reading it reports the error. A link to a folder above is not followed.

    Parameters
    ----------
    folder
        Folder to walk.
    """
    yield from _walk(folder, ())


def _walk(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    real = folder.resolve()
    if real in above:
        return
    try:
        entries = sorted(folder.iterdir(), key=natural_order)
    except OSError:
        yield folder
        return
    folders = []
    for entry in entries:
        if is_ignored(entry.name):
            continue
        if is_image(entry) or entry.suffix.lower() in FOREIGN_SUFFIXES:
            yield entry
        elif entry.is_dir():
            folders.append(entry)
    for below in folders:
        yield from _walk(below, (*above, real))


def natural_order(path: Path) -> tuple[list[int | str], str]:
    """Return a sorting key that compares numbers inside a path by value."""
    parts = re.split(r"([0-9]+)", path.as_posix())
    return [int(p) if k % 2 else p.casefold() for k, p in enumerate(parts)], path.as_posix()


def is_image(path: Path) -> bool:
    """Return whether a path has the suffix of an image file or is an OME-Zarr folder."""
    return (path.suffix.lower() in SUFFIXES and path.is_file()) or is_zarr(path)


def lowest_folder(folder: Path) -> Path:
    """Return the folder that holds the images, below folders that hold nothing but one folder.

    Programs that pack a folder add one around it. Hidden files and those of :data:`IGNORED` count as
    nothing.
    """
    while not is_zarr(folder):
        entries = [entry for entry in folder.iterdir() if not is_ignored(entry.name)]
        if len(entries) != 1 or not entries[0].is_dir():
            break
        folder = entries[0]
    return folder


def is_ignored(name: str) -> bool:
    """Return whether the name of an entry is hidden, or of one that a system adds to every folder."""
    return name.startswith(".") or name.casefold() in IGNORED


def _images(folder: Path, depth: int) -> Iterator[Path]:
    for entry in folder.iterdir():
        if is_ignored(entry.name):
            continue
        if is_image(entry) or entry.suffix.lower() in FOREIGN_SUFFIXES:
            yield entry
        elif depth and entry.is_dir():
            yield from _images(entry, depth - 1)
