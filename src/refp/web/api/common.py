"""What routes share: the engine, and fields of forms."""

from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from refp.web.engine import Engine
from refp.web.problems import Problem
from refp.web.uploads import Given

Asked = TypeVar("Asked", bound=BaseModel)


def parse_body(model: type[Asked], body: bytes) -> Asked:
    """Read a body of JSON.

    Raises
    ------
    Problem
        Naming the first field that is wrong.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _told(error) from error


def parse_fields(model: type[Asked], fields: dict[str, Any]) -> Asked:
    """Read the fields of a form; errors as of :func:`parse_body`."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _told(error) from error


def _told(error: ValidationError) -> Problem:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "body"
    detail = f"{where}: {first['msg'].removeprefix('Value error, ')}"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)


def engine_of(request: Request) -> Engine:
    """Return the app's engine."""
    engine: Engine = request.app.state.engine
    return engine


AnEngine = Annotated[Engine, Depends(engine_of)]


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
