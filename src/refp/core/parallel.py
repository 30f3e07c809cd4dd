"""Work in order, in this process, in a pool of processes or on a Dask cluster, with progress.

Measurement uses the interface :class:`concurrent.futures.Executor`; :class:`Workers` provides the
executor. Items are submitted in chunks and results are returned in order; the number of chunks in
flight is bounded, so that memory does not grow with the number of items.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from refp.core.cluster import join_cluster
from refp.core.crew import POLL_SECONDS, Crew
from refp.core.errors import WorkersError

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[str, int, int], None]
"""Called with a title, the steps done and the steps in all."""

FRAMES_WORTH_A_POOL = 64
"""Below this, starting worker processes takes longer than the work."""
ROUNDS_WORTH_A_POOL = 20
"""The same for rounds of long work (:class:`Chain`), which take a second or so each."""
CHUNK = 8
"""Maximum number of items of a task: the overhead of a task is negligible, and all workers end at
about the same time."""
TASKS_A_WORKER = 4
"""Tasks in flight for each worker: workers do not idle, and few results accumulate."""


def ignore_progress(title: str, done: int, total: int) -> None:
    """Do nothing."""


def default_jobs() -> int:
    """Return the number of processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on Windows or macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class Workers(AbstractContextManager["Workers"]):
    """Executor for the work of one command; started at the first use, kept until the end.

    Parameters
    ----------
    jobs
        Number of processes. With one, or with little work, all work is done in this process.
    scheduler
        Address of a Dask scheduler, such as ``tcp://head:8786``, whose workers do the work.

    Notes
    -----
    Without a ``with`` block the processes end when this process ends.
    """

    def __init__(self, jobs: int = 1, scheduler: str | None = None) -> None:
        self.jobs = jobs
        self.scheduler = scheduler
        self._open = ExitStack()
        self._crew: Crew | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._crew = None
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def crew(self, n_items: int, worth: int | None = None) -> Crew | None:
        """Return the workers for a number of items, or ``None`` if this process is as fast.

        Parameters
        ----------
        n_items
            Number of items.
        worth
            Number of items from which a pool of processes is started; default: that of frames.

        Raises
        ------
        WorkersError
            If no scheduler can be reached at the address.
        MissingExtraError
            If an address is given and Dask is not installed.
        """
        if self._crew is None:
            if self.scheduler is not None:
                self._crew = self._open.enter_context(join_cluster(self.scheduler))
            elif self.jobs > 1 and n_items >= (worth or FRAMES_WORTH_A_POOL):
                self._crew = self._open.enter_context(_start_pool(self.jobs))
        return self._crew

    def wake(self, n_items: int, module: str) -> None:
        """Start the processes for ``n_items``, if any, and import ``module`` in each of them."""
        crew = self.crew(n_items)
        if crew is not None and crew.shares_cache:
            for _ in range(crew.size):
                crew.executor.submit(import_module, module)


@dataclass(frozen=True, slots=True)
class Execution:
    """Executor for the work, and callback for progress.

    Attributes
    ----------
    workers
        Executor of the work; the result does not depend on it.
    progress
        Called after every item.
    """

    workers: Workers = field(default_factory=Workers)
    progress: Progress = ignore_progress


SERIAL = Execution()
"""Work in this process, without progress."""


def map_ordered(
    function: Callable[[T], R],
    items: Sequence[T],
    *,
    execution: Execution = SERIAL,
    title: str = "",
) -> list[R]:
    """Apply ``function`` to every item and return the results in the order of the items.

    Parameters
    ----------
    function
        A function; picklable if ``workers`` are other processes.
    items
        Its arguments.
    execution, title
        ``execution.progress(title, done, total)`` is called after every item.
    """
    results: list[R] = []
    for result in iter_ordered(function, items, len(items), execution.workers):
        results.append(result)
        execution.progress(title, len(results), len(items))
    return results


def iter_ordered(
    function: Callable[[T], R], items: Iterable[T], n_items: int, workers: Workers
) -> Iterator[R]:
    """Yield ``function(item)`` for every item, in their order.

    Parameters
    ----------
    function
        As in :func:`map_ordered`.
    items
        Its arguments; read one by one, shortly before they are used.
    n_items
        Number of items.
    workers
        Executor of the work.

    Raises
    ------
    WorkersError
        If workers are lost; results yielded before are valid.
    """
    crew = workers.crew(n_items)
    if crew is None:
        yield from map(function, items)
        return
    source = iter(items)
    with _report_loss(crew):
        if crew.shares_cache:
            yield from _lead(function, source, crew)
        chunk = max(1, min(CHUNK, n_items // (TASKS_A_WORKER * crew.size)))
        yield from _hand_out(function, source, chunk, crew)


@contextmanager
def _report_loss(crew: Crew) -> Iterator[None]:
    """Raise :class:`WorkersError` with the remedy for any error that a loss of workers causes."""
    try:
        yield
    except WorkersError:
        raise
    except crew.lost as error:
        raise WorkersError(crew.remedy) from error
    except Exception as error:
        if crew.is_gone():
            raise WorkersError(crew.remedy) from error
        raise


def _lead(function: Callable[[T], R], items: Iterator[T], crew: Crew) -> Iterator[R]:
    """Process the first item here while the workers start and import the modules of ``function``.

    Kernels are then compiled once, and the workers load them from the disk cache.
    """
    for _ in range(crew.size):
        crew.executor.submit(_apply, function, [])
    yield from map(function, islice(items, 1))


def _hand_out(function: Callable[[T], R], items: Iterator[T], size: int, crew: Crew) -> Iterator[R]:
    """Yield results in order, with a bounded number of chunks in flight."""
    waiting: deque[Future[list[R]]] = deque()
    try:
        while chunk := list(islice(items, size)):
            waiting.append(crew.executor.submit(_apply, function, chunk))
            if len(waiting) >= TASKS_A_WORKER * crew.size:
                yield from _oldest(waiting, crew)
        while waiting:
            yield from _oldest(waiting, crew)
    finally:
        for future in waiting:
            future.cancel()


def _oldest(waiting: deque[Future[R]], crew: Crew) -> R:
    future = waiting.popleft()
    while True:
        try:
            return future.result(timeout=POLL_SECONDS)
        except TimeoutError:
            if future.done():  # just now, or the task itself raised TimeoutError
                return future.result()
            crew.check()


class Chain(Protocol):
    """Long work in rounds, each of which starts from the result of the one before."""

    @property
    def rounds_left(self) -> int:
        """Maximum number of rounds that remain."""
        ...

    def next_round(self) -> Callable[[], Any]:
        """Return the next round: picklable, with a result that does not depend on the worker."""
        ...

    def take(self, result: Any) -> None:
        """Accept the result of a round."""
        ...


def run_chains(chains: Sequence[Chain], workers: Workers) -> None:
    """Run all rounds of all chains alternately, so that chains of equal length end together.

    Raises
    ------
    WorkersError
        If workers are lost; rounds accepted before are valid.
    """
    n_rounds = sum(chain.rounds_left for chain in chains)
    _drive(chains, workers.crew(n_rounds, ROUNDS_WORTH_A_POOL), at_once=len(chains))


def run_queue(chains: Iterable[Chain], n_rounds: int, workers: Workers) -> None:
    """Run all rounds of chains, as many chains at a time as there are workers.

    Parameters
    ----------
    chains
        Read one by one, each when a worker is free.
    n_rounds
        Approximate total number of rounds.
    workers
        Executor of the rounds.

    Raises
    ------
    WorkersError
        If workers are lost; rounds accepted before are valid.
    """
    crew = workers.crew(n_rounds, ROUNDS_WORTH_A_POOL)
    _drive(chains, crew, at_once=1 if crew is None else crew.size)


def _drive(chains: Iterable[Chain], crew: Crew | None, at_once: int) -> None:
    if crew is None:
        _keep_busy(iter(chains), Crew(_InTurn(), 0, True, (), ""), at_once)
        return
    with _report_loss(crew):
        _keep_busy(iter(chains), crew, at_once)


def _keep_busy(source: Iterator[Chain], crew: Crew, at_once: int) -> None:
    """Run one round on each worker, with one more in flight so that no worker waits."""
    waiting: deque[Chain] = deque()
    running: dict[Future[Any], Chain] = {}
    source = (chain for chain in source if chain.rounds_left)
    try:
        while True:
            waiting.extend(islice(source, max(at_once - len(waiting) - len(running), 0)))
            while waiting and len(running) <= crew.size:
                chain = waiting.popleft()
                running[crew.executor.submit(chain.next_round())] = chain
            if not running:
                return
            for future in crew.first_done(running):
                chain = running.pop(future)
                chain.take(future.result())
                if chain.rounds_left:
                    waiting.append(chain)
    finally:
        for future in running:
            future.cancel()


class _InTurn(Executor):
    """Executor that runs a task in this process when it is submitted."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        future: Future[R] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _apply(function: Callable[[T], R], chunk: Sequence[T]) -> list[R]:
    return [function(item) for item in chunk]


@contextmanager
def _start_pool(jobs: int) -> Iterator[Crew]:
    # "spawn" behaves alike on Linux, macOS and Windows and never inherits a lock held by a thread.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_serve_parent)
    remedy = (
        "a worker process was stopped, perhaps by the system for lack of memory; give the command "
        f"again with fewer than {jobs} --jobs"
    )
    try:
        yield Crew(pool, jobs, True, (BrokenProcessPool,), remedy)
    finally:
        pool.shutdown(cancel_futures=True)


def _serve_parent() -> None:
    """Ignore Ctrl-C, which the parent handles, and end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """End this process when its parent process has ended, for example because it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.join,), daemon=True).start()


def _end_after(wait: Callable[[], None]) -> None:
    wait()
    os._exit(1)  # sys.exit would end this thread alone
