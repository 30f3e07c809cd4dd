"""The page Live: the newest estimate of the history, large, and the fifty before it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from refp.web.api.common import EngineDep, tolerance_of
from refp.web.api.jobs import STREAM
from refp.web.errors import WorkError
from refp.web.http.fields import MAX_LINE
from refp.web.messages import LiveView
from refp.web.pages.render import render
from refp.web.services.engine import Engine
from refp.web.wording.live import describe_newest
from refp.web.wording.strip import draw_strip
from refp.web.workers import calls

router = APIRouter()
LOOK_S = 0.3
"""Interval at which the history is looked at for a new record, s."""
ALIVE_LOOKS = 30
"""Looks after which a comment shows that the connection exists; a closed one ends the stream."""
Instrument = Annotated[str, Query(max_length=MAX_LINE)]
Tolerance = Annotated[str | None, Query(max_length=MAX_LINE)]


@router.get("/live")
async def live_page(
    request: Request, engine: EngineDep, instrument: Instrument = "", tolerance_um: Tolerance = None
) -> Response:
    """Show the newest estimate and the strip, with verdicts by a tolerance."""
    kept, view = bool(engine.settings.history), LiveView()
    limit_um = engine.settings.tolerance_um
    if tolerance_um is not None:
        limit_um = tolerance_of(tolerance_um)
    if kept:
        way = engine.settings.stage_direction
        view = await engine.history.run(calls.live.read_live, instrument, limit_um, way)
    content = {
        "kept": kept,
        "view": view,
        "instrument": instrument,
        "tolerance_um": limit_um,
        "newest": describe_newest(view.rows[0], view.rules) if view.rows else None,
        "strip": draw_strip(view.rows, limit_um),
    }
    return render(request, "live.html.jinja", content)


@router.get("/live/events")
async def live_events(engine: EngineDep, instrument: Instrument = "") -> StreamingResponse:
    """Send the id of the newest estimate, at first and after each change."""
    await engine.history.run(
        calls.live.newest_id, instrument
    )  # an error is a response, not a stream
    return StreamingResponse(newest_ids(engine, instrument), media_type=STREAM)


async def newest_ids(engine: Engine, instrument: str, look_s: float = LOOK_S) -> AsyncIterator[str]:
    """Yield an event with the id of the newest estimate when it has changed; else comments."""
    sent, quiet = "-", 0
    while True:
        try:
            newest = await engine.history.run(calls.live.newest_id, instrument)
        except WorkError:  # a database that is away returns
            newest = sent
        quiet += 1
        if newest != sent:
            sent, quiet = newest, 0
            yield f"event: newest\ndata: {newest}\n\n"
        elif quiet >= ALIVE_LOOKS:
            quiet = 0
            yield ": alive\n\n"
        await asyncio.sleep(look_s)
