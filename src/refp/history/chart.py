"""Data of a control chart: values over time, limits, rules that fire, and notes."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.errors import HistoryError
from refp.history.baseline import standardise
from refp.history.history import KIND_OF, Baseline, Purpose, Quantity
from refp.history.quantity import OF_THREE, QUANTITY_COLUMNS, uncertainties_of, values_of
from refp.history.rules import Firing, fired

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

    def __len__(self) -> int:
        return len(self.value)


def select_chart(
    history: "History",
    instrument: str,
    quantity: Quantity,
    baseline: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    purpose: Purpose = "",
) -> ControlChart:
    """Return the chart of a quantity.

    Parameters
    ----------
    history
        Source of the records.
    instrument, quantity
        Name of the instrument, and the quantity.
    baseline
        Name of a frozen baseline; empty: the last one frozen, if there is any.
    since, until
        Records from ``since`` on, before ``until``.
    purpose
        Records of this purpose only; empty: all.

    Raises
    ------
    HistoryError
        If there is no baseline of that name, or no record.
    """
    span = Period(since, until, purpose)
    return select_points(history, instrument, quantity, baseline, span)[0]


class Period(NamedTuple):
    """Records from ``since`` on, before ``until``, of one purpose or of all."""

    since: datetime | None = None
    until: datetime | None = None
    purpose: Purpose = ""


def select_points(
    history: "History",
    instrument: str,
    quantity: Quantity,
    baseline: str = "",
    span: Period = Period(),  # noqa: B008  immutable
    *,
    also: tuple[str, ...] = (),
) -> tuple[ControlChart, pd.DataFrame]:
    """Return the chart of :func:`select_chart`, and columns ``also`` of the record of each value."""
    limits = _choose(history.baselines(instrument), quantity, baseline, instrument)
    since, until, purpose = span
    table = history.select(
        instrument=instrument,
        since=since,
        until=until,
        kind=KIND_OF[quantity],
        purpose=purpose,
        columns=("recorded_at", "utc_offset_s", *QUANTITY_COLUMNS[quantity], *also),
    )
    if quantity in OF_THREE:  # of all estimates, only such checks have a value
        table = table[table[quantity].notna()].reset_index(drop=True)
    if table.empty:
        noun = "daily check" if purpose else KIND_OF[quantity]
        raise HistoryError(
            f"no {noun} of instrument {instrument!r} in {history.place}"
            " in that time; see 'refp history list'"
        )
    notes = history.select(
        instrument=instrument,
        since=since,
        until=until,
        kind="annotation",
        columns=("recorded_at", "note"),
    )
    return make_chart(table, notes, instrument, quantity, limits), table[list(also)]


def make_chart(
    table: pd.DataFrame,
    notes: pd.DataFrame,
    instrument: str,
    quantity: Quantity,
    baseline: Baseline | None,
) -> ControlChart:
    """Return the chart of selected records.

    Parameters
    ----------
    table
        Records by rising time, columns ``recorded_at, utc_offset_s`` and ``QUANTITY_COLUMNS``.
    notes
        Annotations, columns ``recorded_at, note``.
    instrument, quantity
        Name of the instrument, and the quantity.
    baseline
        Source of limits and rules; ``None``: no limits and no rules.
    """
    values = values_of(table, quantity)
    firings = [] if baseline is None else fired(standardise(values, baseline))
    pairs = zip(_times(notes), notes["note"], strict=True)
    return ControlChart(
        instrument=instrument,
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
    )


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


def _choose(
    known: list[Baseline], quantity: Quantity, name: str, instrument: str
) -> Baseline | None:
    own = [baseline for baseline in known if baseline.quantity == quantity]
    if not name:
        return own[-1] if own else None
    for baseline in own:
        if baseline.name == name:
            return baseline
    names = ", ".join(repr(baseline.name) for baseline in own) or "none"
    raise HistoryError(
        f"baseline {name!r}: not frozen for {quantity} of {instrument!r} (frozen: {names}); "
        "see 'refp history baseline'"
    )


def _times(table: pd.DataFrame) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    return table["recorded_at"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
