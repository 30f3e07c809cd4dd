"""The pages of the history."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from refp.web.answer import Past
from refp.web.api.common import AnEngine
from refp.web.pages.render import render, saved

router = APIRouter()
SHOWN_RECORDS = 30
QUANTITIES = {
    "delta_z_um": "dZ",
    "n_beads_used": "beads used",
    "background": "background",
    "tilt": "tilt of the slide",
    "refp_um": "reference plane",
}
"""What a chart may show, by the names that :mod:`refp.history` has."""


@router.get("/history")
async def history_page(
    request: Request, engine: AnEngine, instrument: str = "", quantity: str = "delta_z_um"
) -> Response:
    """Show the control chart of an instrument, and its newest records."""
    kept = bool(engine.settings.history)
    past: Past = Past([], [], [])
    if kept:
        past = await engine.ask_past("read_history", instrument, "", "", SHOWN_RECORDS)
    chosen = instrument or next((str(row["instrument"]) for row in past.rows), "")
    content = {
        "kept": kept,
        "past": past,
        "chosen": chosen,
        "quantity": quantity,
        "quantities": QUANTITIES,
        "chart": f"/history/chart.svg?{urlencode({'instrument': chosen, 'quantity': quantity})}",
    }
    return render(request, "history.html.jinja", content)


@router.get("/history/chart.svg")
async def history_chart(
    engine: AnEngine, instrument: str, quantity: str = "delta_z_um", baseline: str = ""
) -> Response:
    """Return the control chart of a quantity."""
    svg: bytes = await engine.ask_past("draw_history", instrument, quantity, baseline)
    return Response(svg, media_type="image/svg+xml")


@router.get("/history/records.csv")
async def history_csv(engine: AnEngine, instrument: str = "") -> Response:
    """Return the records of an instrument as a table."""
    past: Past = await engine.ask_past("read_history", instrument)
    text: str = await engine.ask("write_csv", past.rows)
    return Response(text, media_type="text/csv", headers=saved("history.csv"))
