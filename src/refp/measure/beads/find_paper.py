"""The article's detector: threshold, area, circularity, spread.

The article leaves two points open: here holes are filled (a bead near its plane has a bright centre),
and the perimeter is that of :func:`skimage.measure.perimeter`.

References
----------
Chalfoun et al. 2024, "Bead detection".
"""

import numpy as np
from scipy import ndimage

from refp.core.arrays import Image
from refp.measure.beads.beads import Beads
from refp.measure.beads.segment import circularity
from refp.settings import FindSettings, Instrument


def find_beads_paper(image: Image, instrument: Instrument, settings: FindSettings) -> Beads:
    """Find beads by the article's method; see :func:`refp.measure.beads.find_beads`."""
    threshold = np.percentile(image, settings.dark_percentile)
    labels, _ = ndimage.label(ndimage.binary_fill_holes(image <= threshold))
    minimum_area = settings.minimum_area_discs * np.pi * instrument.bead_radius_px**2
    half = instrument.tile_side_px // 2
    rows: list[tuple[float, float, float, float, float]] = []
    for label, window in enumerate(ndimage.find_objects(labels), start=1):
        mask = labels[window] == label
        area = int(mask.sum())
        if area < minimum_area:
            continue
        roundness = circularity(mask)
        if roundness < settings.minimum_circularity:
            continue
        y, x = (
            float(c) + s.start for c, s in zip(ndimage.center_of_mass(mask), window, strict=True)
        )
        top, left = max(0, round(y) - half), max(0, round(x) - half)
        tile = image[top : round(y) + half, left : round(x) + half]
        spread = float(tile.std() / max(tile.mean(), 1.0))
        if spread > settings.minimum_spread:
            rows.append((y, x, float(area), roundness, spread))
    table = np.array(rows).reshape(-1, 5)
    table = table[np.argsort(-table[:, 4], kind="stable")]
    return Beads(
        center_px=table[:, :2].copy(),
        area_px=table[:, 2].copy(),
        circularity=table[:, 3].copy(),
        contrast=table[:, 4].copy(),
        response=table[:, 4].copy(),
        confidence=np.full(len(table), np.nan),
        flags=np.zeros(len(table), dtype=np.uint32),
    )
