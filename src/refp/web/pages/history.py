"""The page History: control chart, rules that fired, limits, notes, corrections, daily check."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from refp.web.api.common import EngineDep
from refp.web.http.fields import fields_as, line_in
from refp.web.messages import ChartQuery, HistoryView, RecordQuery
from refp.web.pages.form import read_fields, read_shown
from refp.web.pages.operator import operator_of, remember
from refp.web.pages.render import KeysDep, render, saved
from refp.web.schemas.history import AnnotateRequest, CorrectRequest, FreezeRequest
from refp.web.services.daily_check import check_today
from refp.web.wording.checks import describe_check
from refp.web.workers import calls

router = APIRouter()
MAX_SAVED = 1_000_000
QUANTITIES = {
    "delta_z_um": ("dZ", "µm"),
    "slope": ("slope of dZ", ""),
    "t_squared": ("T squared", ""),
    "n_beads_used": ("beads used", ""),
    "background": ("background", "grey levels"),
    "tilt": ("tilt of the slide", "µm per px"),
    "refp_um": ("reference plane", "µm"),
}
"""Label and unit of each quantity of :mod:`refp.history`."""


ChartParameters = Annotated[ChartQuery, Depends()]


@router.get("/history")
async def history_page(request: Request, engine: EngineDep, query: ChartParameters) -> Response:
    """Show the control chart of an instrument, its newest records, and its last daily check."""
    kept = bool(engine.settings.history)
    view = HistoryView([], query)
    if kept:
        view = await engine.history.read_page(query)
    parameters = urlencode({name: value for name, value in asdict(view.query).items() if value})
    content = {
        "kept": kept,
        "view": view,
        "query": view.query,
        "shown": asdict(view.query),
        "quantities": QUANTITIES,
        "models": engine.models.choices(),
        "starting_s": engine.pools.starting_s,
        "check": describe_check(view.check, datetime.now().astimezone().date()),
        "operator": operator_of(request),
        "svg": f"/history/chart.svg?{parameters}",
        "all_estimates": f"/history?{urlencode({**asdict(view.query), 'series': 'all'})}",
    }
    return render(request, "history.html.jinja", content)


@router.get("/history/chart.svg")
async def history_chart(engine: EngineDep, query: ChartParameters) -> Response:
    """Return the control chart of a quantity."""
    svg = await engine.history.draw_chart(query)
    return Response(svg, media_type="image/svg+xml")


@router.get("/history/records.csv")
async def history_csv(
    engine: EngineDep, instrument: str = "", since: str = "", until: str = ""
) -> Response:
    """Return the records of an instrument as ``refp history export`` writes them."""
    query = RecordQuery(instrument, since, until, limit=MAX_SAVED)
    text = await engine.history.run(calls.history.write_history, query)
    return Response(text, media_type="text/csv", headers=saved("history.csv"))


@router.post("/history/checks")
async def check(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Run the daily check with the image of the form, and redirect to the page."""
    with engine.files.spool() as folder:
        form = await read_shown(request, keys, folder, engine.settings.limits)
        operator, model = line_in(form.fields, "operator"), form.fields.get("model", "")
        instrument = form.fields.get("show_instrument", "")
        _, result = await check_today(engine, form.files, model, instrument, operator)
    fields = {"show_instrument": str(result.record["instrument"])}
    return remember(request, _back(fields), operator)


@router.post("/history/baselines")
async def freeze(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Freeze the limits of a period."""
    fields = await read_fields(request, engine, keys)
    sent: FreezeRequest = fields_as(FreezeRequest, _own(FreezeRequest, fields))
    await engine.history.freeze(sent)
    shown = {key: value for key, value in fields.items() if key != "show_baseline"}
    return remember(request, _back(shown, "chart"), sent.operator)


@router.post("/history/annotations")
async def annotate(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Append a note about an instrument."""
    fields = await read_fields(request, engine, keys)
    sent: AnnotateRequest = fields_as(AnnotateRequest, _own(AnnotateRequest, fields))
    await engine.history.annotate(sent)
    return remember(request, _back(fields, "chart"), sent.operator)


@router.post("/history/corrections")
async def correct(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Correct or withdraw one record."""
    fields = await read_fields(request, engine, keys)
    own = {**_own(CorrectRequest, fields), "ids": [fields.get("id", "")]}
    sent: CorrectRequest = fields_as(CorrectRequest, own)
    await engine.history.correct(sent)
    return remember(request, _back(fields, "records"), sent.operator)


def _own(kind: type, fields: Mapping[str, str]) -> dict[str, object]:
    """Return the fields of a form that a request has, with newlines in place of CR LF."""
    names = kind.model_fields  # type: ignore[attr-defined]
    return {k: v.strip().replace("\r\n", "\n") for k, v in fields.items() if k in names}


def _back(fields: Mapping[str, str], anchor: str = "") -> Response:
    """Redirect to the displayed selection, so that a reload does not submit the form again."""
    shown = {name: fields.get(f"show_{name}", "") for name in asdict(ChartQuery())}
    parameters = urlencode({name: value for name, value in shown.items() if value})
    address = f"/history?{parameters}{'#' if anchor else ''}{anchor}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)
