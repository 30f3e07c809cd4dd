"""Run fits in rounds on the workers, with snapshots in the checkpoint folder."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from refp.core.files import write_bytes
from refp.core.parallel import SERIAL, run_chains
from refp.models.family import LearningCurve, TrainingJob
from refp.models.training.descend import (
    CURVE,
    Descent,
    FitState,
    descend,
    descend_in_file,
    read_snapshot,
    read_state,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One fit of a training.

    Attributes
    ----------
    descent
        The fit.
    file
        File of its newest snapshot, from which it resumes.
    titles, splits
        Title of each of its learning curves, and number of its held-out split; -1 for none.
    sends_snapshot
        Whether the snapshot is sent to the worker and back; otherwise the worker reads and writes the
        file.
    """

    descent: Descent
    file: Path
    titles: tuple[str, ...]
    splits: tuple[int, ...]
    sends_snapshot: bool = True


class FitChain:
    """A fit in progress, as a :class:`refp.core.parallel.Chain`.

    Parameters
    ----------
    part
        The fit and its file, from which it resumes where the file exists.
    on_round
        Called after each round, when its snapshot is written.
    """

    def __init__(self, part: Part, on_round: Callable[[], None]) -> None:
        self.part = part
        self.state = read_state(part.file)
        self._on_round = on_round

    @property
    def curve(self) -> dict[str, list[float]]:
        """The learning curve so far, as RMS over all members."""
        curve = self.state.curve
        return {**curve, "rms_um": [_rms(values) for values in curve["rms_um"]]}

    @property
    def score_um(self) -> float:
        """RMS error of held-out beads with the best weights, or the last without patience."""
        return _rms(self.state.best_um or self.state.curve["rms_um"][-1])

    @property
    def steps_left(self) -> int:
        """Maximum number of remaining steps."""
        return self.state.steps_left(self.part.descent)

    @property
    def rounds_left(self) -> int:
        """Maximum number of remaining rounds."""
        return -(-self.steps_left // self.part.descent.round_steps)

    def next_round(self) -> Callable[[], bytes | FitState]:
        """Return the next round."""
        descent, file = self.part.descent, self.part.file
        if not self.part.sends_snapshot:
            return partial(descend_in_file, descent, file)
        return partial(descend, descent, file.read_bytes() if file.is_file() else b"")

    def take(self, result: Any) -> None:
        """Keep the result of a round."""
        if isinstance(result, bytes):
            write_bytes(result, self.part.file)
            result = read_snapshot(result).state
        self.state = result
        self._on_round()

    def learning_curves(self) -> list[LearningCurve]:
        """Return the learning curves so far."""
        step, loss, train_rms_um, rms_um = (np.array(self.state.curve[name]) for name in CURVE)
        each = rms_um.reshape(len(step), len(self.part.titles)).T
        return [
            LearningCurve(title, split, step.astype(np.int64), loss, train_rms_um, own_um)
            for title, split, own_um in zip(self.part.titles, self.part.splits, each, strict=True)
        ]


def run_fits(parts: Sequence[Part], job: TrainingJob) -> tuple[LearningCurve, ...]:
    """Run fits until they are complete, with the last snapshots in their files.

    Progress counts the steps of all fits. Rounds run on the workers, or in this process where a fit
    uses its GPU.

    Returns
    -------
    tuple of LearningCurve
        Learning curves of all fits, in order.
    """
    total = sum(part.descent.steps for part in parts)
    fits: list[FitChain] = []

    def report(number: int) -> None:
        job.execution.progress("training", total - sum(fit.steps_left for fit in fits), total)
        for curve in fits[number].learning_curves():
            job.watch(curve)

    fits += [FitChain(part, partial(report, number)) for number, part in enumerate(parts)]
    on_cpu = all(part.descent.device == "cpu" for part in parts)
    run_chains(fits, job.execution.workers if on_cpu else SERIAL.workers)
    return tuple(curve for fit in fits for curve in fit.learning_curves())


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(sum(value**2 for value in values) / len(values))
