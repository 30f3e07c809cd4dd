"""The planes of a server: those that were defined, their files, and how more come."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from fastapi.responses import FileResponse

from refp.web.http.fields import fields_as
from refp.web.http.guard import send_report_file
from refp.web.http.problems import Problem
from refp.web.http.uploads import Form, RequestFile, check_any
from refp.web.job import Job
from refp.web.schemas.jobs import PlaneComparison, PlaneRequest, PlaneSet
from refp.web.services.engine import Engine
from refp.web.storage.job_files import planes_folder
from refp.web.workers import calls
from refp.web.workers.views import AskedSet

CHECK_S = 300.0
"""To list a packed archive it has to be read from end to end."""
FILES = {
    "planes.csv": "text/csv",
    "planes.json": "application/json",
    "comparison.csv": "text/csv",
    "bead_planes.csv": "text/csv",
    "beads.parquet": "application/vnd.apache.parquet",
    "curves.parquet": "application/vnd.apache.parquet",
}
"""What may be fetched of planes, and its type; besides the pooled profiles of each instrument."""


def done_jobs(engine: Engine) -> list[Job]:
    """Return the jobs that defined planes, the newest first."""
    return [job for job in engine.jobs.runner.jobs() if job.kind == "plane" and job.state == "done"]


def find_planes(engine: Engine, name: str) -> Job:
    """Return the job that defined planes.

    Raises
    ------
    Problem
        If there are none of this id, or not yet.
    """
    job = next((job for job in done_jobs(engine) if job.id == name), None)
    if job is None:
        detail = f"no planes {name!r}; those that were defined are on the page Planes"
        raise Problem(HTTPStatus.NOT_FOUND, "no_planes", detail)
    return job


def pooled_names(job: Job) -> list[str]:
    """Return the names of the pooled profiles that a job may have written."""
    instruments = sorted(set(job.result["instruments"].values()))
    return ["pooled.npz", *(f"pooled-{name}.npz" for name in instruments)]


def send_report(engine: Engine, name: str) -> FileResponse:
    """Send the report of planes, under rules of its own; errors as of :func:`send_file`."""
    path = _own_file(engine, find_planes(engine, name), "report.html")
    return send_report_file(path)


def send_file(engine: Engine, planes: str, name: str) -> FileResponse:
    """Send a file of planes.

    Raises
    ------
    Problem
        If there are no such planes, or no such file of them.
    """
    job = find_planes(engine, planes)
    if name not in (*FILES, *pooled_names(job)):
        detail = f"no file {name!r}; there are {', '.join(FILES)} and pooled.npz"
        raise Problem(HTTPStatus.NOT_FOUND, "no_file", detail)
    path = _own_file(engine, job, name)
    kind = FILES.get(name, "application/octet-stream")
    return FileResponse(path, filename=name, media_type=kind)


def _own_file(engine: Engine, job: Job, name: str) -> Path:
    path = planes_folder(engine.files.folder, job.id) / name
    if not path.is_file():
        detail = (
            f"{name} is not there; pooled profiles have their instrument's name where several are"
        )
        raise Problem(HTTPStatus.NOT_FOUND, "no_file", detail)
    return path


async def plane_set(engine: Engine, job: Job) -> PlaneSet:
    """Return the planes that a job defined."""
    rows = await engine.pools.ask(calls.read_planes, engine.files.folder, job.id)
    return PlaneSet(
        id=job.id,
        title=job.title,
        operator=job.operator,
        defined_at=job.ended_at,
        instruments=job.result["instruments"],
        planes=rows,
    )


async def compare(engine: Engine, jobs: Sequence[Job]) -> PlaneComparison:
    """Compare the planes of jobs; errors as of :func:`refp.web.workers.planes.compare_sets`."""
    asked = [AskedSet(job.id, job.title, job.result["instruments"]) for job in jobs]
    told = await engine.pools.ask(calls.compare_sets, engine.files.folder, asked)
    return PlaneComparison(planes=told[0], differences=told[1])


async def queue_paths(engine: Engine, asked: PlaneRequest) -> Job:
    """Queue the job for sweeps under the roots.

    Raises
    ------
    Problem
        If no jobs are kept, or too many wait.
    WorkError
        If recipe or instrument is none, or a path is not there or outside the roots.
    """
    await _check_options(engine, asked)
    await engine.pools.ask(calls.check_paths, asked.paths, engine.settings.roots)
    return await _queue(engine, asked, [{"path": path} for path in asked.paths])


async def queue_form(engine: Engine, form: Form) -> Job:
    """Queue the job that a form with sweeps asks for.

    Raises
    ------
    Problem
        If no jobs are kept, too many wait, there is no file, or a field is not as it has to be.
    WorkError
        If recipe or instrument is none; or as of :func:`store`.
    """
    check_any(form.files)
    engine.jobs.runner.check_room()  # before anything is kept
    names = {"paths": [given.name for given in form.files]}
    asked = fields_as(PlaneRequest, {**form.fields, **names})
    await _check_options(engine, asked)
    return await _queue(engine, asked, await store(engine, form.files))


async def store(engine: Engine, files: Sequence[RequestFile]) -> list[dict[str, str]]:
    """Keep files with sweeps, all or none; return what a job is told of them.

    Raises
    ------
    WorkError
        If one is neither an image nor an archive, or an archive is not fit to be unpacked.
    """
    limits = engine.settings.limits
    suffixes = [
        await engine.pools.ask(calls.check_sweeps, one.path, one.name, limits, limit_s=CHECK_S)
        for one in files
    ]
    keep = engine.files.sweeps.keep
    stored = [
        await asyncio.to_thread(keep, one.path, suffix)
        for one, suffix in zip(files, suffixes, strict=True)
    ]
    return [{"stored": k, "name": one.name} for k, one in zip(stored, files, strict=True)]


async def _check_options(engine: Engine, asked: PlaneRequest) -> None:
    await engine.pools.ask(calls.check_options, asked.recipe, asked.instrument)


async def _queue(engine: Engine, asked: PlaneRequest, data: list[dict[str, str]]) -> Job:
    request = asked.model_dump(exclude={"paths", "title"}) | {"data": data}
    title = asked.title or ", ".join(Path(path).name or path for path in asked.paths)
    return await engine.jobs.runner.add("plane", title, request, asked.operator)
