"""Augment tiles by random geometric transformations, which do not change the blur.

References
----------
Chalfoun et al. 2024, "Augmentation".
"""

import math
from itertools import product

import torch
from torch import Tensor, nn

from refp.settings import ResnetSettings

TAPS = 3
"""Linear interpolations of a cubic convolution along an axis."""


def draw_warps(n: int, side: int, settings: ResnetSettings, generator: torch.Generator) -> Tensor:
    """Draw ``n`` affine maps from output to input: shift, rotation, scale and reflection.

    Parameters
    ----------
    n, side
        Number of tiles, and their side in pixels.
    settings
        Ranges of the transformations.
    generator
        On the CPU, so that the augmentation is the same on every device.

    Returns
    -------
    Tensor
        Shape ``(n, 2, 3)``, in units of half a side.
    """

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=generator)

    angle = uniform(-settings.rotation_deg, settings.rotation_deg) * (math.pi / 180)
    scale = uniform(*settings.scale)
    mirror = torch.ones(n)
    if settings.reflect:
        mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    shift = [uniform(-settings.shift_px, settings.shift_px) * (2 / side) for _ in range(2)]
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = [torch.stack([cosine * mirror, -sine, shift[0]], 1)]
    rows.append(torch.stack([sine * mirror, cosine, shift[1]], 1))
    return torch.stack(rows, 1)


def warp(tiles: Tensor, maps: Tensor) -> Tensor:
    """Resample tiles ``(n, side, side)`` by affine maps ``(n, 2, 3)``.

    Cubic convolution; edge pixels are repeated beyond the tile.

    Notes
    -----
    Bilinear interpolation is a blur of a sixth of a square pixel on average, and blur changes dZ. Cubic
    convolution reproduces quadratic functions, so it has no such blur.

    References
    ----------
    Keys 1981, "Cubic convolution interpolation for digital image processing".
    """
    n, side, _ = tiles.shape
    grid = nn.functional.affine_grid(maps.to(tiles), [n, 1, side, side], align_corners=False)
    at_px = ((grid + 1.0) * side - 1.0) / 2.0
    first = at_px.floor()
    weights, offsets = _cubic_taps(at_px - first)
    warped = torch.zeros_like(tiles)
    for i, j in product(range(TAPS), repeat=2):
        shift = torch.stack([offsets[j][..., 0], offsets[i][..., 1]], -1)
        sampled = nn.functional.grid_sample(
            tiles.unsqueeze(1),
            (2.0 * (first + shift) + 1.0) / side - 1.0,
            padding_mode="border",
            align_corners=False,
        )
        warped += weights[j][..., 0] * weights[i][..., 1] * sampled.squeeze(1)
    return warped


def _cubic_taps(fraction: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return weights and offsets, px, of three linear interpolations that are one cubic convolution.

    The two inner ones of its four pixels have positive weights, so that one linear interpolation between
    them is both; this is six times as fast as reading the four.

    Parameters
    ----------
    fraction
        Distance of each position from the second of the four pixels, px.
    """
    near, far = fraction, 1.0 - fraction
    outer = [-0.5 * a * b**2 for a, b in ((near, far), (far, near))]
    inner = [1.0 + a**2 * (1.5 * a - 2.5) for a in (near, far)]
    middle = inner[0] + inner[1]
    offsets = [torch.full_like(near, -1.0), inner[1] / middle, torch.full_like(near, 2.0)]
    return [outer[0], middle, outer[1]], offsets
