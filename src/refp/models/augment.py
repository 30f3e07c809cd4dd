"""Random geometric changes of tiles; nothing that changes blur.

References
----------
Chalfoun et al. 2024, "Augmentation".
"""

import math

import torch
from torch import Tensor, nn

from refp.models.settings import ResnetSettings


def augment(tiles: Tensor, settings: ResnetSettings) -> Tensor:
    """Shift, rotate, scale and reflect each tile at random.

    Parameters
    ----------
    tiles
        Shape ``(n, side, side)``.
    settings
        Ranges.

    Returns
    -------
    Tensor
        Same shape; bilinear, edge pixels repeated beyond the tile.
    """
    n, side, _ = tiles.shape

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, device=tiles.device)

    angle = uniform(-settings.rotation_deg, settings.rotation_deg) * (math.pi / 180)
    scale = uniform(*settings.scale)
    mirror = torch.ones(n, device=tiles.device)
    if settings.reflect:
        mirror = torch.where(torch.rand(n, device=tiles.device) < 0.5, -1.0, 1.0)
    # affine_grid maps output to input in units of half a side.
    shift = [uniform(-settings.shift_px, settings.shift_px) * (2 / side) for _ in range(2)]
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = [torch.stack([cosine * mirror, -sine, shift[0]], 1)]
    rows.append(torch.stack([sine * mirror, cosine, shift[1]], 1))
    grid = nn.functional.affine_grid(torch.stack(rows, 1), [n, 1, side, side], align_corners=False)
    warped = nn.functional.grid_sample(
        tiles.unsqueeze(1), grid, padding_mode="border", align_corners=False
    )
    return warped.squeeze(1)
