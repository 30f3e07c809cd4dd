"""Whole images cut into squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp import pipeline
from refp.core.errors import DataError
from refp.models.tiles import cut_grid, label_grid, label_tiles, light_of, plane_of_sweeps
from refp.pipeline import Planes
from refp.settings import load_recipe


@given(height=st.integers(32, 90), width=st.integers(32, 90), side=st.sampled_from([8, 16, 32]))
def test_squares_are_the_image_about_its_middle(height: int, width: int, side: int) -> None:
    image = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    tiles, centers = cut_grid(image, side)
    assert tiles.shape == ((height // side) * (width // side), side, side)
    for tile, (y, x) in zip(tiles, centers, strict=True):
        top, left = round(y - (side - 1) / 2), round(x - (side - 1) / 2)
        np.testing.assert_array_equal(tile, image[top : top + side, left : left + side])
    margin = centers.min(axis=0) - (side - 1) / 2
    beyond = np.array([height, width]) - 1 - (centers.max(axis=0) + (side - 1) / 2)
    assert (np.abs(margin - beyond) <= 1).all()


def test_no_pixel_is_in_two_squares() -> None:
    image = np.arange(50 * 70, dtype=np.uint16).reshape(50, 70)
    tiles, _ = cut_grid(image, 16)
    assert len(np.unique(tiles)) == tiles.size


def test_an_image_smaller_than_a_square_is_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match=r"40 x 90 px holds no square of 64 px; set .*grid_side_px"):
        cut_grid(np.zeros((40, 90), dtype=np.uint8), 64)


def test_the_light_of_a_square_is_its_background() -> None:
    tiles = np.full((2, 8, 8), 50.0)
    tiles[0, :3] = 0.0  # a bead covers less than half
    tiles[1] = 3.0
    np.testing.assert_array_equal(light_of(tiles, 10.0), [40.0, 1.0])


def test_squares_have_the_dz_of_their_frame(planes: Planes) -> None:
    recipe = load_recipe("paper")
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    tiles = label_grid(sweeps, labels, 64, stage_sigma_um=0.3)
    beads = label_tiles(sweeps, labels, stage_sigma_um=0.3)
    n_frames = sum(len(sweep.frames) for sweep in sweeps)
    assert len(tiles) == n_frames * 2 * 3
    assert set(np.unique(beads.frame)) <= set(np.unique(tiles.frame))
    for frame in np.unique(beads.frame):
        (dz_um,) = np.unique(tiles.dz_um[tiles.frame == frame])
        assert dz_um == np.unique(beads.dz_um[beads.frame == frame])[0]
    assert tiles.profile.shape == (len(tiles), 0)
    assert tiles.sweeps == beads.sweeps
    assert len(np.unique(tiles.bead)) == 6 * len(np.unique(tiles.field))
    first = sweeps[0].frames[0].read()
    np.testing.assert_array_equal(tiles.pixels[:6], cut_grid(first, 64)[0])


def test_frames_that_are_not_to_be_used_give_no_squares(planes: Planes) -> None:
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    labels = plane_of_sweeps(planes.result.planes, load_recipe().label)
    axes = planes.result.axes
    assert axes
    tiles = label_grid(sweeps, labels, 64, axes=axes)
    trusted = sum(int(axis.trusted.sum()) for axis in axes)
    assert len(np.unique(tiles.frame)) == trusted
    assert np.isfinite(tiles.dz_um).all()


def test_no_plane_is_refused(planes: Planes) -> None:
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    with pytest.raises(DataError, match="no sweep has a determined reference plane"):
        label_grid(sweeps, {}, 64)
    assert pipeline.known_frames(planes, load_recipe())
