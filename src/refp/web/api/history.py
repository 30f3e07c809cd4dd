"""What was recorded: read it, add to it, freeze limits, check the instrument."""

from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import TypeAdapter, WithJsonSchema

from refp.history.history import Kind, Purpose, Quantity
from refp.web.api.common import AnEngine
from refp.web.http.fields import (
    LINE_SCHEMA,
    MAX_LINE,
    form_body,
    json_body,
    one_file,
    operator_in,
    read_json,
)
from refp.web.http.problems import Problem
from refp.web.http.uploads import read_form
from refp.web.messages import Asked, Records
from refp.web.schemas.history import (
    PERIOD,
    YEARS,
    AnnotateRequest,
    Appended,
    BaselineRow,
    CheckAnswer,
    CorrectRequest,
    FreezeRequest,
    HistoryChart,
    RecordRow,
    RecordsIn,
)
from refp.web.services.daily_check import check_today
from refp.web.settings import MEGABYTE
from refp.web.workers import calls

router = APIRouter()
MAX_ROWS = 10_000
"""Of one answer; who wants more asks for a time."""
MAX_BODY = 8 * MEGABYTE
"""A thousand records, their notes long."""
FREEZE, ANNOTATE = TypeAdapter(FreezeRequest), TypeAdapter(AnnotateRequest)
CORRECT = TypeAdapter(CorrectRequest)
CHECK_BODY = form_body(
    {
        "files": one_file("one grey TIFF, PNG, JPEG or BMP"),
        "model": {"type": "string"},
        "instrument": {
            "type": "string",
            "description": "whose model to take where none is named",
        },
        "operator": LINE_SCHEMA,
    },
    required="files",
    example={"files": "(content of daily.tif)", "operator": "Ada"},
)
TIMES = [{"format": "date-time"}, {"format": "date"}, {"maxLength": 0}]
Time = Annotated[
    str,
    WithJsonSchema({"type": "string", "anyOf": TIMES}),
    Query(max_length=40, description=PERIOD, examples=["2026-03-31", "2026-03-31T08:30+02:00"]),
]
Name = Annotated[str, Query(max_length=MAX_LINE)]


@router.get("/history")
async def history(
    engine: AnEngine,
    instrument: Name = "",
    since: Time = "",
    until: Time = "",
    kind: Kind | None = None,
    only: Purpose = "",
    with_corrected: bool = False,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = MAX_ROWS,
) -> list[RecordRow]:
    """Return what was recorded, the newest first, as ``refp history list --json`` prints it."""
    asked = Records(instrument, since, until, kind or "", only, with_corrected, limit)
    rows = await engine.history.ask(calls.read_history, asked)
    return [RecordRow.model_validate(row) for row in rows]


@router.post("/history", openapi_extra=json_body(RecordsIn))
async def append(request: Request, engine: AnEngine) -> Appended:
    """Append records that were made elsewhere, all or none; those that are here are passed over.

    A record of a known id with other content is a conflict: append a correction instead.
    """
    sent = await read_json(request, engine.settings.limits, RecordsIn, MAX_BODY)
    for one in sent:
        if one.recorded_at.year not in YEARS:
            detail = (
                f"recorded_at {one.recorded_at.isoformat()}: nothing was measured then; correct it"
            )
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "history_error", detail)
    rows = [{**one.model_dump(), "recorded_at": one.recorded_at.isoformat()} for one in sent]
    new = await engine.history.ask(calls.append_records, rows)
    return Appended(received=len(sent), new=new)


@router.get("/history/chart")
async def chart(
    engine: AnEngine,
    instrument: Name,
    quantity: Quantity = "delta_z_um",
    baseline: Name = "",
    since: Time = "",
    until: Time = "",
    only: Purpose = "",
) -> HistoryChart:
    """Return the control chart of a quantity, with its limits and where which rule fires."""
    asked = Asked(instrument, quantity, baseline, since, until, only)
    return HistoryChart.model_validate(await engine.history.ask(calls.read_chart, asked))


@router.get("/history/baselines")
async def baselines(engine: AnEngine, instrument: Name = "") -> list[BaselineRow]:
    """Return frozen limits, in the order in which they were frozen."""
    rows = await engine.history.ask(calls.list_baselines, instrument)
    return [BaselineRow.model_validate(row) for row in rows]


@router.post("/history/baselines", status_code=HTTPStatus.CREATED, openapi_extra=json_body(FREEZE))
async def freeze(request: Request, engine: AnEngine) -> BaselineRow:
    """Freeze mean and standard deviation of a period as limits; later records do not move them."""
    sent = await read_json(request, engine.settings.limits, FREEZE)
    return BaselineRow.model_validate(await engine.history.freeze(sent))


@router.post(
    "/history/annotations", status_code=HTTPStatus.CREATED, openapi_extra=json_body(ANNOTATE)
)
async def annotate(request: Request, engine: AnEngine) -> RecordRow:
    """Note what happened to an instrument; charts show it as a line at its time."""
    sent = await read_json(request, engine.settings.limits, ANNOTATE)
    return RecordRow.model_validate(await engine.history.annotate(sent))


@router.post(
    "/history/corrections", status_code=HTTPStatus.CREATED, openapi_extra=json_body(CORRECT)
)
async def correct(request: Request, engine: AnEngine) -> list[RecordRow]:
    """Correct or withdraw records: new ones take their place, and say by whom and when."""
    sent = await read_json(request, engine.settings.limits, CORRECT)
    return [RecordRow.model_validate(row) for row in await engine.history.correct(sent)]


@router.post("/history/checks", openapi_extra=CHECK_BODY, response_model_exclude_unset=True)
async def check(request: Request, engine: AnEngine) -> CheckAnswer:
    """Do the daily check with one image: estimate it, record it, hold it against the limits."""
    with engine.files.spool() as folder:
        form = await read_form(request, Path(folder), engine.settings.limits)
        model, instrument = (form.fields.get(name, "") for name in ("model", "instrument"))
        operator = operator_in(form.fields)
        answer, found = await check_today(engine, form.files, model, instrument, operator)
    return CheckAnswer.model_validate({"estimate": answer.row, **asdict(found)})
