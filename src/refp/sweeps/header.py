"""Metadata of an image file, read without its pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from refp.settings import Identity


@dataclass(frozen=True, slots=True)
class Stated:
    """Metadata that a file states about its pages; 0 or empty if not stated.

    Attributes
    ----------
    pixel_size_um
        Side of a pixel in the sample plane; 0: not stated.
    z_um
        Z of every page; empty: not stated.
    exposure_ms
        Exposure of every page, 0 if not stated; empty: not stated for any page.
    field_index, channel_index, time_index
        Index of the field of view, the channel and the time point of every page, from 0; empty: one.
    channels
        Names of the channels, by index; empty: not named.
    identity
        Serial number of the microscope and its objective, as far as stated.
    bit_depth
        Bits of a pixel that the camera uses; 0: not stated.
    of_stage
        Whether ``z_um`` are recorded stage positions, and not the index of a page times a step.
    set_name
        Name of the set of files that this one belongs to; empty: none.
    set_files
        Names of the files of that set, in the folder of this one.
    notes
        Remarks about the metadata, for the user.
    """

    pixel_size_um: float = 0.0
    z_um: tuple[float, ...] = ()
    exposure_ms: tuple[float, ...] = ()
    field_index: tuple[int, ...] = ()
    identity: Identity = Identity()
    channel_index: tuple[int, ...] = ()
    time_index: tuple[int, ...] = ()
    channels: tuple[str, ...] = ()
    bit_depth: int = 0
    of_stage: bool = False
    set_name: str = ""
    set_files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def completed(self, other: "Stated") -> "Stated":
        """Return these metadata, with those of ``other`` where nothing is stated."""
        missing: dict[str, Any] = {
            name: getattr(other, name)
            for name in self.__dataclass_fields__
            if not getattr(self, name) and name not in ("of_stage", "notes", "identity")
        }
        of_stage = self.of_stage if self.z_um else other.of_stage
        return replace(
            self,
            **missing,
            of_stage=of_stage,
            notes=(*self.notes, *other.notes),
            identity=self.identity.completed(other.identity),
        )


@dataclass(frozen=True, slots=True)
class Header:
    """Shape and type of the pages of one file, the same for all, and its metadata.

    Attributes
    ----------
    shape
        Height and width of a page in pixels, ``(y, x)``.
    dtype
        ``uint8`` or ``uint16``.
    n_planes
        Number of pages.
    stated
        Metadata of the file.
    in_colour
        Whether pages have colour channels, of which one or the mean is read.
    """

    shape: tuple[int, int]
    dtype: str
    n_planes: int = 1
    stated: Stated = field(default=Stated())
    in_colour: bool = False

    @property
    def kind(self) -> str:
        """Size and type of a page for messages, such as ``640x480 uint8``."""
        return f"{self.shape[1]}x{self.shape[0]} {self.dtype}"

    @property
    def n_fields(self) -> int:
        """Number of fields of view in the file."""
        return 1 + max(self.stated.field_index, default=0)

    def field_of(self, page: int) -> int:
        """Return the index of the field of view of a page, from 0."""
        return _at(self.stated.field_index, page)

    def channel_of(self, page: int) -> int:
        """Return the index of the channel of a page, from 0."""
        return _at(self.stated.channel_index, page)

    def time_of(self, page: int) -> int:
        """Return the index of the time point of a page, from 0."""
        return _at(self.stated.time_index, page)

    def exposure_of(self, page: int) -> float:
        """Return the exposure of a page in ms; 0: not stated."""
        return self.stated.exposure_ms[page] if self.stated.exposure_ms else 0.0


def _at(index: Sequence[int], page: int) -> int:
    return index[page] if index else 0
