"""Worker processes: calls, and the replacement of lost workers."""

import multiprocessing
import operator
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the pages need extra 'web'")

from refp.web.errors import LOST, TOO_LONG, WorkError
from refp.web.workers.pool import Pool, Worker

MEMORY = 1_000_000_000


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool(1, MEMORY)
    assert pool.run(len, "abc", limit_s=300) == 3
    yield pool
    pool.stop()


@pytest.mark.parametrize(
    ("function", "argument", "limit_s", "code"),
    [
        pytest.param(time.sleep, 600, 0.2, TOO_LONG, id="takes too long"),
        pytest.param(os._exit, 1, 60, LOST, id="is killed"),
        pytest.param(int, "x", 60, "value_error", id="raises"),
    ],
)
def test_worker_continues(
    pool: Pool, function: Callable[[Any], object], argument: object, limit_s: float, code: str
) -> None:
    with pytest.raises(WorkError) as raised:
        pool.run(function, argument, limit_s=limit_s)
    assert raised.value.code == code
    assert pool.run(len, "abc", limit_s=300) == 3


def test_idle_worker_that_was_killed_is_replaced(pool: Pool) -> None:
    first = pool.run(os.getpid, limit_s=60)
    (process,) = (one for one in multiprocessing.active_children() if one.pid == first)
    process.kill()
    process.join()
    assert pool.run(os.getpid, limit_s=300) != first


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_memory_is_limited(pool: Pool) -> None:
    assert pool.run(operator.mul, "a", 1000, limit_s=60) == "a" * 1000
    with pytest.raises(WorkError, match="more memory") as raised:
        pool.run(bytearray, 2 * MEMORY, limit_s=60)
    assert raised.value.code == "memory_error"
    assert pool.run(len, "abc", limit_s=60) == 3


def test_a_call_closes_its_own_pipe_when_the_worker_is_stopped() -> None:
    """Closed by the stopping thread, its file's number could be that of a new pipe meanwhile."""
    polling, stopped = threading.Event(), threading.Event()
    closed_by: list[int] = []

    class End:
        def send(self, task: object) -> None: ...

        def poll(self, limit_s: float) -> bool:
            polling.set()
            assert stopped.wait(60)
            assert closed_by == []
            raise EOFError

        def close(self) -> None:
            closed_by.append(threading.get_ident())

    worker = Worker(MEMORY)
    worker._end = End()  # type: ignore[assignment]
    errors: list[WorkError] = []

    def call() -> None:
        try:
            worker.run(len, ("abc",), 60)
        except WorkError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert polling.wait(60)
    worker.close()
    stopped.set()
    thread.join(60)
    assert [error.code for error in errors] == [LOST]
    assert closed_by == [thread.ident]
