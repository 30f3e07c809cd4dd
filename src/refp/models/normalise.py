"""Preparation of tiles: foreign pixels, the window about the bead, and the article's normalisations."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from refp.core.arrays import BoolArray, FloatArray
from refp.core.robust import MAD_TO_SIGMA
from refp.settings import Normalisation, ResnetSettings

FULL_SCALE = 255.0
"""Divisor of grey levels without another normalisation, so that inputs of training are near 1."""

FIRST_RING = 3
"""Distance from the middle, px, within which rings have too few pixels for a median."""
SMALLEST_SD = 0.01
"""Of a ring's pixels, as a fraction of the light: rounding to grey levels can make it 0."""
SURROUNDINGS_PX = 2
"""Width of the rim of a cell that is too faint to deviate by itself."""


@dataclass(frozen=True, slots=True)
class TilePreparation:
    """How tiles are prepared for networks; without bounds where tiles do not show beads.

    Attributes
    ----------
    normalisation
        See :func:`normalise_tiles`.
    window_px
        See :func:`window_tiles`.
    foreign_limit
        See :func:`fill_foreign`.
    """

    normalisation: Normalisation
    window_px: float = math.inf
    foreign_limit: float = math.inf


def preparation_of(
    settings: ResnetSettings, bead_radius_px: float, *, of_beads: bool
) -> TilePreparation:
    """Return the preparation of tiles of beads, or of squares of whole images, whose middle is no bead."""
    if not of_beads:
        return TilePreparation(settings.normalisation)
    window_px = settings.window_radii * bead_radius_px
    return TilePreparation(settings.normalisation, window_px, settings.foreign_limit)


def prepare_tiles(
    pixels: FloatArray, light: FloatArray, black_level: FloatArray, how: TilePreparation
) -> FloatArray:
    """Return tiles as networks see them; parameters as of :func:`normalise_tiles`."""
    tiles = fill_foreign(pixels, light, how.foreign_limit)
    tiles = window_tiles(tiles, light, black_level, how.window_px)
    return normalise_tiles(tiles, light, black_level, how.normalisation)


def fill_foreign(pixels: FloatArray, light: FloatArray, limit: float) -> FloatArray:
    """Set pixels that are not the bead's, such as those of a cell, to the median of their ring.

    A bead is round, so that pixels at one distance from its middle agree; those of a cell beside it do
    not. A network that was trained without cells is misled by them.

    Parameters
    ----------
    pixels
        Shape ``(n, side, side)``, grey levels; the middle is pixel ``side // 2``.
    light
        Shape ``(n,)``, background less black level, grey levels.
    limit
        Deviation from the median of the ring, in robust standard deviations of the ring, from which a
        group of pixels and its surroundings are replaced. A bead off the middle widens that
        deviation, and is not changed.
    """
    if not math.isfinite(limit):
        return pixels
    smallest = SMALLEST_SD * light[:, None]
    foreign = np.zeros(pixels.shape, dtype=bool)
    medians = pixels.copy()
    ring_of = _rings(pixels.shape[-1])
    for ring in range(FIRST_RING, int(ring_of.max()) + 1):
        here = ring_of == ring
        values = pixels[:, here]
        median = np.median(values, axis=1, keepdims=True)
        deviation = np.abs(values - median)
        sd = MAD_TO_SIGMA * np.median(deviation, axis=1, keepdims=True)
        foreign[:, here] = deviation > limit * np.maximum(sd, smallest)
        medians[:, here] = median
    return np.where(_with_surroundings(foreign), medians, pixels)


def _rings(side: int) -> FloatArray:
    """Return the distance of each pixel from the middle, rounded."""
    y, x = np.indices((side, side)) - side // 2
    return np.rint(np.hypot(y, x))


def _with_surroundings(foreign: BoolArray) -> BoolArray:
    """Widen groups of pixels by their surroundings; single pixels are noise and left out."""
    width = 2 * SURROUNDINGS_PX + 1
    groups = ndimage.binary_opening(foreign, np.ones((1, 2, 2), dtype=bool))
    widened: BoolArray = ndimage.binary_dilation(groups, np.ones((1, width, width), dtype=bool))
    return widened


def window_tiles(
    pixels: FloatArray, light: FloatArray, black_level: FloatArray, window_px: float
) -> FloatArray:
    """Set pixels beyond a distance from the middle of a tile to the background.

    Cells and neighbouring beads there mislead a network that was trained without them.

    Parameters
    ----------
    pixels
        Shape ``(n, side, side)``, grey levels; the middle is pixel ``side // 2``.
    light, black_level
        Shape ``(n,)`` each; background less black level, and black level, grey levels.
    window_px
        The distance; if it exceeds the corners, the tiles are returned as they are.
    """
    side = pixels.shape[-1]
    y, x = np.indices((side, side)) - side // 2
    outside = np.hypot(y, x) > window_px
    if not outside.any():
        return pixels
    background = (light + black_level).astype(pixels.dtype)[:, None, None]
    return np.where(outside, background, pixels)


def normalise_tiles(
    pixels: FloatArray, light: FloatArray, black_level: FloatArray, how: Normalisation
) -> FloatArray:
    """Normalise tiles by one of the article's four ways.

    Parameters
    ----------
    pixels
        Shape ``(n, side, side)``, grey levels.
    light
        Shape ``(n,)``, background less black level.
    black_level
        Shape ``(n,)``, grey levels of a pixel without light.
    how
        ``none`` (the article's choice), ``background`` (divide by it, black level off both),
        ``center`` (subtract the tile's mean) or ``zscore`` (and divide by its standard deviation).

    Returns
    -------
    ndarray of float32
        Shape as ``pixels``.
    """
    tiles = np.asarray(pixels, dtype=np.float32)
    if how == "background":
        black, divisor = (a.astype(np.float32)[:, None, None] for a in (black_level, light))
        return (tiles - black) / divisor
    if how == "none":
        return tiles / FULL_SCALE
    centered = tiles - tiles.mean(axis=(1, 2), keepdims=True)
    if how == "center":
        return centered / FULL_SCALE
    return centered / np.maximum(tiles.std(axis=(1, 2), keepdims=True), 1e-6)
