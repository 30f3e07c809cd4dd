"""The log of jobs: requests are kept, and a job ends once."""

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from refp.core.errors import HistoryError
from refp.history import JobLog, JobRecord
from refp.history.connect import open_engine

SERVER = str(uuid.uuid4())


def job(**changes: Any) -> JobRecord:
    given: Mapping[str, Any] = {
        "id": str(uuid.uuid4()),
        "server": SERVER,
        "kind": "plane",
        "title": "Monday µ",
        "operator": "Ada",
        "request": {"data": [{"path": "sweeps/ä"}], "pixel_size_um": 1.5},
    }
    return JobRecord(**{**given, **changes})


@pytest.fixture
def log(database: str) -> Iterator[JobLog]:
    with JobLog.open(database) as log:
        yield log


def test_a_job_and_its_events(log: JobLog, database: str) -> None:
    queued = job()
    log.add(queued)
    log.add(queued)  # a second try of the same request
    assert log.tell(queued.id, "running")
    assert log.tell(queued.id, "done", {"result": {"planes": queued.id}})
    with JobLog.open(database) as other:
        (found,) = other.select(SERVER)
    assert (found.id, found.title, found.operator) == (queued.id, queued.title, queued.operator)
    assert found.request == queued.request
    assert [event.state for event in found.events] == ["queued", "running", "done"]
    assert found.events[-1].told == {"result": {"planes": queued.id}}
    assert all(event.at.utcoffset() is not None for event in found.events)


def test_a_job_ends_once(log: JobLog) -> None:
    queued = job()
    log.add(queued)
    assert log.tell(queued.id, "cancelled")
    assert not log.tell(queued.id, "done")
    assert not log.tell(queued.id, "running")
    (found,) = log.select(SERVER)
    assert [event.state for event in found.events] == ["queued", "cancelled"]


def test_the_newest_first_of_one_server(log: JobLog) -> None:
    mine = [job(title=str(k)) for k in range(4)]
    for one in (*mine, job(server=str(uuid.uuid4()))):
        log.add(one)
    assert [found.title for found in log.select(SERVER)] == ["3", "2", "1", "0"]


def test_unknown_jobs_and_states_are_refused(log: JobLog) -> None:
    with pytest.raises(HistoryError, match="no job of this id"):
        log.tell(str(uuid.uuid4()), "done")
    with pytest.raises(HistoryError, match="choose queued"):
        log.tell(str(uuid.uuid4()), "lost")  # type: ignore[arg-type]


@pytest.mark.parametrize("table", ["refp_jobs", "refp_job_events"])
@pytest.mark.parametrize("act", ["DELETE FROM {}", "UPDATE {} SET sequence = 77"])
def test_nothing_is_changed_or_removed(log: JobLog, database: str, table: str, act: str) -> None:
    log.add(job())
    engine = open_engine(database)
    try:
        with (
            engine.connect() as connection,
            pytest.raises(sa.exc.DatabaseError, match="appended only"),
        ):
            connection.execute(sa.text(act.format(table)))
    finally:
        engine.dispose()


def test_a_history_of_before_jobs_gets_them(database: str) -> None:
    from alembic import command
    from alembic.config import Config

    from refp.history.connect import MIGRATIONS, connect, read_address

    engine = connect(read_address(database))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with JobLog.open(database) as log:
        log.add(job())
        assert len(log.select(SERVER)) == 1


def test_a_file_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with JobLog.open(tmp_path / "new" / "history.db") as log:
        assert log.select(SERVER) == []
