"""Area, circularity and contrast of candidates, from a small tile about each."""

import numpy as np
from scipy import ndimage
from skimage.measure import perimeter

from refp.core.arrays import BoolArray, FloatArray, Image
from refp.measure.beads.beads import Beads

REACH_RADII = 2.2


def segment(image: Image, center_px: FloatArray, response: FloatArray, radius_px: float) -> Beads:
    """Measure area, circularity and contrast of each candidate.

    Parameters
    ----------
    image
        Shape ``(y, x)``.
    center_px
        Shape ``(n, 2)``.
    response
        Shape ``(n,)``, copied to the result.
    radius_px
        Nominal bead radius.
    """
    rows = [_measure(image, center, radius_px) for center in center_px]
    area, circularity, contrast = np.array(rows).reshape(-1, 3).T.copy()
    flags = np.zeros(len(rows), dtype=np.uint32)
    not_judged = np.full(len(rows), np.nan)
    return Beads(center_px, area, circularity, contrast, response, not_judged, flags)


def _measure(image: Image, center: FloatArray, radius_px: float) -> tuple[float, float, float]:
    """Return area, circularity and contrast of the object about one centre."""
    reach = int(np.ceil(REACH_RADII * radius_px))
    y, x = np.rint(center).astype(int)
    y0, x0 = max(0, y - reach), max(0, x - reach)
    tile = image[y0 : y + reach + 1, x0 : x + reach + 1].astype(np.float64)
    distance = np.hypot(
        np.arange(tile.shape[0])[:, None] + y0 - center[0],
        np.arange(tile.shape[1])[None, :] + x0 - center[1],
    )
    # All pixels outside the bead, not a thin ring, of which a tile cut by the border has few pixels.
    around = tile[distance > 1.6 * radius_px]
    background = max(float(np.median(around)) if around.size else float(tile.max()), 1.0)
    energy = np.minimum(np.abs(1.0 - tile / background), 1.0)
    disc = distance <= radius_px
    contrast = float(energy[disc].mean())
    mask = patch(energy > 0.5 * contrast, disc)
    return float(mask.sum()), circularity(mask), contrast


def patch(mask: BoolArray, seed: BoolArray) -> BoolArray:
    """Return the connected part of ``mask`` with most of ``seed``, holes filled."""
    labels, n = ndimage.label(mask)
    if n == 0:
        return np.zeros_like(mask)
    overlap = np.bincount(labels[seed], minlength=n + 1)
    overlap[0] = 0
    filled: BoolArray = ndimage.binary_fill_holes(labels == overlap.argmax())
    return filled


def circularity(mask: BoolArray) -> float:
    """Return ``4 pi area / perimeter**2``, about 1 for a disc; 0 for an empty mask."""
    length = float(perimeter(np.pad(mask, 1)))
    return float(4 * np.pi * mask.sum() / length**2) if length > 0 else 0.0
