"""What a family of models is: how it trains, and what training hands on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from refp.arrays import FloatArray
from refp.models.ensemble import Predictions
from refp.parallel import Progress, no_progress
from refp.tiles.tiles import LabelledTiles, Split


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """All that a family needs for training.

    Attributes
    ----------
    tiles
        Labelled beads; with pixels for families that see them.
    splits
        Each row is held out in exactly one of them.
    ring_pixels
        Shape ``(m,)``: pixels in each ring of the profiles.
    seed
        Repeats training bit for bit on one machine.
    checkpoints
        Folder in which long training keeps what it needs to resume.
    progress
        Told how far training is.
    """

    tiles: LabelledTiles
    splits: tuple[Split, ...]
    ring_pixels: FloatArray
    seed: int
    checkpoints: Path
    progress: Progress = no_progress


@dataclass(frozen=True, slots=True)
class Trained:
    """What training hands on.

    Attributes
    ----------
    graph
        ONNX graph with all members; empty for the look-up family.
    members
        Number of members.
    held_out
        Predictions ``(k, n)`` of every row by networks that have not seen it; NaN where there is
        none. They calibrate the interval.
    """

    graph: bytes
    members: int
    held_out: Predictions


class Family(Protocol):
    """One way from a bead to dZ."""

    sees_pixels: bool

    def train(self, job: TrainingJob) -> Trained:
        """Train on the job's tiles."""
        ...
