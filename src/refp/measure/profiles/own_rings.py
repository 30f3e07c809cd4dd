"""Candidates among the rings of another bead.

In nearly coherent light a bead out of focus is surrounded by rings, and pieces of them pass for round
objects. Such a candidate is part of the bead: the bead's own radial profile explains the image there,
whereas it explains little of another bead beside it.
"""

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, Image
from refp.measure.beads.beads import Beads
from refp.measure.profiles.evaluate import evaluate
from refp.measure.profiles.profiles import RadialProfiles

DISC_RADII = 0.7
"""Radius of the disc about a candidate in which it is compared, in bead radii."""
MIN_EXPLAINED = 0.5
"""Fraction of the variance of that disc from which the candidate belongs to the bead. A profile is a mean
over the angle, and rings in oblique light are brighter on one side."""


def find_own_rings(
    image: Image, beads: Beads, profiles: RadialProfiles, reach_px: float
) -> BoolArray:
    """Return which candidates are rings of a stronger one, shape ``(n,)``.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    beads, profiles
        The same ``n`` candidates in the same order, the profiles with their splines.
    reach_px
        Distance from the centre to which the splines are fitted.
    """
    rings = np.zeros(len(beads), dtype=np.bool_)
    disc_px = DISC_RADII * profiles.bead_radius_px
    for i in np.argsort(-beads.response, kind="stable"):
        if rings[i] or not np.isfinite(profiles.coefficients[i]).all():
            continue
        distance = np.hypot(*(beads.center_px - profiles.center_px[i]).T)
        near = (distance > disc_px) & (distance < reach_px) & (beads.response < beads.response[i])
        for j in np.flatnonzero(near & ~rings):
            explained = _explained(image, beads.center_px[j], profiles, int(i), reach_px)
            rings[j] = explained >= MIN_EXPLAINED
    return rings


def _explained(
    image: Image, center_px: FloatArray, profiles: RadialProfiles, bead: int, reach_px: float
) -> float:
    """Return the fraction of the variance about a point that a bead's radial profile explains."""
    disc_px = DISC_RADII * profiles.bead_radius_px
    y0, x0 = np.maximum(np.ceil(center_px - disc_px).astype(int), 0)
    y1, x1 = np.floor(center_px + disc_px).astype(int) + 1
    tile = image[y0:y1, x0:x1]
    y, x = np.indices(tile.shape) + np.array([y0, x0]).reshape(2, 1, 1)
    r_px = np.hypot(y - profiles.center_px[bead, 0], x - profiles.center_px[bead, 1])
    inside = np.hypot(y - center_px[0], x - center_px[1]) <= disc_px
    known = inside & (r_px <= reach_px)
    if 2 * np.count_nonzero(known) < np.count_nonzero(inside):
        return 0.0
    value = tile[known].astype(np.float64)
    expected = evaluate(profiles.coefficients[bead : bead + 1], profiles.knot_px, r_px[known])[0]
    return 1.0 - float(np.mean((value - expected) ** 2)) / max(float(value.var()), 1e-12)
