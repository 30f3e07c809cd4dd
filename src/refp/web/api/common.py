"""What routes share: the engine, and fields of forms."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import FileResponse

from refp.web.engine import Engine
from refp.web.problems import Problem
from refp.web.uploads import Given

REPORT_RULES = (
    "sandbox allow-downloads; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A report brings its own style, pictures and tables, all within itself, and runs nothing."""


def engine_of(request: Request) -> Engine:
    """Return the app's engine."""
    engine: Engine = request.app.state.engine
    return engine


AnEngine = Annotated[Engine, Depends(engine_of)]


async def jobs_known(engine: AnEngine) -> None:
    """Let a request wait until the jobs of earlier servers are known."""
    await engine.jobs_loaded()


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


def check_any(files: list[Given]) -> None:
    """Refuse a request without a file."""
    if not files:
        detail = "no file was sent; choose an image"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_files", detail)


def send_report_file(path: Path) -> FileResponse:
    """Send a page that a run wrote."""
    rules = {"content-security-policy": REPORT_RULES}
    return FileResponse(path, headers=rules, media_type="text/html")
