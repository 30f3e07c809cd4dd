"""Protocol of a family of models: its training job and the trained result."""

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
    """Learning curve of one fit.

    Attributes
    ----------
    fit
        Title of the fit, for display.
    split
        Number of the held-out split; -1 where the fit uses all tiles.
    step
        Shape ``(k,)``: number of gradient steps.
    loss
        Shape ``(k,)``: mean training loss per member over the steps since the previous entry.
    train_rms_um
        Shape ``(k,)``: RMS error of the augmented beads of those steps, one bead by one member.
    rms_um
        Shape ``(k,)``: RMS error of held-out beads, one bead by one member; NaN where none is held out.
    """

    fit: str
    split: int
    step: IntArray
    loss: FloatArray
    train_rms_um: FloatArray
    rms_um: FloatArray


Watch = Callable[[LearningCurve], None]
"""Callback with the learning curve of a fit whenever it has new points."""


def ignore_curve(curve: LearningCurve) -> None:
    """Do nothing with learning curves."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Inputs of the training of a family.

    Attributes
    ----------
    tiles
        Labelled beads; with pixels for families that use them.
    splits
        Splits of the tiles; each row is held out in exactly one.
    ring_pixels
        Shape ``(m,)``: pixels in each ring of the profiles.
    seed
        Seed; the same seed gives bit-identical training on one machine.
    checkpoints
        Folder of the checkpoints from which training resumes.
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
    """Result of training.

    Attributes
    ----------
    graph
        ONNX graph with all members; empty for the look-up family.
    members
        Number of members.
    held_out
        Predictions ``(k, n)`` of every row by networks that were not trained on it; NaN where there
        is none. They calibrate the interval.
    curves
        Learning curve of each fit; empty for a family without gradient steps.
    """

    graph: bytes
    members: int
    held_out: Predictions
    curves: tuple[LearningCurve, ...] = ()


class Family(Protocol):
    """A method that predicts dZ of a bead."""

    sees_pixels: bool

    def train(self, job: TrainingJob) -> Trained:
        """Train on the job's tiles."""
        ...
