"""The history itself: records are appended to it, selected from it, and never changed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pandas as pd
import sqlalchemy as sa

from refp.core.errors import HistoryConflictError, HistoryError
from refp.history.baseline import summarise_period
from refp.history.connect import WRITES, mask, open_engine, told
from refp.history.correction import check_kinds
from refp.history.history import (
    KIND_OF,
    Baseline,
    HistoryRecord,
    ModelUse,
    Purpose,
    Quantity,
    new_id,
)
from refp.history.quantity import QUANTITY_COLUMNS, values_of
from refp.history.rows import (
    COLUMNS,
    STORED_AS,
    baseline_of,
    naive_utc,
    record_of,
    row_of,
    table_of,
)
from refp.history.schema import baselines, records

_AT_ONCE = 500
"""Ids asked for in one statement; databases limit how many there may be."""

_AT_A_TIME = 2000
"""Rows taken from the database at a time."""


class History:
    """Results over time in a database, which several processes may use at once.

    Use :meth:`open`. Also a context manager, which closes it.

    Parameters
    ----------
    engine
        Of a database whose tables are there.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, database: str | Path, *, create: bool = True) -> Self:
        """Open a history; its tables are made, or brought to what this version knows.

        Parameters
        ----------
        database
            A file of SQLite, or the URL of a database of SQLite or PostgreSQL.
        create
            Whether to make a file of SQLite that is not there.

        Raises
        ------
        HistoryError
            If it cannot be reached or used, or was made by a newer version of refp.
        MissingExtraError
            If a library for it is not installed.
        """
        return cls(open_engine(database, create=create))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"History({self.place!r})"

    @property
    def place(self) -> str:
        """Where it is, as it may be shown."""
        return mask(self._engine.url)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def append(self, new: Iterable[HistoryRecord]) -> int:
        """Append records, all of them or none; those that are there already are passed over.

        Returns
        -------
        int
            How many were not there. What is appended again after a crash is not doubled.

        Raises
        ------
        HistoryError
            If a record is there with other content, corrects one that is not there, or one that
            another corrects.
        """
        given, now = list(new), datetime.now(UTC)
        with told(self._engine.url), self._write() as connection:
            known = _known(connection, [record.id for record in given])
            _check_same(given, known)
            rows = [row_of(record, now) for record in given if record.id not in known]
            _check_corrections(connection, rows)
            if rows:
                connection.execute(sa.insert(records), rows)
        return len(rows)

    def select(
        self,
        *,
        ids: Sequence[str] = (),
        instrument: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        kind: str = "",
        purpose: Purpose = "",
        with_corrected: bool = False,
        newest: int | None = None,
        columns: Sequence[str] = COLUMNS,
    ) -> pd.DataFrame:
        """Return records as a table, by rising time.

        Parameters
        ----------
        ids, instrument, kind, purpose
            Of these alone; empty: of all. Databases limit how many ids there may be.
        since, until
            Recorded at ``since`` or later, and before ``until``.
        with_corrected
            Records that others correct, too.
        newest
            Of all these so many, the newest; ``None``: all.
        columns
            Some of the record's fields, ``utc_offset_s`` (of the zone) and ``appended_at``.

        Returns
        -------
        pandas.DataFrame
            Times are of UTC; a missing number is NaN.

        Raises
        ------
        HistoryError
            If ``until`` is not after ``since``.
        """
        _check_order(since, until)
        chosen = [_column(name) for name in columns]
        order = records.c.recorded_utc, records.c.sequence
        query = sa.select(*chosen)
        for name, value in (("instrument", instrument), ("kind", kind), ("purpose", purpose)):
            query = query.where(records.c[name] == value) if value else query
        query = query.where(records.c.id.in_(ids)) if ids else query
        if since is not None:
            query = query.where(records.c.recorded_utc >= naive_utc(since))
        if until is not None:
            query = query.where(records.c.recorded_utc < naive_utc(until))
        if not with_corrected:
            corrected = sa.select(records.c.corrects).where(records.c.corrects.is_not(None))
            query = query.where(records.c.id.not_in(corrected))
        if newest is None:
            query = query.order_by(*order)
        else:
            query = query.order_by(*(column.desc() for column in order)).limit(newest)
        with told(self._engine.url), self._engine.connect() as connection:
            table = table_of(connection.execute(query).partitions(_AT_A_TIME), tuple(columns))
        return table if newest is None else table[::-1].reset_index(drop=True)

    def instruments(self) -> list[str]:
        """Return the names of all instruments that there are records of, sorted."""
        query = sa.select(records.c.instrument).distinct()
        with told(self._engine.url), self._engine.connect() as connection:
            return sorted(connection.execute(query).scalars())

    def model_uses(self) -> list[ModelUse]:
        """Return which models estimated on which instruments, the latest used first.

        Records that others correct do not count.
        """
        newest = sa.func.max(records.c.recorded_utc)
        corrected = sa.select(records.c.corrects).where(records.c.corrects.is_not(None))
        query = (
            sa.select(records.c.model_sha256, records.c.instrument, sa.func.count(), newest)
            .where(records.c.kind == "estimate", records.c.id.not_in(corrected))
            .group_by(records.c.model_sha256, records.c.instrument)
            .order_by(newest.desc())
        )
        with told(self._engine.url), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [ModelUse(model, name, n, at.replace(tzinfo=UTC)) for model, name, n, at in rows]

    def find(self, ids: Sequence[str]) -> list[HistoryRecord]:
        """Return records by their ids, in that order.

        Raises
        ------
        HistoryError
            If one is not there.
        """
        with told(self._engine.url), self._engine.connect() as connection:
            known = _known(connection, ids)
        for missing in (one for one in ids if one not in known):
            raise HistoryError(f"{missing}: no record of this id in {self.place}; see the list")
        return [known[one] for one in ids]

    def correct(self, ids: Sequence[str], *, by: str = "", **changes: Any) -> list[HistoryRecord]:
        """Append a correction of each record: the same but for the changes; return them.

        A correction stands at the time and under the operator of what it corrects; ``appended_at``
        and ``corrected_by`` tell when and by whom it was made.

        Raises
        ------
        HistoryError
            If a record is not there, was corrected before, or has no dZ to change.
        """
        old = self.find(ids)
        check_kinds(old, changes)
        own = {"corrected_by": by, **changes}
        new = [replace(one, id=new_id(), corrects=one.id, **own) for one in old]
        self.append(new)
        return new

    def annotate(
        self, text: str, instrument: str, at: datetime | None = None, operator: str = ""
    ) -> HistoryRecord:
        """Append a note about an instrument, such as a service or a new slide lot; return it."""
        note = HistoryRecord(
            id=new_id(),
            recorded_at=at or datetime.now().astimezone(),
            kind="annotation",
            instrument=instrument,
            operator=operator,
            note=text,
        )
        self.append([note])
        return note

    def baselines(self, instrument: str = "") -> list[Baseline]:
        """Return the baselines, of one instrument or all, in the order in which they were frozen."""
        query = sa.select(baselines).order_by(baselines.c.sequence)
        if instrument:
            query = query.where(baselines.c.instrument == instrument)
        with told(self._engine.url), self._engine.connect() as connection:
            return [baseline_of(row._asdict()) for row in connection.execute(query)]

    def freeze(
        self,
        name: str,
        instrument: str,
        quantity: Quantity,
        since: datetime,
        until: datetime,
        *,
        purpose: Purpose = "",
        by: str = "",
    ) -> Baseline:
        """Freeze mean and standard deviation of a period under a name; later records move neither.

        Parameters
        ----------
        name
            Not yet that of a baseline of this instrument and quantity.
        instrument, quantity
            What of which instrument.
        since, until
            Records from ``since`` on, before ``until``.
        purpose
            Of these alone; empty: of all.
        by
            Who freezes it.

        Raises
        ------
        HistoryError
            If the name is taken or empty, or the period has fewer than 10 values or no scatter.
        """
        if not name.strip():
            raise HistoryError("baseline: needs a name, such as 'spring'")
        table = self.select(
            instrument=instrument,
            since=since,
            until=until,
            kind=KIND_OF[quantity],
            purpose=purpose,
            columns=QUANTITY_COLUMNS[quantity],
        )
        frozen = summarise_period(
            values_of(table, quantity),
            Baseline(name, instrument, quantity, since, until, 0, 0, 0, datetime.now(UTC), by),
        )
        with told(self._engine.url), self._write() as connection:
            _check_free(connection, frozen)
            connection.execute(sa.insert(baselines), _baseline_row(frozen))
        return frozen

    def _write(self) -> Any:
        return self._engine.execution_options(**WRITES).begin()


def _column(name: str) -> sa.ColumnElement[Any]:
    """Return a column; times as the database has them, for a table reads all of them at once."""
    stored = STORED_AS.get(name)
    return sa.type_coerce(records.c[stored], sa.String) if stored else records.c[name]


def _check_order(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and until <= since:
        raise HistoryError(
            f"until {until.isoformat()}: not after since {since.isoformat()}; exchange them"
        )


def _known(connection: sa.Connection, ids: Sequence[str]) -> dict[str, HistoryRecord]:
    """Return those of the records that are there."""
    known: dict[str, HistoryRecord] = {}
    for start in range(0, len(ids), _AT_ONCE):
        query = sa.select(records).where(records.c.id.in_(ids[start : start + _AT_ONCE]))
        for row in connection.execute(query):
            known[row.id] = record_of(row._asdict())
    return known


def _check_same(given: Iterable[HistoryRecord], known: dict[str, HistoryRecord]) -> None:
    now = datetime.now(UTC)  # one for both, so that only what was recorded is compared
    for record in given:
        old = known.get(record.id)
        if old is not None and row_of(old, now) != row_of(record, now):
            raise HistoryConflictError(
                f"{record.id}: recorded already with other values; append a correction instead"
            )


def _check_corrections(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    wanted = [row["corrects"] for row in rows if row["corrects"]]
    if not wanted:
        return
    there = {*_known(connection, wanted), *(row["id"] for row in rows)}
    query = sa.select(records.c.corrects, records.c.id).where(records.c.corrects.in_(wanted))
    newer = {row[0]: row[1] for row in connection.execute(query)}
    for one in wanted:
        if one not in there:
            raise HistoryError(f"{one}: no record of this id to correct")
        if one in newer or wanted.count(one) > 1:
            last = newer.get(one, "it once")
            raise HistoryConflictError(f"{one}: corrected already; correct {last}")


def _check_free(connection: sa.Connection, new: Baseline) -> None:
    same = sa.select(baselines.c.n).where(
        baselines.c.name == new.name,
        baselines.c.instrument == new.instrument,
        baselines.c.quantity == new.quantity,
    )
    if connection.execute(same).first():
        raise HistoryConflictError(
            f"baseline {new.name!r}: frozen already for {new.quantity} of {new.instrument!r}; "
            "give the new one another name"
        )


def _baseline_row(baseline: Baseline) -> dict[str, Any]:
    names = ("name", "instrument", "quantity", "n", "mean", "sd")
    return {name: getattr(baseline, name) for name in names} | {
        "since_utc": naive_utc(baseline.since),
        "until_utc": naive_utc(baseline.until),
        "frozen_utc": naive_utc(baseline.frozen_at),
        "frozen_by": baseline.by,
    }
