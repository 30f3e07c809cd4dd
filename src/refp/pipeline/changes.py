"""Steps and drifts of a series of dZ, found by rank tests on the medians of periods.

Images of one day share their focus, so that the day, not the image, is the unit of the tests. Medians and
ranks bound the influence of single images far from the others.

References
----------
Pettitt, "A non-parametric approach to the change-point problem", Appl. Statist. 28, 126 (1979).
Sen, "Estimates of the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63, 1379 (1968).
Hodges and Lehmann, "Estimates of location based on rank tests", Ann. Math. Stat. 34, 598 (1963).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.stats import kendalltau, norm, rankdata, theilslopes

from refp.core.arrays import FloatArray, IntArray

ALPHA = 0.01
"""Significance of a step or a drift, for each series and each part of one."""
COVERAGE = 0.95
MIN_PERIODS = 10
"""Minimum number of periods of a series that is tested."""
MIN_PART = 5
"""Minimum number of periods before and after a step."""
MAX_PERIODS = 1000
"""Series of more periods are joined by neighbours: the slopes of all pairs are computed."""
PERIODS_S = (86400, 3600, 1)
"""A day, an hour, a second."""
DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Periods:
    """Medians of a series by period.

    Attributes
    ----------
    time_s
        Shape ``(n,)``: median time of the images of each period, rising, in seconds.
    median_um
        Shape ``(n,)``: median dZ.
    count
        Shape ``(n,)``: number of images.
    """

    time_s: FloatArray
    median_um: FloatArray
    count: IntArray

    def __len__(self) -> int:
        return len(self.time_s)

    def part(self, start: int, stop: int) -> "Periods":
        """Return the periods from ``start`` to before ``stop``."""
        own = slice(start, stop)
        return Periods(self.time_s[own], self.median_um[own], self.count[own])


@dataclass(frozen=True, slots=True)
class Change:
    """A step or a drift.

    Attributes
    ----------
    kind
        ``step`` or ``drift``.
    start_s, end_s
        Of a step the last period before it and the first after it; of a drift its first and last period.
    change_um
        Change of dZ: of a drift from its start to its end.
    lower_um, upper_um
        95 % interval of the change, given the date.
    p
        Significance by Pettitt's or Kendall's test.
    """

    kind: Literal["step", "drift"]
    start_s: float
    end_s: float
    change_um: float
    lower_um: float
    upper_um: float
    p: float


def group_periods(time_s: FloatArray, dz_um: FloatArray) -> Periods:
    """Return the medians of a series by day; by hour or image if it has few days.

    Parameters
    ----------
    time_s
        Shape ``(n,)``: times of the images in seconds, rising.
    dz_um
        Shape ``(n,)``: dZ.
    """
    for period_s in PERIODS_S:
        starts = np.flatnonzero(np.diff(time_s // period_s, prepend=-np.inf))
        if len(starts) >= MIN_PERIODS:
            break
    joined = max(math.ceil(len(starts) / MAX_PERIODS), 1)
    parts = list(pairwise([*starts[::joined], len(time_s)]))
    return Periods(
        np.array([np.median(time_s[i:j]) for i, j in parts], dtype=np.float64),
        np.array([np.median(dz_um[i:j]) for i, j in parts], dtype=np.float64),
        np.array([j - i for i, j in parts], dtype=np.int64),
    )


def find_changes(periods: Periods) -> list[Change]:
    """Find the steps and drifts of a series, in order of time.

    A part of the series with a significant step or trend is either a drift or split at the step, whichever
    leaves the smaller sum of absolute residuals; the parts of a split are searched in turn. Serial
    correlation beyond the period makes both tests too sensitive.

    Parameters
    ----------
    periods
        From :func:`group_periods`; of fewer than ``MIN_PERIODS`` no change is found.
    """
    parts = list(_split(periods, 0, len(periods))) if len(periods) >= MIN_PERIODS else []
    steps = [_step(periods, before, after) for before, after in pairwise(parts)]
    drifts = [part.drift for part in parts if part.drift is not None]
    return sorted([*steps, *drifts], key=lambda change: change.start_s)


@dataclass(frozen=True, slots=True)
class _Part:
    """Periods without a step, their drift if any, and the significance of the step after them."""

    start: int
    stop: int
    drift: Change | None = None
    p_after: float = 1.0

    def values_at(self, periods: Periods, time_s: float) -> FloatArray:
        """Return the medians of the part, without its drift, for one time."""
        own = periods.part(self.start, self.stop)
        if self.drift is None:
            return own.median_um
        duration_s = self.drift.end_s - self.drift.start_s
        return own.median_um - self.drift.change_um * (own.time_s - time_s) / duration_s


def _split(periods: Periods, start: int, stop: int, p_after: float = 1.0) -> Iterator[_Part]:
    """Yield the parts of a range of periods in order."""
    part = periods.part(start, stop)
    if len(part) < 2 * MIN_PART:
        yield _Part(start, stop, None, p_after)
        return
    y = part.median_um
    split, p_step = pettitt(y)
    p_trend = float(np.nan_to_num(kendalltau(part.time_s, y).pvalue, nan=1.0))
    if min(p_step, p_trend) >= ALPHA:
        yield _Part(start, stop, None, p_after)
        return
    drift = _drift(part, p_trend)
    line = drift.change_um * (part.time_s - part.time_s[0]) / np.ptp(part.time_s)
    if _spread(y - line) <= _spread(y[:split]) + _spread(y[split:]):
        yield _Part(start, stop, drift, p_after)
        return
    yield from _split(periods, start, start + split, p_step)
    yield from _split(periods, start + split, stop, p_after)


def pettitt(y: FloatArray) -> tuple[int, float]:
    """Return the position of the most likely step and its significance by Pettitt's test.

    Parameters
    ----------
    y
        Shape ``(n,)`` with ``n >= 2 * MIN_PART``.

    Returns
    -------
    int
        Index of the first value after the step, at least ``MIN_PART`` from either end.
    float
        Approximate probability of a statistic as large without a step; at most 1.
    """
    n = len(y)
    u = 2 * np.cumsum(rankdata(y)) - np.arange(1, n + 1) * (n + 1)
    inner = np.abs(u[MIN_PART - 1 : n - MIN_PART])
    k = int(np.argmax(inner))
    return k + MIN_PART, min(1.0, 2 * float(np.exp(-6 * inner[k] ** 2 / (n**3 + n**2))))


def _step(periods: Periods, part: _Part, following: _Part) -> Change:
    """Return the step between two parts: the shift of Hodges and Lehmann, and its interval.

    The interval is that of Mann and Whitney's test.
    """
    start_s, end_s = (float(t) for t in periods.time_s[part.stop - 1 : part.stop + 1])
    before, after = part.values_at(periods, start_s), following.values_at(periods, end_s)
    differences = np.sort(np.subtract.outer(after, before), axis=None)
    m, n = len(before), len(after)
    half = norm.ppf((1 + COVERAGE) / 2) * np.sqrt(m * n * (m + n + 1) / 12)
    k = max(round(m * n / 2 - half), 0)
    shift, lower, upper = np.median(differences), differences[k], differences[-1 - k]
    return Change("step", start_s, end_s, float(shift), float(lower), float(upper), part.p_after)


def _drift(periods: Periods, p: float) -> Change:
    days = (periods.time_s - periods.time_s[0]) / DAY_S
    fit = theilslopes(periods.median_um, days, COVERAGE)
    change, low, high = (float(slope * days[-1]) for slope in (fit[0], fit[2], fit[3]))
    start, end = float(periods.time_s[0]), float(periods.time_s[-1])
    return Change("drift", start, end, change, low, high, p)


def _spread(y: FloatArray) -> float:
    """Sum of absolute differences from the median."""
    return float(np.abs(y - np.median(y)).sum())
