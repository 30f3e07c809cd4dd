"""Family ``profile``: training, and prediction of held-out beads."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from refp.core.rows import take
from refp.models.card import Predictions
from refp.models.family import Trained, TrainingJob
from refp.models.tiles.tiles import Split
from refp.models.training.descend import Descent, choose_device, derive_seed, read_snapshot
from refp.models.training.export import to_onnx
from refp.models.training.fits import FitChain, Part, run_fits
from refp.models.training.profile_net import ProfileFit, ProfileNet, predict_profiles
from refp.settings import ProfileNetSettings

HELD_OUT_MEMBERS = 3
"""Networks per split that predict held-out beads: enough to estimate errors, and cheap to train."""
ROUND_STEPS = 200
"""Gradient steps of a round, about a second of a core: work lost by a kill, spacing of the curve."""


class ProfileFamily:
    """Family ``profile``; see :mod:`refp.models.training.profile_net`."""

    sees_pixels = False

    def __init__(self, settings: ProfileNetSettings) -> None:
        self._settings = settings

    def train(self, job: TrainingJob) -> Trained:
        """Train a few networks per split for calibration, and all members on all tiles."""
        few = few_members(self._settings)
        n, everything = len(job.splits), np.arange(len(job.tiles))
        parts = [
            profile_part(job, few, split, i, f"hold-out {i + 1} of {n}")
            for i, split in enumerate(job.splits)
        ]
        no_hold_out = Split(everything, everything[:0])
        whole = profile_part(job, self._settings, no_hold_out, -1, "all members")
        curves = run_fits([*parts, whole], job)
        return Trained(
            graph=to_onnx(
                _trained_net(job, self._settings, whole),
                torch.zeros(2, job.tiles.profile.shape[1]),
            ),
            members=self._settings.members,
            held_out=_predict_held_out(job, [_trained_net(job, few, part) for part in parts]),
            curves=curves,
        )


def few_members(settings: ProfileNetSettings) -> ProfileNetSettings:
    """Return the settings of the networks that predict held-out beads."""
    return settings.model_copy(update={"members": HELD_OUT_MEMBERS})


def profile_part(
    job: TrainingJob, settings: ProfileNetSettings, split: Split, number: int, title: str
) -> Part:
    """Return the fit that trains on a split with number ``number``."""
    train, held_out = take(job.tiles, split.train), take(job.tiles, split.held_out)
    rate = settings.learning_rate
    descent = Descent(
        build=partial(ProfileFit, train, held_out, settings, job.ring_pixels),
        # A fused step takes a fifth less time.
        optimizer=partial(AdamW, lr=rate, weight_decay=settings.weight_decay, fused=True),
        schedule=partial(OneCycleLR, max_lr=rate, total_steps=settings.steps),
        steps=settings.steps,
        round_steps=ROUND_STEPS,
        validate_steps=ROUND_STEPS,
        seed=derive_seed(job.seed, 1 + number),
        device=choose_device(job.device),
        # Two threads gain a tenth on these small products, and wait for each other on a busy machine,
        # where training took fifteen times as long.
        threads=1,
    )
    file = job.checkpoints / f"{title.replace(' ', '-')}.pt"
    return Part(descent, file, (title,), (number,))


def profile_trial(settings: ProfileNetSettings, job: TrainingJob, folder: Path) -> list[FitChain]:
    """Return the fits of a trial of settings: a few networks per split."""
    trial_job, few = replace(job, checkpoints=folder), few_members(settings)
    parts = [
        profile_part(trial_job, few, split, i, f"hold-out {i + 1}")
        for i, split in enumerate(job.splits)
    ]
    return [FitChain(part, lambda: None) for part in parts]


def _trained_net(job: TrainingJob, settings: ProfileNetSettings, part: Part) -> ProfileNet:
    with torch.random.fork_rng():  # the initial weights are replaced
        net = ProfileNet(job.tiles, settings)
    net.load_state_dict(read_snapshot(part.file).net)
    return net.eval()


def _predict_held_out(job: TrainingJob, nets: Sequence[ProfileNet]) -> Predictions:
    """Predict the held-out beads of each split by its networks."""
    dz = np.full((HELD_OUT_MEMBERS, len(job.tiles)), np.nan)
    sd = dz.copy()
    for split, net in zip(job.splits, nets, strict=True):
        dz[:, split.held_out], sd[:, split.held_out] = predict_profiles(
            net, take(job.tiles, split.held_out)
        )
    return Predictions(dz, sd)
