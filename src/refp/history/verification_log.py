"""Log of verifications in the database of a history; appended, never changed."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from refp.history.connect import WRITES, OpenDatabase, database_errors
from refp.history.rows import naive_utc, with_offset
from refp.history.schema import verifications
from refp.history.stage import StageRecord
from refp.history.stage_log import append_direction
from refp.history.verification import Criterion, Verification

_SAME = tuple(
    field.name
    for field in fields(Verification)
    if field.name not in ("verified_at", "valid_until", "criteria")
)
"""Fields that the table stores as they are."""


class VerificationLog(OpenDatabase):
    """Verifications in the database of a history."""

    def append(self, verification: Verification) -> None:
        """Append a verification, and the direction of the stage that it shows."""
        engine = self._engine.execution_options(**WRITES)
        with database_errors(self._engine.url), engine.begin() as connection:
            connection.execute(sa.insert(verifications), _row_of(verification))
            if verification.direction:
                append_direction(connection, _stage_of(verification))

    def select(
        self, *, serial: str = "", instrument: str = "", model_sha256: str = ""
    ) -> list[Verification]:
        """Return verifications, the oldest first.

        Parameters
        ----------
        serial, instrument, model_sha256
            These only; empty: all.
        """
        columns = verifications.c
        query = sa.select(verifications).order_by(columns.verified_utc, columns.sequence)
        chosen = (("serial", serial), ("instrument", instrument), ("model_sha256", model_sha256))
        for name, value in chosen:
            query = query.where(columns[name] == value) if value else query
        with database_errors(self._engine.url), self._engine.connect() as connection:
            return [_verification_of(row._asdict()) for row in connection.execute(query)]


def _row_of(verification: Verification) -> dict[str, Any]:
    offset = verification.verified_at.utcoffset() or timedelta()
    criteria = [
        {key: None if value != value else value for key, value in asdict(one).items()}
        for one in verification.criteria
    ]
    return {name: getattr(verification, name) for name in _SAME} | {
        "verified_utc": naive_utc(verification.verified_at),
        "utc_offset_s": round(offset.total_seconds()),
        "valid_until_utc": naive_utc(verification.valid_until),
        "appended_utc": naive_utc(datetime.now(UTC)),
        "criteria": json.dumps(criteria),
    }


def _stage_of(verification: Verification) -> StageRecord:
    return StageRecord(
        learnt_at=verification.verified_at,
        instrument=verification.instrument,
        serial=verification.serial,
        direction=verification.direction,
        source="verify",
        operator=verification.operator,
    )


def _verification_of(row: Mapping[str, Any]) -> Verification:
    criteria = [_criterion_of(stored) for stored in json.loads(row["criteria"])]
    return Verification(
        **{name: row[name] for name in _SAME},
        verified_at=with_offset(row["verified_utc"], row["utc_offset_s"]),
        valid_until=with_offset(row["valid_until_utc"], row["utc_offset_s"]),
        criteria=tuple(criteria),
    )


def _criterion_of(stored: Mapping[str, Any]) -> Criterion:
    values: dict[str, Any] = {k: math.nan if v is None else v for k, v in stored.items()}
    return Criterion(**values)
