"""Beads with known dZ and their splits; main types :class:`LabelledTiles` and :class:`Split`."""

from refp.models.tiles.crop import crop_tiles
from refp.models.tiles.grid import cut_grid, label_grid, light_of
from refp.models.tiles.label import label_tiles, plane_of_sweeps
from refp.models.tiles.label_errors import LabelErrors, estimate_label_errors
from refp.models.tiles.split import split_name, split_tiles
from refp.models.tiles.tiles import LabelledTiles, Split

__all__ = [
    "LabelErrors",
    "LabelledTiles",
    "Split",
    "crop_tiles",
    "cut_grid",
    "estimate_label_errors",
    "label_grid",
    "label_tiles",
    "light_of",
    "plane_of_sweeps",
    "split_name",
    "split_tiles",
]
