"""Reference planes, defined by jobs from sweeps under the roots or from uploads."""

from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import TypeAdapter

from refp.web.api.common import EngineDep, is_json
from refp.web.api.jobs import view_of
from refp.web.errors import WorkError
from refp.web.http.fields import form_body, read_json, several_files
from refp.web.http.uploads import read_form
from refp.web.job import Job
from refp.web.schemas.jobs import (
    RECIPES,
    DataOptions,
    JobView,
    PlaneComparison,
    PlaneRequest,
    PlaneSet,
)
from refp.web.services.engine import Engine
from refp.web.services.planes import (
    FILES,
    compare,
    done_jobs,
    find_planes,
    plane_set,
    queue_form,
    queue_paths,
    send_file,
    send_report,
)

router = APIRouter(prefix="/planes")
PLANE_REQUEST = TypeAdapter(PlaneRequest)
MAX_COMPARED = 32


def _form_fields() -> dict[str, Any]:
    """Return the schemas of the options of a form, without the null of JSON."""
    fields = DataOptions.model_json_schema()["properties"]
    return {
        name: {**field.pop("anyOf", [{}])[0], **{k: v for k, v in field.items() if k != "default"}}
        for name, field in fields.items()
    }


BODY = form_body(
    {
        "files": several_files("ZIP or TAR of a folder with images, or an OME-TIFF stack"),
        "recipe": {"type": "string", "description": RECIPES},
        **_form_fields(),
    },
    required="files",
    example={"files": ["(content of monday.zip)"], "title": "Monday"},
    instead=PlaneRequest.model_json_schema(),
)
BODY["requestBody"]["content"]["multipart/form-data"]["schema"]["additionalProperties"] = False
FILE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the file", "content": {kind: {} for kind in sorted({*FILES.values()})}}
}
REPORT_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the report of `refp plane`", "content": {"text/html": {}}}
}


@router.post("", openapi_extra=BODY, status_code=HTTPStatus.ACCEPTED)
async def define(request: Request, response: Response, engine: EngineDep) -> JobView:
    """Queue the definition of reference planes from sweeps; return the job."""
    job = await _queue(request, engine)
    response.headers["location"] = f"/api/v1/jobs/{job.id}"
    return view_of(job, engine.jobs.runner)


@router.get("")
async def planes(engine: EngineDep) -> list[PlaneSet]:
    """Return all planes defined on this server, the newest first."""
    found: list[PlaneSet] = []
    for job in done_jobs(engine):
        with suppress(
            WorkError
        ):  # its files are gone; a request for these planes alone returns the error
            found.append(await plane_set(engine, job))
    return found


@router.get("/comparison")
async def comparison(
    engine: EngineDep,
    ids: Annotated[list[str], Query(min_length=1, max_length=MAX_COMPARED)],
) -> PlaneComparison:
    """Compare planes of several jobs within each instrument.

    The stages of different instruments have different zeros, so planes are compared only with those of
    the same instrument.
    """
    return await compare(engine, [find_planes(engine, name) for name in dict.fromkeys(ids)])


@router.get("/{planes}")
async def one(engine: EngineDep, planes: str) -> PlaneSet:
    """Return planes by the id of the job that defined them."""
    return await plane_set(engine, find_planes(engine, planes))


@router.get("/{planes}/report", responses=REPORT_RESPONSE, response_class=FileResponse)
async def report(engine: EngineDep, planes: str) -> FileResponse:
    """Return the report that ``refp plane`` writes."""
    return send_report(engine, planes)


@router.get("/{planes}/files/{name}", responses=FILE_RESPONSE, response_class=FileResponse)
async def file(engine: EngineDep, planes: str, name: str) -> FileResponse:
    """Return a file that ``refp plane`` writes, such as ``planes.csv`` or ``pooled.npz``."""
    return send_file(engine, planes, name)


async def _queue(request: Request, engine: Engine) -> Job:
    """Queue the job of a request with paths or with files.

    Raises
    ------
    Problem
        If the request is invalid.
    """
    _ = engine.jobs.runner  # raises before the body is read
    if is_json(request):
        sent = await read_json(request, engine.settings.limits, PLANE_REQUEST)
        return await queue_paths(engine, sent)
    with engine.files.spool() as folder:
        form = await read_form(request, Path(folder), engine.settings.limits.for_sweeps())
        return await queue_form(engine, form)
