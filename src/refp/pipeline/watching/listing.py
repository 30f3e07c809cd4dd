"""The image files below a folder, with their stamps."""

import os
from collections.abc import Iterator
from pathlib import Path

from refp.pipeline.watching.settling import Stamp
from refp.sweeps.listing import FOREIGN_SUFFIXES, is_ignored
from refp.sweeps.readers import SUFFIXES, ZARR_FILES, ZARR_SUFFIX, is_zarr

IMAGE_SUFFIXES = frozenset({*SUFFIXES, *FOREIGN_SUFFIXES})


def list_stamps(folder: Path) -> Iterator[tuple[Path, Stamp]]:
    """Yield every image file below a folder, at any depth; an OME-Zarr folder counts as one file.

    Hidden entries are left out, as are folders that are links, which might lead back, and folders that
    cannot be listed.

    Raises
    ------
    OSError
        If the folder itself cannot be listed.
    """
    with os.scandir(folder) as entries:
        yield from _below(list(entries))


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of an image file or an OME-Zarr folder; ``None`` if it is gone, or neither."""
    try:
        if path.is_dir():
            return _stamp_of_folder(path) if is_zarr(path) else None
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            return None
        found = path.stat()
    except OSError:
        return None
    return Stamp(found.st_size, found.st_mtime_ns)


def image_of(path: Path, folder: Path) -> Path | None:
    """Return the image that a changed path below a folder belongs to.

    Returns
    -------
    Path or None
        The OME-Zarr folder that contains the path, else the path itself; ``None`` for hidden files and
        paths elsewhere.
    """
    try:
        parts = path.relative_to(folder).parts
    except ValueError:
        return None
    if not parts or any(is_ignored(part) for part in parts):
        return None
    for k, part in enumerate(parts, start=1):
        if part.lower().endswith(ZARR_SUFFIX):
            return folder.joinpath(*parts[:k])
    return path


def _below(entries: list["os.DirEntry[str]"]) -> Iterator[tuple[Path, Stamp]]:
    for entry in entries:
        if is_ignored(entry.name):
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _of_folder(entry)
            elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:  # noqa: PTH122  10,000 names
                found = entry.stat()
                yield Path(entry.path), Stamp(found.st_size, found.st_mtime_ns)
        except OSError:  # gone in the meantime, or not accessible
            continue


def _of_folder(entry: "os.DirEntry[str]") -> Iterator[tuple[Path, Stamp]]:
    with os.scandir(entry.path) as inside:
        entries = list(inside)
    is_zarr = entry.name.lower().endswith(ZARR_SUFFIX)
    if is_zarr or any(one.name in ZARR_FILES for one in entries):
        yield Path(entry.path), _stamp_of_folder(Path(entry.path))
    else:
        yield from _below(entries)


def _stamp_of_folder(folder: Path) -> Stamp:
    """Return the sum of the sizes of all files of a folder, and the time of the last change of any."""
    size, last_ns = 0, 0
    for path in folder.rglob("*"):
        found = path.stat()
        size, last_ns = size + found.st_size, max(last_ns, found.st_mtime_ns)
    return Stamp(size, last_ns)
