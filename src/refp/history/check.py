"""A recorded check compared with the limits and the tolerance of its instrument."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from refp.history.actions import ACTIONS, OUTSIDE_TOLERANCE
from refp.history.chart import select_points
from refp.history.history import NAN, HistoryRecord, PointState
from refp.history.rules import WARNING
from refp.history.selection import ChartRequest, Selection
from refp.history.state import (
    describe_tolerance,
    missing_limits,
    states_of,
    wide_limits,
)

if TYPE_CHECKING:
    from refp.history.database import History


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A daily check compared with limits and tolerance.

    Attributes
    ----------
    state
        State of its value in the chart of daily checks.
    rules
        Rules that fire at it.
    baseline
        Name of the frozen limits; empty without limits.
    tolerance_um
        Largest tolerated absolute dZ, um; NaN for none.
    notes
        Sentences on limits that are missing, or wider than the tolerance.
    """

    state: PointState
    rules: tuple[str, ...]
    baseline: str
    tolerance_um: float
    notes: tuple[str, ...]

    @property
    def in_control(self) -> bool | None:
        """Whether the value fails neither rules nor tolerance; ``None`` without limits or a value."""
        if self.state in ("no_value", "no_limits"):
            return None
        return self.state in ("within_limits", "warning")


def evaluate_check(
    history: "History", record_id: str, instrument: str, tolerance_um: float = NAN
) -> CheckResult:
    """Return the result of a daily check; without a value if a correction replaced it.

    Parameters
    ----------
    history
        History that holds the record and its limits.
    record_id, instrument
        Id of the record, and its instrument.
    tolerance_um
        As of :class:`refp.history.ChartRequest`.
    """
    request = ChartRequest(tolerance_um=tolerance_um)
    chart, records = select_points(history, Selection(instrument), request, also=("id",))
    name = chart.baseline.name if chart.baseline else ""
    notes = tuple(filter(None, (missing_limits(chart), wide_limits(chart))))
    at = (records["id"] == record_id).to_numpy().nonzero()[0]
    if not len(at):
        return CheckResult("no_value", (), name, chart.tolerance_um, notes)
    index = int(at[0])
    rules = tuple(firing.rule for firing in chart.firings if firing.index == index)
    return CheckResult(states_of(chart)[index], rules, name, chart.tolerance_um, notes)


def describe_result(record: HistoryRecord, result: CheckResult) -> str:
    """Return a line for a terminal: the value, its state, and the action."""
    if result.state == "no_value":
        return f"{record.image}: no dZ; {record.reason}"
    about = f"{record.image}: dZ {record.delta_z_um:+.1f} um"
    if result.state == "outside_tolerance":
        return describe_failure(record, result.tolerance_um)
    names = ", ".join(result.rules)
    if result.state == "rejected":
        rule = next(one for one in result.rules if one != WARNING)
        return f"{about}, FAIL: rejected by {names}. {ACTIONS[rule]}"
    if result.state == "warning":
        return f"{about}: warning {names}. {ACTIONS[WARNING]}"
    if result.state == "within_limits":
        return f"{about}: within the limits {result.baseline!r}"
    return f"{about}: not compared with limits"


def describe_failure(record: HistoryRecord, tolerance_um: float) -> str:
    """Return a line for a terminal on a value outside its tolerance, with the action."""
    return (
        f"{record.image}: dZ {record.delta_z_um:+.1f} um, FAIL: outside "
        f"{describe_tolerance(tolerance_um)}. {OUTSIDE_TOLERANCE}"
    )
