"""Train the default family: a small network that sees the robust radial profile.

All members train at once: their weights are stacked and every layer is one batched product. A member
gives a mean and a standard deviation; the loss is the Gaussian likelihood weighted by a power of the
variance, which keeps the mean honest where the spread is large.

Augmentation makes what the training sweep cannot show: other bead radii (a stretch of the radius
axis), errors of background (a gain), other exposures (noise, and a lower level of saturation).

References
----------
Seitzer et al. 2022, "On the pitfalls of heteroscedastic uncertainty estimation" (the loss).
"""

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from refp.arrays import FloatArray
from refp.models.settings import ProfileNetSettings
from refp.tiles.tiles import LabelledTiles

LOSS_POWER = 0.5
LEAST_SPREAD = 0.02
"""Added to the spread of a ring over the training, so that a ring that never changes stays small."""


@dataclass(frozen=True, slots=True)
class Batches:
    """The training arrays as tensors, and what augmentation needs of the geometry."""

    profile: Tensor
    dz: Tensor
    light: Tensor
    ring_pixels: Tensor


class ProfileNet(nn.Module):
    """Members side by side: profiles ``(n, m)`` in, mean and standard deviation ``(members, n)``."""

    center: Tensor
    spread: Tensor
    dz_scale: Tensor

    def __init__(self, tiles: LabelledTiles, settings: ProfileNetSettings) -> None:
        super().__init__()
        seen = int(np.count_nonzero(tiles.radius_radii <= settings.reach_radii))
        profile = tiles.profile[:, :seen]
        self.seen = seen
        self.register_buffer("center", _tensor(profile.mean(axis=0)))
        self.register_buffer("spread", _tensor(profile.std(axis=0) + LEAST_SPREAD))
        self.register_buffer(
            "dz_scale", torch.tensor(float(np.abs(tiles.dz_um).max()) / math.sqrt(3))
        )
        sizes = [seen, *settings.hidden, 2]
        shapes = list(itertools.pairwise(sizes))
        self.weights = nn.ParameterList(
            [
                nn.Parameter(torch.randn(settings.members, a, b) * math.sqrt(2 / a))
                for a, b in shapes
            ]
        )
        self.biases = nn.ParameterList(
            [nn.Parameter(torch.zeros(settings.members, 1, b)) for _, b in shapes]
        )

    def raw(self, profile: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance in scaled units for ``(members, n, m)`` profiles."""
        x = (profile[..., : self.seen] - self.center) / self.spread
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.matmul(x, weight) + bias
            if i < len(self.weights) - 1:
                x = nn.functional.silu(x)
        return x[..., 0], x[..., 1].clamp(-12.0, 4.0)

    def forward(self, profile: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation in um, each ``(members, n)``."""
        mean, log_variance = self.raw(profile.unsqueeze(0))
        return mean * self.dz_scale, torch.exp(0.5 * log_variance) * self.dz_scale


def train_profile_net(
    tiles: LabelledTiles,
    settings: ProfileNetSettings,
    seed: int,
    ring_pixels: FloatArray,
    done: Callable[[int], None],
) -> ProfileNet:
    """Train all members.

    Parameters
    ----------
    tiles
        Labelled beads to train on.
    settings
        Architecture, schedule, augmentation.
    seed
        Start, batches and augmentation; the same seed repeats bit for bit on one machine.
    ring_pixels
        Shape ``(m,)``, pixels in each ring of the profile: noise averages over them.
    done
        Told the number of steps done, now and then.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = ProfileNet(tiles, settings)
    data = Batches(
        _tensor(tiles.profile),
        _tensor(tiles.dz_um) / net.dz_scale,
        _tensor(tiles.light),
        _tensor(ring_pixels),
    )
    with one_thread():
        _descend(net, data, settings, torch.Generator().manual_seed(seed), done)
    return net.eval()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread: these products are too small to share.

    Two threads gain a tenth on an idle machine and wait for each other on a busy one, where training
    was seen to take fifteen times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _descend(
    net: ProfileNet,
    data: Batches,
    settings: ProfileNetSettings,
    generator: torch.Generator,
    done: Callable[[int], None],
) -> None:
    """Take all gradient steps."""
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps
    )
    for step in range(1, settings.steps + 1):
        chosen = torch.randint(
            len(data.dz), (settings.members, settings.batch), generator=generator
        )
        mean, log_variance = net.raw(_augment(data, chosen, settings, generator))
        loss = _loss(mean - data.dz[chosen], log_variance)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == settings.steps:
            done(step)


def _loss(error: Tensor, log_variance: Tensor) -> Tensor:
    likelihood = 0.5 * (error.square() * torch.exp(-log_variance) + log_variance)
    weighted: Tensor = likelihood * torch.exp(LOSS_POWER * log_variance).detach()
    # A sum over members keeps each one's gradient what it would be alone.
    return weighted.mean(dim=1).sum()


def _augment(
    data: Batches, chosen: Tensor, settings: ProfileNetSettings, generator: torch.Generator
) -> Tensor:
    """Stretch, gain and noise, in the order in which bead, lamp and camera bring them."""
    profile = _stretch(data.profile[chosen], settings.scale_spread, generator)
    shape = chosen.shape
    gain = torch.randn(*shape, 1, generator=generator) * settings.gain_spread
    per_pixel = settings.pixel_noise / data.light[chosen].sqrt()
    sigma = per_pixel.unsqueeze(-1) / data.ring_pixels.sqrt()
    noise = torch.randn(profile.shape, generator=generator) * sigma
    return profile * (1 + gain) + noise


def _stretch(profile: Tensor, spread: float, generator: torch.Generator) -> Tensor:
    """Read each profile at its radii times a random factor."""
    if spread == 0:
        return profile
    count = profile.shape[-1]
    factor = 1 + spread * (2 * torch.rand(*profile.shape[:-1], 1, generator=generator) - 1)
    at = (torch.arange(count) * factor).clamp(max=count - 1.001)
    low = at.long()
    part = at - low
    return torch.gather(profile, -1, low) * (1 - part) + torch.gather(profile, -1, low + 1) * part


def _tensor(array: FloatArray) -> Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float32)
