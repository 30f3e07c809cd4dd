"""Running workers: processes of this machine, or of a cluster."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from refp.core.errors import WorkersError

POLL_SECONDS = 1.0
"""Interval at which a wait for a result checks that the workers still exist."""


def never() -> bool:
    """Return ``False``."""
    return False


@dataclass(frozen=True, slots=True)
class Crew:
    """Worker processes that are running, with the executor that uses them.

    Attributes
    ----------
    executor
        Executor to which tasks are submitted.
    size
        Number of tasks that run at once.
    shares_cache
        Whether the workers read the compiled kernels of this process from the same disk.
    lost
        Exceptions that a task raises when its worker is lost.
    remedy
        Message of the :class:`WorkersError` raised then.
    is_gone
        Returns whether submitted tasks will neither return nor raise.
    """

    executor: Executor
    size: int
    shares_cache: bool
    lost: tuple[type[Exception], ...]
    remedy: str
    is_gone: Callable[[], bool] = never

    def first_done(self, futures: Iterable[Future[Any]]) -> set[Future[Any]]:
        """Wait until some of the tasks are done, and return those.

        Raises
        ------
        WorkersError
            If the workers are lost and no task raises.
        """
        while True:
            done = wait(futures, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done
            if done:
                return done
            self.check()

    def check(self) -> None:
        """Raise :class:`WorkersError` if the workers are lost."""
        if self.is_gone():
            raise WorkersError(self.remedy)
