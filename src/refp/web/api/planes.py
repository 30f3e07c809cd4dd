"""Reference planes: defined by a job, from sweeps that are named or sent."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from refp.web.api.common import AnEngine, check_any
from refp.web.api.jobs import view_of
from refp.web.engine import Engine
from refp.web.fields import fields_as, read_json
from refp.web.jobs.job import Job
from refp.web.problems import Problem
from refp.web.schemas_jobs import DataOptions, JobView, PlaneRequest, PlaneSet
from refp.web.uploads import Form, Given, read_form

router = APIRouter(prefix="/planes")
ASKED = TypeAdapter(PlaneRequest)
CHECKS = "refp.web.jobs.checks"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "ZIP or TAR of a folder with images, or an OME-TIFF stack",
                        },
                        "recipe": {"type": "string"},
                        **DataOptions.model_json_schema()["properties"],
                    },
                }
            },
            "application/json": {"schema": PlaneRequest.model_json_schema()},
        },
    }
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
    done = [job for job in engine.jobs.jobs() if job.kind == "plane" and job.state == "done"]
    return [await plane_set(engine, job) for job in done]


@router.get("/{planes}")
async def one(engine: AnEngine, planes: str) -> PlaneSet:
    """Return planes by the id of the job that defined them."""
    return await plane_set(engine, find_planes(engine, planes))


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
        await engine.ask(f"{CHECKS}:check_paths", asked.paths, engine.settings.roots)
        return await _queue(engine, asked, [{"path": path} for path in asked.paths])
    if kind != "multipart/form-data":
        detail = f"a body of {kind or 'no type'}; send multipart/form-data or application/json"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "invalid_request", detail)
    with engine.spool() as folder:
        form = await read_form(request, Path(folder), engine.settings.limits.for_sweeps())
        return await queue_form(engine, form)


async def queue_form(engine: Engine, form: Form) -> Job:
    """Queue the job that a form with sweeps asks for; errors as of :func:`ask_for_planes`."""
    check_any(form.files)
    fields: dict[str, Any] = dict(form.fields)
    fields.pop("form_token", None)
    asked = fields_as(PlaneRequest, fields | {"paths": [given.name for given in form.files]})
    return await _queue(engine, asked, [await store(engine, given) for given in form.files])


async def store(engine: Engine, given: Given) -> dict[str, str]:
    """Keep a file with sweeps; return what a job is told of it.

    Raises
    ------
    WorkError
        If it is neither an image nor an archive, or the archive is not fit to be unpacked.
    """
    suffix = await engine.ask(
        f"{CHECKS}:check_sweeps", given.path, given.name, engine.settings.limits
    )
    stored = await asyncio.to_thread(engine.files.keep, given.path, suffix)
    return {"stored": stored, "name": given.name}


async def _queue(engine: Engine, asked: PlaneRequest, data: list[dict[str, str]]) -> Job:
    await engine.ask(f"{CHECKS}:check_recipe", asked.recipe)
    request = asked.model_dump(exclude={"paths", "title"}) | {"data": data}
    title = asked.title or ", ".join(Path(path).name for path in asked.paths)
    return await engine.jobs.add("plane", title, request, asked.operator)
