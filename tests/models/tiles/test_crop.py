"""Tiles about bead centres."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refp.core.arrays import Image
from refp.models.tiles import crop_tiles

SIDE = 8


def image_of(shape: tuple[int, int] = (30, 40)) -> Image:
    """Every pixel has a grey level of its own."""
    return np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape)


@given(st.integers(0, 29), st.integers(0, 39))
def test_centre_is_on_the_middle_pixel(y: int, x: int) -> None:
    tile = crop_tiles(image_of(), np.array([[y, x]], dtype=float), SIDE)[0]
    assert tile.shape == (SIDE, SIDE)
    assert tile[SIDE // 2, SIDE // 2] == image_of()[y, x]


@given(st.integers(0, 29), st.integers(0, 39))
def test_beyond_the_frame_the_edge_is_repeated(y: int, x: int) -> None:
    tile = crop_tiles(image_of(), np.array([[y, x]], dtype=float), SIDE)[0]
    rows = np.clip(np.arange(y - SIDE // 2, y + SIDE // 2), 0, 29)
    columns = np.clip(np.arange(x - SIDE // 2, x + SIDE // 2), 0, 39)
    np.testing.assert_array_equal(tile, image_of()[np.ix_(rows, columns)])


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_tile_follows_a_shift(dy: int, dx: int) -> None:
    center = np.array([[15.0, 20.0]])
    tile = crop_tiles(image_of(), center, SIDE)
    moved = np.roll(image_of(), (dy, dx), axis=(0, 1))
    np.testing.assert_array_equal(crop_tiles(moved, center + np.array([dy, dx]), SIDE), tile)


def test_nearest_pixel_is_the_centre() -> None:
    near = crop_tiles(image_of(), np.array([[10.4, 12.6]]), SIDE)
    np.testing.assert_array_equal(near, crop_tiles(image_of(), np.array([[10.0, 13.0]]), SIDE))


def test_no_bead_no_tile() -> None:
    assert crop_tiles(image_of(), np.empty((0, 2)), SIDE).shape == (0, SIDE, SIDE)


def test_tiles_of_real_frames_hold_grey_levels() -> None:
    tiles = crop_tiles(image_of(), np.array([[5.0, 5.0], [20.0, 20.0]]), SIDE)
    assert tiles.dtype == np.float32
    assert tiles.shape == (2, SIDE, SIDE)
