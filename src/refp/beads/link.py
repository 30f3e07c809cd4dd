"""Recognise the same bead in every frame of a field of view.

Beads lie still during a sweep but for a small lateral shift, so the nearest known bead within a part
of a radius is the same bead.
"""

from collections.abc import Sequence

import numpy as np

from refp.arrays import FloatArray, IntArray

REACH_RADII = 0.8


def link_beads(centers_px: Sequence[FloatArray], radius_px: float) -> list[IntArray]:
    """Number the beads of one field of view.

    Parameters
    ----------
    centers_px
        One array ``(n_i, 2)`` per frame of the field, in any fixed order.
    radius_px
        Nominal bead radius.

    Returns
    -------
    list of ndarray
        One array ``(n_i,)`` per frame: the number of the bead, from 0 in the order in which beads
        are first seen. Two beads of one frame never share a number.
    """
    known = np.empty((0, 2))
    numbers: list[IntArray] = []
    for centers in centers_px:
        assigned = _nearest(centers, known, REACH_RADII * radius_px)
        new = assigned < 0
        assigned[new] = len(known) + np.arange(np.count_nonzero(new))
        known = np.concatenate([known, centers[new]])
        known[assigned] = centers  # follow slow drift
        numbers.append(assigned)
    return numbers


def _nearest(centers: FloatArray, known: FloatArray, reach_px: float) -> IntArray:
    """Index of the nearest known bead, each used once, nearest pairs first; -1 where there is none."""
    assigned = np.full(len(centers), -1, dtype=np.int64)
    if not len(centers) or not len(known):
        return assigned
    offsets = centers[:, None] - known[None]
    distance = np.hypot(offsets[..., 0], offsets[..., 1])
    taken: set[int] = set()
    for flat in np.argsort(distance, axis=None, kind="stable"):
        i, j = divmod(int(flat), len(known))
        if distance[i, j] > reach_px:
            break
        if assigned[i] < 0 and j not in taken:
            assigned[i] = j
            taken.add(j)
    return assigned
