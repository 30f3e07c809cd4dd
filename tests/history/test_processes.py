"""Several processes at once, and one that is killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from refp.history import History

BEGIN = """
import os, sys
from datetime import datetime, timezone
from refp.history import History, HistoryRecord, new_id
import refp.history.connect

def records(n, note):
    now = datetime.now(timezone.utc)
    return [HistoryRecord(id=new_id(), recorded_at=now, kind="estimate", instrument="a",
                          note=note) for _ in range(n)]

database, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
"""
OPEN = BEGIN + "History.open(database).close()"
APPEND = (
    BEGIN
    + """
with History.open(database) as history:
    for k in range(20):
        history.append(records(10, name))
"""
)
WRITE_ON = (
    BEGIN
    + """
with History.open(database) as history:
    for k in range(100000):
        history.append(records(50, str(k)))
        print(k, flush=True)
"""
)
DIE_BEFORE_COMMIT = (
    BEGIN
    + """
import signal
import sqlalchemy as sa
with History.open(database) as history:
    history.append(records(3, "whole"))
    sa.event.listen(history._engine, "commit", lambda _: os.kill(os.getpid(), signal.SIGKILL))
    history.append(records(200, "half"))
"""
)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")


@contextmanager
def process(code: str, database: str, name: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that has imported all it needs and waits for a line."""
    command = [sys.executable, "-W", "error", "-c", code, database, name]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as one:
        try:
            yield one
        finally:
            if one.poll() is None:
                one.kill()


def run_together(code: str, database: str, n: int) -> list[tuple[int, str]]:
    """Start processes at the same time; return their exit codes and error output."""
    with ExitStack() as stack:
        running = [stack.enter_context(process(code, database, str(k))) for k in range(n)]
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in running:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        ends = [one.communicate(timeout=300) for one in running]
        return [(one.returncode, err) for one, (_, err) in zip(running, ends, strict=True)]


def test_two_processes_open_a_new_database_at_once(database: str) -> None:
    assert run_together(OPEN, database, 3) == [(0, "")] * 3
    with History.open(database) as history:
        assert history.select().empty


def test_two_processes_append_and_lose_nothing(database: str) -> None:
    assert run_together(APPEND, database, 2) == [(0, "")] * 2
    with History.open(database) as history:
        notes = history.select()["note"].value_counts().to_dict()
    assert notes == {"0": 200, "1": 200}


@POSIX
def test_killed_before_the_end_of_writing(database: str) -> None:
    ((code, _),) = run_together(DIE_BEFORE_COMMIT, database, 1)
    assert code == -signal.SIGKILL
    with History.open(database) as history:
        assert history.select()["note"].tolist() == ["whole"] * 3
        history.append([])  # and it is not locked


@POSIX
def test_killed_at_any_time_leaves_whole_batches(database: str) -> None:
    with process(WRITE_ON, database) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        one.stdin.write("go\n")
        one.stdin.flush()
        lines = [one.stdout.readline() for _ in range(8)]
        one.kill()
        one.wait()
    assert lines[-1] == "6\n"
    with History.open(database) as history:
        counts = history.select()["note"].value_counts()
    assert set(counts) == {50}
    assert {str(k) for k in range(7)} <= set(counts.index)  # confirmed records are there
