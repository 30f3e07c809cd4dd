"""Restoration of grey levels that a program stretched after the camera.

A linear stretch maps each grey level of the camera to one of the file, so that some levels of the file
remain empty. Its rounding moves a grey level by up to a half, all pixels of that level alike, which does
not average out in a ring. The gaps in the histogram separate the levels of the camera, so that nothing
is lost. A gain below 1 leaves no gaps: levels of the camera were merged, and stay so.

References
----------
Stamm and Liu 2010, "Forensic detection of image manipulation using statistical intrinsic fingerprints"
(gaps and peaks that a change of contrast leaves in the histogram).
"""

import numpy as np
from scipy.optimize import linprog

from refp.core.arrays import BoolArray, Image, IntArray
from refp.settings import Instrument

N_LEVELS = 256
MIN_COUNT = 12
"""Pixels of the nearest levels of a gap, at least: a level is that empty by chance once in 10^5."""
MIN_LEVELS = 20
MIN_GAPS = 2
MAX_RESIDUAL = 0.51
"""Largest distance of rounded levels from a line; a hundredth for values that end on a half."""


def restore_levels(image: Image, instrument: Instrument) -> tuple[Image, Instrument] | None:
    """Return a stretched image in grey levels of the camera.

    Parameters
    ----------
    image
        Shape ``(y, x)``; only images of 8 bits, in which a second rounding matters, are restored.
    instrument
        Its instrument.

    Returns
    -------
    tuple or None
        Image, and instrument with the white level of the restored image; ``None`` where the histogram
        shows no linear stretch.
    """
    if image.dtype != np.uint8:
        return None
    levels = camera_levels(np.bincount(image.ravel(), minlength=N_LEVELS))
    if levels is None:
        return None
    white = min(instrument.optics.white_level or N_LEVELS - 1, int(levels[-1]))
    return levels.astype(np.uint8)[image], instrument.replace("optics.white_level", white)


def camera_levels(counts: IntArray) -> IntArray | None:
    """Return the level of the camera of each grey level of a file.

    Parameters
    ----------
    counts
        Shape ``(256,)``: pixels of each grey level.

    Returns
    -------
    ndarray or None
        Shape ``(256,)``. Which level of the camera became black is not known: it is that nearest to 0.
        ``None`` where the histogram shows no linear stretch: gaps that are no rounding of a line, as after
        a change of gamma, or none.
    """
    there = counts > 0
    there[[0, -1]] = False  # black and white pixels may be clipped
    level = np.arange(N_LEVELS)
    below = np.maximum.accumulate(np.where(there, level, 0))
    above = np.minimum.accumulate(np.where(there, level, N_LEVELS - 1)[::-1])[::-1]
    nearest = np.where(there[below] & there[above], np.minimum(counts[below], counts[above]), 0)
    populated = _longest_run(nearest >= MIN_COUNT)
    used = populated[there[populated]]
    if len(used) < MIN_LEVELS or len(populated) - len(used) < MIN_GAPS:
        return None
    rank = np.arange(len(used))
    gain, offset, residual = _chebyshev_line(rank, used)
    if residual > MAX_RESIDUAL:
        return None
    first = round(offset / gain)
    levels = np.rint((level - offset) / gain).astype(np.int64) + first
    levels[used] = rank + first
    return np.maximum(levels, 0)


def _chebyshev_line(x: IntArray, y: IntArray) -> tuple[float, float, float]:
    """Return slope, offset and largest residual of the line whose largest residual is least."""
    one = np.ones(len(x))
    sides = np.vstack([np.column_stack([x, one, -one]), np.column_stack([-x, -one, -one])])
    line = linprog([0, 0, 1], sides, np.concatenate([y, -y]), bounds=[(None, None)] * 3)
    slope, offset, residual = np.asarray(line.x).tolist()
    return slope, offset, residual


def _longest_run(inside: BoolArray) -> IntArray:
    """Return the longest run of levels that are inside."""
    levels = np.flatnonzero(inside)
    return max(np.split(levels, np.flatnonzero(np.diff(levels) > 1) + 1), key=len)
