"""Members of family ``resnet`` in one grouped network, as a problem of gradient descent.

The data of a step depend only on its number: the order of the tiles on seed, member and epoch, the
augmentation on seed, member and step. An interrupted training therefore resumes within an epoch with the
same result, and members give the same numbers separately and grouped.

References
----------
Chalfoun et al. 2024, "Training", "Augmentation", "Hyper-parameters optimization".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets import resnet18, resnet50, resnet101
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from refp.core.arrays import FloatArray, IntArray
from refp.core.files import read_arrays, write_whole
from refp.models.training.augment import draw_warps, warp
from refp.models.training.descend import derive_seed
from refp.models.training.device import has_bfloat16
from refp.models.training.grouped import group_members
from refp.settings import ResnetSettings

NETWORKS = {18: resnet18, 50: resnet50, 101: resnet101}
PREDICT_BATCH = 256
START, ORDER, WARPS, STATISTICS = 0, 1, 2, 3
"""Purposes of random numbers."""
NO_ROW = -1
"""Padding of rows where members hold out different numbers of tiles."""


@dataclass(frozen=True, slots=True)
class MemberPlan:
    """Members that train in one network, and their data.

    Attributes
    ----------
    settings
        Settings of the family.
    data
        File of the tiles, from :func:`write_tiles`.
    dz_scale
        Scale of dZ in that file, um.
    train, held_out
        Rows of the tiles for the training and for the early stopping of each member.
    numbers
        Numbers of the members in the ensemble; each has its own initial weights, order and augmentation.
    seed
        Seed of initial weights, order and augmentation.
    """

    settings: ResnetSettings
    data: Path
    dz_scale: float
    train: tuple[IntArray, ...]
    held_out: tuple[IntArray, ...]
    numbers: tuple[int, ...]
    seed: int

    @property
    def steps_an_epoch(self) -> int:
        """Full batches of the member with the fewest tiles; members share one schedule."""
        return max(min(len(rows) for rows in self.train) // self.settings.batch, 1)


def write_tiles(pixels: FloatArray, dz: FloatArray, path: Path) -> None:
    """Write the normalised tiles and scaled dZ to a file that every worker can read."""

    def save(part: Path) -> None:
        with part.open("wb") as file:  # np.savez appends ".npz" to other names
            np.savez(file, allow_pickle=False, pixels=pixels, dz=dz)

    write_whole(path, save)


@lru_cache(1)  # a worker runs many rounds of one training
def _read_tiles(path: Path, stamp_ns: int) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    arrays = read_arrays(path, ["pixels", "dz"])
    return torch.tensor(arrays["pixels"]), torch.tensor(arrays["dz"])


class MembersFit:
    """Members as a :class:`~refp.models.training.descend.TrainingProblem`: one grouped network.

    Parameters
    ----------
    plan
        The members and their data.
    device
        Device of the training and of the tiles.
    """

    def __init__(self, plan: MemberPlan, device: torch.device) -> None:
        tiles = _read_tiles(plan.data, plan.data.stat().st_mtime_ns)
        self.net = group_members([_start(plan, number) for number in plan.numbers]).to(device)
        self._plan, self._device = plan, device
        self._pixels, self._dz = (tensor.to(device) for tensor in tiles)
        self._order = TileOrder(plan)
        self._reduced = has_bfloat16(device.type)

    @property
    def members(self) -> int:
        """Number of members over which the loss is summed."""
        return len(self._plan.numbers)

    def draw(self, step: int, count: int, _generator: torch.Generator) -> list[tuple[Tensor, ...]]:
        """Draw rows ``(k, batch)`` and warps ``(k, batch, 2, 3)`` of ``count`` steps."""
        steps = range(step, step + count)
        rows = torch.stack([self._order.rows_of(each) for each in steps]).to(self._device)
        warps = torch.stack([self._draw_warps(each) for each in steps]).to(self._device)
        return list(zip(rows, warps, strict=True))

    def loss(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the mean squared error of augmented tiles, summed over members, and in um2."""
        rows, warps = batch
        pixels = self._pixels[rows]
        augmented = warp(pixels.flatten(0, 1), warps.flatten(0, 1)).view_as(pixels)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._reduced):
            predicted = self._predict(augmented)
        squares = (predicted - self._dz[rows]).square().mean(1)
        return squares.sum(), squares.detach().mean() * self._plan.dz_scale**2

    def held_out_rms_um(self) -> list[float]:
        """Return the RMS error of each member's held-out tiles, in the precision of the model file.

        The running statistics of batch normalisation are those of the last ten batches. They are replaced
        by those of the training tiles, since with them held-out errors are two to four times as large
        until the rate has fallen.
        """
        update_bn(self._statistics_batches(), self.net)
        held_out = [torch.as_tensor(rows) for rows in self._plan.held_out]
        padded = nn.utils.rnn.pad_sequence(held_out, batch_first=True, padding_value=NO_ROW)
        sums = torch.zeros(2, self.members, dtype=torch.float64, device=self._device)
        for rows in torch.split(padded.to(self._device), PREDICT_BATCH, dim=1):
            known, at = rows != NO_ROW, rows.clamp(min=0)
            error = (self._predict(self._pixels[at]) - self._dz[at]) * known
            sums += torch.stack([error.double().square().sum(1), known.sum(1)])
        squares, counts = sums.cpu()
        return ((squares / counts.clamp(min=1)).sqrt() * self._plan.dz_scale).tolist()

    def _draw_warps(self, step: int) -> Tensor:
        plan, side = self._plan, self._pixels.shape[-1]
        generators = [_generator(plan, number, WARPS, step) for number in plan.numbers]
        batch = plan.settings.batch
        return torch.stack([draw_warps(batch, side, plan.settings, each) for each in generators])

    def _predict(self, pixels: Tensor) -> Tensor:
        """Return scaled dZ ``(k, n)`` of tiles ``(k, n, side, side)``."""
        predicted: Tensor = self.net(pixels.transpose(0, 1))
        return predicted.T

    def _statistics_batches(self) -> Iterator[Tensor]:
        """Yield inputs of the network for random training tiles, the same ones each time."""
        plan = self._plan
        n = min(plan.settings.statistics_tiles, *(len(rows) for rows in plan.train))
        chosen = []
        for rows, number in zip(plan.train, plan.numbers, strict=True):
            order = torch.randperm(len(rows), generator=_generator(plan, number, STATISTICS))
            chosen.append(torch.as_tensor(rows)[order[:n]])
        for batch in torch.split(torch.stack(chosen).to(self._device), PREDICT_BATCH, dim=1):
            yield self._pixels[batch].transpose(0, 1)


class TileOrder:
    """Order of the tiles of each member: all once per epoch, in a new order each epoch."""

    def __init__(self, plan: MemberPlan) -> None:
        self._plan = plan
        self._orders: dict[int, tuple[int, Tensor]] = {}

    def rows_of(self, step: int) -> Tensor:
        """Return the rows of all members in a step, shape ``(k, batch)``."""
        return torch.stack([self._rows(i, step) for i in range(len(self._plan.numbers))])

    def _rows(self, i: int, step: int) -> Tensor:
        plan = self._plan
        epoch, batch_number = divmod(step, plan.steps_an_epoch)
        if self._orders.get(i, (-1, None))[0] != epoch:
            generator = _generator(plan, plan.numbers[i], ORDER, epoch)
            rows = torch.as_tensor(plan.train[i])
            self._orders[i] = epoch, rows[torch.randperm(len(rows), generator=generator)]
        order, batch = self._orders[i][1], plan.settings.batch
        # With fewer tiles than a batch, tiles repeat within it.
        at = torch.arange(batch_number * batch, (batch_number + 1) * batch) % len(order)
        return order[at]


def make_network(settings: ResnetSettings) -> nn.Module:
    """Return one member's network with random weights from torch's own generator."""
    network: nn.Module = NETWORKS[settings.depth](
        spatial_dims=2, n_input_channels=1, num_classes=1, conv1_t_stride=2
    )
    return network


def _start(plan: MemberPlan, number: int) -> nn.Module:
    torch.manual_seed(derive_seed(plan.seed, number, START))
    return make_network(plan.settings)


def _generator(plan: MemberPlan, *key: int) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(plan.seed, *key))
