"""Preparation of tiles: the window about the bead, and the article's four normalisations."""

import numpy as np

from refp.core.arrays import FloatArray
from refp.settings import Normalisation

FULL_SCALE = 255.0
"""Divisor of grey levels without another normalisation, so that inputs of training are near 1."""


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
