"""Log of stages in the database of a history; appended, and the last record of an instrument counts."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from refp.core.errors import HistoryError
from refp.history.connect import WRITES, OpenDatabase, database_errors
from refp.history.history import name_instrument
from refp.history.rows import naive_utc, with_offset
from refp.history.schema import stages
from refp.history.stage import StageRecord

_SAME = ("instrument", "serial", "direction", "source", "operator")
"""Fields that the table stores as they are."""


class StageLog(OpenDatabase):
    """Stages of instruments in the database of a history."""

    def append(self, record: StageRecord) -> None:
        """Append a record, which replaces earlier ones of its instrument."""
        engine = self._engine.execution_options(**WRITES)
        with database_errors(self._engine.url), engine.begin() as connection:
            append_stage(connection, record)

    def latest(self, instrument: str = "") -> dict[str, StageRecord]:
        """Return the last record of each instrument, by its name in a history.

        Parameters
        ----------
        instrument
            Recipe of the instruments; empty: all.
        """
        with database_errors(self._engine.url), self._engine.connect() as connection:
            return _latest(connection, instrument)

    def forget(self, instrument: str, serial: str, operator: str = "") -> StageRecord:
        """Append a record without a direction, and return it.

        Parameters
        ----------
        instrument, serial
            Recipe of the instrument, and its serial number.
        operator
            Operator who forgets the direction.

        Raises
        ------
        HistoryError
            If no direction is kept for the instrument.
        """
        name, now = name_instrument(instrument, serial), datetime.now().astimezone()
        engine = self._engine.execution_options(**WRITES)
        with database_errors(self._engine.url), engine.begin() as connection:
            last = _latest(connection, instrument).get(name)
            if last is None or not last.direction:
                raise HistoryError(
                    f"{name}: no direction of the stage is kept; see 'refp history stages'"
                )
            at = max(now, last.learnt_at)  # of a clock that is ahead
            forgotten = replace(
                last, learnt_at=at, direction=0, approach_um=math.nan, operator=operator
            )
            append_stage(connection, forgotten)
        return forgotten


def append_stage(connection: sa.Connection, record: StageRecord) -> None:
    """Append a record in a transaction."""
    connection.execute(sa.insert(stages), _row_of(record))


def append_direction(connection: sa.Connection, record: StageRecord) -> None:
    """Append a record in a transaction, unless the last one of its instrument has its direction.

    The last one may hold the backlash too.
    """
    last = _latest(connection, record.instrument).get(record.instrument_name)
    if last is None or last.direction != record.direction:
        append_stage(connection, record)


def _latest(connection: sa.Connection, instrument: str) -> dict[str, StageRecord]:
    query = sa.select(stages).order_by(stages.c.learnt_utc, stages.c.sequence)
    query = query.where(stages.c.instrument == instrument) if instrument else query
    found = (_stage_of(row._asdict()) for row in connection.execute(query))
    return {one.instrument_name: one for one in found}


def _row_of(record: StageRecord) -> dict[str, Any]:
    offset = record.learnt_at.utcoffset() or timedelta()
    return {name: getattr(record, name) for name in _SAME} | {
        "learnt_utc": naive_utc(record.learnt_at),
        "utc_offset_s": round(offset.total_seconds()),
        "appended_utc": naive_utc(datetime.now(UTC)),
        "approach_um": None if math.isnan(record.approach_um) else float(record.approach_um),
    }


def _stage_of(row: Mapping[str, Any]) -> StageRecord:
    approach_um = row["approach_um"]
    return StageRecord(
        **{name: row[name] for name in _SAME},
        learnt_at=with_offset(row["learnt_utc"], row["utc_offset_s"]),
        approach_um=math.nan if approach_um is None else approach_um,
    )
