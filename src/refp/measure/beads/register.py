"""Register the frames of a field of view, and recognise the same bead in all of them.

Beads stand still during a sweep but for a lateral shift that all share (a stage axis that leans,
drift). The shift of a frame is what most of its beads agree on; a position where a bead is seen well
in a good part of the frames is a bead, one that shows up in few is not.
"""

from collections.abc import Sequence

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.measure.beads.beads import Persistence, Registration

REACH_RADII = 0.8
"""A bead is within this distance of where it is expected; two beads are two radii apart."""
SEARCH_RADII = 3.0
"""So far may a frame have moved against the one before it, if several beads agree."""
AGREE_RADII = 0.3
"""Displacements of beads that moved together differ by less; centres are good to 0.1 radii."""
REFINEMENTS = 3
"""Positions and shifts are means of each other; one round settles them, more cost nothing."""
PERSISTENT_FRACTION = 0.5
"""A bead that stands still is seen well in nearly all frames; half allows for a sweep whose far end is
lost to blur."""
PASSING_FRACTION = 0.25
"""What is seen in fewer frames passes by, or is noise."""
MIN_FRAMES = 4
"""With fewer frames a fraction means nothing."""


def register_frames(
    centers_px: Sequence[FloatArray],
    good: Sequence[BoolArray],
    z_um: FloatArray,
    radius_px: float,
) -> Registration:
    """Estimate the shift of every frame and number its beads.

    Parameters
    ----------
    centers_px
        One array ``(n_i, 2)`` per frame of the field, all exposures, in any order.
    good
        One array ``(n_i,)`` per frame: which of them are surely beads.
    z_um
        Shape ``(f,)``, Z of the frames; neighbours in Z have moved little against each other.
    radius_px
        Nominal bead radius.

    Returns
    -------
    Registration
        The same whatever the order of the frames. Two beads of one frame never share a number.
    """
    order = _chain(centers_px, good, z_um)
    shift, positions = _first_pass(centers_px, good, z_um, order, radius_px)
    reach = REACH_RADII * radius_px
    for _ in range(REFINEMENTS):
        links = [
            _nearest(c[g] - s, positions, reach)
            for c, g, s in zip(centers_px, good, shift, strict=True)
        ]
        moved = [c[g] for c, g in zip(centers_px, good, strict=True)]
        positions = _positions(moved, links, shift, positions)
        shift = _shifts(moved, links, shift, positions)
    level = np.median(shift, axis=0) if len(shift) else np.zeros(2)
    shift, positions = shift - level, positions + level
    numbers: list[IntArray] = [np.empty(0, dtype=np.int64)] * len(centers_px)
    for i in order:
        numbers[i], positions = _number(centers_px[i] - shift[i], good[i], positions, reach)
    return _by_position(shift, positions, numbers)


def _chain(
    centers_px: Sequence[FloatArray], good: Sequence[BoolArray], z_um: FloatArray
) -> list[int]:
    """Order of the frames: from the one with the most good beads outwards in Z."""
    if not len(centers_px):
        return []
    n_good = [int(np.count_nonzero(g)) for g in good]
    # Exposures of one Z tie, so the coordinates decide: the order that was given must not.
    ranks = [
        (-n, z, sorted(map(tuple, c.tolist())))
        for n, z, c in zip(n_good, z_um, centers_px, strict=True)
    ]
    start = min(range(len(ranks)), key=ranks.__getitem__)
    return sorted(range(len(ranks)), key=lambda i: (abs(z_um[i] - z_um[start]), ranks[i]))


def _first_pass(
    centers_px: Sequence[FloatArray],
    good: Sequence[BoolArray],
    z_um: FloatArray,
    order: Sequence[int],
    radius_px: float,
) -> tuple[FloatArray, FloatArray]:
    """Shift frame after frame onto what is known so far; return shifts and positions of beads."""
    shift = np.zeros((len(centers_px), 2))
    known = np.empty((0, 2))
    for k, i in enumerate(order):
        earlier = np.array(order[:k], dtype=np.int64)
        nearest = earlier[np.argmin(np.abs(z_um[earlier] - z_um[i]))] if k else i
        points = centers_px[i][good[i]]
        shift[i] = shift[nearest] + displacement(points - shift[nearest], known, radius_px)
        new = _nearest(points - shift[i], known, REACH_RADII * radius_px) < 0
        known = np.concatenate([known, (points - shift[i])[new]])
    return shift, known


def displacement(points_px: FloatArray, known_px: FloatArray, radius_px: float) -> FloatArray:
    """Return by how much points moved against known ones, as most of them agree.

    Parameters
    ----------
    points_px, known_px
        Shapes ``(n, 2)`` and ``(m, 2)``; either may lack some of the other.
    radius_px
        Nominal bead radius. One bead alone may only have moved by a part of it, since a single pair
        could as well be two different beads.

    Returns
    -------
    ndarray
        Shape ``(2,)``; 0 where nothing agrees.
    """
    offsets = (points_px[:, None] - known_px[None]).reshape(-1, 2)
    length = np.hypot(*offsets.T)
    offsets, length = (
        offsets[length <= SEARCH_RADII * radius_px],
        length[length <= SEARCH_RADII * radius_px],
    )
    if not len(offsets):
        return np.zeros(2)
    apart = np.hypot(*(offsets[:, None] - offsets[None]).transpose(2, 0, 1))
    agree = apart <= AGREE_RADII * radius_px
    votes = agree.sum(axis=1)
    best = int(np.lexsort((length, -votes))[0])  # of equal votes the smallest displacement
    if votes[best] == 1:
        best = int(np.argmin(length))
        if length[best] > REACH_RADII * radius_px:
            return np.zeros(2)
    return np.asarray(np.median(offsets[agree[best]], axis=0))


def _positions(
    points: Sequence[FloatArray],
    links: Sequence[IntArray],
    shift: FloatArray,
    before: FloatArray,
) -> FloatArray:
    """Median position of every bead over its frames, their shifts taken off."""
    bead = np.concatenate([np.empty(0, dtype=np.int64), *links])
    still = np.concatenate([np.empty((0, 2)), *(p - s for p, s in zip(points, shift, strict=True))])
    return np.array(
        [
            np.median(still[bead == b], axis=0) if (bead == b).any() else p
            for b, p in enumerate(before)
        ]
    ).reshape(-1, 2)


def _shifts(
    points: Sequence[FloatArray],
    links: Sequence[IntArray],
    before: FloatArray,
    positions: FloatArray,
) -> FloatArray:
    """Median displacement of every frame's beads; as before where it has none."""
    linked = [link >= 0 for link in links]
    return np.array(
        [
            np.median(p[ok] - positions[link[ok]], axis=0) if ok.any() else s
            for p, link, ok, s in zip(points, links, linked, before, strict=True)
        ]
    ).reshape(-1, 2)


def _number(
    points: FloatArray, good: BoolArray, positions: FloatArray, reach_px: float
) -> tuple[IntArray, FloatArray]:
    """Number the points of a frame, good ones first; what is new gets a position of its own."""
    numbers = np.full(len(points), -1, dtype=np.int64)
    numbers[good] = _nearest(points[good], positions, reach_px)
    free = positions.copy()
    free[numbers[numbers >= 0]] = np.inf
    numbers[~good] = _nearest(points[~good], free, reach_px)
    new = numbers < 0
    numbers[new] = len(positions) + np.arange(np.count_nonzero(new))
    return numbers, np.concatenate([positions, points[new]])


def _by_position(
    shift: FloatArray, positions: FloatArray, numbers: Sequence[IntArray]
) -> Registration:
    """Number beads by row and column, which does not depend on how they came to be known."""
    used = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *numbers]))
    ordered = used[np.lexsort(positions[used].T[::-1])]
    renumber = np.empty(len(positions), dtype=np.int64)
    renumber[ordered] = np.arange(len(ordered))
    return Registration(shift, positions[ordered], tuple(renumber[n] for n in numbers))


def _nearest(centers: FloatArray, known: FloatArray, reach_px: float) -> IntArray:
    """Index of the nearest known bead, each used once, nearest pairs first; -1 where there is none."""
    assigned = np.full(len(centers), -1, dtype=np.int64)
    if not len(centers) or not len(known):
        return assigned
    offsets = centers[:, None] - known[None]
    distance = np.hypot(offsets[..., 0], offsets[..., 1])
    rows, columns = np.nonzero(distance <= reach_px)
    taken: set[int] = set()
    for k in np.argsort(distance[rows, columns], kind="stable"):
        i, j = int(rows[k]), int(columns[k])
        if assigned[i] < 0 and j not in taken:
            assigned[i] = j
            taken.add(j)
    return assigned


def find_persistent(registration: Registration, good: Sequence[BoolArray]) -> Persistence:
    """Tell beads that stand in the field from what passes through.

    Parameters
    ----------
    registration
        The field's.
    good
        One array ``(n_i,)`` per frame, as given to :func:`register_frames`.
    """
    n = len(registration.position_px)
    telling = [i for i, g in enumerate(good) if g.any()]
    if len(telling) < MIN_FRAMES:
        return Persistence(np.zeros(n, dtype=np.bool_), np.ones(n))
    seen, well = np.zeros(n), np.zeros(n)
    for i in telling:
        seen[registration.numbers[i]] += 1
        well[registration.numbers[i][good[i]]] += 1
    return Persistence(well >= PERSISTENT_FRACTION * len(telling), seen / len(telling))
