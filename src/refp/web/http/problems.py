"""Errors as problem details (RFC 9457), or as a page for people."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from refp.core.errors import RefpError
from refp.web.errors import LOST, TOO_LONG, WorkError, code_of

MEDIA_TYPE = "application/problem+json"
STATUS = {
    "outside_roots": HTTPStatus.FORBIDDEN,
    TOO_LONG: HTTPStatus.SERVICE_UNAVAILABLE,
    LOST: HTTPStatus.SERVICE_UNAVAILABLE,
    "name_taken": HTTPStatus.CONFLICT,
    "history_access_error": HTTPStatus.SERVICE_UNAVAILABLE,
    "history_conflict_error": HTTPStatus.CONFLICT,
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SHOWN_AS = dict.fromkeys(("history_access_error", "history_conflict_error"), "history_error")
"""Kinds of an error that differ in their status alone."""
INTERNAL = "the server failed; this is our own fault, see its output"

ShowPage = Callable[[Request, "Problem"], Response]
"""Shows a problem to people."""


class ProblemDetails(BaseModel):
    """A problem as RFC 9457 writes it, with the code that the command line's error has."""

    type: str = Field(default="about:blank", description="always about:blank; see code")
    title: str = Field(description="the status in words", examples=["Content Too Large"])
    status: int = Field(description="HTTP status", examples=[413])
    detail: str = Field(description="one sentence: what, and what to do about it")
    code: str = Field(description="what kind of error", examples=["too_large"])


class Problem(Exception):  # noqa: N818  as RFC 9457 calls it
    """An error that a request is answered with."""

    def __init__(
        self, status: int, code: str, detail: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers

    @property
    def details(self) -> ProblemDetails:
        """The problem as data."""
        title = HTTPStatus(self.status).phrase
        return ProblemDetails(title=title, status=self.status, detail=self.detail, code=self.code)

    def response(self) -> Response:
        """Return the answer for programs."""
        content = self.details.model_dump()
        return JSONResponse(content, self.status, self.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI, show_page: ShowPage) -> None:
    """Answer every error as a problem: under ``/api`` as JSON, elsewhere as a page."""

    def answer(request: Request, error: Exception) -> Response:
        problem = _problem_of(error)
        path = str(request.scope["path"])  # request.url needs a host that makes sense
        if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
            problem.headers = {"allow": ", ".join(_methods_of(app, path, request.method))}
        if path.startswith("/api"):
            return problem.response()
        return show_page(request, problem)

    for kind in (Problem, RefpError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer)


def _methods_of(app: FastAPI, path: str, refused: str) -> list[str]:
    """Return every method of a path: the route that refused one knows its own alone."""
    described = app.openapi()["paths"].get(path)
    if (
        described
    ):  # not what a path that stands for many, such as /jobs/{job}, would take for a name
        return [method.upper() for method in described]
    scopes = [
        {"type": "http", "path": path, "root_path": "", "headers": [], "app": app, "method": method}
        for method in METHODS
    ]
    methods = [
        str(scope["method"])
        for scope in scopes
        if any(route.matches(scope)[0] is Match.FULL for route in app.routes)
    ]
    # A folder of files takes every method, and refuses it later.
    return ["GET", "HEAD"] if refused in methods else methods


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, WorkError):
        status = STATUS.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
        return Problem(status, SHOWN_AS.get(error.code, error.code), str(error))
    if isinstance(error, RefpError):
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code_of(error), str(error))
    if isinstance(error, HTTPException):
        status = HTTPStatus(error.status_code)
        headers = dict(error.headers) if error.headers else None
        return Problem(status, status.name.lower(), str(error.detail), headers)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", f"{where}: {first['msg']}"
        )
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", INTERNAL)
