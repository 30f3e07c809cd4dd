"""Log of the jobs of a server and their states; appended, never changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

import sqlalchemy as sa

from refp.core.errors import HistoryError
from refp.history.connect import WRITES, OpenDatabase, database_errors, mask
from refp.history.job_state import ENDED, JobState
from refp.history.rows import naive_utc, with_offset
from refp.history.schema import job_events, jobs


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A change of state of a job: time, new state, and details as JSON holds them."""

    at: datetime
    state: JobState
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as requested, with its events.

    Attributes
    ----------
    id
        UUID as text.
    server
        Id of the server whose files the job uses.
    kind, title
        Kind of work, and title for display.
    operator
        Operator who requested it.
    request
        Inputs and settings, as JSON holds them.
    events
        Changes of state, the first to ``queued``.
    """

    id: str
    server: str
    kind: str
    title: str
    operator: str
    request: Mapping[str, Any]
    events: Sequence[JobEvent] = ()


class JobLog(OpenDatabase):
    """Jobs in the database of a history."""

    def add(self, job: JobRecord) -> None:
        """Append a queued job; a job that exists already is skipped."""
        row = {name: getattr(job, name) for name in ("id", "server", "kind", "title", "operator")}
        with database_errors(self._engine.url), self._write() as connection:
            known = sa.select(jobs.c.id).where(jobs.c.id == job.id)
            if connection.execute(known).first() is None:
                connection.execute(sa.insert(jobs), row | {"request": json.dumps(job.request)})
                connection.execute(sa.insert(job_events), _event_row(job.id, "queued", {}))

    def tell(self, job: str, state: JobState, about: Mapping[str, Any] | None = None) -> bool:
        """Append a change of state of a job, unless the job has ended.

        Returns
        -------
        bool
            Whether the event was appended.

        Raises
        ------
        HistoryError
            If there is no such job, or no such state.
        """
        if state not in get_args(JobState):
            raise HistoryError(f"state {state!r}: choose {', '.join(get_args(JobState))}")
        with database_errors(self._engine.url), self._write() as connection:
            # Locks the job against other writers; SQLite has one writer at a time anyway.
            connection.execute(sa.select(jobs.c.id).where(jobs.c.id == job).with_for_update())
            query = sa.select(job_events.c.state).where(job_events.c.job == job)
            states = set(connection.execute(query).scalars())
            if not states:
                raise HistoryError(f"{job}: no job of this id in {mask(self._engine.url)}")
            if states & ENDED:
                return False
            connection.execute(sa.insert(job_events), _event_row(job, state, about or {}))
        return True

    def select(self, server: str) -> list[JobRecord]:
        """Return the jobs of a server, the newest first."""
        own = jobs.c.server == server
        query = sa.select(jobs).where(own).order_by(jobs.c.sequence.desc())
        with database_errors(self._engine.url), self._engine.connect() as connection:
            rows = list(connection.execute(query))
            known: dict[str, list[JobEvent]] = {row.id: [] for row in rows}
            query = sa.select(job_events).join(jobs, jobs.c.id == job_events.c.job).where(own)
            for event in connection.execute(query.order_by(job_events.c.sequence)):
                at = with_offset(event.at_utc, event.utc_offset_s)
                known[event.job].append(JobEvent(at, event.state, json.loads(event.told)))
        return [
            JobRecord(
                id=row.id,
                server=row.server,
                kind=row.kind,
                title=row.title,
                operator=row.operator,
                request=json.loads(row.request),
                events=known[row.id],
            )
            for row in rows
        ]

    def _write(self) -> Any:
        return self._engine.execution_options(**WRITES).begin()


def _event_row(job: str, state: JobState, about: Mapping[str, Any]) -> dict[str, Any]:
    now = datetime.now().astimezone()
    offset = now.utcoffset() or timedelta()
    return {
        "job": job,
        "at_utc": naive_utc(now),
        "utc_offset_s": round(offset.total_seconds()),
        "state": state,
        "told": json.dumps(about),
    }
