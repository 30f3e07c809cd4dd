"""The history: records are appended and selected, and never changed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from refp.core.errors import HistoryConflictError, HistoryError
from refp.history.baseline import is_enough, summarise_period
from refp.history.connect import WRITES, OpenDatabase, database_errors
from refp.history.correction import check_kinds
from refp.history.history import Baseline, HistoryRecord, ModelUse, new_id
from refp.history.quantity import (
    DAY_COLUMNS,
    QUANTITY_COLUMNS,
    days_of,
    values_of,
)
from refp.history.rows import (
    BASELINE_FIELDS,
    COLUMNS,
    STORED_AS,
    baseline_of,
    naive_utc,
    record_of,
    row_of,
    table_of,
)
from refp.history.schema import baselines, records
from refp.history.selection import ALL, DZ_OF_CHECKS, ChartRequest, Selection

_AT_ONCE = 500
"""Ids in one statement; databases limit their number."""

MIN_ID = 8
"""Fewest characters by which an id is looked up."""
_AT_A_TIME = 2000
"""Rows read from the database at a time."""


class History(OpenDatabase):
    """Results over time in a database, which several processes may use at once.

    Use :meth:`open`. A history is a context manager, which closes it.
    """

    def __repr__(self) -> str:
        return f"History({self.place!r})"

    def append(self, new: Iterable[HistoryRecord]) -> int:
        """Append records, all of them or none; records that exist already are skipped.

        Returns
        -------
        int
            Number of new records. Records that are appended again after a crash are not doubled.

        Raises
        ------
        HistoryError
            If a record exists with other content, or corrects a record that does not exist or is
            corrected already.
        """
        given, now = list(new), datetime.now(UTC)
        with database_errors(self._engine.url), self._write() as connection:
            known = _known(connection, [record.id for record in given])
            _check_same(given, known)
            rows = [row_of(record, now) for record in given if record.id not in known]
            _check_corrections(connection, rows)
            if rows:
                connection.execute(sa.insert(records), rows)
        return len(rows)

    def select(
        self,
        chosen: Selection = ALL,
        *,
        ids: Sequence[str] = (),
        columns: Sequence[str] = COLUMNS,
    ) -> pd.DataFrame:
        """Return records as a table, by rising time.

        Parameters
        ----------
        chosen
            Selection of records; default: all.
        ids
            These only; empty: all. Databases limit their number.
        columns
            Fields of the record, ``utc_offset_s`` (of the zone) and ``appended_at``.

        Returns
        -------
        pandas.DataFrame
            Times are in UTC; a missing number is NaN.

        Raises
        ------
        HistoryError
            If ``until`` is not after ``since``.
        """
        query = sa.select(*(_column(name) for name in columns)).where(*_conditions(chosen, ids))
        order = records.c.recorded_utc, records.c.sequence
        if chosen.newest is None:
            query = query.order_by(*order)
        else:
            query = query.order_by(*(column.desc() for column in order)).limit(chosen.newest)
        with database_errors(self._engine.url), self._engine.connect() as connection:
            table = table_of(connection.execute(query).partitions(_AT_A_TIME), tuple(columns))
        return table if chosen.newest is None else table[::-1].reset_index(drop=True)

    def instruments(self) -> list[str]:
        """Return the names of all instruments with records, sorted."""
        query = sa.select(records.c.instrument).distinct()
        with database_errors(self._engine.url), self._engine.connect() as connection:
            return sorted(connection.execute(query).scalars())

    def model_uses(self) -> list[ModelUse]:
        """Return the uses of models on instruments, the latest first.

        Records that others correct are not counted.
        """
        newest = sa.func.max(records.c.recorded_utc)
        corrected = sa.select(records.c.corrects).where(records.c.corrects.is_not(None))
        query = (
            sa.select(records.c.model_sha256, records.c.instrument, sa.func.count(), newest)
            .where(records.c.kind == "estimate", records.c.id.not_in(corrected))
            .group_by(records.c.model_sha256, records.c.instrument)
            .order_by(newest.desc())
        )
        with database_errors(self._engine.url), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [ModelUse(model, name, n, at.replace(tzinfo=UTC)) for model, name, n, at in rows]

    def find(self, ids: Sequence[str]) -> list[HistoryRecord]:
        """Return records by their ids, in that order.

        Raises
        ------
        HistoryError
            If a record does not exist.
        """
        with database_errors(self._engine.url), self._engine.connect() as connection:
            known = _known(connection, ids)
        for missing in (one for one in ids if one not in known):
            raise _no_record(missing, self.place)
        return [known[one] for one in ids]

    def whole_ids(self, starts: Sequence[str]) -> list[str]:
        """Return the ids of records whose first characters are given, at least 8 of each.

        Raises
        ------
        HistoryError
            If no record, or more than one, has an id with these first characters.
        """
        with database_errors(self._engine.url), self._engine.connect() as connection:
            return [_whole_id(connection, start, self.place) for start in starts]

    def correct(self, ids: Sequence[str], *, by: str = "", **changes: Any) -> list[HistoryRecord]:
        """Append a correction of each record, equal but for the changes, and return the corrections.

        A correction has the time and the operator of the record that it corrects; ``appended_at`` and
        ``corrected_by`` hold the time and the operator of the correction.

        Raises
        ------
        HistoryError
            If a record does not exist, was corrected before, or has no dZ to change.
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
        """Append a note about an instrument, such as a service or a new slide lot, and return it."""
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
        with database_errors(self._engine.url), self._engine.connect() as connection:
            return [baseline_of(row._asdict()) for row in connection.execute(query)]

    def freeze(
        self, name: str, chosen: Selection, request: ChartRequest = DZ_OF_CHECKS, *, by: str = ""
    ) -> Baseline:
        """Freeze mean and standard deviation of a period under a name.

        Later records do not change a baseline.

        Parameters
        ----------
        name
            Name that no baseline of this instrument and quantity has.
        chosen
            Instrument and period; both ends are needed.
        request
            Quantity and records; by default dZ of daily checks.
        by
            Operator who freezes it.

        Raises
        ------
        HistoryError
            If the name is used or empty, an end is missing, or the period has fewer than 20 values of
            different images on 5 days, or no scatter.
        """
        if not name.strip():
            raise HistoryError("baseline: needs a name, such as 'spring'")
        chosen, quantity = request.narrow(chosen), request.quantity
        since, until, instrument = chosen.since, chosen.until, chosen.instrument
        if since is None or until is None:
            raise HistoryError(
                f"baseline {name!r}: the period is missing; give its first day and the day after its last"
            )
        columns = (*DAY_COLUMNS, *QUANTITY_COLUMNS[quantity], "image_sha256")
        recorded = self.select(chosen, columns=columns)
        table = _without_repeats(recorded)
        empty = Baseline(name, instrument, quantity, since, until, 0, 0, 0, datetime.now(UTC), by)

        def suffices(rows: pd.DataFrame) -> bool:
            return is_enough(values_of(rows, quantity), days_of(rows))

        always = replace(chosen, since=None, until=None)  # read only where the period is too short
        frozen = summarise_period(
            values_of(table, quantity),
            days_of(table),
            replace(empty, purpose=chosen.purpose),
            n_repeats=len(recorded) - len(table),
            enough_recorded=suffices(table)
            or suffices(_without_repeats(self.select(always, columns=columns))),
        )
        with database_errors(self._engine.url), self._write() as connection:
            _check_free(connection, frozen)
            connection.execute(sa.insert(baselines), _baseline_row(frozen))
        return frozen

    def _write(self) -> Any:
        return self._engine.execution_options(**WRITES).begin()


def _without_repeats(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out records that repeat the image of another: copies show no scatter."""
    repeats = table.duplicated("image_sha256") & (table["image_sha256"] != "")
    return table[~repeats]


def _column(name: str) -> sa.ColumnElement[Any]:
    """Return a column; times as stored, because a table converts all of them at once."""
    stored = STORED_AS.get(name)
    return sa.type_coerce(records.c[stored], sa.String) if stored else records.c[name]


def _conditions(chosen: Selection, ids: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of a selection of records."""
    since, until = chosen.since, chosen.until
    _check_order(since, until)
    names = ("instrument", "kind", "purpose", "image_sha256")
    named = {name: getattr(chosen, name) for name in names}
    conditions = [records.c[name] == value for name, value in named.items() if value]
    if ids:
        conditions.append(records.c.id.in_(ids))
    if since is not None:
        conditions.append(records.c.recorded_utc >= naive_utc(since))
    if until is not None:
        conditions.append(records.c.recorded_utc < naive_utc(until))
    if not chosen.with_corrected:
        corrected = sa.select(records.c.corrects).where(records.c.corrects.is_not(None))
        conditions.append(records.c.id.not_in(corrected))
    return conditions


def _check_order(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and until <= since:
        raise HistoryError(
            f"until {until.isoformat()}: not after since {since.isoformat()}; exchange them"
        )


def _known(connection: sa.Connection, ids: Sequence[str]) -> dict[str, HistoryRecord]:
    """Return the records that exist, by id."""
    known: dict[str, HistoryRecord] = {}
    for start in range(0, len(ids), _AT_ONCE):
        query = sa.select(records).where(records.c.id.in_(ids[start : start + _AT_ONCE]))
        for row in connection.execute(query):
            known[row.id] = record_of(row._asdict())
    return known


def _whole_id(connection: sa.Connection, start: str, place: str) -> str:
    if len(start) < MIN_ID:
        raise HistoryError(f"{start}: too short for an id; give at least {MIN_ID} characters of it")
    begins = records.c.id.startswith(start.lower(), autoescape=True)
    query = sa.select(records.c.id).where(begins).order_by(records.c.sequence).limit(2)
    found = connection.execute(query).scalars().all()
    if not found:
        raise _no_record(start, place)
    if len(found) > 1:
        raise HistoryError(
            f"{start}: the first characters of several ids, such as {found[0]} and {found[1]}; give more"
        )
    return str(found[0])


def _no_record(record_id: str, place: str) -> HistoryError:
    return HistoryError(f"{record_id}: no record of this id in {place}; see the list")


def _check_same(given: Iterable[HistoryRecord], known: dict[str, HistoryRecord]) -> None:
    now = datetime.now(UTC)  # the same for both, so that only recorded values are compared
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
    existing = {*_known(connection, wanted), *(row["id"] for row in rows)}
    query = sa.select(records.c.corrects, records.c.id).where(records.c.corrects.in_(wanted))
    newer = {row[0]: row[1] for row in connection.execute(query)}
    for one in wanted:
        if one not in existing:
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
    return {name: getattr(baseline, name) for name in BASELINE_FIELDS} | {
        "since_utc": naive_utc(baseline.since),
        "until_utc": naive_utc(baseline.until),
        "frozen_utc": naive_utc(baseline.frozen_at),
        "frozen_by": baseline.by,
    }
