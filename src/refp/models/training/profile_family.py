"""Family ``profile``: train it, and predict what was held out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from refp.core.rows import take
from refp.models.card import Predictions
from refp.models.family import LearningCurve, Trained, TrainingJob
from refp.models.tiles.tiles import Split
from refp.models.training.descend import Descent, Snapshot, choose_device
from refp.models.training.export import to_onnx
from refp.models.training.fits import Fit, run_fits
from refp.models.training.profile_net import ProfileFit
from refp.settings import ProfileNetSettings

HELD_OUT_MEMBERS = 3
"""Networks per split that predict what was held out: enough to tell errors, cheap to train."""


@dataclass(frozen=True, slots=True)
class ProfilePart:
    """One fit of a training.

    Attributes
    ----------
    title, file
        What people call it, and where it is kept.
    split
        Number of the split that it holds out; -1 for none.
    build, descent
        The problem, and its fit.
    """

    title: str
    file: str
    split: int
    build: Callable[[torch.device], ProfileFit]
    descent: Descent


class ProfileFamily:
    """See :mod:`refp.models.training.profile_net`."""

    sees_pixels = False

    def __init__(self, settings: ProfileNetSettings) -> None:
        self._settings = settings

    def train(self, job: TrainingJob) -> Trained:
        """Train a few networks per split for calibration, and all members on all tiles."""
        parts = self._parts(job)

        def watch(number: int, at: Snapshot) -> None:
            job.watch(_curve(parts[number], at))

        done = run_fits(
            [part.descent for part in parts],
            [job.checkpoints / part.file for part in parts],
            partial(job.execution.progress, "training"),
            watch,
            job.execution.workers,
        )
        fits = [_fitted(part, at) for part, at in zip(parts, done, strict=True)]
        example = torch.zeros(2, job.tiles.profile.shape[1])
        return Trained(
            graph=to_onnx(fits[-1].net.eval(), example),
            members=self._settings.members,
            held_out=_predict_held_out(job, fits[:-1]),
            curves=tuple(_curve(part, at) for part, at in zip(parts, done, strict=True)),
        )

    def _parts(self, job: TrainingJob) -> list[ProfilePart]:
        """One fit per split, and last the one that the model is made of."""
        few = self._settings.model_copy(update={"members": HELD_OUT_MEMBERS})
        n, everything = len(job.splits), np.arange(len(job.tiles))
        parts = [
            profile_part(job, few, split, i, f"hold-out {i + 1} of {n}")
            for i, split in enumerate(job.splits)
        ]
        nothing = Split(everything, everything[:0])
        return [*parts, profile_part(job, self._settings, nothing, -1, "all members")]


def _curve(part: ProfilePart, at: Snapshot) -> LearningCurve:
    return at.learning_curve(part.title, part.split)


def profile_part(
    job: TrainingJob, settings: ProfileNetSettings, split: Split, number: int, title: str
) -> ProfilePart:
    """Return the fit that trains on a split; ``number`` is the split's."""
    train, held_out = take(job.tiles, split.train), take(job.tiles, split.held_out)
    build = partial(ProfileFit, train, held_out, settings, job.ring_pixels)
    descent = Descent(
        build=build,
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        seed=job.seed + 1 + number,
        device=choose_device(job.device),
    )
    return ProfilePart(title, f"{title.replace(' ', '-')}.pt", number, build, descent)


def profile_trial(settings: ProfileNetSettings, job: TrainingJob, folder: Path) -> list[Fit]:
    """Return the fits that a trial of settings is judged by: a few networks per split."""
    few = settings.model_copy(update={"members": HELD_OUT_MEMBERS})
    parts = [
        profile_part(job, few, split, i, f"hold-out {i + 1}") for i, split in enumerate(job.splits)
    ]
    return [Fit(part.descent, folder / part.file, lambda: None) for part in parts]


def _fitted(part: ProfilePart, at: Snapshot) -> ProfileFit:
    with torch.random.fork_rng():  # the start that is drawn here is not used
        fit = part.build(torch.device("cpu"))
    fit.net.load_state_dict(at.net)
    return fit


def _predict_held_out(job: TrainingJob, fits: Sequence[ProfileFit]) -> Predictions:
    """Let each split's networks predict what they have not seen."""
    dz = np.full((HELD_OUT_MEMBERS, len(job.tiles)), np.nan)
    sd = dz.copy()
    for split, fit in zip(job.splits, fits, strict=True):
        dz[:, split.held_out], sd[:, split.held_out] = fit.predict(take(job.tiles, split.held_out))
    return Predictions(dz, sd)
