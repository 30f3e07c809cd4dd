"""The API, version 1."""

from http import HTTPStatus
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError

from refp.web.answer import Past, Row
from refp.web.engine import Engine
from refp.web.problems import Problem
from refp.web.schemas import (
    PROBLEMS,
    EstimateRow,
    Estimates,
    Health,
    Model,
    PathsRequest,
)
from refp.web.uploads import Given, read_form, read_small

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
BODY = {
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
                            "description": "grey TIFF, PNG, JPEG or BMP",
                        },
                        "model": {"type": "string"},
                        "tolerance_um": {"type": "number", "exclusiveMinimum": 0},
                    },
                }
            },
            "application/json": {"schema": PathsRequest.model_json_schema()},
        },
    }
}


def engine_of(request: Request) -> Engine:
    """Return the app's engine."""
    engine: Engine = request.app.state.engine
    return engine


AnEngine = Annotated[Engine, Depends(engine_of)]


@router.post("/estimates", openapi_extra=BODY, response_model_exclude_unset=True)
async def estimates(request: Request, engine: AnEngine) -> Estimates:
    """Estimate dZ of images that are sent, or that lie under one of the server's folders."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        asked = await _asked_paths(request, engine)
        files = await engine.list_files(asked.paths)
        return await _estimate(engine, files, asked.model, asked.tolerance_um)
    if kind != "multipart/form-data":
        detail = f"a body of {kind or 'no type'}; send multipart/form-data or application/json"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "invalid_request", detail)
    with engine.spool() as folder:
        form = await read_form(request, Path(folder), engine.settings.limits)
        tolerance_um = tolerance_of(form.fields.get("tolerance_um", ""))
        return await _estimate(engine, form.files, form.fields.get("model", ""), tolerance_um)


@router.get("/models")
async def models(engine: AnEngine) -> list[Model]:
    """Return the models that are here, the default first."""
    return [
        Model(name=m.name, file=m.path.name, sha256=m.sha256, error=m.error, card=m.card)
        for m in await engine.models()
    ]


@router.get("/history")
async def history(
    engine: AnEngine, instrument: str = "", since: str = "", until: str = ""
) -> list[dict[str, object]]:
    """Return what was recorded, the newest first, as ``refp history list --json`` prints it."""
    past: Past = await engine.ask_past("read_history", instrument, since, until)
    return past.rows


@router.get("/health")
async def health(engine: AnEngine) -> Health:
    """Say whether the server answers, without asking its workers."""
    n_models = len(engine.settings.model_files())
    version = version_of("refp")
    return Health(status="ok" if n_models else "no_model", version=version, n_models=n_models)


def tolerance_of(text: str) -> float | None:
    """Return the tolerance that a form states, um; none where the field is empty.

    Raises
    ------
    Problem
        If it is no number above 0.
    """
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        detail = f"the tolerance {text!r} is not a number above 0; give um, or leave it out"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
    return value


def check_any(files: list[Given]) -> None:
    """Refuse a request without a file."""
    if not files:
        detail = "no file was sent; choose an image"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_files", detail)


async def _asked_paths(request: Request, engine: Engine) -> PathsRequest:
    body = await read_small(request, engine.settings.limits)
    try:
        return PathsRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        detail = f"{where}: {first['msg']}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail) from error


async def _estimate(
    engine: Engine, files: list[Given], model: str, tolerance_um: float | None
) -> Estimates:
    check_any(files)
    chosen = await engine.choose(model)
    tolerance_um = tolerance_um or engine.settings.tolerance_um
    answers = await engine.estimate(files, chosen, tolerance_um, view=False)
    rows: list[Row] = [answer.row for of_file in answers for answer in of_file]
    return Estimates(
        model=chosen.name,
        tolerance_um=tolerance_um,
        estimates=[EstimateRow.model_validate(row) for row in rows],
    )
