"""Survey of a folder of any layout: its images by kind, the folders below it, the pattern that fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from refp.core.errors import DataError
from refp.sweeps.header import Header
from refp.sweeps.left_out import LeftOut
from refp.sweeps.listing import list_files, lowest_folder
from refp.sweeps.propose import propose_pattern
from refp.sweeps.readers import SUFFIXES, is_zarr, read_headers
from refp.sweeps.source import names_below
from refp.sweeps.sweep_file import SWEEP_FILE

DEPTH = 2
"""Levels of folders below the surveyed one that are listed."""


@dataclass(frozen=True, slots=True)
class ImageKind:
    """Image files of one suffix, size and type.

    Attributes
    ----------
    suffix
        Suffix in lower case.
    size
        Width, height and type, such as ``640x480 uint8``.
    n_pages
        Smallest and largest number of pages of a file.
    states_z
        Whether a file states the Z of its pages.
    files
        The files, in natural order.
    """

    suffix: str
    size: str
    n_pages: tuple[int, int]
    states_z: bool
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class SubFolder:
    """A folder of images below the surveyed one; its files are counted, not read.

    Attributes
    ----------
    name
        Path below the surveyed folder, with ``/``.
    n_images
        Number of image files.
    has_sweep_file
        Whether a ``sweep.toml`` describes it.
    pattern
        Pattern that fits its names; empty if none does, or a ``sweep.toml`` describes it.
    """

    name: str
    n_images: int
    has_sweep_file: bool
    pattern: str


@dataclass(frozen=True, slots=True)
class FolderSurvey:
    """Contents of a folder whose layout may not be known.

    Attributes
    ----------
    root
        The folder that holds the images, below folders that hold nothing but one folder.
    kinds
        Its images by kind, the commonest first.
    left_out
        Images that cannot be read, with the reason.
    folders
        Folders of images below it.
    pattern
        Pattern that fits the names of the commonest kind; without images of its own, those of the
        folders below. Empty if none fits, or the files state their Z.
    """

    root: Path
    kinds: tuple[ImageKind, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    folders: tuple[SubFolder, ...] = ()
    pattern: str = ""

    @property
    def states_z(self) -> bool:
        """Whether files of the commonest kind state the Z of their pages."""
        return bool(self.kinds) and self.kinds[0].states_z

    @property
    def needs_step(self) -> bool:
        """Whether the pattern gives the numbers of frames, whose distance is to be stated."""
        return "{z_index}" in self.pattern

    @property
    def holds_datasets(self) -> bool:
        """Whether the folders below are data sets of their own, and the folder itself is none."""
        return not self.kinds and any(folder.has_sweep_file for folder in self.folders)


def survey_folder(path: Path) -> FolderSurvey:
    """List the images of a folder by kind, the folders of images below it, and propose a pattern.

    Headers are read of the folder's own images, no pixels.

    Parameters
    ----------
    path
        Folder of any layout.

    Raises
    ------
    DataError
        If it is no folder, cannot be listed, or holds no image down to two folders below it.
    """
    if not path.is_dir() or is_zarr(path):
        raise DataError(f"{path}: not a folder; name a folder of images")
    root = path if (path / SWEEP_FILE).is_file() else lowest_folder(path)
    found = list_files(root, DEPTH)
    if not found:
        raise DataError(f"{path}: no image in this folder; refp reads {', '.join(SUFFIXES)}")
    own = [file for file in found if file.parent == root]
    headers, left_out = read_headers(own)
    survey = FolderSurvey(root, _kinds(headers), tuple(left_out), _folders(root, found))
    named = survey.kinds[0].files if survey.kinds else () if own else found
    pattern = "" if survey.states_z else propose_pattern(names_below(root, named))
    return replace(survey, pattern=pattern)


def _kinds(headers: Mapping[Path, Header]) -> tuple[ImageKind, ...]:
    """Return the images by suffix, size and type, the commonest first."""
    groups: dict[tuple[str, str, bool], list[Path]] = {}
    for path, header in headers.items():
        size = header.kind + (" colour" if header.in_colour else "")
        key = (path.suffix.lower(), size, header.n_planes > 1)
        groups.setdefault(key, []).append(path)
    made = [_kind(key, [(path, headers[path]) for path in files]) for key, files in groups.items()]
    return tuple(sorted(made, key=lambda kind: -len(kind.files)))


def _kind(key: tuple[str, str, bool], files: Sequence[tuple[Path, Header]]) -> ImageKind:
    pages = [header.n_planes for _, header in files]
    return ImageKind(
        suffix=key[0],
        size=key[1],
        n_pages=(min(pages), max(pages)),
        states_z=any(header.stated.z_um for _, header in files),
        files=tuple(path for path, _ in files),
    )


def _folders(root: Path, found: Sequence[Path]) -> tuple[SubFolder, ...]:
    """Return the folders below the root that hold images."""
    by_folder: dict[Path, list[Path]] = {}
    for file in found:
        if file.parent != root:
            by_folder.setdefault(file.parent, []).append(file)
    return tuple(_folder(root, folder, files) for folder, files in by_folder.items())


def _folder(root: Path, folder: Path, files: Sequence[Path]) -> SubFolder:
    declared = (folder / SWEEP_FILE).is_file()
    pattern = "" if declared else propose_pattern(names_below(folder, files))
    return SubFolder(folder.relative_to(root).as_posix(), len(files), declared, pattern)
