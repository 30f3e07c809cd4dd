"""A data set: its instrument, its Z sweeps, and the files that were left out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from refp.settings import Instrument
from refp.sweeps.frame import Frame, SweepKey
from refp.sweeps.left_out import LeftOut


@dataclass(frozen=True, slots=True)
class ZSweep:
    """Frames of one experiment, FOV and exposure, in rising Z without repeats."""

    key: SweepKey
    frames: tuple[Frame, ...]

    @property
    def z_um(self) -> tuple[float, ...]:
        """Nominal stage positions, rising."""
        return tuple(frame.z_um for frame in self.frames)


@dataclass(frozen=True, slots=True)
class DataSet:
    """All sweeps found in one place.

    Attributes
    ----------
    name
        Name of the data set, first column of every table.
    root
        The folder or file it was read from.
    instrument
        Optics, bead and stage.
    sweeps
        Sorted by key; never empty.
    left_out
        Files that were seen and not used.
    """

    name: str
    root: Path
    instrument: Instrument
    sweeps: tuple[ZSweep, ...]
    left_out: tuple[LeftOut, ...] = field(default=())

    @property
    def frames(self) -> Iterator[Frame]:
        """Every frame, sweep by sweep."""
        return (frame for sweep in self.sweeps for frame in sweep.frames)

    @property
    def n_frames(self) -> int:
        """Number of frames in all sweeps."""
        return sum(len(sweep.frames) for sweep in self.sweeps)
