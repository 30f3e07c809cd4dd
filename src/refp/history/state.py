"""States of the values of a control chart, and the sentences about its limits."""

import numpy as np

from refp.history.baseline import needed, noun_of
from refp.history.chart import ControlChart
from refp.history.history import PointState
from refp.history.rules import WARNING

FAILURES: frozenset[PointState] = frozenset({"outside_tolerance", "rejected"})
REACH_SD = 3
"""Standard deviations of the limits that reject a value."""


def states_of(chart: ControlChart) -> list[PointState]:
    """Return the state of each value."""
    known: PointState = "no_limits" if chart.baseline is None else "within_limits"
    states: list[PointState] = [known] * len(chart)
    for firing in sorted(chart.firings, key=lambda one: one.rule != WARNING):
        states[firing.index] = "warning" if firing.rule == WARNING else "rejected"
    for index in np.flatnonzero(chart.outside).tolist():
        states[index] = "outside_tolerance"
    for index in np.flatnonzero(np.isnan(chart.value)).tolist():
        states[index] = "no_value"
    return states


def missing_limits(chart: ControlChart) -> str:
    """Return the sentence on missing limits, such as ``limits need 20 checks on 5 days; ...``.

    It is empty where the chart has limits.
    """
    if chart.baseline is not None:
        return ""
    n, noun = int(np.isfinite(chart.value).sum()), noun_of(chart.quantity, chart.purpose)
    enough = f"no limits are frozen; {n} {noun} on {chart.n_days} days are enough to freeze them"
    return needed(n, chart.n_days, noun) or enough


def describe_tolerance(tolerance_um: float) -> str:
    """Return ``the tolerance of +-5 um``; without the number where it is not known."""
    known = f" of \N{PLUS-MINUS SIGN}{tolerance_um:g} um" if np.isfinite(tolerance_um) else ""
    return f"the tolerance{known}"


def wide_limits(chart: ControlChart) -> str:
    """Return the sentence on limits wider than the tolerance; empty where they are not."""
    limits = chart.baseline
    if limits is None or np.isnan(chart.tolerance_um):
        return ""
    low, high = (limits.mean + sign * REACH_SD * limits.sd for sign in (-1, 1))
    if max(-low, high) <= chart.tolerance_um:
        return ""
    tolerance = describe_tolerance(chart.tolerance_um)
    return (
        f"the limits, {low:+.3g} to {high:+.3g} um, are wider than {tolerance}: "
        "values within limits can be outside the tolerance"
    )
