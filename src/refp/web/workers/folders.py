"""Listings of folders under the roots, to choose sweeps from; run in workers."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from refp.core.errors import DataError
from refp.sweeps.listing import natural_order
from refp.sweeps.readers import CZI_SUFFIX, LIF_SUFFIX, ND2_SUFFIX, SUFFIXES, is_zarr
from refp.sweeps.sweep_file import SWEEP_FILE
from refp.web.storage.roots import OutsideRoots, find_inside
from refp.web.workers.views import Entry, Listing

MAX_ENTRIES = 500
MAX_COUNTED = 50_000
"""Files that are counted in a listing; further folders have no count."""
STACKS = (".ome.tif", ".ome.tiff", ND2_SUFFIX, LIF_SUFFIX, CZI_SUFFIX)
"""Suffixes of files that are a sweep each; another TIFF may be one frame."""


def list_folder(folder: str, roots: Sequence[Path]) -> Listing:
    """Return the content of a folder under the roots; without a name, that of the only root or all roots.

    Raises
    ------
    OutsideRoots
        If it is outside the roots, whether it exists or not.
    DataError
        If there is no such folder, or it cannot be read.
    """
    known = [root.resolve() for root in roots if root.is_dir()]
    if not folder and len(known) != 1:
        return Listing(None, [], [_entry(root, root.name or str(root)) for root in known], 0)
    here = find_inside(folder or str(known[0]), known)
    if not here.is_dir():
        raise DataError(f"{here.name}: no such folder; choose another")
    root = next(root for root in known if here.is_relative_to(root))
    passed = [here, *here.parents]
    above = [(p.name or str(p), str(p)) for p in passed[1 : passed.index(root) + 1]]
    try:
        inside = sorted(_choices(here, known), key=natural_order)
        left, entries = MAX_COUNTED, []
        for path in inside[:MAX_ENTRIES]:
            entries.append(_entry(path, path.name, left))
            left -= entries[-1].n_images or 0
        return Listing(
            here=_entry(here, here.name or str(here)),
            above=above[::-1],
            entries=entries,
            n_more=len(inside) - len(entries),
        )
    except OSError as error:
        raise DataError(
            f"{here.name}: cannot be listed: {error.strerror}; check its permissions"
        ) from error


def _choices(folder: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the folders and stacks of a folder, without links that lead outside the roots."""
    with os.scandir(folder) as inside:
        for one in inside:
            try:
                fits = one.is_dir() or one.name.lower().endswith(STACKS)
                find_inside(one.path, roots)
            except (OutsideRoots, OSError, RuntimeError):  # the last two for circular links
                continue
            if fits and not one.name.startswith("."):
                yield Path(one.path)


def _entry(path: Path, name: str, max_files: int = MAX_COUNTED) -> Entry:
    if path.is_file() or is_zarr(path):
        return Entry(name, str(path), is_stack=True, n_images=None, has_sweep_file=False)
    n_images, has_sweep_file = _count(path, max_files)
    return Entry(name, str(path), False, n_images, has_sweep_file)


def _count(folder: Path, max_files: int) -> tuple[int | None, bool]:
    has_sweep_file = (folder / SWEEP_FILE).is_file()
    n = 0
    try:
        with os.scandir(folder) as inside:
            for looked_at, one in enumerate(inside):
                if looked_at >= max_files:
                    return None, has_sweep_file
                n += one.name.lower().endswith(SUFFIXES) and not one.name.startswith(".")
    except OSError:
        return None, has_sweep_file
    return n, has_sweep_file
