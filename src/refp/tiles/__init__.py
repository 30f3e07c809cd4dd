"""Beads with a known dZ, and what of them is held out: hands on :class:`LabelledTiles`, :class:`Split`."""

from refp.tiles.crop import crop_tiles
from refp.tiles.grid import cut_grid, label_grid, light_of
from refp.tiles.label import label_tiles, plane_of_sweeps
from refp.tiles.label_errors import LabelErrors, estimate_label_errors
from refp.tiles.settings import LabelSettings, SplitSettings, TileSettings
from refp.tiles.split import split_name, split_tiles
from refp.tiles.tiles import LabelledTiles, Split

__all__ = [
    "LabelErrors",
    "LabelSettings",
    "LabelledTiles",
    "Split",
    "SplitSettings",
    "TileSettings",
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
