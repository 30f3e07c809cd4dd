"""Dependencies and form fields that routes share."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from refp.web.http.problems import Problem
from refp.web.messages import ImageChoice
from refp.web.services.engine import Engine

MAX_PIXEL_UM = 100
MAX_DIGITS = 10


def engine_of(request: Request) -> Engine:
    """Return the app's engine."""
    engine: Engine = request.app.state.engine
    return engine


EngineDep = Annotated[Engine, Depends(engine_of)]


def is_json(request: Request) -> bool:
    """Return whether a request has a JSON body (or else a form).

    Raises
    ------
    Problem
        If its body is neither.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "multipart/form-data"):
        detail = f"content type {kind or 'missing'}; send multipart/form-data or application/json"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "invalid_request", detail)
    return kind == "application/json"


async def jobs_known(engine: EngineDep) -> None:
    """Wait until the jobs of earlier servers are loaded."""
    await engine.jobs.loaded()


def tolerance_of(text: str) -> float | None:
    """Return the tolerance of a form, um; ``None`` if the field is empty.

    Raises
    ------
    Problem
        If it is not a number above 0.
    """
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        detail = f"the tolerance {text!r} is not a number above 0; give it in um, or leave it out"
        raise _invalid(detail)
    return value


def choice_of(fields: Mapping[str, str]) -> ImageChoice:
    """Return channel, time point and pixel size of a form; those of empty fields are not chosen.

    Raises
    ------
    Problem
        If the time point is not a whole number from 0, or the pixel size not one up to 100 um.
    """
    t, pixel = fields.get("t", "").strip(), fields.get("pixel_size_um", "").strip()
    if t and not (t.isascii() and t.isdecimal() and len(t) < MAX_DIGITS):
        raise _invalid(f"the time point {t!r} is not a whole number from 0; leave it out for all")
    try:
        size_um = float(pixel or 1)
    except ValueError:
        size_um = 0.0
    if not 0 < size_um <= MAX_PIXEL_UM:
        raise _invalid(f"the pixel size {pixel!r} is not a number of um up to {MAX_PIXEL_UM}")
    return ImageChoice(
        fields.get("channel", "").strip(), int(t) if t else None, size_um if pixel else None
    )


def _invalid(detail: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
