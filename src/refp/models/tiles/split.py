"""Split tiles by field, bead or frame, so that held-out groups are not in the training."""

from collections.abc import Sequence

import numpy as np

from refp.core.arrays import IntArray
from refp.models.tiles.tiles import LabelledTiles, Split
from refp.settings import SplitSettings


def split_tiles(tiles: LabelledTiles, settings: SplitSettings, seed: int) -> tuple[Split, ...]:
    """Split the tiles into folds of whole groups.

    Parameters
    ----------
    tiles
        Labelled tiles.
    settings
        Kind of groups, by field or at random, and number of folds.
    seed
        Seed of the random assignment of groups to folds.

    Returns
    -------
    tuple of Split
        Each row is held out exactly once. Whole fields are held out; with one field whole beads, and
        with one bead every fifth position, or as many as there are folds, all exposures together.
    """
    groups = _groups(tiles, settings)
    names = np.unique(groups)
    folds = min(settings.folds, len(names))
    fold_of_group = np.random.default_rng(seed).permutation(len(names)) % folds
    fold_of_row = fold_of_group[np.searchsorted(names, groups)]
    rows = np.arange(len(tiles))
    return tuple(Split(rows[fold_of_row != k], rows[fold_of_row == k]) for k in range(folds))


def split_name(tiles: LabelledTiles, settings: SplitSettings) -> str:
    """Return the kind of held-out groups: ``field``, ``bead``, ``frames`` or ``random``."""
    if settings.by == "random":
        return "random"
    if len(np.unique(tiles.field)) > 1:
        return "field"
    return "bead" if len(np.unique(tiles.bead)) > 1 else "frames"


def _groups(tiles: LabelledTiles, settings: SplitSettings) -> IntArray:
    choices: dict[str, Sequence[int] | IntArray] = {
        "random": np.arange(len(tiles)),
        "field": tiles.field,
        "bead": tiles.bead,
    }
    name = split_name(tiles, settings)
    if name == "frames":
        # An image of the bead lies between two positions of the sweep, as a held-out position does.
        order = np.argsort(np.argsort(tiles.dz_um, kind="stable"), kind="stable")
        return order // len(tiles.sweeps) % settings.folds
    return np.asarray(choices[name])
