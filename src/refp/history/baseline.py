"""Baselines: mean and standard deviation of a period, as limits for later values."""

from dataclasses import replace

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.errors import HistoryError
from refp.history.history import Baseline

MIN_VALUES = 10
"""With fewer values the standard deviation is uncertain by more than 24 %, 1 / sqrt(2 (n - 1))."""


def summarise_period(values: FloatArray, empty: Baseline) -> Baseline:
    """Return a baseline with number, mean and standard deviation of its period's values.

    Parameters
    ----------
    values
        Shape ``(n,)``; NaN is ignored.
    empty
        The baseline without number, mean and standard deviation.

    Raises
    ------
    HistoryError
        If there are fewer than ten values, or all are equal.
    """
    known = values[np.isfinite(values)]
    about = f"baseline {empty.name!r}: {empty.quantity} of {empty.instrument!r}"
    if len(known) < MIN_VALUES:
        raise HistoryError(
            f"{about} has {len(known)} values from {empty.since.isoformat()} to "
            f"{empty.until.isoformat()}; it needs {MIN_VALUES}: take a longer period"
        )
    if np.ptp(known) == 0:
        raise HistoryError(
            f"{about} is {known[0]:g} throughout the period, so that it gives no limits; "
            "take another period or quantity"
        )
    return replace(empty, n=len(known), mean=float(known.mean()), sd=float(known.std(ddof=1)))


def standardise(values: FloatArray, baseline: Baseline) -> FloatArray:
    """Return values less the baseline's mean, over its standard deviation; shape as given."""
    z: FloatArray = (values - baseline.mean) / baseline.sd
    return z
