"""The page of models."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from refp.web.api.common import AnEngine
from refp.web.pages.render import render

router = APIRouter()
CARD_LINES = ("instrument", "family", "dZ range", "fewest beads", "calibration: rms_um")


@router.get("/models")
async def models_page(request: Request, engine: AnEngine) -> Response:
    """Show the models' cards."""
    content = {"models": await engine.models(), "first_lines": CARD_LINES}
    return render(request, "models.html.jinja", content)
