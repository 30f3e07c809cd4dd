"""The queue of jobs in the server's process: one at a time, each in a process of its own."""

import asyncio
import logging
import multiprocessing
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from http import HTTPStatus
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from refp.errors import RefpError
from refp.web.jobs.job import Job, JobPlace, Live
from refp.web.jobs.place import remove_unfinished
from refp.web.pool import LOST
from refp.web.problems import Problem

MOST_STARTS = 3
"""A job that the server did not survive so often is not begun again."""
MOST_WAITING = 50
Ask = Callable[..., Awaitable[Any]]
"""Runs a function of :mod:`refp.web.jobs.log` in a worker: its name, then what it is given."""


class Runner:
    """Jobs of one server.

    Parameters
    ----------
    ask
        Reaches the log.
    place
        What a job's process is told.
    server
        Id of the server, under which its jobs are logged.
    """

    def __init__(self, ask: Ask, place: JobPlace, server: str) -> None:
        self._ask, self._place, self._server = ask, place, server
        self._jobs: dict[str, Job] = {}
        self._live: dict[str, Live] = {}
        self._cancelled: set[str] = set()
        self._process: BaseProcess | None = None
        self._stopping = False
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._loaded = asyncio.Event()

    def start(self) -> None:
        """Take up what an earlier server left, and whatever is asked for."""
        self._task = asyncio.create_task(self._drive())

    async def stop(self) -> None:
        """End the process of the running job, which the next server takes up."""
        self._stopping = True
        if self._process is not None:
            self._process.kill()
        await self._notify()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def loaded(self) -> None:
        """Wait until the jobs of earlier servers are known."""
        await self._loaded.wait()

    def jobs(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return list(reversed(self._jobs.values()))

    def job(self, name: str) -> Job:
        """Return a job by its id.

        Raises
        ------
        Problem
            If there is none.
        """
        if name not in self._jobs:
            raise Problem(HTTPStatus.NOT_FOUND, "no_job", f"no job {name!r}; see /api/v1/jobs")
        return self._jobs[name]

    def live(self, name: str) -> Live:
        """Return how far a job is; nothing yet of one that waits."""
        return self._live.setdefault(name, Live())

    async def add(self, kind: str, title: str, request: Mapping[str, Any], operator: str) -> Job:
        """Queue a job; it is logged before this returns.

        Raises
        ------
        Problem
            If too many wait.
        WorkError
            If it cannot be logged.
        """
        if sum(not job.has_ended for job in self._jobs.values()) >= MOST_WAITING:
            detail = "too many jobs wait; cancel some, or wait for them"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail, {"retry-after": "60"})
        job = Job(str(uuid.uuid4()), kind, title, operator, request, "queued", _now())
        await self._ask("add_job", self._server, job)
        self._jobs[job.id] = job
        await self._notify()
        return job

    async def cancel(self, name: str) -> Job:
        """End a job that has not ended; what it made so far is removed."""
        job = self.job(name)
        if job.state == "queued":
            await self._tell(job, "cancelled", {})
        elif job.state == "running":
            self._cancelled.add(name)
            if self._process is not None:
                self._process.kill()
            await self._wait_for(lambda: self._jobs[name].has_ended)
        return self.job(name)

    async def watch(self, name: str) -> AsyncIterator[tuple[Job, Live]]:
        """Yield a job and how far it is, again whenever there is news, until it has ended."""
        while not self._stopping:
            job, live = self.job(name), self.live(name)
            version = live.version
            yield job, live
            if job.has_ended:
                return
            await self._wait_for(partial(self._is_news, job, version))

    def _is_news(self, job: Job, version: int) -> bool:
        return self._jobs[job.id] is not job or self.live(job.id).version != version

    async def _drive(self) -> None:
        try:
            await self._load()
        finally:
            self._loaded.set()
        while True:
            await self._wait_for(lambda: self._next() is not None)
            job = self._next()
            if job is not None:
                await self._run(job)

    async def _load(self) -> None:
        """Take up the jobs of an earlier server."""
        try:
            known: list[Job] = await self._ask("load_jobs", self._server)
        except RefpError as error:
            logging.getLogger(__name__).error("jobs of earlier are not known: %s", error)
            return
        self._jobs = {job.id: job for job in reversed(known)} | self._jobs
        for job in list(self._jobs.values()):
            if job.state != "running":
                continue
            if job.starts < MOST_STARTS:
                await self._tell(job, "queued", {})
            else:
                detail = f"the server was stopped {job.starts} times while it ran; ask for it again"
                await self._tell(job, "failed", {"code": "interrupted", "detail": detail})
        await self._notify()

    def _next(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == "queued"), None)

    async def _run(self, job: Job) -> None:
        job = await self._tell(job, "running", {})
        self._live[job.id] = Live()
        loop = asyncio.get_running_loop()

        def take(message: tuple[Any, ...]) -> None:
            asyncio.run_coroutine_threadsafe(self._take(job.id, message), loop)

        ended = await asyncio.to_thread(self._work, job, take)
        if self._stopping:
            return  # it is running still, as far as the log knows
        if job.id in self._cancelled:
            self._cancelled.discard(job.id)
            await asyncio.to_thread(remove_unfinished, self._place.home, job.id)
            await self._tell(job, "cancelled", {})
        elif ended[0] == "done":
            await self._tell(job, "done", {"result": ended[1]})
        else:
            await asyncio.to_thread(remove_unfinished, self._place.home, job.id)
            await self._tell(job, "failed", {"code": ended[1], "detail": ended[2]})

    def _work(self, job: Job, take: Callable[[tuple[Any, ...]], None]) -> tuple[Any, ...]:
        """Do a job in a process of its own; return how that told that it ended."""
        context = multiprocessing.get_context("spawn")
        end, theirs = context.Pipe(duplex=False)
        arguments = theirs, job.kind, job.id, dict(job.request), self._place
        process = context.Process(target=_enter, args=arguments)
        process.start()
        theirs.close()
        self._process = process
        if self._stopping or job.id in self._cancelled:
            process.kill()
        try:
            while True:
                message = end.recv()
                if message[0] in ("done", "failed"):
                    return tuple(message)
                take(message)
        except (EOFError, OSError):
            told = "its process was stopped, perhaps for want of memory; ask for it again"
            return "failed", LOST, told
        finally:
            self._process = None
            process.join()
            end.close()

    async def _take(self, name: str, message: tuple[Any, ...]) -> None:
        live = self.live(name)
        if message[0] == "progress":
            live.tell(*message[1:])
        else:
            live.show(message[1])
        await self._notify()

    async def _tell(self, job: Job, state: str, about: Mapping[str, Any]) -> Job:
        """Log what became of a job; one that cannot be logged is known to this server alone."""
        try:
            await self._ask("tell_job", job.id, state, about)
        except RefpError as error:
            logging.getLogger(__name__).error("job %s is %s, not logged: %s", job.id, state, error)
        self._jobs[job.id] = job = self._jobs[job.id].told(_now(), state, about)
        await self._notify()
        return job

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _wait_for(self, is_so: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._stopping or is_so())


def _enter(
    end: Connection, kind: str, name: str, request: Mapping[str, Any], place: JobPlace
) -> None:
    from refp.web.jobs.run import run_job  # loads the science libraries, which this process lacks

    with suppress(BrokenPipeError):
        run_job(end, kind, name, request, place)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
