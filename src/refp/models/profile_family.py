"""Family ``profile``: train it, and predict what was held out."""

import numpy as np
import torch

from refp.arrays import IntArray
from refp.models.ensemble import Predictions
from refp.models.export import to_onnx
from refp.models.family import Trained, TrainingJob
from refp.models.profile_net import ProfileNet, train_profile_net
from refp.models.settings import ProfileNetSettings
from refp.rows import take

HELD_OUT_MEMBERS = 3
"""Networks per split that predict what was held out: enough to tell errors, cheap to train."""


class ProfileFamily:
    """See :mod:`refp.models.profile_net`."""

    sees_pixels = False

    def __init__(self, settings: ProfileNetSettings) -> None:
        self._settings = settings

    def train(self, job: TrainingJob) -> Trained:
        """Train a few networks per split for calibration, then all members on all tiles."""
        tiles = job.tiles
        dz = np.full((HELD_OUT_MEMBERS, len(tiles)), np.nan)
        sd = dz.copy()
        few = self._settings.model_copy(update={"members": HELD_OUT_MEMBERS})
        for i, split in enumerate(job.splits):
            title = f"hold-out {i + 1} of {len(job.splits)}"
            net = self._fit(job, split.train, few, job.seed + 1 + i, title)
            with torch.no_grad():
                mean, spread = net(torch.tensor(tiles.profile[split.held_out], dtype=torch.float32))
            dz[:, split.held_out], sd[:, split.held_out] = mean.numpy(), spread.numpy()
        everything = np.arange(len(tiles))
        net = self._fit(job, everything, self._settings, job.seed, "all members")
        graph = to_onnx(net, torch.zeros(2, tiles.profile.shape[1]))
        return Trained(graph, self._settings.members, Predictions(dz, sd))

    def _fit(
        self, job: TrainingJob, rows: IntArray, settings: ProfileNetSettings, seed: int, title: str
    ) -> ProfileNet:
        def done(step: int) -> None:
            job.progress(title, step, settings.steps)

        return train_profile_net(take(job.tiles, rows), settings, seed, job.ring_pixels, done)
