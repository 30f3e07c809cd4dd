"""The two pools of workers of a server, and their start."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TypeVar, TypeVarTuple

from refp.core.errors import RefpError
from refp.web.errors import LOST, OUT_OF_MEMORY, WorkError
from refp.web.settings import Limits
from refp.web.workers import calls
from refp.web.workers.pool import Pool

START_S = 300.0
"""Time limit of a worker that first loads its libraries and a model, s."""
COMPILE_S = 3600.0
"""Time limit for compiling all kernels, s; about a minute on an idle machine."""
RETRIED = frozenset({LOST, OUT_OF_MEMORY})
"""Codes after which a call is repeated: another program or an earlier file may be the cause."""

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class WorkerPools:
    """Worker processes for estimates and pages, and one for archives, folders and sent models.

    Parameters
    ----------
    size
        Number of workers for estimates and pages.
    limits
        Limits of memory and time of a worker.
    """

    def __init__(self, size: int, limits: Limits) -> None:
        self._size, self._work_s = size, limits.work_s
        self._quick = Pool(size, limits.memory_bytes)
        self._slow = Pool(1, limits.memory_bytes)
        self._compiled = asyncio.Event()
        self._started_s: float | None = None
        self._starting: asyncio.Task[None] | None = None

    def start(self, models: Sequence[Path], database: str) -> None:
        """Compile the kernels in one worker, then warm up all workers, in the background.

        Parameters
        ----------
        models
            Model files; each worker loads the first.
        database
            Database of the history; empty without a history.
        """
        self._started_s = monotonic()
        self._starting = asyncio.create_task(self._start(models, database))

    async def stop(self) -> None:
        """End the workers."""
        for pool in (self._quick, self._slow):
            await asyncio.to_thread(pool.stop)
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)

    @property
    def starting_s(self) -> float | None:
        """Time since the start until the kernels are compiled, s; then ``None``."""
        if self._started_s is None or self._compiled.is_set():
            return None
        return monotonic() - self._started_s

    async def run(
        self,
        function: Callable[[*Arguments], Result],
        *arguments: *Arguments,
        limit_s: float | None = None,
    ) -> Result:
        """Run a function of :mod:`refp.web.workers.calls` in a worker.

        Parameters
        ----------
        function, arguments
            The function, which a worker imports by its name, and its arguments.
        limit_s
            Time limit, s; ``work_s`` of the limits if not given. Waiting for a worker or for the
            kernels does not count.

        Raises
        ------
        WorkError
            If the function raises, or the worker is lost.
        """
        if calls.needs_kernels(function):
            await self._compiled.wait()
        return await self._run_in_pool(function, *arguments, limit_s=limit_s or self._work_s)

    async def run_again(
        self,
        function: Callable[[*Arguments], Result],
        *arguments: *Arguments,
        limit_s: float | None = None,
    ) -> Result:
        """Run a function as :meth:`run` does; repeat it once in a new worker if the first is lost."""
        try:
            return await self.run(function, *arguments, limit_s=limit_s)
        except WorkError as error:
            if error.code not in RETRIED:
                raise
            return await self.run(function, *arguments, limit_s=START_S)

    async def _run_in_pool(
        self, function: Callable[[*Arguments], Result], *arguments: *Arguments, limit_s: float
    ) -> Result:
        pool = self._slow if calls.is_slow(function) else self._quick

        def wait() -> Result:
            return pool.run(function, *arguments, limit_s=limit_s)

        return await asyncio.get_running_loop().run_in_executor(pool.threads, wait)

    async def _start(self, models: Sequence[Path], database: str) -> None:
        """Compile in one worker, so that the others load the kernels from the cache."""
        try:
            await self._run_quietly(calls.estimates.compile_kernels, limit_s=COMPILE_S)
            each = [
                asyncio.create_task(
                    self._run_quietly(calls.estimates.warm_up, models, database, limit_s=START_S)
                )
                for _ in range(self._size)
            ]
            await asyncio.sleep(0)  # queues them before the calls that wait for the kernels
        finally:
            self._compiled.set()
        await asyncio.gather(*each)

    async def _run_quietly(
        self, function: Callable[[*Arguments], None], *arguments: *Arguments, limit_s: float
    ) -> None:
        # A request raises the same error later; RuntimeError: the threads have ended.
        with suppress(RefpError, RuntimeError):
            await self._run_in_pool(function, *arguments, limit_s=limit_s)
