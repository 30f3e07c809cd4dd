"""The HTTP API, from its OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from reference_pages.markdown import cell, code, page, table
from refp.web.app import create_app
from refp.web.settings import WebSettings

INTRO = """
`refp serve` prints the address. `/api/v1/openapi.json` describes the API for programs; `refp.web.Client` has a method for
each operation. Requests on another address than this machine's need the header `Authorization: Bearer TOKEN`.

An error is `application/problem+json` (RFC 9457): `code` is stable, `detail` is one sentence with the remedy.
"""


def document() -> dict[str, Any]:
    """Return the OpenAPI document of a server."""
    return create_app(WebSettings()).openapi()


def render() -> str:
    """Return the page of the API."""
    api = document()
    found = list(operations(api))
    overview = table(
        ("request", "result"),
        [
            (f"[`{method} {path}`](#{anchor(method, path)})", cell(op.get("summary", "")))
            for method, path, op in found
        ],
    )
    sections = (operation_text(*one) for one in found)
    schemas = (
        schema_text(name, schema) for name, schema in sorted(api["components"]["schemas"].items())
    )
    return page("HTTP API", INTRO, overview, *sections, "## Schemas", *schemas)


def operations(api: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and definition of every operation."""
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield method.upper(), path, operation


def anchor(method: str, path: str) -> str:
    """Return the anchor of an operation's section."""
    clean = path.translate(str.maketrans("/{}._", "-----"))
    return "-".join(part for part in f"{method.lower()}{clean}".split("-") if part)


def operation_text(method: str, path: str, operation: dict[str, Any]) -> str:
    """Return the section of an operation: description, parameters, body and responses."""
    parts = [f"({anchor(method, path)})=\n## {method} {path}", operation.get("description", "")]
    rows = [
        (code(p["name"]), p["in"], kind_text(p.get("schema", {})), cell(described(p)))
        for p in operation.get("parameters", [])
    ]
    if rows:
        parts.append(table(("parameter", "in", "values", "meaning"), rows))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"Body: {code(media)}, {kind_text(content.get('schema', {}))}.")
    replies = [
        (code(status), reply_text(reply))
        for status, reply in operation["responses"].items()
        if "XX" not in status
    ]
    parts.append(table(("status", "response"), replies))
    return "\n\n".join(part for part in parts if part)


def described(parameter: dict[str, Any]) -> str:
    """Return the description of a parameter."""
    return str(parameter.get("description") or parameter.get("schema", {}).get("description", ""))


def reply_text(reply: dict[str, Any]) -> str:
    """Return description and schema of a response."""
    kinds = [kind_text(content.get("schema", {})) for content in reply.get("content", {}).values()]
    known = ", ".join(kind for kind in kinds if kind)
    return cell(reply.get("description", "")) + (f": {known}" if known else "")


def schema_text(name: str, schema: dict[str, Any]) -> str:
    """Return the section of a schema: its fields."""
    required = set(schema.get("required", ()))
    rows = [
        (
            code(field),
            kind_text(inner),
            "required" if field in required else "",
            cell(inner.get("description", "")),
        )
        for field, inner in schema.get("properties", {}).items()
    ]
    fields = table(("field", "values", "", "meaning"), rows) if rows else ""
    return (
        f"(schema-{name.lower()})=\n### {name}\n\n{cell(schema.get('description', ''))}\n\n{fields}"
    )


def kind_text(schema: dict[str, Any]) -> str:
    """Return the type of a value, with links to schemas."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#schema-{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(filter(None, map(kind_text, schema[several]))))
    if "enum" in schema:
        return ", ".join(code(value) if value != "" else "empty" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {kind_text(schema.get('items', {})) or 'values'}"
    return str(schema.get("type", ""))
