"""What was recorded."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import WithJsonSchema

from refp.web.answer import Past
from refp.web.api.common import AnEngine
from refp.web.problems import Problem

router = APIRouter()


TIMES = [{"format": "date-time"}, {"format": "date"}, {"maxLength": 0}]
Instrument = Annotated[str, Query(description="of which; all by default", examples=["a2k"])]
Time = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "anyOf": TIMES}),
    Query(
        description="ISO 8601; without a zone the server's, without an hour midnight",
        examples=["2026-03-31", "2026-03-31T08:30+02:00"],
    ),
]


RECORD = {
    "recorded_at": "2026-03-31T08:30:00+02:00",
    "kind": "estimate",
    "instrument": "a2k",
    "image": "image.tif",
    "status": "ok",
    "delta_z_um": 14.2,
    "n_beads_used": 19,
}
EXAMPLE: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/json": {"example": [RECORD]}}}
}


@router.get("/history", responses=EXAMPLE)
async def history(
    engine: AnEngine, instrument: Instrument = "", since: Time = None, until: Time = None
) -> list[dict[str, object]]:
    """Return what was recorded, the newest first, as ``refp history list --json`` prints it."""
    for time in (since, until):
        _check_time(time or "")
    past: Past = await engine.ask_past("read_history", instrument, since or "", until or "")
    return past.rows


def _check_time(text: str) -> None:
    if not text:
        return
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        detail = f"time {text!r}: write it as 2026-03-31 or 2026-03-31T08:30+02:00"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "history_error", detail) from error
