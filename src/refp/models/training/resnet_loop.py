"""Train members of family ``resnet`` in rounds with lightning.

A round is a run of lightning's loop from the folder's checkpoint to a given step. What a step sees
depends on its number alone: the order of the tiles on seed, member and epoch, the augmentation on seed,
member and step. So a training that was killed goes on in the middle of an epoch to the same result, and
members give the same numbers one by one as side by side.

References
----------
Chalfoun et al. 2024, "Training", "Augmentation", "Hyper-parameters optimization".
"""

import json
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from monai.networks.nets import resnet18, resnet50, resnet101
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from refp.core.arrays import FloatArray, IntArray
from refp.core.files import read_arrays, write_bytes, write_whole
from refp.models.training.augment import draw_warps, warp
from refp.models.training.descend import CURVE, one_thread
from refp.models.training.grouped import group_members, member_state
from refp.settings import ResnetSettings

NETWORKS = {18: resnet18, 50: resnet50, 101: resnet101}
PREDICT_BATCH = 256
LAST, BEST, STATE = "last.ckpt", "best.pt", "state.json"
ORDER, WARPS = 0, 1
"""What a generator is for."""
NOBODY = -1
"""Stands for no tile where members hold out different numbers."""


@dataclass(frozen=True, slots=True)
class MemberPlan:
    """Members that train side by side, and where.

    Attributes
    ----------
    settings
        The family's.
    data
        File of the tiles, from :func:`write_tiles`.
    train, held_out
        Rows that each member trains on and stops by.
    numbers
        Of the members in the ensemble; each has a start, an order and an augmentation of its own.
    seed
        Of all that.
    folder
        Of checkpoint, best weights and state.
    device
        ``cpu`` or ``cuda``.
    """

    settings: ResnetSettings
    data: Path
    train: tuple[IntArray, ...]
    held_out: tuple[IntArray, ...]
    numbers: tuple[int, ...]
    seed: int
    folder: Path
    device: str = "cpu"

    @property
    def steps_an_epoch(self) -> int:
        """Full batches of the member with the fewest tiles; members share one schedule."""
        return max(min(len(rows) for rows in self.train) // self.settings.batch, 1)


@dataclass(slots=True)
class MemberState:
    """Where members are, for whoever hands out their rounds.

    ``best_um`` and ``waited`` have one entry per member: least RMS error of what it held out, and the
    validations since.
    """

    step: int = 0
    validated: int = 0
    best_um: list[float] = field(default_factory=list)
    waited: list[int] = field(default_factory=list)
    curve: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in CURVE})

    def is_done(self, settings: ResnetSettings) -> bool:
        """Whether there is nothing more to do."""
        out_of_patience = [waited >= settings.patience for waited in self.waited]
        return self.step >= settings.max_steps or (bool(self.waited) and all(out_of_patience))


def read_state(folder: Path) -> MemberState:
    """Return where the members of a folder are; at the start where that cannot be read."""
    with suppress(OSError, ValueError, TypeError):
        if (folder / LAST).is_file():
            return MemberState(**json.loads((folder / STATE).read_text()))
    return MemberState()


def write_tiles(pixels: FloatArray, dz: FloatArray, path: Path) -> None:
    """Put the normalised tiles and scaled dZ where every worker finds them."""

    def save(part: Path) -> None:
        with part.open("wb") as file:  # a name without ".npz" would get one
            np.savez(file, allow_pickle=False, pixels=pixels, dz=dz)

    write_whole(path, save)


@lru_cache(1)  # a worker does many rounds of one training
def _read_tiles(path: Path, stamp_ns: int) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    arrays = read_arrays(path, ["pixels", "dz"])
    return torch.tensor(arrays["pixels"]), torch.tensor(arrays["dz"])


def train_round(plan: MemberPlan, stop: int, dz_scale: float) -> MemberState:
    """Train to step ``stop``, or until all members are out of patience; return where they are then."""
    kept = _read_checkpoint(plan.folder / LAST)
    if kept is not None and kept[0].is_done(plan.settings):  # killed before it could say so
        return _publish(plan, *kept)
    tiles = _read_tiles(plan.data, plan.data.stat().st_mtime_ns)
    with one_thread(), warnings.catch_warnings(), torch.random.fork_rng():
        # Hints on workers and checkpoint folders; nothing that a user can act on.
        warnings.simplefilter("ignore")
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        members = Members(plan, tiles, dz_scale)
        trainer = _trainer(plan, stop)
        last = plan.folder / LAST
        loaders = (_loader(TrainSteps(members)), _loader(HeldOut(members)))
        trainer.fit(members, *loaders, ckpt_path=None if kept is None else str(last))
        write_whole(last, trainer.save_checkpoint)
    return _publish(plan, members.state, members.best)


def _publish(
    plan: MemberPlan, state: MemberState, best: Sequence[Mapping[str, Tensor]]
) -> MemberState:
    """Write where the members are, and their best networks once they are done."""
    if state.is_done(plan.settings):
        named = {str(n): weights for n, weights in zip(plan.numbers, best, strict=True)}
        write_whole(plan.folder / BEST, lambda part: torch.save(named, part))
    write_bytes(json.dumps(asdict(state)).encode(), plan.folder / STATE)
    return state


def _read_checkpoint(path: Path) -> tuple[MemberState, list[dict[str, Tensor]]] | None:
    """Return where a checkpoint's members are and their best networks; nothing if it is none."""
    try:
        kept = torch.load(path, weights_only=True, map_location="cpu")["members"]
        return MemberState(**kept["state"]), kept["best"]
    except Exception:  # torch, zipfile and pickle raise whatever the bytes make them
        return None


def load_members(plan: MemberPlan) -> list[nn.Module]:
    """Return the best network of each member of a finished plan, to predict with."""
    best = torch.load(plan.folder / BEST, weights_only=True, map_location="cpu")
    networks = []
    for number in plan.numbers:
        with torch.random.fork_rng():  # the start that is drawn here is not used
            network = _network(plan.settings)
        network.load_state_dict(best[str(number)])
        networks.append(network.eval())
    return networks


class Members(lightning.LightningModule):
    """Members side by side: tiles ``(n, k, side, side)`` in, dZ ``(n, k)`` over its scale out."""

    def __init__(self, plan: MemberPlan, tiles: tuple[Tensor, Tensor], dz_scale: float) -> None:
        super().__init__()
        self.plan, self.dz_scale = plan, dz_scale
        self.state = MemberState()
        self.network = group_members([self._start(number) for number in plan.numbers])
        self.best: list[dict[str, Tensor]] = [{} for _ in plan.numbers]
        # Not a part of the module: they would lie in every checkpoint.
        self._tiles = tiles
        self._sums = torch.zeros(0)
        self._square_sum = torch.zeros(0)

    def _start(self, number: int) -> nn.Module:
        torch.manual_seed(self.plan.seed + number)
        return _network(self.plan.settings)

    def on_fit_start(self) -> None:
        """Bring the tiles to the device, where they stay."""
        pixels, dz = self._tiles
        self._tiles = (pixels.to(self.device), dz.to(self.device))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:  # noqa: ARG002
        """Return the mean squared error of augmented tiles, summed over members."""
        rows, maps = batch
        pixels, dz = (tensor[rows] for tensor in self._tiles)
        seen = warp(pixels.flatten(0, 1), maps.flatten(0, 1)).view_as(pixels)
        squares = (self.network(seen.transpose(0, 1)).T - dz).square().mean(1)
        self.count(squares.detach())
        return squares.sum()

    def count(self, squares: Tensor) -> None:
        """Add a step's squared errors to those since the last validation."""
        if not len(self._square_sum):
            self._square_sum = torch.zeros(2, device=squares.device)
        self._square_sum += torch.stack([squares.mean(), torch.ones_like(squares[0])])

    def on_validation_epoch_start(self) -> None:
        """Start to sum squared errors and tiles of each member."""
        self._sums = torch.zeros(2, len(self.plan.numbers), device=self.device)

    def validation_step(self, rows: Tensor, batch_index: int) -> None:  # noqa: ARG002
        """Add the squared errors of held-out tiles."""
        pixels, dz = (tensor[rows.clamp(min=0)] for tensor in self._tiles)
        known = rows != NOBODY
        error = (self.network(pixels.transpose(0, 1)).T - dz) * known
        self._sums += torch.stack([error.double().square().sum(1), known.sum(1)]).to(self._sums)

    def on_validation_epoch_end(self) -> None:
        """Keep the best of each member, and stop when all are out of patience."""
        state = self.state
        if self.global_step <= state.validated:  # lightning validates again where it goes on
            return
        squares, counts = self._sums.double().cpu()
        rms_um = ((squares / counts.clamp(min=1)).sqrt() * self.dz_scale).tolist()
        known = state.best_um or [math.inf] * len(rms_um)
        waited = state.waited or [0] * len(rms_um)
        for i, error_um in enumerate(rms_um):
            if waited[i] >= self.plan.settings.patience:
                continue
            better = error_um < known[i]
            known[i], waited[i] = (error_um, 0) if better else (known[i], waited[i] + 1)
            if better or not self.best[i]:
                self.best[i] = self._member(i)
        state.best_um, state.waited, state.validated = known, waited, self.global_step
        self._add_point(rms_um)
        self.trainer.should_stop = state.is_done(self.plan.settings)

    def _member(self, i: int) -> dict[str, Tensor]:
        whole = {name: tensor.cpu() for name, tensor in self.network.state_dict().items()}
        return member_state(whole, i, len(self.plan.numbers))

    def _add_point(self, rms_um: list[float]) -> None:
        total, steps = self._square_sum.tolist()
        self._square_sum = torch.zeros_like(self._square_sum)
        loss = total / max(steps, 1)
        values = (self.global_step, loss, math.sqrt(loss) * self.dz_scale, rms_um)
        for name, value in zip(CURVE, values, strict=True):
            self.state.curve[name].append(value)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what lightning does not know of."""
        self.state.step = self.global_step
        checkpoint["members"] = {
            "state": asdict(self.state),
            "best": self.best,
            "square_sum": self._square_sum.cpu(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        kept = checkpoint["members"]
        self.state = MemberState(**kept["state"])
        self.best = kept["best"]
        self._square_sum = kept["square_sum"].to(self.plan.device)

    def configure_optimizers(self) -> dict[str, object]:
        """Return Adam with the article's step schedule."""
        settings, epoch = self.plan.settings, self.plan.steps_an_epoch
        optimizer = torch.optim.Adam(
            self.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

        def drop(step: int) -> float:
            return float(settings.drop_factor ** (step // epoch // settings.drop_epochs))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, drop)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class TrainSteps(IterableDataset[tuple[Tensor, Tensor]]):
    """Rows and warps of every step from the present one on, without end."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._order: dict[int, tuple[int, Tensor]] = {}

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        plan, step = self._members.plan, self._members.global_step
        side = self._members._tiles[0].shape[-1]  # noqa: SLF001
        while True:
            draws = [
                draw_warps(
                    plan.settings.batch, side, plan.settings, _generator(plan.seed, n, WARPS, step)
                )
                for n in plan.numbers
            ]
            rows = [self._rows(i, step) for i in range(len(plan.numbers))]
            yield torch.stack(rows), torch.stack(draws)
            step += 1

    def _rows(self, i: int, step: int) -> Tensor:
        """Return the rows that member ``i`` sees in a step, shape ``(batch,)``."""
        plan = self._members.plan
        epoch, place = divmod(step, plan.steps_an_epoch)
        if self._order.get(i, (-1, None))[0] != epoch:
            generator = _generator(plan.seed, plan.numbers[i], ORDER, epoch)
            rows = torch.as_tensor(plan.train[i])
            self._order[i] = epoch, rows[torch.randperm(len(rows), generator=generator)]
        order, batch = self._order[i][1], plan.settings.batch
        # A set smaller than a batch is gone through more than once in it.
        at = torch.arange(place * batch, (place + 1) * batch) % len(order)
        return order[at]


class HeldOut(IterableDataset[Tensor]):
    """What each member holds out, in parts; filled up where members hold out different numbers."""

    def __init__(self, members: Members) -> None:
        self._members = members

    def __iter__(self) -> Iterator[Tensor]:
        held_out = [torch.as_tensor(rows) for rows in self._members.plan.held_out]
        rows = nn.utils.rnn.pad_sequence(held_out, batch_first=True, padding_value=NOBODY)
        yield from torch.split(rows, PREDICT_BATCH, dim=1)


def _loader(dataset: IterableDataset[Any]) -> DataLoader[Any]:
    return DataLoader(dataset, batch_size=None)


def _trainer(plan: MemberPlan, stop: int) -> lightning.Trainer:
    on_gpu = plan.device != "cpu"
    settings = plan.settings
    return lightning.Trainer(
        accelerator="gpu" if on_gpu else "cpu",
        devices=1,
        # Half the memory and several times the speed of a GPU; sums stay in single precision.
        precision="bf16-mixed" if on_gpu else "32-true",
        deterministic="warn" if on_gpu else None,
        max_steps=stop,
        max_epochs=-1,
        val_check_interval=min(settings.validate_steps, settings.max_steps),
        check_val_every_n_epoch=None,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def _network(settings: ResnetSettings) -> nn.Module:
    network: nn.Module = NETWORKS[settings.depth](
        spatial_dims=2, n_input_channels=1, num_classes=1, conv1_t_stride=2
    )
    return network


def _generator(*numbers: int) -> torch.Generator:
    """Return the generator that numbers choose."""
    (seed,) = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(seed))
