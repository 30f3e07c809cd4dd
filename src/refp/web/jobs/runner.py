"""The queue of jobs in the server process: one job at a time, each in its own process."""

import asyncio
import logging
import multiprocessing
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from http import HTTPStatus
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol, TypeVar, TypeVarTuple

from refp.core.errors import RefpError
from refp.history.job_state import JobState
from refp.web.errors import INTERNAL, LOST, TOO_LONG
from refp.web.http.problems import Problem
from refp.web.job import Job, JobSettings, Live, Proposal
from refp.web.storage.home import Home
from refp.web.storage.job_files import remove_unfinished
from refp.web.workers import calls
from refp.web.workers.pool import limit_memory

MAX_STARTS = 3
"""Starts of a job after which it fails if the server stopped each time."""
MAX_WAITING = 50
WITHOUT_RESULT = frozenset({"failed", "cancelled"})
"""States of jobs without a result."""
RETRY_S = 10.0
"""Interval of attempts to read a database that could not be reached at the start, s."""
PROCESSES = multiprocessing.get_context("spawn")
"""Method of starting the processes of jobs; this one behaves alike on all systems and inherits no lock."""
GPU = Path("/dev/nvidiactl")
_LOG = logging.getLogger(__name__)
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class RunOnLog(Protocol):
    """Callable that runs a function of :mod:`refp.web.workers.calls` on the job log in a worker."""

    def __call__(
        self, function: Callable[[str, *Arguments], Result], *arguments: *Arguments
    ) -> Awaitable[Result]:
        """Return the result of the function."""


class Runner:
    """Jobs of one server.

    Parameters
    ----------
    run_on_log
        Runs a function on the job log.
    settings
        Folders and limits for job processes.
    server
        Id of the server, under which its jobs are logged.
    """

    def __init__(self, run_on_log: RunOnLog, settings: JobSettings, server: str) -> None:
        self._run_on_log, self._settings, self._server = run_on_log, settings, server
        self._jobs: dict[str, Job] = {}
        self._live: dict[str, Live] = {}
        self._cancelled: set[str] = set()
        self._whole: set[str] = set()
        self._current = ""
        self._process: BaseProcess | None = None
        self._stopping = False
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._loaded = asyncio.Event()

    def start(self) -> None:
        """Load the jobs of earlier servers and start the queue."""
        self._task = asyncio.create_task(self._drive())

    async def stop(self) -> None:
        """End the process of the running job; the next server restarts it."""
        self._stopping = True
        self._loaded.set()  # releases waiting requests
        if self._process is not None:
            self._process.kill()
        await self._notify()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def loaded(self) -> None:
        """Wait until the jobs of earlier servers are loaded."""
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
        """Return the progress of a job; empty if it is queued."""
        return self._live.setdefault(name, Live())

    def check_room(self) -> None:
        """Raise a problem if too many jobs are queued.

        Raises
        ------
        Problem
            With the time after which to retry.
        """
        if sum(not job.has_ended for job in self._jobs.values()) >= MAX_WAITING:
            detail = "too many jobs are queued; cancel some, or wait until they have ended"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail, {"retry-after": "60"})

    async def add(self, kind: str, title: str, request: Mapping[str, Any], operator: str) -> Job:
        """Queue a job; it is logged before this returns.

        Raises
        ------
        Problem
            If too many jobs are queued.
        WorkError
            If it cannot be logged.
        """
        self.check_room()
        job = Job(str(uuid.uuid4()), kind, title, operator, request, "queued", _now())
        await self._run_on_log(calls.job_log.add_job, self._server, job)
        self._jobs[job.id] = job
        await self._notify()
        return job

    async def cancel(self, name: str) -> Job:
        """Cancel a job that has not ended and remove its files; a job with a complete result is done."""
        job = self.job(name)
        if job.has_ended:
            return job
        self._cancelled.add(name)
        if name != self._current:
            await self._end_cancelled(job)
        else:
            if self._process is not None and name not in self._whole:
                self._process.kill()
            await self._wait_for(lambda: self._jobs[name].has_ended)
        return self.job(name)

    async def watch(self, name: str) -> AsyncIterator[tuple[Job, Live]]:
        """Yield a job and its progress after each change, until its end."""
        while not self._stopping:
            job, live = self.job(name), self.live(name)
            version = live.version
            yield job, live
            if job.has_ended:
                return
            await self._wait_for(partial(self._has_changed, job, version))

    def _has_changed(self, job: Job, version: int) -> bool:
        return self._jobs[job.id] is not job or self.live(job.id).version != version

    async def _drive(self) -> None:
        while not await self._load():
            self._loaded.set()
            await asyncio.sleep(RETRY_S)
        self._loaded.set()
        while not self._stopping:
            await self._wait_for(lambda: self._next() is not None)
            job = self._next()
            if job is None or self._stopping:
                continue
            self._current = job.id
            try:
                await self._run(job)
            except Exception:
                _LOG.exception("job %s", job.id)
                await self._record(job, "failed", {"code": "internal_error", "detail": INTERNAL})
            finally:
                self._current = ""

    async def _load(self) -> bool:
        """Load the jobs of earlier servers; return whether the log could be read."""
        try:
            known = await self._run_on_log(calls.job_log.load_jobs, self._server)
        except Exception as error:
            _LOG.error("jobs of earlier servers cannot be read yet: %s", error)
            return False
        self._jobs = {job.id: job for job in reversed(known)} | self._jobs
        for job in known:
            if job.state != "running":
                continue
            if job.starts < MAX_STARTS:
                await self._record(job, "queued", {})
            else:
                detail = f"the server was stopped {job.starts} times while the job ran; start the job again"
                await self._fail(job, "interrupted", detail)
        await self._notify()
        return True

    def _next(self) -> Job | None:
        waiting = (job for job in self._jobs.values() if job.state == "queued")
        return next((job for job in waiting if job.id not in self._cancelled), None)

    async def _run(self, job: Job) -> None:
        job = await self._record(job, "running", {})
        self._live[job.id] = Live()
        loop = asyncio.get_running_loop()

        def take(message: tuple[Any, ...]) -> None:
            asyncio.run_coroutine_threadsafe(self._take(job.id, message), loop)

        ended: tuple[Any, ...] = ("", "", "")
        if job.id not in self._cancelled:
            ended = await asyncio.to_thread(self._work, job, take)
        if ended[0] == "done":
            await self._record(job, "done", {"result": ended[1], "detail": ended[2]})
        elif job.id in self._cancelled:
            await self._end_cancelled(job)
        elif not self._stopping:  # a stopped server leaves it running in the log
            await self._fail(job, *ended[1:])

    async def _end_cancelled(self, job: Job) -> None:
        await self._remove(job, self._free_uploads(job))
        await self._record(job, "cancelled", {})

    async def _remove(self, job: Job, uploads: Iterable[str] = ()) -> None:
        """Remove the files of a job, and uploads by their stored names."""
        sweeps = Home(self._settings.home).sweeps()
        paths = [sweeps.path(name) for name in uploads]
        await asyncio.to_thread(remove_unfinished, self._settings.home, job.id, paths)

    def _free_uploads(self, job: Job, kept: Iterable[str] = ()) -> list[str]:
        """Return the uploads of a job that no other job uses, and that are not to be kept."""
        others = (one for one in self._jobs.values() if one.id != job.id)
        used = {
            name for one in others if one.state not in WITHOUT_RESULT for name in uploads_of(one)
        }
        return [name for name in uploads_of(job) if name not in used | {*kept}]

    async def _fail(
        self, job: Job, code: str, detail: str, proposal: Proposal | None = None
    ) -> None:
        """End a job without a result; the uploads of the last one are kept to start it again."""
        if job.id not in self._whole:
            await self._remove(job)
        for earlier in [one for one in self._jobs.values() if one.state == "failed"]:
            free = self._free_uploads(earlier, kept=uploads_of(job))
            if free:
                await self._remove(earlier, free)
        about = {"code": code, "detail": detail, "proposal": proposal}
        await self._record(job, "failed", about)

    def _work(self, job: Job, take: Callable[[tuple[Any, ...]], None]) -> tuple[Any, ...]:
        """Run a job in its own process; return the final message of the process."""
        end, theirs = PROCESSES.Pipe(duplex=False)
        arguments = theirs, job.kind, job.id, dict(job.request), self._settings
        process = PROCESSES.Process(target=_enter, args=arguments)
        try:
            process.start()
        except OSError as error:
            end.close()
            return (
                "failed",
                LOST,
                f"the process of the job could not be started ({error}); start the job again",
            )
        finally:
            theirs.close()
        self._process = process
        if self._stopping or job.id in self._cancelled:
            process.kill()
        try:
            return self._listen(job, end, take)
        finally:
            self._process = None
            process.kill()  # the final message was received
            process.join()
            end.close()

    def _listen(
        self, job: Job, end: Connection, take: Callable[[tuple[Any, ...]], None]
    ) -> tuple[Any, ...]:
        try:
            while end.poll(self._settings.limits.stall_s):
                message = end.recv()
                if message[0] in ("done", "failed"):
                    return tuple(message)
                if message[0] == "whole":
                    self._whole.add(job.id)
                else:
                    take(message)
        except (EOFError, OSError):
            detail = "its process was stopped, possibly for lack of memory; start the job again"
            return "failed", LOST, detail
        stall_min = self._settings.limits.stall_s / 60
        return "failed", TOO_LONG, f"no progress for {stall_min:g} minutes; start the job again"

    async def _take(self, name: str, message: tuple[Any, ...]) -> None:
        live = self.live(name)
        if message[0] == "progress":
            live.set_progress(*message[1:])
        else:
            live.add_curve(message[1])
        await self._notify()

    async def _record(self, job: Job, state: JobState, about: Mapping[str, Any]) -> Job:
        """Log an event of a job; if logging fails, only this server has the event."""
        if self._jobs[job.id].has_ended:
            return self._jobs[job.id]
        try:
            await self._run_on_log(calls.job_log.append_job_event, job.id, state, about)
        except RefpError as error:
            _LOG.error("job %s is %s, not logged: %s", job.id, state, error)
        self._jobs[job.id] = job = self._jobs[job.id].after(_now(), state, about)
        await self._notify()
        return job

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._stopping or condition())


def _enter(
    end: Connection, kind: str, name: str, request: Mapping[str, Any], settings: JobSettings
) -> None:
    from refp.web.jobs.run import run_job  # loads the science libraries

    if not GPU.exists():  # the driver of a GPU reserves more addresses than there is memory
        limit_memory(settings.limits.job_bytes)
    with suppress(BrokenPipeError):
        run_job(end, kind, name, request, settings)


def uploads_of(job: Job) -> list[str]:
    """Return the names of the stored uploads of a job."""
    return [one["stored"] for one in job.request.get("data", ()) if "stored" in one]


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
