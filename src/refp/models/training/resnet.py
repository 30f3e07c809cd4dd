"""Family ``resnet``: the article's ResNet on bead tiles.

Member ``m`` holds out split ``m mod k`` for early stopping, so the members predict every tile of
their held-out splits. On a GPU all members train together in one grouped network; on CPUs each is a fit
of its own on the workers, which takes a fifth less time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR

from refp.core.arrays import FloatArray
from refp.models.card import Predictions
from refp.models.family import Trained, TrainingJob
from refp.models.normalise import preparation_of, prepare_tiles
from refp.models.tiles.tiles import Split
from refp.models.training.descend import Descent, choose_device, read_snapshot
from refp.models.training.export import to_onnx
from refp.models.training.fits import FitChain, Part, run_fits
from refp.models.training.members import (
    PREDICT_BATCH,
    MemberPlan,
    MembersFit,
    make_network,
    write_tiles,
)
from refp.models.training.response import (
    NO_RESPONSE,
    Response,
    correct_held_out,
    fit_response,
    known_pairs,
    make_corrector,
)
from refp.settings import ResnetSettings

ROUND_STEPS = {"cpu": 100, "cuda": 2000}
"""Gradient steps that take some seconds; writing a snapshot of a member takes about one second."""
TILES = "tiles.npz"
MIN_SD = 1e-6
"""Of even tiles, which have none."""


@dataclass(frozen=True, slots=True)
class Scales:
    """Units of a network: largest dZ of the training, um; mean and standard deviation of its pixels."""

    dz_um: float
    mean: float = 0.0
    sd: float = 1.0


class StackedMembers(nn.Module):
    """All members in one graph: normalised tiles ``(n, 1, side, side)`` to ``(members, n)`` um."""

    def __init__(
        self,
        networks: Sequence[nn.Module],
        scales: "Scales",
        response: Response = NO_RESPONSE,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.scales = scales
        self.corrector = make_corrector(response)

    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation; this family states none (NaN)."""
        standard = (tiles - self.scales.mean) / self.scales.sd
        mean = torch.stack([network(standard).squeeze(1) for network in self.networks])
        mean = self.corrector(mean * self.scales.dz_um)
        return mean, torch.full_like(mean, float("nan"))


class ResnetFamily:
    """Family ``resnet``; see :mod:`refp.models.training.resnet`."""

    sees_pixels = True

    def __init__(self, settings: ResnetSettings) -> None:
        self._settings = settings

    def train(self, job: TrainingJob) -> Trained:
        """Train all members, resuming from the snapshots in the checkpoint folder."""
        pixels, scales = _prepare(job, self._settings)
        parts = resnet_parts(job, self._settings, scales.dz_um)
        curves = run_fits(parts, job)
        networks = [network for part in parts for network in _best_networks(part, self._settings)]
        held_out = np.full((self._settings.members, len(job.tiles)), np.nan)
        for m, network in enumerate(networks):
            rows = _split_of(job, m).held_out
            held_out[m, rows] = predict_tiles(network, pixels[rows]) * scales.dz_um
        response = NO_RESPONSE
        if self._settings.correct_response:
            response = fit_response(*known_pairs(held_out, job.tiles.dz_um))
            held_out = correct_held_out(held_out, job.tiles.dz_um, job.splits)
        stacked = StackedMembers(networks, scales, response)
        graph = to_onnx(stacked.eval(), pixels[:2].unsqueeze(1))
        no_sd = np.full_like(held_out, np.nan)
        return Trained(graph, self._settings.members, Predictions(held_out, no_sd), curves)


def resnet_trial(settings: ResnetSettings, job: TrainingJob, folder: Path) -> list[FitChain]:
    """Return the fits of a trial of settings: one member on the first split."""
    single = settings.model_copy(update={"members": 1})
    (part,) = resnet_parts(job, single, _prepare(job, single)[1].dz_um)
    descent = replace(part.descent, threads=1)  # trials run side by side, one on each core
    part = replace(part, descent=descent, file=folder.absolute() / part.file.name)
    return [FitChain(part, lambda: None)]


def predict_tiles(network: nn.Module, tiles: Tensor) -> FloatArray:
    """Predict scaled dZ of tiles ``(n, side, side)`` in batches."""
    with torch.no_grad():
        parts = [
            network(part.unsqueeze(1)).squeeze(1) for part in torch.split(tiles, PREDICT_BATCH)
        ]
    return torch.cat(parts).numpy()


def _prepare(job: TrainingJob, settings: ResnetSettings) -> tuple[Tensor, Scales]:
    """Normalise the tiles and write them to a file; return them with their scales."""
    tiles = job.tiles
    of_beads = len(tiles.radius_radii) > 0  # squares of whole images have no bead in their middle
    preparation = preparation_of(settings, tiles.bead_radius_px, of_beads=of_beads)
    pixels = prepare_tiles(tiles.pixels, tiles.light, tiles.black_level, preparation)
    scales = Scales(float(np.abs(tiles.dz_um).max()))
    if settings.standardise:
        mean, sd = float(pixels.mean(dtype=np.float64)), float(pixels.std(dtype=np.float64))
        scales = replace(scales, mean=mean, sd=max(sd, MIN_SD))
        pixels = (pixels - np.float32(scales.mean)) / np.float32(scales.sd)
    path = _tiles_path(job, settings)
    if not path.is_file():
        write_tiles(pixels, (tiles.dz_um / scales.dz_um).astype(np.float32), path)
    return torch.tensor(pixels), scales


def _tiles_path(job: TrainingJob, settings: ResnetSettings) -> Path:
    # Absolute, since the workers of a cluster have other working folders.
    how = f"{settings.normalisation}{'-standard' * settings.standardise}"
    how += f"-{settings.window_radii:g}-{settings.foreign_limit:g}"
    return job.checkpoints.absolute() / f"{how}-{TILES}"


def resnet_parts(job: TrainingJob, settings: ResnetSettings, dz_scale: float) -> list[Part]:
    """Return one fit per member on a CPU, one of all members on a GPU."""
    device = choose_device(job.device) if job.execution.workers.scheduler is None else "cpu"
    all_members = tuple(range(settings.members))
    groups = [all_members] if device != "cpu" else [(m,) for m in all_members]
    threads = max(1, job.execution.workers.jobs // len(groups))
    return [_part(job, settings, dz_scale, numbers, device, threads) for numbers in groups]


def _part(
    job: TrainingJob,
    settings: ResnetSettings,
    dz_scale: float,
    numbers: tuple[int, ...],
    device: str,
    threads: int,
) -> Part:
    plan = MemberPlan(
        settings=settings,
        data=_tiles_path(job, settings),
        dz_scale=dz_scale,
        train=tuple(_split_of(job, m).train for m in numbers),
        held_out=tuple(_split_of(job, m).held_out for m in numbers),
        numbers=numbers,
        seed=job.seed,
    )
    return Part(
        descent=descent_of(plan, device, threads),
        file=job.checkpoints.absolute() / f"member-{numbers[0] + 1:02d}-{numbers[-1] + 1:02d}.pt",
        titles=tuple(f"member {m + 1}" for m in numbers),
        splits=tuple(m % len(job.splits) for m in numbers),
        sends_snapshot=False,
    )


def descent_of(plan: MemberPlan, device: str, threads: int = 1) -> Descent:
    """Return the descent of members, with the article's stopping."""
    settings = plan.settings
    optimizer = {"adam": Adam, "adamw": AdamW}[settings.optimizer]
    rate, decay = settings.learning_rate, settings.weight_decay
    return Descent(
        build=partial(MembersFit, plan),
        optimizer=partial(optimizer, lr=rate, weight_decay=decay, fused=True),
        schedule=_schedule_of(plan),
        steps=settings.max_steps,
        round_steps=ROUND_STEPS[device],
        validate_steps=settings.validate_steps,
        seed=plan.seed,
        patience=settings.patience,
        device=device,
        threads=threads,
        deterministic=device != "cpu",
    )


def _schedule_of(plan: MemberPlan) -> Callable[[Optimizer], LRScheduler]:
    settings = plan.settings
    if settings.schedule == "one_cycle":
        return partial(OneCycleLR, max_lr=settings.learning_rate, total_steps=settings.max_steps)
    drop_steps = settings.drop_epochs * plan.steps_an_epoch
    return partial(StepLR, step_size=drop_steps, gamma=settings.drop_factor)


def _best_networks(part: Part, settings: ResnetSettings) -> list[nn.Module]:
    """Return the network with the best weights of each member of a finished fit."""
    networks = []
    for weights in read_snapshot(part.file, mapped=True).best:
        with torch.random.fork_rng():  # the initial weights are replaced
            network = make_network(settings)
        network.load_state_dict(weights)
        networks.append(network.eval())
    return networks


def _split_of(job: TrainingJob, member: int) -> Split:
    return job.splits[member % len(job.splits)]
