"""The jobs of a server, where it keeps any."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar, TypeVarTuple

from refp.core.parallel import default_jobs
from refp.web.http.problems import Problem
from refp.web.job import Job, JobPlace
from refp.web.jobs.runner import Runner
from refp.web.settings import WebSettings
from refp.web.storage.home import Home
from refp.web.workers.pools import WorkerPools

NO_JOBS = "no jobs are kept here; start refp serve --home FOLDER with extra 'history' installed"
Arguments = TypeVarTuple("Arguments")
Answer = TypeVar("Answer")


class JobService:
    """The queue of jobs; there is none where the server has no home or no database."""

    def __init__(self, settings: WebSettings, pools: WorkerPools, home: Home) -> None:
        self._settings, self._pools, self._home = settings, pools, home
        self._runner: Runner | None = None
        self.naming = asyncio.Lock()
        """Held from the check that a name is free until the job that takes it is queued."""

    def start(self) -> None:
        """Start the queue, with the jobs of earlier servers."""
        if self._settings.home and self._settings.jobs:
            self._runner = Runner(self._ask_log, self._place(), self._home.server_id())
            self._runner.start()

    async def stop(self) -> None:
        """End the running job, which the next server begins again."""
        if self._runner is not None:
            await self._runner.stop()

    @property
    def are_kept(self) -> bool:
        """Whether there are jobs."""
        return self._runner is not None

    @property
    def runner(self) -> Runner:
        """The queue.

        Raises
        ------
        Problem
            If the server keeps nothing.
        """
        if self._runner is None:
            raise Problem(HTTPStatus.NOT_FOUND, "no_jobs", NO_JOBS)
        return self._runner

    def known(self) -> list[Job]:
        """Return all jobs, the newest first; none where none are kept."""
        return [] if self._runner is None else self._runner.jobs()

    async def loaded(self) -> None:
        """Wait until the jobs of earlier servers are known; at once where there are no jobs."""
        if self._runner is not None:
            await self._runner.loaded()

    async def _ask_log(
        self, function: Callable[[str, *Arguments], Answer], *arguments: *Arguments
    ) -> Answer:
        return await self._pools.ask(function, self._settings.jobs, *arguments)

    def _place(self) -> JobPlace:
        return JobPlace(
            home=self._home.folder,
            models=self._settings.own_models or self._home.models,
            roots=self._settings.roots,
            history=self._settings.history,
            limits=self._settings.limits,
            processes=max(default_jobs() - 1, 1),  # estimates need a core
        )
