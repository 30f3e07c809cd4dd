"""Conversion between records and rows of the database."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd

from refp.history.history import Baseline, HistoryRecord

RECORD_FIELDS = tuple(field.name for field in fields(HistoryRecord))
COLUMNS = (
    *RECORD_FIELDS[:1],
    *("recorded_at", "utc_offset_s", "appended_at"),
    *RECORD_FIELDS[2:],
)
"""Columns of a table of records: the record's, the offset of its zone, and when it was appended."""
STORED_AS = {"recorded_at": "recorded_utc", "appended_at": "appended_utc"}
"""Columns with other names in the database, where times have no zone."""
BASELINE_FIELDS = ("name", "instrument", "quantity", "n", "mean", "sd", "purpose", "n_days")
"""Fields of a baseline with the same name in the database."""
_NUMBERS = frozenset(field.name for field in fields(HistoryRecord) if field.type is float)
_WHOLE = ("n_beads", "n_beads_used", "utc_offset_s")


def naive_utc(time: datetime) -> datetime:
    """Return a time of any zone as stored: UTC, without a zone."""
    return time.astimezone(UTC).replace(tzinfo=None)


def with_offset(utc: datetime, offset_s: float) -> datetime:
    """Return a stored time in the zone that it was recorded in."""
    zone = timezone(timedelta(seconds=int(offset_s)))
    return utc.replace(tzinfo=UTC).astimezone(zone)


def row_of(record: HistoryRecord, appended: datetime) -> dict[str, Any]:
    """Return a record as a row, with ``None`` for missing numbers."""
    row = {name: getattr(record, name) for name in RECORD_FIELDS if name != "recorded_at"}
    for name in _NUMBERS:
        row[name] = None if math.isnan(row[name]) else float(row[name])
    offset = record.recorded_at.utcoffset() or timedelta()
    return row | {
        "n_beads": int(record.n_beads),  # SQLite stores a NumPy integer as bytes
        "n_beads_used": int(record.n_beads_used),
        "corrects": record.corrects or None,
        "recorded_utc": naive_utc(record.recorded_at),
        "utc_offset_s": round(offset.total_seconds()),
        "appended_utc": naive_utc(appended),
    }


def record_of(row: Mapping[str, Any]) -> HistoryRecord:
    """Return a row as a record."""
    values = {name: row[name] for name in RECORD_FIELDS if name != "recorded_at"}
    for name in _NUMBERS:
        values[name] = math.nan if values[name] is None else values[name]
    values["corrects"] = row["corrects"] or ""
    time = with_offset(row["recorded_utc"], row["utc_offset_s"])
    return HistoryRecord(recorded_at=time, **values)


def baseline_of(row: Mapping[str, Any]) -> Baseline:
    """Return a row as a baseline, with times in UTC."""
    since, until, frozen = (
        row[name].replace(tzinfo=UTC) for name in ("since_utc", "until_utc", "frozen_utc")
    )
    own = {name: row[name] for name in BASELINE_FIELDS}
    return Baseline(since=since, until=until, frozen_at=frozen, by=row["frozen_by"], **own)


def table_of(parts: Iterable[Sequence[Sequence[Any]]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Return rows of some of ``COLUMNS``, in parts, as a table with times in UTC."""
    values: list[list[Any]] = [[] for _ in columns]
    for rows in parts:  # in parts takes a third of the memory of 100,000 rows at a time
        for k, column in enumerate(values):
            column.extend([row[k] for row in rows])
    typed = {name: _typed(name, column) for name, column in zip(columns, values, strict=True)}
    return pd.DataFrame(typed, columns=list(columns))


def _typed(name: str, values: list[Any]) -> pd.Series:
    if name in STORED_AS:
        times = pd.Series(np.array(values, dtype="datetime64[us]"))  # text in SQLite
        return times.dt.tz_localize("UTC")
    if name in _NUMBERS:
        return pd.Series(values, dtype=float)
    if name in _WHOLE:
        return pd.Series(values, dtype="int64")
    return pd.Series(values, dtype=str).fillna("")


def with_local_times(table: pd.DataFrame, utc_offset_s: pd.Series) -> pd.DataFrame:
    """Return a table with its times as ISO 8601 text, in the zones of the records."""
    texts = {
        name: [
            with_offset(time.to_pydatetime(), offset).isoformat()
            for time, offset in zip(table[name], utc_offset_s, strict=True)
        ]
        for name in STORED_AS
        if name in table
    }
    return table.assign(**texts)
