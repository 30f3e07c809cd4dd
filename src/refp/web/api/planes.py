"""Reference planes: defined by a job, from sweeps that are named or sent."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import TypeAdapter

from refp.web.api.common import AnEngine, check_any, send_report_file
from refp.web.api.jobs import view_of
from refp.web.engine import Engine
from refp.web.fields import fields_as, read_json
from refp.web.jobs.job import Job
from refp.web.jobs.place import planes_folder
from refp.web.jobs.views import AskedSet
from refp.web.pool import WorkError
from refp.web.problems import Problem
from refp.web.schemas_jobs import (
    RECIPES,
    DataOptions,
    JobView,
    PlaneComparison,
    PlaneRequest,
    PlaneSet,
)
from refp.web.uploads import Form, Given, read_form

router = APIRouter(prefix="/planes")
ASKED = TypeAdapter(PlaneRequest)
CHECKS, SETS = "refp.web.jobs.checks", "refp.web.jobs.sets"
CHECK_S = 300.0
"""To list a packed archive it has to be read from end to end."""
MOST_COMPARED = 32
FILES = {
    "planes.csv": "text/csv",
    "planes.json": "application/json",
    "comparison.csv": "text/csv",
    "bead_planes.csv": "text/csv",
    "beads.parquet": "application/vnd.apache.parquet",
    "curves.parquet": "application/vnd.apache.parquet",
}
"""What may be fetched of planes, and its type; besides the pooled profiles of each instrument."""


def _form_fields() -> dict[str, Any]:
    """Describe the options as a form has them: left out where JSON would say null."""
    fields = DataOptions.model_json_schema()["properties"]
    return {
        name: {**field.pop("anyOf", [{}])[0], **{k: v for k, v in field.items() if k != "default"}}
        for name, field in fields.items()
    }


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "additionalProperties": False,
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "ZIP or TAR of a folder with images, or an OME-TIFF stack",
                        },
                        "recipe": {"type": "string", "description": RECIPES},
                        **_form_fields(),
                    },
                },
                "example": {"files": ["(content of monday.zip)"], "title": "Monday"},
            },
            "application/json": {"schema": PlaneRequest.model_json_schema()},
        },
    }
}
A_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the file", "content": {kind: {} for kind in sorted({*FILES.values()})}}
}
A_REPORT: dict[int | str, dict[str, Any]] = {
    200: {"description": "the report of `refp plane`", "content": {"text/html": {}}}
}


@router.post("", openapi_extra=BODY, status_code=HTTPStatus.ACCEPTED)
async def define(request: Request, response: Response, engine: AnEngine) -> JobView:
    """Define reference planes from sweeps; the answer is the job that does it."""
    job = await ask_for_planes(request, engine)
    response.headers["location"] = f"/api/v1/jobs/{job.id}"
    return view_of(job, engine.jobs)


@router.get("")
async def planes(engine: AnEngine) -> list[PlaneSet]:
    """Return all planes that were defined here, the newest first."""
    found: list[PlaneSet] = []
    for job in done_jobs(engine):
        with suppress(WorkError):  # its files are gone; asked for by itself, it says so
            found.append(await plane_set(engine, job))
    return found


@router.get("/comparison")
async def comparison(
    engine: AnEngine,
    ids: Annotated[list[str], Query(min_length=1, max_length=MOST_COMPARED)],
) -> PlaneComparison:
    """Compare planes of several jobs within each instrument.

    Stages of different instruments count from different zeros, so that their planes are shown each
    beside those of its own instrument and never subtracted from each other.
    """
    return await compare(engine, [find_planes(engine, name) for name in dict.fromkeys(ids)])


@router.get("/{planes}")
async def one(engine: AnEngine, planes: str) -> PlaneSet:
    """Return planes by the id of the job that defined them."""
    return await plane_set(engine, find_planes(engine, planes))


@router.get("/{planes}/report", responses=A_REPORT, response_class=FileResponse)
async def report(engine: AnEngine, planes: str) -> FileResponse:
    """Return the report that ``refp plane`` writes."""
    return send_report(engine, planes)


@router.get("/{planes}/files/{name}", responses=A_FILE, response_class=FileResponse)
async def file(engine: AnEngine, planes: str, name: str) -> FileResponse:
    """Return a file that ``refp plane`` writes, such as ``planes.csv`` or ``pooled.npz``."""
    return send_file(engine, planes, name)


def done_jobs(engine: Engine) -> list[Job]:
    """Return the jobs that defined planes, the newest first."""
    return [job for job in engine.jobs.jobs() if job.kind == "plane" and job.state == "done"]


def find_planes(engine: Engine, name: str) -> Job:
    """Return the job that defined planes.

    Raises
    ------
    Problem
        If there are none of this id, or not yet.
    """
    job = engine.jobs.job(name)
    if job.kind != "plane" or job.state != "done":
        raise Problem(HTTPStatus.NOT_FOUND, "no_planes", f"no planes {name!r}; see /api/v1/planes")
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
    assert engine.settings.home is not None  # or there were no jobs
    path = planes_folder(engine.settings.home, job.id) / name
    if not path.is_file():
        detail = (
            f"{name} is not there; pooled profiles have their instrument's name where several are"
        )
        raise Problem(HTTPStatus.NOT_FOUND, "no_file", detail)
    return path


async def plane_set(engine: Engine, job: Job) -> PlaneSet:
    """Return the planes that a job defined."""
    rows = await engine.ask(f"{CHECKS}:read_planes", engine.settings.home, job.id)
    return PlaneSet(
        id=job.id,
        title=job.title,
        operator=job.operator,
        defined_at=job.ended_at,
        instruments=job.result["instruments"],
        planes=rows,
    )


async def compare(engine: Engine, jobs: Sequence[Job]) -> PlaneComparison:
    """Compare the planes of jobs; errors as of :func:`refp.web.jobs.sets.compare_sets`."""
    asked = [AskedSet(job.id, job.title, job.result["instruments"]) for job in jobs]
    told = await engine.ask(f"{SETS}:compare_sets", engine.settings.home, asked)
    return PlaneComparison(planes=told[0], differences=told[1])


async def ask_for_planes(request: Request, engine: Engine) -> Job:
    """Queue the job that a request asks for, with paths or with files.

    Raises
    ------
    Problem
        If the request cannot be met as it stands.
    """
    _ = engine.jobs  # before anything is read
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        asked = await read_json(request, engine.settings.limits, ASKED)
        return await queue_paths(engine, asked)
    if kind != "multipart/form-data":
        detail = f"a body of {kind or 'no type'}; send multipart/form-data or application/json"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "invalid_request", detail)
    with engine.spool() as folder:
        form = await read_form(request, Path(folder), engine.settings.limits.for_sweeps())
        return await queue_form(engine, form)


async def queue_paths(engine: Engine, asked: PlaneRequest) -> Job:
    """Queue the job for sweeps under the roots; errors as of :func:`ask_for_planes`."""
    await _check_options(engine, asked)
    await engine.ask(f"{CHECKS}:check_paths", asked.paths, engine.settings.roots)
    return await _queue(engine, asked, [{"path": path} for path in asked.paths])


async def queue_form(engine: Engine, form: Form) -> Job:
    """Queue the job that a form with sweeps asks for; errors as of :func:`ask_for_planes`."""
    check_any(form.files)
    fields: dict[str, Any] = dict(form.fields)
    fields.pop("form_token", None)
    asked = fields_as(PlaneRequest, fields | {"paths": [given.name for given in form.files]})
    await _check_options(engine, asked)
    return await _queue(engine, asked, await store(engine, form.files))


async def store(engine: Engine, files: Sequence[Given]) -> list[dict[str, str]]:
    """Keep files with sweeps, all or none; return what a job is told of them.

    Raises
    ------
    WorkError
        If one is neither an image nor an archive, or an archive is not fit to be unpacked.
    """
    limits = engine.settings.limits
    suffixes = [
        await engine.ask(f"{CHECKS}:check_sweeps", one.path, one.name, limits, limit_s=CHECK_S)
        for one in files
    ]
    keep = engine.sweeps.keep
    stored = [
        await asyncio.to_thread(keep, one.path, suffix)
        for one, suffix in zip(files, suffixes, strict=True)
    ]
    return [{"stored": k, "name": one.name} for k, one in zip(stored, files, strict=True)]


async def _check_options(engine: Engine, asked: PlaneRequest) -> None:
    await engine.ask(f"{CHECKS}:check_options", asked.recipe, asked.instrument)


async def _queue(engine: Engine, asked: PlaneRequest, data: list[dict[str, str]]) -> Job:
    request = asked.model_dump(exclude={"paths", "title"}) | {"data": data}
    title = asked.title or ", ".join(Path(path).name or path for path in asked.paths)
    return await engine.jobs.add("plane", title, request, asked.operator)
