"""Network of family ``profile``, whose input is the robust radial profile.

All members train at once: their weights are stacked and every layer is one batched product. A member
returns a mean and a standard deviation; the loss is the Gaussian negative log-likelihood weighted by a
power of the variance, so that the mean is fitted where the spread is large as well.

Augmentation adds conditions that a training sweep does not contain: beads of other sizes (refraction by
a sphere scales with its size, so radii and dZ are stretched together), errors of background (a gain)
and other exposures (noise).

References
----------
Seitzer et al. 2022, "On the pitfalls of heteroscedastic uncertainty estimation" (the loss).
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from refp.core.arrays import FloatArray
from refp.models.tiles.tiles import LabelledTiles
from refp.settings import ProfileNetSettings

LOSS_POWER = 0.5
MIN_SPREAD = 0.02
"""Added to the standard deviation of a ring over the training, so that a constant ring stays small."""


@dataclass(frozen=True, slots=True)
class Batches:
    """The training arrays as tensors, with the number of pixels per ring for augmentation."""

    profile: Tensor
    dz: Tensor
    light: Tensor
    ring_pixels: Tensor


class ProfileNet(nn.Module):
    """All members: maps profiles ``(n, m)`` to mean and standard deviation ``(members, n)``."""

    center: Tensor
    spread: Tensor
    dz_scale: Tensor

    def __init__(self, tiles: LabelledTiles, settings: ProfileNetSettings) -> None:
        super().__init__()
        n_rings = int(np.count_nonzero(tiles.radius_radii <= settings.reach_radii))
        profile = tiles.profile[:, :n_rings]
        self.n_rings = n_rings
        self.register_buffer("center", _tensor(profile.mean(axis=0)))
        self.register_buffer("spread", _tensor(profile.std(axis=0) + MIN_SPREAD))
        self.register_buffer(
            "dz_scale", torch.tensor(float(np.abs(tiles.dz_um).max()) / math.sqrt(3))
        )
        sizes = [n_rings, *settings.hidden, 2]
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
        x = (profile[..., : self.n_rings] - self.center) / self.spread
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.matmul(x, weight) + bias
            if i < len(self.weights) - 1:
                x = nn.functional.silu(x)
        return x[..., 0], x[..., 1].clamp(-12.0, 4.0)

    def forward(self, profile: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation in um, each ``(members, n)``."""
        mean, log_variance = self.raw(profile.unsqueeze(0))
        return mean * self.dz_scale, torch.exp(0.5 * log_variance) * self.dz_scale


class ProfileFit:
    """The network as a :class:`~refp.models.training.descend.TrainingProblem`.

    Parameters
    ----------
    tiles, held_out
        Labelled beads for training and for validation; the latter may be empty.
    settings
        Architecture and augmentation.
    ring_pixels
        Shape ``(m,)``, pixels in each ring of the profile, over which noise averages.
    device
        Device of the training.
    """

    def __init__(
        self,
        tiles: LabelledTiles,
        held_out: LabelledTiles,
        settings: ProfileNetSettings,
        ring_pixels: FloatArray,
        device: torch.device,
    ) -> None:
        self.net = ProfileNet(tiles, settings).to(device)
        self._settings = settings
        self._held_out = held_out
        self._data = Batches(
            profile=_tensor(tiles.profile).to(device),
            dz=_tensor(tiles.dz_um).to(device) / self.net.dz_scale,
            light=_tensor(tiles.light).to(device),
            ring_pixels=_tensor(ring_pixels).to(device),
        )

    def draw(self, _step: int, count: int, generator: torch.Generator) -> list[tuple[Tensor, ...]]:
        """Draw and augment the batches of ``count`` steps: profiles and scaled dZ of each."""
        dz, settings = self._data.dz, self._settings
        shape = (settings.members, count * settings.batch)
        chosen = torch.randint(len(dz), shape, generator=generator, device=dz.device)
        augmented, size = _augment(self._data, chosen, settings, generator)
        target = dz[chosen] * size
        return list(zip(augmented.chunk(count, dim=1), target.chunk(count, dim=1), strict=True))

    def loss(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch, summed over members, and its mean squared error in um2."""
        profile, dz = batch
        mean, log_variance = self.net.raw(profile)
        error = mean - dz
        return _loss(error, log_variance), (error.detach() * self.net.dz_scale).square().mean()

    @property
    def members(self) -> int:
        """Number of members over which the loss is summed."""
        return self._settings.members

    def held_out_rms_um(self) -> list[float]:
        """Return the RMS error of one held-out bead by one member; NaN where none is held out."""
        if not len(self._held_out):
            return [math.nan]
        error = predict_profiles(self.net, self._held_out)[0] - self._held_out.dz_um
        return [float(np.sqrt(np.mean(error**2)))]


def predict_profiles(net: ProfileNet, tiles: LabelledTiles) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation in um, each ``(members, n)``."""
    with torch.no_grad():
        mean, sd = net(_tensor(tiles.profile).to(net.dz_scale.device))
    return mean.double().cpu().numpy(), sd.double().cpu().numpy()


def _loss(error: Tensor, log_variance: Tensor) -> Tensor:
    likelihood = 0.5 * (error.square() * torch.exp(-log_variance) + log_variance)
    weighted: Tensor = likelihood * torch.exp(LOSS_POWER * log_variance).detach()
    # With a sum over members, the gradient of each is that of a separate training.
    return weighted.mean(dim=1).sum()


def _augment(
    data: Batches, chosen: Tensor, settings: ProfileNetSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Vary size, gain and noise, in the physical order of bead, lamp and camera.

    Return the profiles and the relative change of each bead's size.
    """
    shape, device = chosen.shape, chosen.device
    chance = torch.rand(shape, generator=generator, device=device)
    size = 1 + settings.size_spread * (2 * chance - 1)
    profile = _enlarge(data.profile[chosen], size.unsqueeze(-1))
    gain = torch.randn(*shape, 1, generator=generator, device=device) * settings.gain_spread
    per_pixel = settings.pixel_noise / data.light[chosen].sqrt()
    sigma = per_pixel.unsqueeze(-1) / data.ring_pixels.sqrt()
    noise = torch.randn(profile.shape, generator=generator, device=device) * sigma
    return profile * (1 + gain) + noise, size


def _enlarge(profile: Tensor, size: Tensor) -> Tensor:
    """Return the profiles of beads ``size`` times as large."""
    count = profile.shape[-1]
    at = (torch.arange(count, device=profile.device) / size).clamp(max=count - 1.001)
    low = at.long()
    part = at - low
    return torch.gather(profile, -1, low) * (1 - part) + torch.gather(profile, -1, low + 1) * part


def _tensor(array: FloatArray) -> Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float32)
