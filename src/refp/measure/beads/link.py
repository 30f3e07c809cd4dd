"""Linking of candidates along Z into tracks: places of a field that are round in many frames.

A bead moves little between neighbouring frames, however far it drifts over the sweep or its image moves
in oblique light. Candidates among the rings of a bead appear elsewhere in each frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.measure.beads.register import match_nearest

LINK_RADII = 0.8
"""Largest distance of a candidate from the track's last position; two beads are two radii apart."""
MAX_GAP, MIN_GAP_FRAMES = 0.1, 3
"""Largest gap of a track: this fraction of the frames, and at least so many of them."""
MIN_FOUND = 0.5
"""Fraction of the frames with a candidate from which a track is reported."""
SMOOTHED_FRAMES = 5
"""Positions are medians of so many neighbours, so that one wrong candidate does not move a track."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """Places of a field where most frames have a candidate.

    Attributes
    ----------
    center_px
        Shape ``(f, t, 2)``: position of each track in each frame, ``(y, x)``.
    found
        Shape ``(f, t)``: the frame has a candidate there.
    """

    center_px: FloatArray
    found: BoolArray

    def __len__(self) -> int:
        return self.found.shape[1]


def link_candidates(centers_px: Sequence[FloatArray], z_um: FloatArray, radius_px: float) -> Tracks:
    """Link the candidates of a field's frames into tracks.

    Parameters
    ----------
    centers_px
        One array ``(n_i, 2)`` per frame of the field, all exposures, in any order.
    z_um
        Shape ``(f,)``, Z of the frames.
    radius_px
        Nominal bead radius.

    Returns
    -------
    Tracks
        In rising order of the position, those with a candidate in at least half of the frames.
    """
    n, order = len(centers_px), np.argsort(z_um, kind="stable")
    links = [
        (ranks, points)
        for ranks, points in _link([centers_px[i] for i in order], radius_px)
        if len(ranks) >= MIN_FOUND * n
    ]
    found = np.zeros((n, len(links)), dtype=np.bool_)
    center = np.zeros((n, len(links), 2))
    for t, (ranks, points) in enumerate(links):
        found[order[ranks], t] = True
        center[order, t] = _everywhere(ranks, points, n)
    by_position = np.lexsort(np.median(center, axis=0).T[::-1]) if links else np.arange(0)
    return Tracks(center[:, by_position], found[:, by_position])


def _link(
    centers_px: Sequence[FloatArray], radius_px: float
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Yield ranks and positions of each track of frames in the order of Z."""
    gap = max(MIN_GAP_FRAMES, int(MAX_GAP * len(centers_px)))
    ranks: list[list[int]] = []
    points: list[list[FloatArray]] = []
    for rank, centers in enumerate(centers_px):
        open_ = [t for t, seen in enumerate(ranks) if rank - seen[-1] <= gap]
        last = np.array([points[t][-1] for t in open_]).reshape(-1, 2)
        links = match_nearest(centers, last, LINK_RADII * radius_px)
        for link, center in zip(links, centers, strict=True):
            if link < 0:
                ranks.append([])
                points.append([])
            track = open_[link] if link >= 0 else -1
            ranks[track].append(rank)
            points[track].append(center)
    for seen, places in zip(ranks, points, strict=True):
        yield np.array(seen, dtype=np.int64), np.array(places)


def _everywhere(ranks: IntArray, points: FloatArray, n: int) -> FloatArray:
    """Return smoothed positions in all ``n`` frames, interpolated where there is none, ``(n, 2)``."""
    smooth = median_filter(points, (SMOOTHED_FRAMES, 1), mode="nearest")
    return np.stack([np.interp(np.arange(n), ranks, along) for along in smooth.T], axis=1)
