"""Validation of form fields and JSON bodies, the same for pages and programs."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import (
    BaseModel,
    ConfigDict,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from refp.web.http.problems import Problem
from refp.web.http.uploads import MAX_JSON, read_small
from refp.web.settings import Limits

MAX_LINE, MAX_NOTE = 120, 2000
LINE = r"^[^\x00-\x1f\x7f\u2028\u2029]*$"
Line = Annotated[str, StringConstraints(max_length=MAX_LINE, pattern=LINE)]
"""A name: one line without control characters."""
Note = Annotated[
    str, StringConstraints(max_length=MAX_NOTE, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]
"""A note of one or more lines, without control characters."""
Location = Annotated[str, StringConstraints(min_length=1)]
"""A file or folder, absolute or under a root."""

_LINE: TypeAdapter[str] = TypeAdapter(Line)
LINE_SCHEMA = _LINE.json_schema()
"""JSON schema of a name."""
Content = TypeVar("Content")


def line_in(fields: Mapping[str, str], name: str) -> str:
    """Return a field of a form that is one line, such as the operator; empty if the field is.

    Raises
    ------
    Problem
        If it is not one line without control characters.
    """
    try:
        return _LINE.validate_python(fields.get(name, "").strip())
    except ValidationError as error:
        raise invalid(error, name) from error


def fields_as(kind: type[BaseModel], fields: Mapping[str, Any]) -> Any:
    """Return the fields of a form as the model of the JSON request; empty fields are omitted.

    Raises
    ------
    Problem
        If a field is missing or invalid.
    """
    try:
        return kind.model_validate({k: v for k, v in fields.items() if v}, strict=False)
    except ValidationError as error:
        raise invalid(error) from error


async def read_json(
    request: Request, limits: Limits, kind: TypeAdapter[Content], max_bytes: int = MAX_JSON
) -> Content:
    """Return the validated JSON body of a request.

    Raises
    ------
    Problem
        If it is too large, too slow or invalid.
    """
    body = await read_small(request, limits, max_bytes)
    try:
        return kind.validate_json(body)
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError, name: str = "body") -> Problem:
    """Return the problem that names the first invalid field and its error."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or name
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", f"{where}: {first['msg']}")


def shown(**example: JsonValue) -> ConfigDict:
    """Return a model configuration with an example for the OpenAPI document."""
    return ConfigDict(json_schema_extra={"example": example})


def one_file(description: str) -> dict[str, Any]:
    """Return the schema of a field that holds a file."""
    return {"type": "string", "format": "binary", "description": description}


def several_files(description: str) -> dict[str, Any]:
    """Return the schema of a field that holds a file or more."""
    items = {"type": "string", "format": "binary"}
    return {"type": "array", "minItems": 1, "items": items, "description": description}


def form_body(
    properties: Mapping[str, Any],
    required: str,
    example: Mapping[str, object],
    instead: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the OpenAPI description of a form with files.

    Parameters
    ----------
    properties
        JSON schema of each field.
    required
        Name of the field with the files.
    example
        Example of a form.
    instead
        JSON schema of a JSON body that is accepted in place of the form.
    """
    schema = {"type": "object", "required": [required], "properties": dict(properties)}
    content: dict[str, Any] = {"multipart/form-data": {"schema": schema, "example": example}}
    if instead is not None:
        content["application/json"] = {"schema": instead}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:
    """Return a schema with its references replaced by their definitions."""
    if isinstance(schema, dict):
        name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        return (
            _inlined(parts[name], parts)
            if name in parts
            else {key: _inlined(value, parts) for key, value in schema.items()}
        )
    return [_inlined(one, parts) for one in schema] if isinstance(schema, list) else schema


def json_body(kind: TypeAdapter[Any]) -> dict[str, Any]:
    """Return the OpenAPI description of a JSON body."""
    schema = kind.json_schema()
    content = {"application/json": {"schema": _inlined(schema, schema.pop("$defs", {}))}}
    return {"requestBody": {"required": True, "content": content}}
