"""Training data: labelled tiles of measured sweeps."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from refp.core.arrays import FloatArray, Image
from refp.models import (
    make_family,
)
from refp.models.tiles import (
    LabelledTiles,
    Split,
    crop_tiles,
    label_grid,
    label_tiles,
    plane_of_sweeps,
    split_tiles,
)
from refp.pipeline.checks import check_determined
from refp.pipeline.planes import Planes
from refp.pipeline.remarks import explain_undetermined
from refp.settings import Recipe
from refp.sweeps import Frame


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Labelled tiles, their splits and the frames that they are cut from.

    Attributes
    ----------
    tiles, splits
        Labelled tiles, and the tiles that each split holds out.
    ring_pixels
        Shape ``(r,)``: pixels of each ring of the radial profile.
    frames, refp_um
        Training images, and Z of the plane that labels each, um.
    """

    tiles: LabelledTiles
    splits: tuple[Split, ...]
    ring_pixels: FloatArray
    frames: tuple[Frame, ...]
    refp_um: tuple[float, ...]


def label(planes: Planes, recipe: Recipe, seed: int) -> TrainingData:
    """Label the tiles of measured sweeps and split them.

    Raises
    ------
    DataError
        If no sweep has a determined plane with usable beads.
    """
    instrument = planes.measurements[0].instrument
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    root, reasons = planes.measurements[0].dataset.root, explain_undetermined(planes)
    check_determined(labels, root, "train on", reasons)
    axes = planes.result.axes if recipe.label.position == "frame" else ()
    sigma_um = instrument.stage.repeatability_um
    if recipe.tile.cut == "grid":
        side_px = recipe.tile.grid_side_px
        tiles = label_grid(sweeps, labels, side_px, axes=axes, stage_sigma_um=sigma_um)
    else:
        sees_pixels = make_family(recipe.train).sees_pixels
        crop = partial(_crop, side_px=instrument.tile_side_px) if sees_pixels else None
        beads = planes.result.beads if recipe.label.height == "bead" else ()
        tiles = label_tiles(sweeps, labels, crop, axes=axes, beads=beads, stage_sigma_um=sigma_um)
    rings = _ring_pixels(tiles.radius_radii, instrument.bead_radius_px)
    frames = tuple(f for sweep in sweeps if sweep.key in labels for f in sweep.frames)
    refp_um = tuple(labels[frame.key][0] for frame in frames)
    return TrainingData(tiles, split_tiles(tiles, recipe.split, seed), rings, frames, refp_um)


def _ring_pixels(radius_radii: FloatArray, bead_radius_px: float) -> FloatArray:
    """Return how many pixels each ring has, at least one."""
    spacing = radius_radii[1] - radius_radii[0] if len(radius_radii) > 1 else 0.0
    return np.maximum(2 * np.pi * radius_radii * spacing * bead_radius_px**2, 1.0)


def _crop(image: Image, center_px: FloatArray, *, side_px: int) -> FloatArray:
    return crop_tiles(image, center_px, side_px)
