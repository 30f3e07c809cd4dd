"""Dependencies and form fields that routes share."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from refp.web.http.problems import Problem
from refp.web.services.engine import Engine


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
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
    return value
