"""Grey levels that a program scaled after the camera.

A linear change of contrast maps each grey level of the camera to one of the file. Its rounding moves a
grey level by up to a half, all pixels of that level alike, which does not average out in a ring. A
stretch leaves regular gaps in the histogram, which separate the levels of the camera: nothing is lost.
A factor below 1 merges pairs of levels at regular distances, which remain merged; the histogram has
peaks there.

References
----------
Stamm and Liu 2010, "Forensic detection of image manipulation using statistical intrinsic fingerprints"
(gaps and peaks that a change of contrast leaves in the histogram).
"""

import numpy as np
from scipy.ndimage import median_filter
from scipy.optimize import linprog

from refp.core.arrays import BoolArray, FloatArray, Image, IntArray
from refp.settings import Instrument

N_LEVELS = 256
MIN_COUNT = 12
"""Pixels of the nearest levels of a gap, at least: a level is that empty by chance once in 10^5."""
MIN_LEVELS = 20
MIN_GAPS = 2
MAX_RESIDUAL = 0.51
"""Largest distance of rounded levels from a line; a hundredth for values that end on a half."""
COUNT_TOLERANCE = 0.15
"""Relative standard deviation of the number of pixels of a level about the median of its neighbours, apart
from that of counting."""
MAX_SLOPE = 1.0
"""Largest change of the logarithm of the counts over four levels: beside a narrow peak no level is typical
of the next."""
MAX_LEVEL_EVIDENCE = 16.0
MIN_EVIDENCE = 50.0
"""Evidence for regular peaks, in units of squared standard deviations. Of 58 images of the twin none has
more than 41 as it is, and all have more than 66 after a factor of 0.8."""
MIN_COHERENCE = 0.8
"""Fraction of the evidence that is in phase; less where the distance of the peaks varies, as after a change
of gamma."""
FREQUENCIES = (0.03, 0.45)
"""Of merged pairs, for each grey level."""
N_FREQUENCIES = 512


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
    levels = camera_levels(level_counts(image))
    if levels is None:
        return None
    white = min(instrument.optics.white_level or N_LEVELS - 1, int(levels[-1]))
    # The stretch removed more than the offset of the camera: the levels are too low by it.
    if white <= instrument.camera.offset:
        return None
    return levels.astype(np.uint8)[image], instrument.replace("optics.white_level", white)


def has_merged_levels(image: Image) -> bool:
    """Return whether the histogram of an image of 8 bits has the regular peaks of a factor below 1.

    Parameters
    ----------
    image
        Shape ``(y, x)``.

    Notes
    -----
    The evidence that a level holds two of the camera's is the difference of squared deviations of its
    count from the median count of its neighbours and from twice that. Regular peaks are in phase at the
    frequency of the merged pairs.
    """
    evidence = _evidence_of_pairs(level_counts(image))
    if len(evidence) < MIN_LEVELS:
        return False
    coherent = np.abs(np.fft.rfft(evidence, 2 * N_FREQUENCIES))
    frequency = np.arange(len(coherent)) / (2 * N_FREQUENCIES)
    low, high = FREQUENCIES
    searched = (frequency > max(low, 2.0 / len(evidence))) & (frequency < high)
    return bool(coherent[searched].max() > max(MIN_EVIDENCE, MIN_COHERENCE * evidence.sum()))


def has_uneven_gaps(image: Image) -> bool:
    """Return whether the histogram of an image of 8 bits has gaps that no linear change leaves.

    Parameters
    ----------
    image
        Shape ``(y, x)``.
    """
    counts = level_counts(image)
    return _n_gaps(counts) >= MIN_GAPS and camera_levels(counts) is None


def level_counts(image: Image) -> IntArray:
    """Return the number of pixels of each grey level of an image of 8 bits; zeros for others."""
    if image.dtype != np.uint8:
        return np.zeros(N_LEVELS, dtype=np.int64)
    return np.bincount(image.ravel(), minlength=N_LEVELS)


def _evidence_of_pairs(counts: IntArray) -> FloatArray:
    """Return the evidence that a level holds two of the camera's, for each populated level."""
    inner = counts.astype(np.float64)
    inner[[0, -1]] = 0.0  # black and white pixels may be clipped
    typical = median_filter(inner, 5, mode="nearest")
    levels = _longest_run(typical >= MIN_COUNT)
    found, expected = inner[levels], typical[levels]
    evidence = np.maximum(_misfit(found, expected) - _misfit(found, 2.0 * expected), 0.0)
    logs = np.log(np.maximum(typical, 1.0))
    slope = np.abs(np.roll(logs, -2) - np.roll(logs, 2))[levels]
    return np.where(slope < MAX_SLOPE, evidence, 0.0)


def _misfit(found: FloatArray, expected: FloatArray) -> FloatArray:
    """Return squared deviations of counts in units of their variance, up to a limit."""
    variance = expected + (COUNT_TOLERANCE * expected) ** 2
    return np.minimum((found - expected) ** 2 / variance, MAX_LEVEL_EVIDENCE)


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
    if _n_gaps(counts) < MIN_GAPS:
        return None
    used = _used_levels(counts)[0]
    rank = np.arange(len(used))
    gain, offset, residual = _chebyshev_line(rank, used)
    if residual > MAX_RESIDUAL:
        return None
    first = round(offset / gain)
    levels = np.rint((np.arange(N_LEVELS) - offset) / gain).astype(np.int64) + first
    levels[used] = rank + first
    return np.maximum(levels, 0)


def _n_gaps(counts: IntArray) -> int:
    """Return the number of empty levels between populated ones; 0 where few levels are populated."""
    used, n_levels = _used_levels(counts)
    return n_levels - len(used) if len(used) >= MIN_LEVELS else 0


def _used_levels(counts: IntArray) -> tuple[IntArray, int]:
    """Return the levels in use of the longest run of populated levels and gaps, and its length."""
    there = counts > 0
    there[[0, -1]] = False  # black and white pixels may be clipped
    level = np.arange(N_LEVELS)
    below = np.maximum.accumulate(np.where(there, level, 0))
    above = np.minimum.accumulate(np.where(there, level, N_LEVELS - 1)[::-1])[::-1]
    nearest = np.where(there[below] & there[above], np.minimum(counts[below], counts[above]), 0)
    populated = _longest_run(nearest >= MIN_COUNT)
    return populated[there[populated]], len(populated)


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
