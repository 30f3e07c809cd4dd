"""Functions of workers on the job log."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from refp.history import JobLog, JobRecord, JobState
from refp.web.job import Job


def load_jobs(database: str, server: str) -> list[Job]:
    """Return the jobs of a server, the newest first; errors as of :class:`refp.history.JobLog`."""
    return [_job_of(record) for record in _open(database).select(server)]


def add_job(database: str, server: str, job: Job) -> None:
    """Append a job."""
    record = JobRecord(job.id, server, job.kind, job.title, job.operator, job.request)
    _open(database).add(record)


def append_job_event(database: str, job: str, state: JobState, about: Mapping[str, Any]) -> bool:
    """Append an event of a job; return whether it is new."""
    return _open(database).tell(job, state, about)


def _job_of(record: JobRecord) -> Job:
    first = record.events[0]
    job = Job(
        id=record.id,
        kind=record.kind,
        title=record.title,
        operator=record.operator,
        request=record.request,
        state=first.state,
        made_at=first.at.isoformat(timespec="seconds"),
    )
    for event in record.events[1:]:
        if job.has_ended:
            break  # events that two servers appended at the same time
        job = job.after(event.at.isoformat(timespec="seconds"), event.state, event.told)
    return job


@lru_cache(maxsize=2)
def _open(database: str) -> JobLog:
    return JobLog.open(database if "://" in database else Path(database))
