"""The four normalisations of tiles that the article compares."""

import numpy as np

from refp.core.arrays import FloatArray
from refp.settings import Normalisation

FULL_SCALE = 255.0
"""Divisor of grey levels without another normalisation, so that inputs of training are near 1."""


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
