"""What was recorded."""

from fastapi import APIRouter

from refp.web.answer import Past
from refp.web.api.common import AnEngine

router = APIRouter()


@router.get("/history")
async def history(
    engine: AnEngine, instrument: str = "", since: str = "", until: str = ""
) -> list[dict[str, object]]:
    """Return what was recorded, the newest first, as ``refp history list --json`` prints it."""
    past: Past = await engine.ask_past("read_history", instrument, since, until)
    return past.rows
