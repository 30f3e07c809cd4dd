"""What routes share: the engine, and fields of forms."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from refp.web.http.problems import Problem
from refp.web.services.engine import Engine


def engine_of(request: Request) -> Engine:
    """Return the app's engine."""
    engine: Engine = request.app.state.engine
    return engine


AnEngine = Annotated[Engine, Depends(engine_of)]


def is_json(request: Request) -> bool:
    """Whether a request sends JSON, or else a form.

    Raises
    ------
    Problem
        If it sends neither.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "multipart/form-data"):
        detail = f"a body of {kind or 'no type'}; send multipart/form-data or application/json"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "invalid_request", detail)
    return kind == "application/json"


async def jobs_known(engine: AnEngine) -> None:
    """Let a request wait until the jobs of earlier servers are known."""
    await engine.jobs.loaded()


def tolerance_of(text: str) -> float | None:
    """Return the tolerance that a form states, um; none where the field is empty.

    Raises
    ------
    Problem
        If it is no number above 0.
    """
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        detail = f"the tolerance {text!r} is not a number above 0; give um, or leave it out"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
    return value
