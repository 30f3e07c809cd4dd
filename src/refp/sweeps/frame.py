"""One image of a Z sweep: what it is, and how to read it when it is needed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from refp.core.arrays import Image
from refp.sweeps.readers import read_plane

Name: TypeAlias = int | str
"""An experiment or a FOV: a whole number where the text is one, else the text."""

FieldKey: TypeAlias = tuple[str, Name, Name]
"""Data set, experiment and FOV: what sees the same beads."""


@dataclass(frozen=True, slots=True)
class SweepKey:
    """One combination of experiment, FOV and exposure within a data set.

    Keys sort by data set, experiment, FOV and exposure, whole numbers before texts.
    """

    dataset: str
    experiment: Name
    fov: Name
    exposure_ms: float

    def __str__(self) -> str:
        return f"{self.dataset} exp {self.experiment} FOV {self.fov} {self.exposure_ms:g} ms"

    @property
    def field(self) -> FieldKey:
        """The field of view, which the exposures share."""
        return (self.dataset, self.experiment, self.fov)

    def __lt__(self, other: "SweepKey") -> bool:
        return self._rank() < other._rank()

    def _rank(self) -> tuple[object, ...]:
        return self.dataset, *_name_rank(self.experiment), *_name_rank(self.fov), self.exposure_ms


class _OnDisk:
    """Label and pixels of whatever has a path and a page."""

    __slots__ = ()
    path: Path
    page: int

    @property
    def label(self) -> str:
        """Name of the file, with the page where it is not the first."""
        return self.path.name if self.page == 0 else f"{self.path.name}#{self.page}"

    def read(self) -> Image:
        """Read the pixels, shape ``(y, x)``, ``uint8`` or ``uint16``.

        Raises
        ------
        DataError
            If the file is truncated, empty, or not a grey image of 8 or 16 bits.
        MissingExtraError
            If the format needs a library that is not installed.
        """
        return read_plane(self.path, self.page)


@dataclass(frozen=True, slots=True)
class SingleImage(_OnDisk):
    """One grey image outside any sweep; the pixels are read on demand.

    Attributes
    ----------
    path, page
        File, and the index of the plane inside it.
    """

    path: Path
    page: int = 0


@dataclass(frozen=True, slots=True)
class Frame(_OnDisk):
    """One grey image with its place in a sweep; the pixels are read on demand.

    Attributes
    ----------
    key
        The sweep that it belongs to.
    z_um
        Nominal stage position.
    path, page
        File, and the index of the plane inside it.
    """

    key: SweepKey
    z_um: float
    path: Path
    page: int = 0


def as_name(text: str | int) -> Name:
    """Return a whole number where ``text`` is one, otherwise the text."""
    return int(text) if isinstance(text, int) or (text.isascii() and text.isdecimal()) else text


def _name_rank(name: Name) -> tuple[bool, Name]:
    return isinstance(name, str), name
