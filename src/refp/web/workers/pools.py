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
"""Time of a worker that may have to load its libraries and a model first."""
COMPILE_S = 3600.0
"""Time to compile all kernels: about a minute, longer on a slow machine that does other work too."""
NOT_ITS_FAULT = frozenset({LOST, OUT_OF_MEMORY})
"""Ends of a worker that another program or an earlier file may have caused; a new worker decides."""

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class WorkerPools:
    """Worker processes for estimates and pages, and one for archives, folders and sent models.

    Parameters
    ----------
    size
        Workers for estimates and pages.
    limits
        Memory of a worker, and its time for one file.
    """

    def __init__(self, size: int, limits: Limits) -> None:
        self._size, self._work_s = size, limits.work_s
        self._quick = Pool(size, limits.memory_bytes)
        self._slow = Pool(1, limits.memory_bytes)
        self._compiled = asyncio.Event()
        self._started_s: float | None = None
        self._starting: asyncio.Task[None] | None = None

    def start(self, models: Sequence[Path], database: str) -> None:
        """Compile the kernels in one worker, then warm up all; nobody waits for it.

        Parameters
        ----------
        models
            Model files; each worker loads the first.
        database
            Of the history; empty where none is kept.
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
        """Seconds since the start, while estimates wait for the kernels; else ``None``."""
        if self._started_s is None or self._compiled.is_set():
            return None
        return monotonic() - self._started_s

    async def ask(
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
            Time of the worker; ``work_s`` of the limits if not given. Waiting for a worker, or for the
            kernels, does not count.

        Raises
        ------
        WorkError
            The exception of the function, or the end of the worker.
        """
        if calls.needs_kernels(function):
            await self._compiled.wait()
        return await self._run(function, *arguments, limit_s=limit_s or self._work_s)

    async def ask_anew(
        self,
        function: Callable[[*Arguments], Result],
        *arguments: *Arguments,
        limit_s: float | None = None,
    ) -> Result:
        """Run a function as :meth:`ask` does, and once more in a new worker if the first one ended."""
        try:
            return await self.ask(function, *arguments, limit_s=limit_s)
        except WorkError as error:
            if error.code not in NOT_ITS_FAULT:
                raise
            return await self.ask(function, *arguments, limit_s=START_S)

    async def _run(
        self, function: Callable[[*Arguments], Result], *arguments: *Arguments, limit_s: float
    ) -> Result:
        pool = self._slow if calls.is_slow(function) else self._quick

        def wait() -> Result:
            return pool.ask(function, *arguments, limit_s=limit_s)

        return await asyncio.get_running_loop().run_in_executor(pool.threads, wait)

    async def _start(self, models: Sequence[Path], database: str) -> None:
        """Compile once, so that the workers load the kernels and do not compile them all at once."""
        try:
            await self._try(calls.compile_kernels, limit_s=COMPILE_S)
            each = [
                asyncio.create_task(self._try(calls.warm_up, models, database, limit_s=START_S))
                for _ in range(self._size)
            ]
            await asyncio.sleep(0)  # they are in the queue before what waited for the kernels
        finally:
            self._compiled.set()
        await asyncio.gather(*each)

    async def _try(
        self, function: Callable[[*Arguments], None], *arguments: *Arguments, limit_s: float
    ) -> None:
        # A request that needs it meets the same error; RuntimeError: the threads have ended.
        with suppress(RefpError, RuntimeError):
            await self._run(function, *arguments, limit_s=limit_s)
