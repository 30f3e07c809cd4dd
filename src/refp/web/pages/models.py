"""The page of models: their cards, and forms to train, adapt, send, retire and restore them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from refp.web.api.common import AnEngine
from refp.web.http.fields import fields_as
from refp.web.job import Job
from refp.web.pages.form import read_fields, read_shown
from refp.web.pages.operator import operator_of, remember
from refp.web.pages.render import TheKeys, render
from refp.web.schemas.models import AdaptRequest, TrainRequest
from refp.web.services.models import (
    ServedModel,
    list_models,
    queue_adaptation,
    queue_training,
    restore,
    retire,
    take_form,
)
from refp.web.services.planes import done_jobs
from refp.web.workers import calls

router = APIRouter()
FAMILIES = {
    "profile": "A small network reads each bead's radial profile. Trained in about a minute; the "
    "one to choose.",
    "lookup": "Beads are compared with those of the sweep. Ready in seconds, without training; "
    "usually less exact.",
    "resnet": "The article's network, which sees the image of each bead. Hours without a graphics "
    "card.",
}
SAID = {
    "new": "is here now, and in use.",
    "same": "has the same content: it was here already.",
    "retired": "is retired: kept, and no longer offered.",
    "restored": "is in use again.",
}
"""What was done to a model before this page came back."""


@router.get("/models")
async def models_page(
    request: Request, engine: AnEngine, planes: str = "", said: str = "", file: str = ""
) -> Response:
    """Show the models' cards and the forms; ``planes`` chooses what to train from."""
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
        "keeps": engine.settings.own_models is not None,
        "recipes": await engine.pools.ask(calls.recipe_names) if done else [],
        "families": FAMILIES,
        "roots": engine.settings.roots,
        "operator": operator_of(request),
        "said": f"{file} {SAID[said]}" if said in SAID and file in names else "",
    }
    return render(request, "models.html.jinja", content)


@router.post("/models/upload")
async def upload(request: Request, engine: AnEngine, keys: TheKeys) -> Response:
    """Take the model that the form sends."""
    with engine.files.spool() as folder:
        form = await read_shown(request, keys, folder, engine.settings.limits.for_model())
        file, is_new = await take_form(engine, form)
    return _back("new" if is_new else "same", file)


@router.post("/models/train")
async def train(request: Request, engine: AnEngine, keys: TheKeys) -> Response:
    """Train as the form asks, and go to the job."""
    given = _given(await read_fields(request, engine, keys))
    job = await queue_training(engine, fields_as(TrainRequest, given))
    return remember(request, _to_job(job), job.operator)


@router.post("/models/adapt")
async def adapt(request: Request, engine: AnEngine, keys: TheKeys) -> Response:
    """Adapt as the form asks, and go to the job."""
    given = _given(await read_fields(request, engine, keys))
    folder = given.pop("folder", "")
    asked = given | {"paths": [folder]} if folder else given
    job = await queue_adaptation(engine, fields_as(AdaptRequest, asked))
    return remember(request, _to_job(job), job.operator)


@router.post("/models/{file}/retire")
async def retire_model(request: Request, engine: AnEngine, keys: TheKeys, file: str) -> Response:
    """Take a model out of use."""
    await read_fields(request, engine, keys)
    await retire(engine, file)
    return _back("retired", file)


@router.post("/models/{file}/restore")
async def restore_model(request: Request, engine: AnEngine, keys: TheKeys, file: str) -> Response:
    """Take a retired model into use again."""
    await read_fields(request, engine, keys)
    await restore(engine, file)
    return _back("restored", file)


def _given(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that were filled in."""
    return {name: value.strip() for name, value in fields.items() if value.strip()}


def _is_adaptable(model: ServedModel) -> bool:
    card: Mapping[str, Any] = model.info.card
    tile = card.get("recipe", {}).get("tile", {})
    return not model.error and card.get("adaptation") is None and tile.get("cut") != "grid"


def _to_job(job: Job) -> Response:
    return RedirectResponse(f"/jobs/{job.id}", HTTPStatus.SEE_OTHER)


def _back(said: str, file: str) -> Response:
    address = f"/models?{urlencode({'said': said, 'file': file})}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)
