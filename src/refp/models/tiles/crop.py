"""Cut square tiles about bead centres out of a frame."""

import numpy as np

from refp.core.arrays import FloatArray, Image


def crop_tiles(image: Image, center_px: FloatArray, side_px: int) -> FloatArray:
    """Cut a tile about each centre.

    Parameters
    ----------
    image
        Shape ``(y, x)``.
    center_px
        Shape ``(n, 2)``.
    side_px
        Even; the centre is on pixel ``(side / 2, side / 2)``, as in the article.

    Returns
    -------
    ndarray of float32
        Shape ``(n, side, side)``, grey levels; beyond the frame the edge pixels are repeated.
    """
    half = side_px // 2
    padded = np.pad(image, half, mode="edge")
    # Padding moves the centre by half a side, which the corner's offset cancels.
    corners = np.rint(center_px).astype(np.int64)
    tiles = np.empty((len(corners), side_px, side_px), dtype=np.float32)
    for tile, (y, x) in zip(tiles, corners, strict=True):
        tile[:] = padded[y : y + side_px, x : x + side_px]
    return tiles
