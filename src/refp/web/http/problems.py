"""Errors as problem details (RFC 9457), or as a page."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from refp.core.errors import RefpError
from refp.web.errors import INTERNAL, LOST, SHOWN_AS, TOO_LONG, WorkError, code_of
from refp.web.wording.options import in_web_words

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

ShowPage = Callable[[Request, "Problem"], Response]
"""Renders a problem as a page."""


class ProblemDetails(BaseModel):
    """Problem details of RFC 9457, with an error code."""

    type: str = Field(default="about:blank", description="always about:blank; see code")
    title: str = Field(description="the status in words", examples=["Content Too Large"])
    status: int = Field(description="HTTP status", examples=[413])
    detail: str = Field(description="one sentence: the error and its remedy")
    code: str = Field(description="code of the error", examples=["too_large"])


class Problem(Exception):  # noqa: N818  the term of RFC 9457
    """An error that becomes the response to a request."""

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
        """Return the response for programs."""
        content = self.details.model_dump()
        return JSONResponse(content, self.status, self.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI, show_page: ShowPage) -> None:
    """Register handlers that return every error as a problem: JSON under ``/api``, else a page."""

    def answer(request: Request, error: Exception) -> Response:
        problem = _problem_of(error)
        path = str(request.scope["path"])  # request.url requires a valid host
        if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
            problem.headers = {"allow": ", ".join(_methods_of(app, path, request.method))}
        if path.startswith("/api"):
            return problem.response()
        return show_page(request, problem)

    for kind in (Problem, RefpError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer)


def _methods_of(app: FastAPI, path: str, refused: str) -> list[str]:
    """Return all methods of a path; the route that refused one lists only its own."""
    described = app.openapi()["paths"].get(path)
    if described:  # exact paths before templates such as /jobs/{job}
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
    # The route of static files matches every method and refuses it later.
    return ["GET", "HEAD"] if refused in methods else methods


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, WorkError):
        status = STATUS.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
        return Problem(status, SHOWN_AS.get(error.code, error.code), in_web_words(str(error)))
    if isinstance(error, RefpError):
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code_of(error), in_web_words(str(error)))
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
