"""What routes and workers tell each other about planes and folders; no science library in here."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AskedSet:
    """Planes that were defined together: their job, what people call them, their instruments.

    ``instruments`` has the instrument of each data set.
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
        What it is called, and its whole path.
    is_stack
        Whether it is one file, or OME-Zarr, that states its own Z.
    n_images
        Image files in a folder; ``None`` where they were not counted.
    has_sweep_file
        Whether a ``sweep.toml`` says what they are.
    """

    name: str
    path: str
    is_stack: bool
    n_images: int | None
    has_sweep_file: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder and what is in it.

    Attributes
    ----------
    here
        The folder itself; ``None`` above the roots, where there are several.
    above
        The folders that lead to it, from its root on: name and path.
    entries
        Sub-folders and stacks in natural order, so many at most as :mod:`refp.web.workers.folders` says.
    n_more
        How many more there are.
    """

    here: Entry | None
    above: list[tuple[str, str]]
    entries: list[Entry]
    n_more: int
