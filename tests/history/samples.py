"""Records to append."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import sqlalchemy as sa

from refp.history import HistoryRecord, new_id

START = datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=1)))


def at(steps: float) -> datetime:
    """A time some steps of six hours after the start."""
    return START + timedelta(hours=6 * steps)


def record(steps: float = 0.0, **values: object) -> HistoryRecord:
    """An estimate of instrument a2k, some steps of six hours after the start."""
    known: dict[str, object] = {
        "id": new_id(),
        "recorded_at": at(steps),
        "kind": "estimate",
        "instrument": "a2k",
        "status": "ok",
        "delta_z_um": 1.5,
        "u_um": 0.5,
    }
    return HistoryRecord(**{**known, **values})  # type: ignore[arg-type]


def series(*values: float, **others: object) -> list[HistoryRecord]:
    """A daily check every six hours, with these dZ: 20 of them are on six days."""
    shared: dict[str, object] = {"purpose": "daily", **others}
    return [record(k, delta_z_um=value, **shared) for k, value in enumerate(values)]


def insert_row(connection: sa.Connection, table: str, row: Mapping[str, object]) -> None:
    """Insert a row into a table with the columns of an older version."""
    columns = [
        sa.column(name, sa.DateTime(timezone=True))
        if isinstance(value, datetime)
        else sa.column(name)
        for name, value in row.items()
    ]
    connection.execute(sa.table(table, *columns).insert(), dict(row))
