"""Values about planes and folders that the server process and its workers exchange."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ComparedSet:
    """Planes of a job to compare: id and title of the job, and their instruments.

    ``instruments`` holds the instrument of each data set.
    """

    id: str
    title: str
    instruments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder or a stack.

    Attributes
    ----------
    name, path
        Name and full path.
    is_stack
        Whether it is one file or OME-Zarr with its own Z.
    n_images
        Number of image files in a folder; ``None`` if not counted.
    has_sweep_file
        Whether the folder has a ``sweep.toml``.
    """

    name: str
    path: str
    is_stack: bool
    n_images: int | None
    has_sweep_file: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder and its content.

    Attributes
    ----------
    here
        The folder; ``None`` for the list of several roots.
    above
        Parent folders from its root on: name and path.
    entries
        Sub-folders and stacks in natural order, limited by :mod:`refp.web.workers.folders`.
    n_more
        Number of further entries.
    """

    here: Entry | None
    above: list[tuple[str, str]]
    entries: list[Entry]
    n_more: int
