"""Baselines: mean and standard deviation of a period, as limits for later values."""

from dataclasses import replace
from datetime import datetime, time

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.errors import HistoryError
from refp.history.history import KIND_OF, Baseline, Purpose, Quantity

DayArray = np.ndarray[tuple[int], np.dtype[np.datetime64]]
MIN_VALUES = 20
"""With fewer values the standard deviation is uncertain by more than 16 %, 1 / sqrt(2 (n - 1)).

The guideline CLSI C24 asks for at least as many for the limits of a control chart.
"""
MIN_DAYS = 5
"""Values of fewer days omit most of the scatter between days."""


def needed(n: int, n_days: int, noun: str) -> str:
    """Return the sentence on values that are missing for limits; empty where there are enough.

    Parameters
    ----------
    n, n_days
        Number of values, and of their different days.
    noun
        Plural of the values, such as ``checks``.
    """
    if _suffice(n, n_days):
        return ""
    verb = "is" if n == 1 else "are"
    return f"limits need {MIN_VALUES} {noun} on {MIN_DAYS} days; there {verb} {n} on {n_days}"


def summarise_period(
    values: FloatArray,
    days: DayArray,
    empty: Baseline,
    *,
    n_repeats: int = 0,
    enough_recorded: bool = False,
) -> Baseline:
    """Return a baseline with numbers, mean and standard deviation of its period's values.

    Parameters
    ----------
    values, days
        Shape ``(n,)``, values, of which NaN is ignored, and their calendar days.
    empty
        The baseline without numbers, mean and standard deviation.
    n_repeats
        Number of records that were left out, since they repeat the image of another.
    enough_recorded
        Whether a longer period has enough values.

    Raises
    ------
    HistoryError
        If there are fewer than 20 values or 5 days, or all values are equal.
    """
    known = values[np.isfinite(values)]
    n_days = count_days(values, days)
    about = f"baseline {empty.name!r} of {empty.quantity} of {empty.instrument!r}"
    missing = needed(len(known), n_days, noun_of(empty.quantity, empty.purpose))
    if missing:
        repeats = f" ({n_repeats} more repeat an image and do not count)" if n_repeats else ""
        remedy = "take a longer period" if enough_recorded else "record more first"
        raise HistoryError(
            f"{about}: {missing} from {_describe_end(empty.since)} to {_describe_end(empty.until)}"
            f"{repeats}; {remedy}"
        )
    if np.ptp(known) == 0:
        raise HistoryError(
            f"{about} is {known[0]:g} throughout the period, so that it gives no limits; "
            "take another period or quantity"
        )
    mean, sd = float(known.mean()), float(known.std(ddof=1))
    return replace(empty, n=len(known), n_days=n_days, mean=mean, sd=sd)


def is_enough(values: FloatArray, days: DayArray) -> bool:
    """Return whether values, as of :func:`summarise_period`, are enough for limits."""
    return _suffice(int(np.isfinite(values).sum()), count_days(values, days))


def _suffice(n: int, n_days: int) -> bool:
    return n >= MIN_VALUES and n_days >= MIN_DAYS


def count_days(values: FloatArray, days: DayArray) -> int:
    """Return the number of days with a value."""
    return len(np.unique(days[np.isfinite(values)]))


def noun_of(quantity: Quantity, purpose: Purpose) -> str:
    """Return the plural of the records of a chart: checks, estimates or planes."""
    return "checks" if purpose else f"{KIND_OF[quantity]}s"


def standardise(values: FloatArray, baseline: Baseline) -> FloatArray:
    """Return values less the baseline's mean, over its standard deviation; shape as given."""
    z: FloatArray = (values - baseline.mean) / baseline.sd
    return z


def _describe_end(end: datetime) -> str:
    """Return the day of an end of a period, with the time unless it is midnight."""
    if end.time() == time():
        return f"{end:%Y-%m-%d}"
    return f"{end:%Y-%m-%d %H:%M}"
