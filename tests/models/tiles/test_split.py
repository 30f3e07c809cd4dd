"""Splits hold out whole groups."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.models.tiles import LabelledTiles, split_name, split_tiles
from refp.settings import SplitSettings

MakeTiles = Callable[..., LabelledTiles]
COUNT = st.integers(1, 4)


@given(COUNT, COUNT, st.integers(2, 7), st.integers(2, 6), st.integers(0, 99))
def test_every_row_is_held_out_once(
    tiles_of: MakeTiles, fields: int, beads: int, frames: int, folds: int, seed: int
) -> None:
    tiles = tiles_of(fields, beads, frames)
    splits = split_tiles(tiles, SplitSettings(folds=folds), seed)
    held_out = np.concatenate([split.held_out for split in splits])
    assert sorted(held_out) == list(range(len(tiles)))
    for split in splits:
        assert len(split.train)
        assert sorted([*split.train, *split.held_out]) == list(range(len(tiles)))


@given(COUNT, COUNT, st.integers(2, 7), st.integers(2, 6), st.integers(0, 99))
def test_no_group_is_on_both_sides(
    tiles_of: MakeTiles, fields: int, beads: int, frames: int, folds: int, seed: int
) -> None:
    tiles = tiles_of(fields, beads, frames)
    settings = SplitSettings(folds=folds)
    group = {"field": tiles.field, "bead": tiles.bead, "frames": tiles.dz_um}
    shared = group[split_name(tiles, settings)]
    for split in split_tiles(tiles, settings, seed):
        assert not set(shared[split.train]) & set(shared[split.held_out])


@pytest.mark.parametrize(
    ("fields", "beads", "by", "name"),
    [
        pytest.param(2, 3, "field", "field", id="several fields"),
        pytest.param(1, 3, "field", "bead", id="one field"),
        pytest.param(1, 1, "field", "frames", id="one bead"),
        pytest.param(2, 3, "random", "random", id="as in the article"),
    ],
)
def test_name_of_the_held_out_groups(
    tiles_of: MakeTiles, fields: int, beads: int, by: str, name: str
) -> None:
    settings = SplitSettings.model_validate({"by": by})
    assert split_name(tiles_of(fields, beads), settings) == name


def test_frames_of_one_bead_are_held_out_between_others(tiles_of: MakeTiles) -> None:
    """An image of the bead is between two frames of the sweep, so a held-out frame is as well."""
    tiles = tiles_of(1, 1, 40)
    step = float(np.diff(np.unique(tiles.dz_um)).min())
    for split in split_tiles(tiles, SplitSettings(folds=5), 3):
        np.testing.assert_allclose(np.diff(np.sort(tiles.dz_um[split.held_out])), 5 * step)


def test_random_split_holds_out_single_tiles(tiles_of: MakeTiles) -> None:
    tiles = tiles_of(2, 5, 10)
    splits = split_tiles(tiles, SplitSettings(by="random", folds=5), 0)
    assert [len(split.held_out) for split in splits] == [20] * 5
    assert set(tiles.bead[splits[0].train]) & set(tiles.bead[splits[0].held_out])


def test_seed_assigns_the_groups(tiles_of: MakeTiles) -> None:
    tiles = tiles_of(8)
    first, again, other = (split_tiles(tiles, SplitSettings(), seed) for seed in (0, 0, 1))
    assert [list(s.held_out) for s in first] == [list(s.held_out) for s in again]
    assert [list(s.held_out) for s in first] != [list(s.held_out) for s in other]


def test_folds_are_at_most_one_per_field(tiles_of: MakeTiles) -> None:
    assert len(split_tiles(tiles_of(2), SplitSettings(folds=5), 0)) == 2
