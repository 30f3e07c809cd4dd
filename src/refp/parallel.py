"""Work in order over a ``concurrent.futures.Executor``, with progress.

The code that measures is written against the executor interface, so that a pool of processes, a
Dask cluster (``Client.get_executor()``) or no pool at all serve alike.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[str, int, int], None]
"""Called with a title, the steps done and the steps in all."""

FRAMES_WORTH_A_POOL = 64
"""Below this, starting worker processes takes longer than the work."""


def no_progress(title: str, done: int, total: int) -> None:
    """Show nothing."""


def default_jobs() -> int:
    """Return how many processes this process may keep busy."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on Windows or macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def open_executor(jobs: int, n_items: int) -> Iterator[Executor | None]:
    """Yield a process pool, or ``None`` where one process is as fast."""
    if jobs <= 1 or n_items < FRAMES_WORTH_A_POOL:
        yield None
        return
    # "spawn" behaves alike on Linux, macOS and Windows and never inherits a lock held by a thread.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield pool


def map_ordered(
    function: Callable[[T], R],
    items: Sequence[T],
    *,
    jobs: int = 1,
    title: str = "",
    progress: Progress = no_progress,
) -> list[R]:
    """Apply ``function`` to every item and return the results in the order of the items.

    Parameters
    ----------
    function
        A picklable function when ``jobs`` is above one.
    items
        What to apply it to.
    jobs
        Processes to use.
    title, progress
        ``progress(title, done, total)`` is called after every item.
    """
    results: list[R] = []
    with open_executor(jobs, len(items)) as executor:
        if executor is None:
            produced: Iterator[R] = map(function, items)
        else:
            chunk = max(1, min(16, len(items) // (4 * jobs)))
            produced = executor.map(function, items, chunksize=chunk)
        for result in produced:
            results.append(result)
            progress(title, len(results), len(items))
    return results
