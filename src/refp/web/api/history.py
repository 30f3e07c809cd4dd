"""The history: records, control charts, frozen limits, notes, corrections, daily checks."""

from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import TypeAdapter, WithJsonSchema

from refp.history.history import Kind, Purpose, Quantity, Series
from refp.web.api.common import EngineDep
from refp.web.http.fields import (
    LINE_SCHEMA,
    MAX_LINE,
    form_body,
    json_body,
    line_in,
    one_file,
    read_json,
)
from refp.web.http.problems import Problem
from refp.web.http.uploads import read_form
from refp.web.messages import ChartQuery, RecordQuery
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
"""Records of one response; a request for a period returns others."""
MAX_BODY = 8 * MEGABYTE
"""Body of a request with a thousand records and long notes, bytes."""
FREEZE, ANNOTATE = TypeAdapter(FreezeRequest), TypeAdapter(AnnotateRequest)
CORRECT = TypeAdapter(CorrectRequest)
CHECK_BODY = form_body(
    {
        "files": one_file("one grey TIFF, PNG, JPEG or BMP"),
        "model": {"type": "string"},
        "instrument": {
            "type": "string",
            "description": "instrument whose model is used if none is named",
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
    engine: EngineDep,
    instrument: Name = "",
    since: Time = "",
    until: Time = "",
    kind: Kind | None = None,
    only: Purpose = "",
    with_corrected: bool = False,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = MAX_ROWS,
) -> list[RecordRow]:
    """Return records, the newest first, as ``refp history list --json`` prints them."""
    query = RecordQuery(instrument, since, until, kind or "", only, with_corrected, limit)
    rows = await engine.history.run(calls.history.read_history, query)
    return [RecordRow.model_validate(row) for row in rows]


@router.post("/history", openapi_extra=json_body(RecordsIn))
async def append(request: Request, engine: EngineDep) -> Appended:
    """Append records of another history, all or none; known records are skipped.

    A record with a known id and other content is a conflict: append a correction instead.
    """
    sent = await read_json(request, engine.settings.limits, RecordsIn, MAX_BODY)
    for one in sent:
        if one.recorded_at.year not in YEARS:
            time = one.recorded_at.isoformat()
            detail = f"recorded_at {time}: outside the years 1900 to 8999; correct it"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "history_error", detail)
    rows = [{**one.model_dump(), "recorded_at": one.recorded_at.isoformat()} for one in sent]
    new = await engine.history.run(calls.history.append, rows)
    return Appended(received=len(sent), new=new)


@router.get("/history/chart")
async def chart(
    engine: EngineDep,
    instrument: Name,
    quantity: Quantity = "delta_z_um",
    baseline: Name = "",
    since: Time = "",
    until: Time = "",
    series: Series = "daily",
) -> HistoryChart:
    """Return the control chart of a quantity of the daily checks, with limits and rules that fired.

    The tolerance is that of the server, or else that of the newest record.
    """
    query = ChartQuery(instrument, quantity, baseline, since, until, series)
    return HistoryChart.model_validate(await engine.history.read_chart(query))


@router.get("/history/baselines")
async def baselines(engine: EngineDep, instrument: Name = "") -> list[BaselineRow]:
    """Return frozen limits in the order of freezing."""
    rows = await engine.history.run(calls.history.list_baselines, instrument)
    return [BaselineRow.model_validate(row) for row in rows]


@router.post("/history/baselines", status_code=HTTPStatus.CREATED, openapi_extra=json_body(FREEZE))
async def freeze(request: Request, engine: EngineDep) -> BaselineRow:
    """Freeze mean and standard deviation of the daily checks of a period as limits.

    At least 20 checks on 5 different days are needed.
    """
    sent = await read_json(request, engine.settings.limits, FREEZE)
    return BaselineRow.model_validate(await engine.history.freeze(sent))


@router.post(
    "/history/annotations", status_code=HTTPStatus.CREATED, openapi_extra=json_body(ANNOTATE)
)
async def annotate(request: Request, engine: EngineDep) -> RecordRow:
    """Append a note about an instrument; charts show it as a line at its time."""
    sent = await read_json(request, engine.settings.limits, ANNOTATE)
    return RecordRow.model_validate(await engine.history.annotate(sent))


@router.post(
    "/history/corrections", status_code=HTTPStatus.CREATED, openapi_extra=json_body(CORRECT)
)
async def correct(request: Request, engine: EngineDep) -> list[RecordRow]:
    """Correct or withdraw records: new records replace them and name operator and time."""
    sent = await read_json(request, engine.settings.limits, CORRECT)
    return [RecordRow.model_validate(row) for row in await engine.history.correct(sent)]


@router.post("/history/checks", openapi_extra=CHECK_BODY, response_model_exclude_unset=True)
async def check(request: Request, engine: EngineDep) -> CheckAnswer:
    """Run the daily check with one image: estimate it, record it, compare with the limits."""
    with engine.files.spool() as folder:
        form = await read_form(request, Path(folder), engine.settings.limits)
        model, instrument = (form.fields.get(name, "") for name in ("model", "instrument"))
        operator = line_in(form.fields, "operator")
        estimate, result = await check_today(engine, form.files, model, instrument, operator)
    return CheckAnswer.model_validate({"estimate": estimate.row, **asdict(result)})
