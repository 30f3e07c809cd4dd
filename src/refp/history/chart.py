"""Data of a control chart: values over time, limits, rules that fire, and notes."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.errors import HistoryError
from refp.history.baseline import standardise
from refp.history.history import NAN, Baseline, Purpose, Quantity
from refp.history.quantity import (
    DAY_COLUMNS,
    OF_THREE,
    QUANTITY_COLUMNS,
    days_of,
    uncertainties_of,
    values_of,
)
from refp.history.rules import Firing, fired
from refp.history.selection import DZ_OF_CHECKS, ChartRequest, Selection

if TYPE_CHECKING:
    from refp.history.database import History

MAX_POINTS = 2000
"""Largest number of values that are drawn, besides those at which a rule fires."""


class Annotation(NamedTuple):
    """A note at a time, in UTC."""

    time: np.datetime64
    text: str


@dataclass(frozen=True, slots=True)
class ControlChart:
    """A quantity of an instrument over time.

    Attributes
    ----------
    instrument, quantity
        Name of the instrument, and the quantity.
    time
        Shape ``(n,)``, ``datetime64[us]`` of UTC, rising.
    value, u
        Shape ``(n,)``, value and standard uncertainty in the quantity's unit; NaN where an image was
        refused, and ``u`` where the quantity has none.
    refused
        Shape ``(n,)``, whether the image was refused.
    firings
        Rules that fire, with indices into the values; none without a baseline.
    shown
        Shape ``(k,)``, rising indices of the values that are drawn; all where there are few.
    annotations
        Notes about the instrument.
    baseline
        Source of limits and rules; ``None`` if none is frozen.
    utc_offset_s
        Offset of the zone of the last record, s, for the axis of time.
    purpose
        ``daily`` where the values are of daily checks alone.
    n_days
        Number of different days of the values.
    tolerance_um
        Largest tolerated absolute dZ, um; NaN where none is known, and for other quantities.
    outside
        Shape ``(n,)``, whether the value is beyond the tolerance, or the verdict at its time was ``fail``.
    """

    instrument: str
    quantity: Quantity
    time: "np.ndarray[tuple[int], np.dtype[np.datetime64]]"
    value: FloatArray
    u: FloatArray
    refused: BoolArray
    firings: tuple[Firing, ...]
    shown: IntArray
    annotations: tuple[Annotation, ...]
    baseline: Baseline | None
    utc_offset_s: int
    purpose: Purpose
    n_days: int
    tolerance_um: float
    outside: BoolArray

    def __len__(self) -> int:
        return len(self.value)


def select_chart(
    history: "History", chosen: Selection, request: ChartRequest = DZ_OF_CHECKS
) -> ControlChart:
    """Return a control chart, by default of dZ of daily checks.

    Parameters
    ----------
    history
        Source of the records.
    chosen
        Instrument and period; kind and purpose follow from the request.
    request
        Quantity, records, limits and tolerance.

    Raises
    ------
    HistoryError
        If there is no baseline of that name, or no record.
    """
    return select_points(history, chosen, request)[0]


def select_points(
    history: "History",
    chosen: Selection,
    request: ChartRequest = DZ_OF_CHECKS,
    *,
    also: tuple[str, ...] = (),
) -> tuple[ControlChart, pd.DataFrame]:
    """Return the chart of :func:`select_chart`, and columns ``also`` of the record of each value."""
    chosen, quantity = request.narrow(chosen), request.quantity
    limits = _choose(history.baselines(chosen.instrument), request, chosen)
    own = dict.fromkeys((*DAY_COLUMNS, *QUANTITY_COLUMNS[quantity], *also))
    table = history.select(chosen, columns=tuple(own))
    if quantity in OF_THREE:  # of all estimates, only such checks have a value
        table = table[table[quantity].notna()].reset_index(drop=True)
    if table.empty:
        raise HistoryError(_nothing(chosen, history.place))
    notes = history.select(
        replace(chosen, kind="annotation", purpose=""), columns=("recorded_at", "note")
    )
    drawn = make_chart(table, notes, quantity, chosen, limits)
    return judge_chart(drawn, table, request.tolerance_um), table[list(also)]


def _nothing(chosen: Selection, place: str) -> str:
    if chosen.purpose:
        return (
            f"no daily check of instrument {chosen.instrument!r} in {place} in that time; record one with "
            "--daily, or ask for all estimates"
        )
    return (
        f"no {chosen.kind} of instrument {chosen.instrument!r} in {place} in that time; "
        "see 'refp history list'"
    )


def make_chart(
    table: pd.DataFrame,
    notes: pd.DataFrame,
    quantity: Quantity,
    chosen: Selection,
    baseline: Baseline | None,
) -> ControlChart:
    """Return the chart of selected records, without a tolerance.

    Parameters
    ----------
    table
        Records by rising time, columns ``DAY_COLUMNS`` and ``QUANTITY_COLUMNS``.
    notes
        Annotations, columns ``recorded_at, note``.
    quantity, chosen
        The quantity, and the selection of its records.
    baseline
        Source of limits and rules; ``None``: no limits and no rules.
    """
    values = values_of(table, quantity)
    firings = [] if baseline is None else fired(standardise(values, baseline))
    pairs = zip(_times(notes), notes["note"], strict=True)
    return ControlChart(
        instrument=chosen.instrument,
        quantity=quantity,
        time=_times(table),
        value=values,
        u=uncertainties_of(table, quantity),
        refused=(table["status"] == "refused").to_numpy(dtype=np.bool_) & np.isnan(values),
        firings=tuple(firings),
        shown=thin(values, [firing.index for firing in firings]),
        annotations=tuple(Annotation(time, str(text)) for time, text in pairs),
        baseline=baseline,
        utc_offset_s=int(table["utc_offset_s"].iloc[-1]) if len(table) else 0,
        purpose=chosen.purpose,
        n_days=len(np.unique(days_of(table)[np.isfinite(values)])),
        tolerance_um=NAN,
        outside=np.zeros(len(table), dtype=np.bool_),
    )


def judge_chart(
    chart: ControlChart, table: pd.DataFrame, tolerance_um: float = NAN
) -> ControlChart:
    """Return a chart of dZ with its tolerance and the values outside it; others are unchanged.

    Values outside the tolerance are drawn, however many there are.

    Parameters
    ----------
    chart
        The chart.
    table
        Its records, columns ``verdict, tolerance_um``.
    tolerance_um
        Largest tolerated absolute dZ, um; NaN: that of the newest record that has one.
    """
    if chart.quantity != "delta_z_um":
        return chart
    known = table["tolerance_um"].dropna()
    if np.isnan(tolerance_um) and len(known):
        tolerance_um = float(known.iloc[-1])
    failed = (table["verdict"] == "fail").to_numpy(dtype=np.bool_)
    outside = (np.abs(chart.value) > tolerance_um) | (failed & np.isfinite(chart.value))
    keep = [firing.index for firing in chart.firings]
    shown = thin(chart.value, [*keep, *_extremes(chart.value, outside)])
    return replace(chart, tolerance_um=tolerance_um, outside=outside, shown=shown)


def _extremes(values: FloatArray, chosen: BoolArray) -> "list[int]":
    """Return the indices of some chosen values, at most ``MAX_POINTS``, extremes among them."""
    rows = np.flatnonzero(chosen)
    kept: list[int] = rows[thin(values[rows], [])].tolist()
    return kept


def thin(values: FloatArray, keep: "list[int]", most: int = MAX_POINTS) -> IntArray:
    """Choose the values that are drawn: of each interval the lowest, the highest, and two others.

    All extremes are drawn, and the density of the values remains visible.

    Parameters
    ----------
    values
        Shape ``(n,)``; NaN is not drawn.
    keep
        Indices that are always drawn.
    most
        Largest number of others.

    Returns
    -------
    numpy.ndarray
        Shape ``(k,)``, rising indices.
    """
    known = np.flatnonzero(np.isfinite(values))
    if len(known) <= most:
        return known
    n = most // 4
    edges = np.linspace(0, len(known), n + 1).astype(int)
    order = known[np.lexsort((values[known], np.repeat(np.arange(n), np.diff(edges))))]
    extremes = order[edges[:-1]], order[edges[1:] - 1]
    others = known[np.linspace(0, len(known) - 1, most - 2 * n).astype(int)]
    return np.unique(np.concatenate([*extremes, others, keep]).astype(int))


def _choose(known: list[Baseline], request: ChartRequest, chosen: Selection) -> Baseline | None:
    own = [baseline for baseline in known if baseline.quantity == request.quantity]
    if not request.baseline:
        return next((one for one in reversed(own) if one.purpose == chosen.purpose), None)
    for baseline in own:
        if baseline.name == request.baseline:
            return baseline
    names = ", ".join(repr(baseline.name) for baseline in own) or "none"
    raise HistoryError(
        f"baseline {request.baseline!r}: not frozen for {request.quantity} of {chosen.instrument!r} "
        f"(frozen: {names}); see 'refp history baseline'"
    )


def _times(table: pd.DataFrame) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    return table["recorded_at"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
