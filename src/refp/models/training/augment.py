"""Augment tiles by random geometric transformations, which do not change the blur.

References
----------
Chalfoun et al. 2024, "Augmentation".
"""

import math

import torch
from torch import Tensor, nn

from refp.settings import ResnetSettings


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

    Bilinear; edge pixels are repeated beyond the tile.
    """
    n, side, _ = tiles.shape
    grid = nn.functional.affine_grid(maps.to(tiles), [n, 1, side, side], align_corners=False)
    warped = nn.functional.grid_sample(
        tiles.unsqueeze(1), grid, padding_mode="border", align_corners=False
    )
    return warped.squeeze(1)
