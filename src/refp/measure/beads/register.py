"""Registration of the frames of a field of view, and identification of beads across them.

Beads do not move during a sweep, except for a common lateral shift (inclined stage axis, drift). The
shift of a frame is the displacement on which most of its beads agree. A bead that is found in most
frames is persistent; a detection in few frames is not a bead.
"""

from collections.abc import Sequence

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.measure.beads.beads import Persistence, Registration

REACH_RADII = 0.8
"""Largest distance of a bead from its expected position; two beads are at least two radii apart."""
SEARCH_RADII = 3.0
"""Largest shift of a frame against the one before it, if several beads agree."""
AGREE_RADII = 0.3
"""Largest difference of displacements that agree; centres are accurate to 0.1 radii."""
REFINEMENTS = 3
"""Alternating refinements of positions and shifts; they converge after one, further ones are cheap."""
PERSISTENT_FRACTION = 0.5
"""Fraction of frames from which a bead is persistent: nearly all for a bead at rest; half allows for a
sweep with one end out of focus."""
PASSING_FRACTION = 0.25
"""Fraction of frames below which a detection is a passing object or noise."""
MIN_FRAMES = 4
"""Minimum number of frames for which fractions are meaningful."""


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
        One array ``(n_i,)`` per frame: whether each is a usable bead.
    z_um
        Shape ``(f,)``, Z of the frames; neighbours in Z are assumed to have similar shifts.
    radius_px
        Nominal bead radius.

    Returns
    -------
    Registration
        Independent of the order of the frames. Beads of one frame have different numbers.
    """
    order = _chain(centers_px, good, z_um)
    shift, positions = _first_pass(centers_px, good, z_um, order, radius_px)
    reach = REACH_RADII * radius_px
    for _ in range(REFINEMENTS):
        links = [
            match_nearest(c[g] - s, positions, reach)
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
    """Return the order of registration: from the frame with the most good beads outwards in Z."""
    if not len(centers_px):
        return []
    n_good = [int(np.count_nonzero(g)) for g in good]
    # Exposures at one Z have equal ranks; the coordinates decide, so that the given order does not.
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
    """Register frame after frame to the beads so far; return shifts and positions of beads."""
    shift = np.zeros((len(centers_px), 2))
    known = np.empty((0, 2))
    for k, i in enumerate(order):
        earlier = np.array(order[:k], dtype=np.int64)
        nearest = earlier[np.argmin(np.abs(z_um[earlier] - z_um[i]))] if k else i
        points = centers_px[i][good[i]]
        shift[i] = shift[nearest] + displacement(points - shift[nearest], known, radius_px)
        new = match_nearest(points - shift[i], known, REACH_RADII * radius_px) < 0
        known = np.concatenate([known, (points - shift[i])[new]])
    return shift, known


def displacement(points_px: FloatArray, known_px: FloatArray, radius_px: float) -> FloatArray:
    """Return the displacement of points against known ones on which most of them agree.

    Parameters
    ----------
    points_px, known_px
        Shapes ``(n, 2)`` and ``(m, 2)``; either may lack some points of the other.
    radius_px
        Nominal bead radius. The displacement of a single bead must be a fraction of it, since a single
        pair of points could be two different beads.

    Returns
    -------
    ndarray
        Shape ``(2,)``; 0 if no displacements agree.
    """
    offsets = (points_px[:, None] - known_px[None]).reshape(-1, 2)
    length = np.hypot(*offsets.T)
    offsets, length = (
        offsets[length <= SEARCH_RADII * radius_px],
        length[length <= SEARCH_RADII * radius_px],
    )
    if not len(offsets):
        return np.zeros(2)
    difference = np.hypot(*(offsets[:, None] - offsets[None]).transpose(2, 0, 1))
    agree = difference <= AGREE_RADII * radius_px
    votes = agree.sum(axis=1)
    best = int(np.lexsort((length, -votes))[0])  # for equal votes the smallest displacement
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
    """Median position of every bead over its frames, corrected for their shifts."""
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
    """Median displacement of the beads of every frame; unchanged for a frame without beads."""
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
    """Assign numbers to the points of a frame, good ones first; new points get new positions."""
    numbers = np.full(len(points), -1, dtype=np.int64)
    numbers[good] = match_nearest(points[good], positions, reach_px)
    free = positions.copy()
    free[numbers[numbers >= 0]] = np.inf
    numbers[~good] = match_nearest(points[~good], free, reach_px)
    new = numbers < 0
    numbers[new] = len(positions) + np.arange(np.count_nonzero(new))
    return numbers, np.concatenate([positions, points[new]])


def _by_position(
    shift: FloatArray, positions: FloatArray, numbers: Sequence[IntArray]
) -> Registration:
    """Renumber beads by row and column, so that numbers do not depend on the order of detection."""
    used = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *numbers]))
    ordered = used[np.lexsort(positions[used].T[::-1])]
    renumber = np.empty(len(positions), dtype=np.int64)
    renumber[ordered] = np.arange(len(ordered))
    return Registration(shift, positions[ordered], tuple(renumber[n] for n in numbers))


def match_nearest(centers: FloatArray, known: FloatArray, reach_px: float) -> IntArray:
    """Return the index of the nearest known point for each point, shape ``(n,)``; -1 without one.

    Parameters
    ----------
    centers, known
        Shapes ``(n, 2)`` and ``(m, 2)``.
    reach_px
        Largest distance.

    Notes
    -----
    Nearest pairs are assigned first, and each known point once.
    """
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
    """Determine which beads of a field are persistent.

    Parameters
    ----------
    registration
        Registration of the frames of the field.
    good
        One array ``(n_i,)`` per frame, as given to :func:`register_frames`.
    """
    n = len(registration.position_px)
    informative = [i for i, g in enumerate(good) if g.any()]
    if len(informative) < MIN_FRAMES:
        return Persistence(np.zeros(n, dtype=np.bool_), np.ones(n))
    seen, well = np.zeros(n), np.zeros(n)
    for i in informative:
        seen[registration.numbers[i]] += 1
        well[registration.numbers[i][good[i]]] += 1
    return Persistence(well >= PERSISTENT_FRACTION * len(informative), seen / len(informative))
