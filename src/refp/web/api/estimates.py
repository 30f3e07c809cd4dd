"""Estimates of images."""

from pathlib import Path

from fastapi import APIRouter, Request
from pydantic import TypeAdapter

from refp.web.api.common import EngineDep, choice_of, is_json, tolerance_of
from refp.web.http.fields import LINE_SCHEMA, form_body, line_in, read_json, several_files
from refp.web.http.uploads import RequestFile, check_any, read_form
from refp.web.messages import ImageChoice, Requester, Row
from refp.web.schemas.common import CHANNEL, SERIAL, EstimateRow, Estimates, PathsRequest
from refp.web.services.engine import Engine

router = APIRouter()
BODY = form_body(
    {
        "files": several_files("grey TIFF, PNG, JPEG or BMP"),
        "model": {"type": "string"},
        "tolerance_um": {"type": "number", "exclusiveMinimum": 0},
        "operator": LINE_SCHEMA | {"description": "operator, recorded in the history"},
        "serial": LINE_SCHEMA | {"description": SERIAL},
        "channel": LINE_SCHEMA | {"description": CHANNEL},
        "t": {"type": "integer", "minimum": 0, "description": "time point, from 0; default: all"},
        "pixel_size_um": {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
    },
    required="files",
    example={"files": ["(content of image.tif)"], "tolerance_um": 7.5},
    instead=PathsRequest.model_json_schema(),
)


@router.post("/estimates", openapi_extra=BODY, response_model_exclude_unset=True)
async def estimates(request: Request, engine: EngineDep) -> Estimates:
    """Estimate dZ of uploaded images, or of files under the roots of the server."""
    if is_json(request):
        sent = await _read_paths(request, engine)
        files = await engine.estimates.list_files(sent.paths)
        requester = Requester(sent.operator, serial=sent.serial)
        choice = ImageChoice(sent.channel, sent.t, sent.pixel_size_um)
        return await _estimate(engine, files, sent.model, sent.tolerance_um, requester, choice)
    with engine.files.spool() as folder:
        form = await read_form(request, Path(folder), engine.settings.limits)
        tolerance_um = tolerance_of(form.fields.get("tolerance_um", ""))
        requester = Requester(
            line_in(form.fields, "operator"), serial=line_in(form.fields, "serial")
        )
        files = await engine.files.keep_images(form.files)
        model, choice = form.fields.get("model", ""), choice_of(form.fields)
        return await _estimate(engine, files, model, tolerance_um, requester, choice)


async def _read_paths(request: Request, engine: Engine) -> PathsRequest:
    return await read_json(request, engine.settings.limits, TypeAdapter(PathsRequest))


async def _estimate(
    engine: Engine,
    files: list[RequestFile],
    model: str,
    tolerance_um: float | None,
    requester: Requester,
    choice: ImageChoice,
) -> Estimates:
    check_any(files)
    chosen = await engine.models.choose(model)
    tolerance_um = tolerance_um or engine.settings.tolerance_um
    answers = await engine.estimates.estimate(
        files, chosen, tolerance_um, view=False, requester=requester, choice=choice
    )
    rows: list[Row] = [answer.row for of_file in answers for answer in of_file]
    return Estimates(
        model=chosen.name,
        tolerance_um=tolerance_um,
        estimates=[EstimateRow.model_validate(row) for row in rows],
    )
