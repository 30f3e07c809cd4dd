"""The page of the history: chart, what fired, limits, notes, corrections, the daily check."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from refp.web.api.common import AnEngine
from refp.web.http.fields import fields_as, operator_in
from refp.web.messages import Asked, Past, Records
from refp.web.pages.form import read_fields, read_shown
from refp.web.pages.operator import operator_of, remember
from refp.web.pages.render import TheKeys, render, saved
from refp.web.schemas.history import AnnotateRequest, CorrectRequest, FreezeRequest
from refp.web.services.daily_check import check_today
from refp.web.wording.checks import describe_check
from refp.web.workers import calls

router = APIRouter()
MAX_SAVED = 1_000_000
QUANTITIES = {
    "delta_z_um": ("dZ", "µm"),
    "n_beads_used": ("beads used", ""),
    "background": ("background", "grey levels"),
    "tilt": ("tilt of the slide", "µm per px"),
    "refp_um": ("reference plane", "µm"),
}
"""What a chart may show and its unit, by the names that :mod:`refp.history` has."""


AskedFor = Annotated[Asked, Depends()]


@router.get("/history")
async def history_page(request: Request, engine: AnEngine, asked: AskedFor) -> Response:
    """Show the control chart of an instrument, its newest records, and how its last check went."""
    kept = bool(engine.settings.history)
    past = Past([], asked)
    if kept:
        past = await engine.history.ask(calls.read_page, asked)
    query = urlencode({name: value for name, value in asdict(past.asked).items() if value})
    content = {
        "kept": kept,
        "past": past,
        "asked": past.asked,
        "shown": asdict(past.asked),
        "quantities": QUANTITIES,
        "models": engine.models.choices(),
        "starting_s": engine.pools.starting_s,
        "check": describe_check(past.check, datetime.now().astimezone().date()),
        "operator": operator_of(request),
        "svg": f"/history/chart.svg?{query}",
    }
    return render(request, "history.html.jinja", content)


@router.get("/history/chart.svg")
async def history_chart(engine: AnEngine, asked: AskedFor) -> Response:
    """Return the control chart of a quantity."""
    svg = await engine.history.ask(calls.draw_history, asked)
    return Response(svg, media_type="image/svg+xml")


@router.get("/history/records.csv")
async def history_csv(
    engine: AnEngine, instrument: str = "", since: str = "", until: str = "", only: str = ""
) -> Response:
    """Return the records of an instrument as ``refp history export`` writes them."""
    asked = Records(instrument, since, until, purpose=only, limit=MAX_SAVED)
    text = await engine.history.ask(calls.write_history, asked)
    return Response(text, media_type="text/csv", headers=saved("history.csv"))


@router.post("/history/checks")
async def check(request: Request, engine: AnEngine, keys: TheKeys) -> Response:
    """Do the daily check with the image that the form sends; the page then says how it went."""
    with engine.files.spool() as folder:
        form = await read_shown(request, keys, folder, engine.settings.limits)
        operator, model = operator_in(form.fields), form.fields.get("model", "")
        instrument = form.fields.get("show_instrument", "")
        _, found = await check_today(engine, form.files, model, instrument, operator)
    fields = {"show_instrument": str(found.record["instrument"])}
    return remember(request, _back(fields), operator)


@router.post("/history/baselines")
async def freeze(request: Request, engine: AnEngine, keys: TheKeys) -> Response:
    """Freeze the limits of a period."""
    fields = await read_fields(request, engine, keys)
    sent: FreezeRequest = fields_as(FreezeRequest, _own(FreezeRequest, fields))
    await engine.history.freeze(sent)
    shown = {key: value for key, value in fields.items() if key != "show_baseline"}
    return remember(request, _back(shown, "chart"), sent.operator)


@router.post("/history/annotations")
async def annotate(request: Request, engine: AnEngine, keys: TheKeys) -> Response:
    """Note what happened to an instrument."""
    fields = await read_fields(request, engine, keys)
    sent: AnnotateRequest = fields_as(AnnotateRequest, _own(AnnotateRequest, fields))
    await engine.history.annotate(sent)
    return remember(request, _back(fields, "chart"), sent.operator)


@router.post("/history/corrections")
async def correct(request: Request, engine: AnEngine, keys: TheKeys) -> Response:
    """Correct or withdraw one record."""
    fields = await read_fields(request, engine, keys)
    own = {**_own(CorrectRequest, fields), "ids": [fields.get("id", "")]}
    sent: CorrectRequest = fields_as(CorrectRequest, own)
    await engine.history.correct(sent)
    return remember(request, _back(fields, "records"), sent.operator)


def _own(kind: type, fields: Mapping[str, str]) -> dict[str, object]:
    """Return the fields of a form that are a request's; browsers end lines as mail does."""
    names = kind.model_fields  # type: ignore[attr-defined]
    return {k: v.strip().replace("\r\n", "\n") for k, v in fields.items() if k in names}


def _back(fields: Mapping[str, str], place: str = "") -> Response:
    """Lead back to what was shown; a form that is loaded again is not sent again."""
    shown = {name: fields.get(f"show_{name}", "") for name in asdict(Asked())}
    query = urlencode({name: value for name, value in shown.items() if value})
    address = f"/history?{query}{'#' if place else ''}{place}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)
