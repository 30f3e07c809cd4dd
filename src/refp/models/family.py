"""What a family of models is: how it trains, and what training hands on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from refp.core.arrays import FloatArray, IntArray
from refp.core.parallel import SERIAL, Execution
from refp.models.card import Predictions
from refp.models.tiles.tiles import LabelledTiles, Split


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """How one fit went.

    Attributes
    ----------
    fit
        Which one, for people.
    split
        Number of the split that it held out; -1 where it was trained on everything.
    step
        Shape ``(k,)``: gradient steps done.
    loss
        Shape ``(k,)``: mean training loss of the steps since the entry before, a member's.
    train_rms_um
        Shape ``(k,)``: RMS error of those steps' beads, augmented, one bead by one member.
    rms_um
        Shape ``(k,)``: RMS error of what was held out, one bead by one member; NaN where nothing was.
    """

    fit: str
    split: int
    step: IntArray
    loss: FloatArray
    train_rms_um: FloatArray
    rms_um: FloatArray


Watch = Callable[[LearningCurve], None]
"""Called with the curve so far of one fit whenever there is more of it."""


def ignore_curve(curve: LearningCurve) -> None:
    """Do nothing with learning curves."""


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
    execution
        Executor for the work, and callback for progress; the result does not depend on it.
    watch
        Called with the learning curves of a fit after each of its rounds.
    device
        Device of the training, ``cpu`` or ``cuda``; empty: a GPU where this process has one.
    """

    tiles: LabelledTiles
    splits: tuple[Split, ...]
    ring_pixels: FloatArray
    seed: int
    checkpoints: Path
    execution: Execution = SERIAL
    watch: Watch = ignore_curve
    device: str = ""


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
    curves
        How each fit went; none for a family that takes no steps.
    """

    graph: bytes
    members: int
    held_out: Predictions
    curves: tuple[LearningCurve, ...] = ()


class Family(Protocol):
    """One way from a bead to dZ."""

    sees_pixels: bool

    def train(self, job: TrainingJob) -> Trained:
        """Train on the job's tiles."""
        ...
