"""Running workers: processes of this machine, or of a cluster."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from refp.core.errors import WorkersError

LOOK_SECONDS = 1.0
"""Who waits for a result looks up as often, to see whether there is still somebody to bring it."""


def never() -> bool:
    """Say no."""
    return False


@dataclass(frozen=True, slots=True)
class Crew:
    """Running workers.

    Attributes
    ----------
    executor
        Takes tasks.
    size
        How many tasks it works on at once.
    shares_cache
        Whether the workers find here what this process compiled.
    lost
        What a task raises when its worker is gone for good.
    remedy
        What the user is told then.
    is_gone
        Whether tasks that are on their way will not come back and not raise either.
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
            If the workers are gone without a word.
        """
        while True:
            done = wait(futures, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED).done
            if done:
                return done
            self.check()

    def check(self) -> None:
        """Raise :class:`WorkersError` if the workers are gone."""
        if self.is_gone():
            raise WorkersError(self.remedy)
