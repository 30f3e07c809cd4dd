"""Models: list, upload, train, adapt, choose the default, retire and restore."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import TypeAdapter

from refp.web.api.common import EngineDep
from refp.web.api.jobs import view_of
from refp.web.http.fields import form_body, json_body, one_file, read_json
from refp.web.http.guard import send_report_file
from refp.web.http.uploads import read_form
from refp.web.job import Job
from refp.web.schemas.jobs import JobView
from refp.web.schemas.models import AdaptRequest, Model, TrainRequest
from refp.web.services.engine import Engine
from refp.web.services.models import (
    ServedModel,
    find_file,
    find_model,
    find_report,
    list_models,
    make_default,
    queue_adaptation,
    queue_training,
    restore,
    retire,
    take_form,
)

router = APIRouter(prefix="/models")
TRAIN, ADAPT = TypeAdapter(TrainRequest), TypeAdapter(AdaptRequest)
UPLOAD = form_body(
    {
        "file": one_file("*.refp"),
        "name": {"type": "string", "description": "name of the model; that of the file if empty"},
    },
    required="file",
    example={"file": "(content of a2k.refp)", "name": "a2k-2026"},
)
SAME: dict[int | str, dict[str, Any]] = {
    200: {"model": Model, "description": "the server already has this model"}
}


@router.get("")
async def models(engine: EngineDep, retired: bool = False) -> list[Model]:
    """Return the models in use, the default first, or the retired models."""
    return [model_view(model) for model in await list_models(engine, retired=retired)]


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=UPLOAD, responses=SAME)
async def upload(request: Request, response: Response, engine: EngineDep) -> Model:
    """Store an uploaded model; the same content is stored once."""
    with engine.files.spool() as folder:
        form = await read_form(request, Path(folder), engine.settings.limits.for_model())
        file, is_new = await take_form(engine, form)
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    response.headers["location"] = f"/api/v1/models/{file}"
    return model_view(await find_model(engine, file))


@router.post("/train", status_code=HTTPStatus.ACCEPTED, openapi_extra=json_body(TRAIN))
async def train(request: Request, response: Response, engine: EngineDep) -> JobView:
    """Queue the training of a model on the sweeps of defined planes; return the job."""
    sent = await read_json(request, engine.settings.limits, TRAIN)
    return _queued(await queue_training(engine, sent), response, engine)


@router.post("/adapt", status_code=HTTPStatus.ACCEPTED, openapi_extra=json_body(ADAPT))
async def adapt(request: Request, response: Response, engine: EngineDep) -> JobView:
    """Queue the adaptation of a model to another instrument of its kind; return the job."""
    sent = await read_json(request, engine.settings.limits, ADAPT)
    return _queued(await queue_adaptation(engine, sent), response, engine)


@router.get("/{file}")
async def model(engine: EngineDep, file: str) -> Model:
    """Return a model, in use or retired, by its file name."""
    return model_view(await find_model(engine, file))


@router.get("/{file}/file", response_class=FileResponse)
async def model_file(engine: EngineDep, file: str) -> FileResponse:
    """Return the model file."""
    path = find_file(engine, file)
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


@router.get("/{file}/report", response_class=FileResponse)
async def report(engine: EngineDep, file: str) -> FileResponse:
    """Return the training report of a model that was trained on this server."""
    return send_report_file(find_report(engine, file))


@router.post("/{file}/default")
async def default_model(engine: EngineDep, file: str) -> Model:
    """Make a model the default, which is used if no model is named."""
    await make_default(engine, file)
    return model_view(await find_model(engine, file))


@router.post("/{file}/retire")
async def retire_model(engine: EngineDep, file: str) -> Model:
    """Retire a model: it is kept and can be restored."""
    await retire(engine, file)
    return model_view(await find_model(engine, file))


@router.post("/{file}/restore")
async def restore_model(engine: EngineDep, file: str) -> Model:
    """Restore a retired model."""
    await restore(engine, file)
    return model_view(await find_model(engine, file))


def model_view(model: ServedModel) -> Model:
    """Return a model in the schema of the API."""
    info = model.info
    return Model(
        name=info.name,
        file=model.file,
        sha256=info.sha256,
        error=model.error,
        card=info.card,
        default=model.is_default,
        retired=model.is_retired,
        fixed=model.is_fixed,
        made_at=model.made_at,
        job=model.job.id if model.job is not None else "",
        report=model.report is not None,
        used=model.use,
        verified=model.verified,
    )


def _queued(job: Job, response: Response, engine: Engine) -> JobView:
    response.headers["location"] = f"/api/v1/jobs/{job.id}"
    return view_of(job, engine.jobs.runner)
