"""A data set: its instrument, its Z sweeps, and the files left out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from refp.settings import Identity, Instrument
from refp.sweeps.frame import Frame, SweepKey
from refp.sweeps.left_out import LeftOut


@dataclass(frozen=True, slots=True)
class ZSweep:
    """Frames of one experiment, FOV and exposure, in rising Z without repeats."""

    key: SweepKey
    frames: tuple[Frame, ...]

    @property
    def z_um(self) -> tuple[float, ...]:
        """Nominal Z of the frames, rising."""
        return tuple(frame.z_um for frame in self.frames)


@dataclass(frozen=True, slots=True)
class DataSet:
    """All sweeps of one folder or file, with their instrument.

    Attributes
    ----------
    name
        Name of the data set, first column of every table.
    root
        Folder or file of the data set.
    instrument
        Optics, bead and stage.
    sweeps
        Sorted by key; never empty.
    left_out
        Files that are not used, with the reasons.
    identity
        Serial number, objective and condenser setting, as far as stated.
    notes
        Remarks on how the data were read, for the user.
    """

    name: str
    root: Path
    instrument: Instrument
    sweeps: tuple[ZSweep, ...]
    left_out: tuple[LeftOut, ...] = field(default=())
    identity: Identity = Identity()
    notes: tuple[str, ...] = field(default=())

    @property
    def frames(self) -> Iterator[Frame]:
        """Every frame, sweep by sweep."""
        return (frame for sweep in self.sweeps for frame in sweep.frames)

    @property
    def n_frames(self) -> int:
        """Number of frames in all sweeps."""
        return sum(len(sweep.frames) for sweep in self.sweeps)
