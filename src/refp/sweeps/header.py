"""Metadata of an image file, read without its pixels."""

from dataclasses import dataclass, field

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
    field_index
        Index of the field of view of every page, from 0; empty: one field of view.
    identity
        Serial number of the microscope and its objective, as far as stated.
    """

    pixel_size_um: float = 0.0
    z_um: tuple[float, ...] = ()
    exposure_ms: tuple[float, ...] = ()
    field_index: tuple[int, ...] = ()
    identity: Identity = Identity()


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
    """

    shape: tuple[int, int]
    dtype: str
    n_planes: int = 1
    stated: Stated = field(default=Stated())

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
        return self.stated.field_index[page] if self.stated.field_index else 0

    def exposure_of(self, page: int) -> float:
        """Return the exposure of a page in ms; 0: not stated."""
        return self.stated.exposure_ms[page] if self.stated.exposure_ms else 0.0
