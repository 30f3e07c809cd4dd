"""The pages Planes: define, show and compare reference planes."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from refp.web.api.common import EngineDep
from refp.web.api.jobs import DEMO
from refp.web.api.planes import MAX_COMPARED
from refp.web.http.fields import fields_as
from refp.web.http.problems import Problem
from refp.web.http.uploads import Form
from refp.web.job import OPTIONS, Job
from refp.web.pages.data_fields import INSTRUMENTS, OTHER, filled_fields
from refp.web.pages.form import read_fields, start_job
from refp.web.pages.operator import operator_of
from refp.web.pages.render import KeysDep, render
from refp.web.schemas.jobs import ComparedPlane, PlaneRequest
from refp.web.services.engine import Engine
from refp.web.services.planes import (
    FILES,
    chosen_pattern,
    compare,
    data_is_kept,
    done_jobs,
    find_planes,
    pooled_names,
    queue_again,
    queue_form,
    queue_paths,
    send_file,
    show_report,
)
from refp.web.storage.job_files import demo_folder, planes_folder
from refp.web.wording.jobs import describe_state
from refp.web.wording.numbers import describe_plane, describe_sweep_flags
from refp.web.workers import calls
from refp.web.workers.views import FieldView, Listing

router = APIRouter()
SHOWN_FIELDS = 6
"""Fields of a set in the list, and fields with curves on the page of a set."""
AS_STATED = {"": "as in sweep.toml or the file"}


@dataclass(frozen=True, slots=True)
class Defined:
    """The planes that a job defined."""

    job: Job
    fields: Sequence[FieldView]

    @property
    def n_determined(self) -> int:
        """Number of planes that were determined, of all exposures."""
        return sum(len(field.determined) for field in self.fields)


@router.get("/planes")
async def planes_page(
    request: Request, engine: EngineDep, folder: str = "", again: str = ""
) -> Response:
    """Show the defined planes and the form; htmx requests the list of folders only.

    ``again`` is the id of a job whose fields and data the form holds.
    """
    listing = await _list_folder(engine, folder)
    if "hx-request" in request.headers:
        return render(request, "planes_folders.html.jinja", {"listing": listing})
    jobs, earlier = done_jobs(engine), _job_again(engine, again)
    tables = await engine.pools.run(
        calls.planes.read_fields, engine.files.folder, [job.id for job in jobs]
    )
    content = {
        "listing": listing,
        "is_open": bool(folder) or earlier is not None,
        "again": earlier,
        "given": _given(earlier),
        "sets": [Defined(job, fields) for job, fields in zip(jobs, tables, strict=True)],
        "under_way": [
            j for j in engine.jobs.runner.jobs() if j.kind == "plane" and not j.has_ended
        ],
        "instruments": AS_STATED | INSTRUMENTS,
        "recipes": await engine.pools.run(calls.recipes.recipe_names),
        "has_demo": demo_folder(engine.files.folder).is_dir(),
        "operator": earlier.operator if earlier else operator_of(request),
        "max_rows": SHOWN_FIELDS,
        "max_mb": engine.settings.limits.archive_bytes // 1_000_000,
        "describe_state": describe_state,
        **_words(),
    }
    return render(request, "planes.html.jinja", content)


@router.post("/planes")
async def define(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Queue the job of the form and redirect to it."""
    return await start_job(request, engine, keys, _queue)


@router.post("/planes/demo")
async def simulate(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Queue the simulation of sweeps and redirect to its job."""
    await read_fields(request, engine, keys)
    job = await engine.jobs.runner.add("demo", DEMO, {}, "")
    return RedirectResponse(f"/jobs/{job.id}", HTTPStatus.SEE_OTHER)


@router.get("/planes/compare")
async def compare_page(
    request: Request,
    engine: EngineDep,
    ids: Annotated[list[str], Query(max_length=MAX_COMPARED)] = [],  # noqa: B006  only read
) -> Response:
    """Show planes of several jobs and their differences."""
    jobs = [find_planes(engine, name) for name in dict.fromkeys(ids)]
    if not jobs:
        detail = "no planes were selected; tick some on the page Planes"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
    comparison = await compare(engine, jobs)
    instruments = list(dict.fromkeys(plane.instrument for plane in comparison.planes))
    content = {
        "jobs": jobs,
        "comparison": comparison,
        "instruments": instruments,
        "points": [plane.model_dump() for plane in comparison.planes],
        "means": {name: _mean(comparison.planes, name) for name in instruments},
    }
    return render(request, "planes_compare.html.jinja", content)


@router.get("/planes/{name}")
async def one_page(request: Request, engine: EngineDep, name: str) -> Response:
    """Show the planes of a job."""
    job = find_planes(engine, name)
    (fields,) = await engine.pools.run(calls.planes.read_fields, engine.files.folder, [job.id])
    folder = planes_folder(engine.files.folder, job.id)
    names = [file for file in (*FILES, *pooled_names(job)) if (folder / file).is_file()]
    content = {
        "set": Defined(job, fields),
        "files": names,
        "max_fields": SHOWN_FIELDS,
        **_words(),
    }
    return render(request, "planes_one.html.jinja", content)


@router.get("/planes/{name}/curves.json")
async def curves(engine: EngineDep, name: str) -> Response:
    """Return the feature curves of each field."""
    job = find_planes(engine, name)
    return JSONResponse(
        await engine.pools.run(calls.planes.read_curves, engine.files.folder, job.id)
    )


@router.get("/planes/{name}/report")
async def report(engine: EngineDep, name: str) -> HTMLResponse:
    """Show the report of ``refp plane`` with a link back to its planes."""
    return show_report(engine, name)


@router.get("/planes/{name}/files/{file}")
async def file(engine: EngineDep, name: str, file: str) -> FileResponse:
    """Return a file of planes."""
    return send_file(engine, name, file)


async def _list_folder(engine: Engine, folder: str) -> Listing | None:
    """Return the content of a folder; ``None`` if the server has no roots."""
    roots = engine.settings.roots
    if not roots and not folder:
        return None
    return await engine.pools.run(calls.folders.list_folder, folder, roots)


async def _queue(engine: Engine, form: Form) -> Job:
    fields = filled_fields(form.fields)
    path, again = fields.pop("path", ""), fields.pop("again", "")
    if path and form.files:
        detail = "a folder and a file were chosen; choose one of them"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
    if path:
        return await queue_paths(engine, fields_as(PlaneRequest, fields | {"paths": [path]}))
    if again and not form.files:
        return await queue_again(engine, engine.jobs.runner.job(again), fields)
    if not form.files:
        detail = "no sweep was chosen; choose a folder or a file"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_files", detail)
    return await queue_form(engine, Form(form.files, fields))


def _job_again(engine: Engine, name: str) -> Job | None:
    """Return the job of planes whose data are still there; ``None`` if there is no such job."""
    jobs = (job for job in engine.jobs.known() if job.kind == "plane" and job.id == name)
    job = next(jobs, None)
    return job if job is not None and data_is_kept(engine, job) else None


def _given(job: Job | None) -> dict[str, Any]:
    """Return the values of the form: those of a job, or the defaults."""
    request = job.request if job is not None else {}
    given: dict[str, Any] = {name: request.get(name) or "" for name in OPTIONS}
    given |= {"recipe": request.get("recipe", "default"), "title": job.title if job else ""}
    given["pattern"] = given["pattern"] or chosen_pattern(request)
    if not given["instrument"] and given["bead_diameter_um"]:
        given["instrument"] = OTHER
    return given


def _mean(planes: Sequence[ComparedPlane], instrument: str) -> float:
    own = [plane.refp_um for plane in planes if plane.instrument == instrument]
    return sum(own) / len(own)


def _words() -> dict[str, Any]:
    return {"describe_flags": describe_sweep_flags, "describe_plane": describe_plane}
