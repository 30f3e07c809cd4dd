"""Frames of Z sweeps and single images, with pixels read on demand."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from refp.core.arrays import Image
from refp.core.errors import DataError
from refp.sweeps.formats.guard import GREEN
from refp.sweeps.readers import read_plane

Name: TypeAlias = int | str
"""Name of an experiment or a FOV: an integer if the text is one, else the text."""

FieldKey: TypeAlias = tuple[str, Name, Name]
"""Data set, experiment and FOV; sweeps with the same key show the same beads."""


@dataclass(frozen=True, slots=True)
class SweepKey:
    """One combination of experiment, FOV and exposure within a data set; exposure 0: not known.

    Keys sort by data set, experiment, FOV and exposure, integers before texts. An exposure that is not
    known is 0 and not NaN, so that equal keys compare equal; tables hold :attr:`known_exposure_ms`.
    """

    dataset: str
    experiment: Name
    fov: Name
    exposure_ms: float

    def __str__(self) -> str:
        exposure = f" {self.exposure_ms:g} ms" if self.exposure_ms else ""
        return f"{self.dataset} exp {self.experiment} FOV {self.fov}{exposure}"

    @property
    def known_exposure_ms(self) -> float:
        """Exposure; NaN if it is not known."""
        return self.exposure_ms or math.nan

    @property
    def field(self) -> FieldKey:
        """Key of the field of view, the same for all its exposures."""
        return (self.dataset, self.experiment, self.fov)

    def __lt__(self, other: "SweepKey") -> bool:
        return self._rank() < other._rank()

    def _rank(self) -> tuple[object, ...]:
        return self.dataset, *_name_rank(self.experiment), *_name_rank(self.fov), self.exposure_ms


class _OnDisk:
    """Label and pixels of an image with a path, a page and a colour channel."""

    __slots__ = ()
    path: Path
    page: int
    colour: str

    @property
    def label(self) -> str:
        """Name of the file, with the page if it is not the first."""
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
        return read_plane(self.path, self.page, self.colour)


@dataclass(frozen=True, slots=True)
class SingleImage(_OnDisk):
    """One grey image outside any sweep; the pixels are read on demand.

    Attributes
    ----------
    path, page
        File, and the index of the page in it.
    problem
        Reason why the file has no image to read, which reading raises; empty if it has one.
    pixel_size_um
        Side of a pixel that the file states; 0: not stated.
    colour
        Channel that is read of a colour image; see :func:`refp.sweeps.read_plane`.
    """

    path: Path
    page: int = 0
    problem: str = ""
    pixel_size_um: float = 0.0
    colour: str = GREEN

    def read(self) -> Image:
        """Read the pixels; see :meth:`Frame.read`.

        Raises
        ------
        DataError
            Also if the file has several channels of which none was chosen.
        """
        if self.problem:
            raise DataError(self.problem)
        return read_plane(self.path, self.page, self.colour)


@dataclass(frozen=True, slots=True)
class Frame(_OnDisk):
    """One grey image of a sweep; the pixels are read on demand.

    Attributes
    ----------
    key
        Key of its sweep.
    z_um
        Nominal Z.
    path, page
        File, and the index of the page in it.
    colour
        Channel that is read of a colour image; see :func:`refp.sweeps.read_plane`.
    """

    key: SweepKey
    z_um: float
    path: Path
    page: int = 0
    colour: str = GREEN


def as_name(text: str | int) -> Name:
    """Return an integer if ``text`` is one, otherwise the text."""
    return int(text) if isinstance(text, int) or (text.isascii() and text.isdecimal()) else text


def _name_rank(name: Name) -> tuple[bool, Name]:
    return isinstance(name, str), name
