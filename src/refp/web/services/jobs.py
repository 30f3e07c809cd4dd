"""The jobs of a server."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar, TypeVarTuple

from refp.core.parallel import default_jobs
from refp.web.http.problems import Problem
from refp.web.job import Job, JobSettings
from refp.web.jobs.runner import Runner
from refp.web.settings import WebSettings
from refp.web.storage.home import Home
from refp.web.workers.pools import WorkerPools

NO_JOBS = (
    "this server has no jobs; its administrator can install the extra 'history' and start it again"
)
MAX_TIMES = 5
"""Earlier jobs whose times are shown."""
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class JobService:
    """Service of jobs; without a home or a database there is no queue."""

    def __init__(self, settings: WebSettings, pools: WorkerPools, home: Home) -> None:
        self._settings, self._pools, self._home = settings, pools, home
        self._runner: Runner | None = None
        self.naming = asyncio.Lock()
        """Lock from the check of a model name until the job with the name is queued."""

    def start(self) -> None:
        """Start the queue, with the jobs of earlier servers."""
        if self._settings.home and self._settings.jobs:
            self._runner = Runner(self._run_on_log, self._job_settings(), self._home.server_id())
            self._runner.start()

    async def stop(self) -> None:
        """End the running job; the next server restarts it."""
        if self._runner is not None:
            await self._runner.stop()

    @property
    def are_kept(self) -> bool:
        """Whether the server has a queue of jobs."""
        return self._runner is not None

    @property
    def runner(self) -> Runner:
        """The queue.

        Raises
        ------
        Problem
            If the server has none.
        """
        if self._runner is None:
            raise Problem(HTTPStatus.NOT_FOUND, "no_jobs", NO_JOBS)
        return self._runner

    def known(self) -> list[Job]:
        """Return all jobs, the newest first; empty without a queue."""
        return [] if self._runner is None else self._runner.jobs()

    def took_s(self, kind: str, family: str = "") -> list[float]:
        """Return the times of the newest jobs of a kind that are done, s.

        Parameters
        ----------
        kind
            Kind of the job.
        family
            Family of the model of a training.
        """
        alike = (
            job.took_s
            for job in self.known()
            if (job.kind, job.state) == (kind, "done") and job.request.get("family", "") == family
        )
        return [took_s for took_s in alike if took_s is not None][:MAX_TIMES]

    async def loaded(self) -> None:
        """Wait until the jobs of earlier servers are loaded."""
        if self._runner is not None:
            await self._runner.loaded()

    async def _run_on_log(
        self, function: Callable[[str, *Arguments], Result], *arguments: *Arguments
    ) -> Result:
        return await self._pools.run(function, self._settings.jobs, *arguments)

    def _job_settings(self) -> JobSettings:
        return JobSettings(
            home=self._home.folder,
            models=self._settings.own_models or self._home.models,
            roots=self._settings.roots,
            history=self._settings.history,
            limits=self._settings.limits,
            processes=max(default_jobs() - 1, 1),  # one core remains for estimates
        )
