"""Family ``resnet``: the article's ResNet on bead tiles.

Member ``m`` holds out split ``m mod k`` to stop by, so together the members predict every tile that
some of them have not seen. On a GPU all members train side by side in one network; on CPUs one by one
over the workers, which was measured to take a fifth less.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from refp.core.arrays import FloatArray, IntArray
from refp.core.parallel import SERIAL, run_chains
from refp.models.card import Predictions
from refp.models.family import LearningCurve, Trained, TrainingJob
from refp.models.normalise import normalise_tiles
from refp.models.training.descend import choose_device
from refp.models.training.export import to_onnx
from refp.models.training.resnet_loop import (
    PREDICT_BATCH,
    MemberPlan,
    MemberState,
    load_members,
    read_state,
    train_round,
    write_tiles,
)
from refp.settings import ResnetSettings

ROUND_STEPS = {"cpu": 100, "cuda": 2000}
"""Some seconds' work; writing a checkpoint of a member takes about one."""
TILES = "tiles.npz"


class StackedMembers(nn.Module):
    """All members in one graph: normalised tiles ``(n, 1, side, side)`` to ``(members, n)`` um."""

    def __init__(self, networks: Sequence[nn.Module], dz_scale: float) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.dz_scale = dz_scale

    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation; this family states none (NaN)."""
        mean = torch.stack([network(tiles).squeeze(1) for network in self.networks])
        mean = mean * self.dz_scale
        return mean, torch.full_like(mean, float("nan"))


class MemberChain:
    """Members that train side by side, as a :class:`refp.core.parallel.Chain`."""

    def __init__(self, plan: MemberPlan, dz_scale: float, told: Callable[[], None]) -> None:
        self.plan = plan
        self.state = read_state(plan.folder)
        self._dz_scale, self._told = dz_scale, told

    @property
    def rounds_left(self) -> int:
        """How many rounds there are still to do, at most."""
        settings = self.plan.settings
        left = 0 if self.state.is_done(settings) else settings.max_steps - self.state.step
        return -(-left // ROUND_STEPS[self.plan.device])

    @property
    def steps_left(self) -> int:
        """How many steps there are still to do, at most."""
        done = self.state.is_done(self.plan.settings)
        return 0 if done else self.plan.settings.max_steps - self.state.step

    @property
    def curve(self) -> dict[str, list[float]]:
        """The learning curve so far, of all members together."""
        rms_um = [float(np.sqrt(np.mean(np.square(v)))) for v in self.state.curve["rms_um"]]
        return {**self.state.curve, "rms_um": rms_um}

    @property
    def score_um(self) -> float:
        """How right the held-out tiles come out at best, since the best is kept."""
        return float(np.sqrt(np.mean(np.square(self.state.best_um))))

    def next_round(self) -> Callable[[], MemberState]:
        """Return the next round, which ends at a whole number of rounds or with the last step."""
        length, settings = ROUND_STEPS[self.plan.device], self.plan.settings
        stop = min((self.state.step // length + 1) * length, settings.max_steps)
        return partial(train_round, self.plan, stop, self._dz_scale)

    def take(self, result: Any) -> None:
        """Take where a round ended."""
        self.state = result
        self._told()


class ResnetFamily:
    """See the module's text."""

    sees_pixels = True

    def __init__(self, settings: ResnetSettings) -> None:
        self._settings = settings

    def train(self, job: TrainingJob) -> Trained:
        """Train all members, going on from what lies in the checkpoint folder."""
        pixels, scale = _prepare(job, self._settings)
        chains: list[MemberChain] = []
        total = self._settings.members * self._settings.max_steps

        def told(number: int) -> None:
            left = sum(chain.steps_left * len(chain.plan.numbers) for chain in chains)
            job.execution.progress("training", total - left, total)
            for curve in _curves(chains[number], job):
                job.watch(curve)

        plans = enumerate(_plans(job, self._settings))
        chains += [MemberChain(plan, scale, partial(told, number)) for number, plan in plans]
        # A GPU of this process is not shared with others.
        run_chains(
            chains, job.execution.workers if chains[0].plan.device == "cpu" else SERIAL.workers
        )
        networks = [network for chain in chains for network in load_members(chain.plan)]
        held_out = np.full((self._settings.members, len(job.tiles)), np.nan)
        for m, network in enumerate(networks):
            rows = _split_of(job, m).held_out
            held_out[m, rows] = predict(network, pixels[rows]) * scale
        graph = to_onnx(StackedMembers(networks, scale).eval(), pixels[:2].unsqueeze(1))
        nothing = np.full_like(held_out, np.nan)
        curves = tuple(curve for chain in chains for curve in _curves(chain, job))
        return Trained(graph, self._settings.members, Predictions(held_out, nothing), curves)


def resnet_trial(settings: ResnetSettings, job: TrainingJob, folder: Path) -> list[MemberChain]:
    """Return the fits that a trial of settings is judged by: one member on the first split."""
    alone = settings.model_copy(update={"members": 1})
    scale = _prepare(job, alone)[1]
    (plan,) = _plans(job, alone, folder)
    return [MemberChain(plan, scale, lambda: None)]


def predict(network: nn.Module, tiles: Tensor) -> FloatArray:
    """Predict scaled dZ of tiles ``(n, side, side)`` in batches."""
    with torch.no_grad():
        parts = [
            network(part.unsqueeze(1)).squeeze(1) for part in torch.split(tiles, PREDICT_BATCH)
        ]
    return torch.cat(parts).numpy()


def _prepare(job: TrainingJob, settings: ResnetSettings) -> tuple[Tensor, float]:
    """Normalise the tiles and put them where the workers find them; return them with the scale of dZ."""
    tiles = job.tiles
    pixels = normalise_tiles(tiles.pixels, tiles.light, settings.normalisation)
    scale = float(np.abs(tiles.dz_um).max())
    path = _tiles_path(job, settings)
    if not path.is_file():
        write_tiles(pixels, (tiles.dz_um / scale).astype(np.float32), path)
    return torch.tensor(pixels), scale


def _tiles_path(job: TrainingJob, settings: ResnetSettings) -> Path:
    # A whole path: the workers of a cluster have working folders of their own.
    return job.checkpoints.absolute() / f"{settings.normalisation}-{TILES}"


def _plans(
    job: TrainingJob, settings: ResnetSettings, folder: Path | None = None
) -> list[MemberPlan]:
    """One plan per member on a CPU, one of all members on a GPU."""
    device = choose_device(job.device) if job.execution.workers.scheduler is None else "cpu"
    everyone = tuple(range(settings.members))
    together: Sequence[tuple[int, ...]] = (
        [everyone] if device != "cpu" else [(m,) for m in everyone]
    )
    parent = (folder or job.checkpoints).absolute()
    return [
        MemberPlan(
            settings=settings,
            data=_tiles_path(job, settings),
            train=tuple(_split_of(job, m).train for m in numbers),
            held_out=tuple(_split_of(job, m).held_out for m in numbers),
            numbers=numbers,
            seed=job.seed,
            folder=parent / f"member-{numbers[0] + 1:02d}-{numbers[-1] + 1:02d}",
            device=device,
        )
        for numbers in together
    ]


def _split_of(job: TrainingJob, member: int) -> Any:
    return job.splits[member % len(job.splits)]


def _curves(chain: MemberChain, job: TrainingJob) -> list[LearningCurve]:
    curve, n = chain.state.curve, len(job.splits)
    step: IntArray = np.array(curve["step"], dtype=np.int64)
    rms_um = np.array(curve["rms_um"], dtype=np.float64).reshape(len(step), len(chain.plan.numbers))
    return [
        LearningCurve(
            fit=f"member {number + 1}",
            split=number % n,
            step=step,
            loss=np.array(curve["loss"]),
            train_rms_um=np.array(curve["train_rms_um"]),
            rms_um=rms_um[:, i],
        )
        for i, number in enumerate(chain.plan.numbers)
    ]
