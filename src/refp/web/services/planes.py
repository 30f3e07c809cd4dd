"""The planes of a server: jobs that defined planes, their files, comparisons, new jobs."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi.responses import FileResponse, HTMLResponse

from refp.web.http.fields import fields_as
from refp.web.http.guard import send_report_file, send_report_page
from refp.web.http.problems import Problem
from refp.web.http.uploads import Form, RequestFile, check_any
from refp.web.job import Job
from refp.web.schemas.jobs import PlaneComparison, PlaneRequest, PlaneSet
from refp.web.services.engine import Engine
from refp.web.storage.job_files import planes_folder
from refp.web.workers import calls
from refp.web.workers.views import ComparedSet

CHECK_S = 300.0
"""Time to check an upload, s: listing a compressed archive reads all of it."""
FILES = {
    "planes.csv": "text/csv",
    "planes.json": "application/json",
    "comparison.csv": "text/csv",
    "bead_planes.csv": "text/csv",
    "beads.parquet": "application/vnd.apache.parquet",
    "curves.parquet": "application/vnd.apache.parquet",
}
"""Files of planes with their media types; the pooled profiles of each instrument are further ones."""


def done_jobs(engine: Engine) -> list[Job]:
    """Return the jobs that defined planes, the newest first."""
    return [job for job in engine.jobs.runner.jobs() if job.kind == "plane" and job.state == "done"]


def find_planes(engine: Engine, name: str) -> Job:
    """Return the job that defined planes.

    Raises
    ------
    Problem
        If there is no such job, or it is not done.
    """
    job = next((job for job in done_jobs(engine) if job.id == name), None)
    if job is None:
        detail = f"no planes {name!r}; the page Planes lists those that were defined"
        raise Problem(HTTPStatus.NOT_FOUND, "no_planes", detail)
    return job


def pooled_names(job: Job) -> list[str]:
    """Return the possible file names of the pooled profiles of a job."""
    instruments = sorted(set(job.result["instruments"].values()))
    return ["pooled.npz", *(f"pooled-{name}.npz" for name in instruments)]


def send_report(engine: Engine, name: str) -> FileResponse:
    """Return a response with the report of planes; errors as of :func:`send_file`."""
    path = _own_file(engine, find_planes(engine, name), "report.html")
    return send_report_file(path)


def show_report(engine: Engine, name: str) -> HTMLResponse:
    """Return the page of the report of planes; errors as of :func:`send_file`."""
    path = _own_file(engine, find_planes(engine, name), "report.html")
    return send_report_page(path, f"/planes/{name}", "Back to the planes")


def send_file(engine: Engine, planes: str, name: str) -> FileResponse:
    """Return a response with a file of planes.

    Raises
    ------
    Problem
        If there are no such planes, or they have no such file.
    """
    job = find_planes(engine, planes)
    if name not in (*FILES, *pooled_names(job)):
        detail = f"no file {name!r}; choose {', '.join(FILES)} or pooled.npz"
        raise Problem(HTTPStatus.NOT_FOUND, "no_file", detail)
    path = _own_file(engine, job, name)
    kind = FILES.get(name, "application/octet-stream")
    return FileResponse(path, filename=name, media_type=kind)


def _own_file(engine: Engine, job: Job, name: str) -> Path:
    path = planes_folder(engine.files.folder, job.id) / name
    if not path.is_file():
        detail = f"{name} is not there; with several instruments, name pooled-INSTRUMENT.npz"
        raise Problem(HTTPStatus.NOT_FOUND, "no_file", detail)
    return path


async def plane_set(engine: Engine, job: Job) -> PlaneSet:
    """Return the planes that a job defined."""
    rows = await engine.pools.run(calls.checks.read_planes, engine.files.folder, job.id)
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
    sent = [ComparedSet(job.id, job.title, job.result["instruments"]) for job in jobs]
    points, differences = await engine.pools.run(
        calls.planes.compare_sets, engine.files.folder, sent
    )
    return PlaneComparison(planes=points, differences=differences)


async def queue_paths(engine: Engine, sent: PlaneRequest) -> Job:
    """Queue a job on sweeps under the roots.

    Raises
    ------
    Problem
        If there is no queue, or too many jobs are queued.
    WorkError
        If recipe or instrument is unknown, or a path is missing or outside the roots.
    """
    await _check_options(engine, sent)
    await engine.pools.run(calls.checks.check_paths, sent.paths, engine.settings.roots)
    return await _queue(engine, sent, [{"path": path} for path in sent.paths])


async def queue_again(engine: Engine, job: Job, fields: Mapping[str, Any]) -> Job:
    """Queue a job on the data of an earlier one, with other options.

    Raises
    ------
    Problem
        If there is no queue, too many jobs are queued, a field is invalid, or an upload is not kept.
    WorkError
        If recipe or instrument is unknown.
    """
    data = job.request["data"]
    check_kept(engine, job)
    if chosen_pattern(job.request):  # the form holds it, for the user to change
        data = [{k: v for k, v in one.items() if k != "pattern"} for one in data]
    names = {"paths": [one.get("path", one.get("name", "")) for one in data]}
    sent = fields_as(PlaneRequest, {**fields, **names})
    await _check_options(engine, sent)
    return await _queue(engine, sent, data)


def chosen_pattern(request: Mapping[str, Any]) -> str:
    """Return the pattern that was chosen for the only data set of a request; empty without one."""
    data = request.get("data", ())
    return str(data[0].get("pattern", "")) if len(data) == 1 else ""


def check_kept(engine: Engine, job: Job) -> None:
    """Raise a problem unless the uploads of a job are kept."""
    if not data_is_kept(engine, job):
        detail = "the uploaded sweep is no longer kept; choose it again"
        raise Problem(HTTPStatus.CONFLICT, "no_files", detail)


def data_is_kept(engine: Engine, job: Job) -> bool:
    """Return whether the uploads of a job are kept."""
    stored = [one["stored"] for one in job.request["data"] if "stored" in one]
    return all(engine.files.sweeps.path(name).is_file() for name in stored)


async def queue_form(engine: Engine, form: Form) -> Job:
    """Queue a job on the uploaded sweeps of a form.

    Raises
    ------
    Problem
        If there is no queue, too many jobs are queued, there is no file, or a field is invalid.
    WorkError
        If recipe or instrument is unknown; or as of :func:`store`.
    """
    check_any(form.files)
    engine.jobs.runner.check_room()  # raises before files are stored
    names = {"paths": [given.name for given in form.files]}
    sent = fields_as(PlaneRequest, {**form.fields, **names})
    await _check_options(engine, sent)
    return await _queue(engine, sent, await store(engine, form.files))


async def store(engine: Engine, files: Sequence[RequestFile]) -> list[dict[str, str]]:
    """Store files with sweeps, all or none; return their descriptions for a job.

    Raises
    ------
    WorkError
        If one is neither an image nor an archive, or an archive fails its check.
    """
    limits = engine.settings.limits
    suffixes = [
        await engine.pools.run(
            calls.checks.check_sweeps, one.path, one.name, limits, limit_s=CHECK_S
        )
        for one in files
    ]
    keep = engine.files.sweeps.keep
    stored = [
        await asyncio.to_thread(keep, one.path, suffix)
        for one, suffix in zip(files, suffixes, strict=True)
    ]
    return [{"stored": k, "name": one.name} for k, one in zip(stored, files, strict=True)]


async def _check_options(engine: Engine, sent: PlaneRequest) -> None:
    await engine.pools.run(calls.checks.check_options, sent.recipe, sent.instrument)


async def _queue(engine: Engine, sent: PlaneRequest, data: list[dict[str, str]]) -> Job:
    request = sent.model_dump(exclude={"paths", "title"}) | {"data": data}
    title = sent.title or ", ".join(Path(path).name or path for path in sent.paths)
    return await engine.jobs.runner.add("plane", title, request, sent.operator)
