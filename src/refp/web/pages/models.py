"""The page Models: model cards, and forms to train, adapt, upload, retire and restore models."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import PurePath
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from refp.web.api.common import EngineDep
from refp.web.http.fields import fields_as
from refp.web.http.guard import send_report_page
from refp.web.job import Job
from refp.web.pages.form import read_fields, read_shown
from refp.web.pages.operator import operator_of, remember
from refp.web.pages.render import KeysDep, render
from refp.web.schemas.models import AdaptRequest, TrainRequest
from refp.web.services.engine import Engine
from refp.web.services.models import (
    MODEL_JOBS,
    ServedModel,
    find_report,
    list_models,
    make_default,
    queue_adaptation,
    queue_training,
    restore,
    retire,
    take_form,
)
from refp.web.services.planes import chosen_pattern, done_jobs
from refp.web.storage.models import SUFFIX
from refp.web.wording.jobs import describe_earlier_times, describe_state
from refp.web.workers import calls

router = APIRouter()
FAMILIES = {
    "lookup": "The radial profile of each bead is compared with those of the sweep. "
    "Needs no graphics card. Recommended.",
    "profile": "A small network estimates dZ from the radial profile of each bead, about as accurately.",
    "resnet": "The network of the article estimates dZ from the image of each bead; it needs "
    "a graphics card.",
}
NOTICES = {
    "new": "was added and is in use.",
    "default": "is used where no model is chosen.",
    "same": "has the same content; no new model was added.",
    "retired": "is retired; restore it below to use it again.",
    "restored": "is in use again.",
}
"""Notice after a change of a model, by the query parameter ``notice``."""


@router.get("/models")
async def models_page(
    request: Request,
    engine: EngineDep,
    planes: str = "",
    notice: str = "",
    file: str = "",
    again: str = "",
) -> Response:
    """Show the model cards and the forms.

    ``planes`` is the selected job of the training form; ``again`` the job whose fields a form holds.
    """
    models = await list_models(engine)
    retired = await list_models(engine, retired=True)
    done = done_jobs(engine) if engine.jobs.are_kept else []
    names = {model.file for model in (*models, *retired)}
    content = {
        "models": models,
        "retired": retired,
        "adaptable": [model for model in models if _is_adaptable(model)],
        "planes": done,
        "chosen": planes,
        "given": {kind: _given(engine, again, kind) for kind in sorted(MODEL_JOBS)},
        "under_way": [
            job for job in engine.jobs.known() if job.kind in MODEL_JOBS and not job.has_ended
        ],
        "describe_state": describe_state,
        "keeps": engine.settings.own_models is not None,
        "recipes": await engine.pools.run(calls.recipes.recipe_names) if done else [],
        "families": FAMILIES,
        "times": {family: _earlier_times(engine, family) for family in FAMILIES},
        "roots": engine.settings.roots,
        "operator": operator_of(request),
        "notice": f"{file} {NOTICES[notice]}" if notice in NOTICES and file in names else "",
    }
    return render(request, "models.html.jinja", content)


@router.post("/models/upload")
async def upload(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Store the uploaded model."""
    with engine.files.spool() as folder:
        form = await read_shown(request, keys, folder, engine.settings.limits.for_model())
        file, is_new = await take_form(engine, form)
    return _back("new" if is_new else "same", file)


@router.post("/models/train")
async def train(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Queue a training and redirect to its job."""
    given = _filled(await read_fields(request, engine, keys))
    job = await queue_training(engine, fields_as(TrainRequest, given))
    return remember(request, _to_job(job), job.operator)


@router.post("/models/adapt")
async def adapt(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Queue an adaptation and redirect to its job."""
    given = _filled(await read_fields(request, engine, keys))
    folder = given.pop("folder", "")
    fields = given | {"paths": [folder]} if folder else given
    job = await queue_adaptation(engine, fields_as(AdaptRequest, fields))
    return remember(request, _to_job(job), job.operator)


@router.get("/models/{file}/report")
async def report(engine: EngineDep, file: str) -> HTMLResponse:
    """Show the training report of a model with a link back to the models."""
    return send_report_page(find_report(engine, file), "/models", "Back to the models")


@router.post("/models/{file}/default")
async def default_model(request: Request, engine: EngineDep, keys: KeysDep, file: str) -> Response:
    """Make a model the default."""
    await read_fields(request, engine, keys)
    await make_default(engine, file)
    return _back("default", file)


@router.post("/models/{file}/retire")
async def retire_model(request: Request, engine: EngineDep, keys: KeysDep, file: str) -> Response:
    """Retire a model."""
    await read_fields(request, engine, keys)
    await retire(engine, file)
    return _back("retired", file)


@router.post("/models/{file}/restore")
async def restore_model(request: Request, engine: EngineDep, keys: KeysDep, file: str) -> Response:
    """Restore a retired model."""
    await read_fields(request, engine, keys)
    await restore(engine, file)
    return _back("restored", file)


def _given(engine: Engine, name: str, kind: str) -> dict[str, Any]:
    """Return the fields of an earlier job of a kind, as its form names them; empty without one."""
    jobs = (job for job in engine.jobs.known() if (job.id, job.kind) == (name, kind))
    job = next(jobs, None)
    if job is None:
        return {}
    given = {key: value for key, value in job.request.items() if value not in (None, "")}
    given["name"] = str(given["name"]).removesuffix(SUFFIX)
    if kind == "adapt":
        given["model"] = PurePath(str(given["model"])).name
        if not given.get("planes"):
            given["folder"] = given["data"][0].get("path", "")
            given.setdefault("pattern", chosen_pattern(job.request))
    return given


def _earlier_times(engine: Engine, family: str) -> str:
    return describe_earlier_times(engine.jobs.took_s("train", family))


def _filled(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that are not empty."""
    return {name: value.strip() for name, value in fields.items() if value.strip()}


def _is_adaptable(model: ServedModel) -> bool:
    card: Mapping[str, Any] = model.info.card
    tile = card.get("recipe", {}).get("tile", {})
    return not model.error and card.get("adaptation") is None and tile.get("cut") != "grid"


def _to_job(job: Job) -> Response:
    return RedirectResponse(f"/jobs/{job.id}", HTTPStatus.SEE_OTHER)


def _back(notice: str, file: str) -> Response:
    address = f"/models?{urlencode({'notice': notice, 'file': file})}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)
