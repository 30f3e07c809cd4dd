"""Work in order, in one process or in many."""

import math
import operator
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core import parallel
from refp.core.errors import WorkersError
from refp.core.parallel import (
    CHUNK,
    FRAMES_WORTH_A_POOL,
    TASKS_A_WORKER,
    Crew,
    Execution,
    Workers,
    default_jobs,
    iter_ordered,
    map_ordered,
    run_chains,
    run_queue,
)


class Fake(Workers):
    """Workers with an executor of the test."""

    def __init__(self, executor: Executor, size: int = 2) -> None:
        super().__init__()
        self._crew = Crew(executor, size, False, (BrokenPipeError,), "they are gone")


class Lazy(Executor):
    """Runs a task when its result is read; counts the tasks in flight."""

    def __init__(self) -> None:
        self.waiting = 0
        self.most = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        lazy = self

        class OnDemand(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                lazy.waiting -= 1
                return fn(*args, **kwargs)

            def cancel(self) -> bool:
                lazy.waiting -= 1
                return True

        return OnDemand()


def end_worker(item: int) -> int:
    if item == FRAMES_WORTH_A_POOL - 1:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return item


@pytest.mark.parametrize("n", [0, 1, 5])
def test_results_are_in_the_order_of_the_items(n: int) -> None:
    seen: list[tuple[str, int, int]] = []

    def progress(title: str, done: int, total: int) -> None:
        seen.append((title, done, total))

    items = [float(k**2) for k in range(n)]
    assert map_ordered(
        math.sqrt, items, title="roots", execution=Execution(progress=progress)
    ) == list(range(n))
    assert seen == [("roots", k + 1, n) for k in range(n)]


@given(n=st.integers(0, 200), size=st.integers(1, 5))
def test_threads_give_the_same_in_the_same_order(n: int, size: int) -> None:
    with ThreadPoolExecutor(size) as pool:
        assert map_ordered(str, range(n), execution=Execution(Fake(pool, size))) == [
            str(k) for k in range(n)
        ]


def test_a_pool_gives_the_same_in_the_same_order() -> None:
    items = [float(k) for k in range(FRAMES_WORTH_A_POOL)]
    with Workers(2) as workers:
        assert map_ordered(math.sqrt, items, execution=Execution(workers)) == [
            math.sqrt(k) for k in items
        ]


def test_a_pool_is_started_once_and_used_again_for_little_work() -> None:
    with Workers(2) as workers:
        first = set(map_ordered(operator.call, [os.getpid] * 200, execution=Execution(workers)))
        crew = workers.crew(1)
        assert crew is not None
        again = set(map_ordered(operator.call, [os.getpid] * 4, execution=Execution(workers)))
        assert workers.crew(1000) is crew
        started = set(crew.executor._processes)  # type: ignore[attr-defined]
    assert len(started) == 2  # one of them may have done all of the work
    assert first | again <= started | {os.getpid()}
    assert os.getpid() in first  # for the first item


@pytest.mark.parametrize(("jobs", "n"), [(1, 1000), (4, FRAMES_WORTH_A_POOL - 1)])
def test_no_pool_where_one_process_is_as_fast(jobs: int, n: int) -> None:
    assert Workers(jobs).crew(n) is None


def test_few_tasks_wait_however_many_items_there_are() -> None:
    executor, taken = Lazy(), 0

    def items() -> Iterator[int]:
        nonlocal taken
        for k in range(10_000):
            taken += 1
            yield k

    limit = TASKS_A_WORKER * 3
    for k, result in enumerate(iter_ordered(abs, items(), 10_000, Fake(executor, 3))):
        assert result == k
        assert taken - k <= limit * CHUNK
    assert (executor.most, executor.waiting) == (limit, 0)


def test_tasks_of_a_closed_iterator_are_cancelled() -> None:
    executor = Lazy()
    results = iter_ordered(abs, range(10_000), 10_000, Fake(executor))
    assert next(results) == 0
    assert executor.waiting > 0
    results.close()  # type: ignore[attr-defined]
    assert executor.waiting == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_an_item_comes_through(jobs: int) -> None:
    items = [1.0] * FRAMES_WORTH_A_POOL + [-1.0]
    with Workers(jobs) as workers, pytest.raises(ValueError, match=r"math domain|nonnegative"):
        map_ordered(math.sqrt, items, execution=Execution(workers))


def test_a_killed_worker_is_reported_in_one_line() -> None:
    remedy = "a worker process was stopped, .* with fewer than 2 --jobs"
    with Workers(2) as workers, pytest.raises(WorkersError, match=remedy):
        map_ordered(end_worker, range(FRAMES_WORTH_A_POOL), execution=Execution(workers))


def test_lost_workers_are_reported_with_the_remedy() -> None:
    def gone(_: object) -> None:
        raise BrokenPipeError

    with pytest.raises(WorkersError, match="they are gone"):
        map_ordered(gone, range(3), execution=Execution(Fake(Lazy())))


def test_a_worker_ends_when_its_parent_has(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(parallel.os, "_exit", codes.append)
    parallel._end_after(lambda: None)
    assert codes == [1]


def test_there_is_at_least_one_job() -> None:
    assert default_jobs() >= 1


class Doubling:
    """A chain that doubles a number, and logs when."""

    def __init__(self, start: int, rounds: int, log: list[int]) -> None:
        self.value, self.rounds_left, self._log = start, rounds, log

    def next_round(self) -> partial[int]:
        return partial(operator.mul, self.value, 2)

    def take(self, result: int) -> None:
        self._log.append(self.value)
        self.value = result
        self.rounds_left -= 1


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_chains_go_on_from_their_own_results(size: int) -> None:
    chains = [Doubling(start, rounds, []) for start, rounds in ((3, 4), (5, 1), (7, 0), (11, 2))]
    with ThreadPoolExecutor(size or 1) as pool:
        run_chains(chains, Fake(pool, size) if size else Workers())
    assert [chain.value for chain in chains] == [48, 10, 7, 44]


def test_chains_of_one_process_take_turns() -> None:
    log: list[int] = []
    run_chains([Doubling(3, 3, log), Doubling(5, 2, log)], Workers())
    assert log == [3, 5, 6, 10, 12]


def test_a_chain_that_fails_ends_the_others() -> None:
    class Failing(Doubling):
        def next_round(self) -> partial[int]:
            return partial(operator.floordiv, self.value, 0)

    log: list[int] = []
    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        run_chains([Failing(1, 1, log), Doubling(1, 10**6, log)], Fake(pool))
    assert len(log) < 10**6


def test_lost_workers_of_chains_are_reported() -> None:
    class Lost(Doubling):
        def next_round(self) -> Any:
            return raise_broken_pipe

    with ThreadPoolExecutor(1) as pool, pytest.raises(WorkersError, match="they are gone"):
        run_chains([Lost(1, 1, [])], Fake(pool))


def raise_broken_pipe() -> None:
    raise BrokenPipeError


def test_a_pool_is_started_for_enough_rounds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(Workers, "crew", lambda self, *given: calls.append(given))
    run_chains([Doubling(1, 2, []), Doubling(1, 3, [])], Workers())
    assert calls == [(5, parallel.ROUNDS_WORTH_A_POOL)]


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_a_queue_begins_a_chain_when_a_worker_is_free(size: int) -> None:
    begun: list[Doubling] = []

    def source() -> Iterator[Doubling]:
        for start in range(1, 8):
            assert sum(chain.rounds_left > 0 for chain in begun) < max(size, 1)
            begun.append(Doubling(start, start % 3, []))
            yield begun[-1]

    with ThreadPoolExecutor(size or 1) as pool:
        run_queue(source(), 10, Fake(pool, size) if size else Workers())
    assert [chain.value for chain in begun] == [i * 2 ** (i % 3) for i in range(1, 8)]


class Silent(Executor):
    """Never completes a task, like a client whose scheduler is lost."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Future()


@pytest.mark.parametrize(
    "work",
    [
        lambda workers: map_ordered(abs, range(9), execution=Execution(workers)),
        lambda workers: run_chains([Doubling(1, 2, [])], workers),
    ],
    ids=["items", "chains"],
)
def test_workers_lost_without_an_exception_are_reported(
    work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "POLL_SECONDS", 0.01)
    calls: list[bool] = []

    def is_gone() -> bool:
        calls.append(True)
        return len(calls) > 3

    workers = Workers()
    workers._crew = Crew(Silent(), 2, False, (), "they are gone", is_gone)
    with pytest.raises(WorkersError, match="they are gone"):
        work(workers)
    assert len(calls) == 4
