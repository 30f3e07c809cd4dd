"""Schemathesis sends valid and invalid requests to every operation of the API."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import schemathesis
from fastapi.testclient import TestClient
from jsonschema_rs import Draft202012Validator
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.python import asgi
from tests.web.requests import BASE, ESTIMATES, LIMITS

from refp.web import WebSettings, create_app
from refp.web.storage.job_files import demo_folder

DOCUMENT = "/api/v1/openapi.json"
HOST = {"host": BASE.removeprefix("http://")}
MAX_EXAMPLES = 20 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 6
CONFIG = f"""
base-url = "{BASE}"
continue-on-failure = true
request-timeout = 120

[headers]
host = "{HOST["host"]}"

[generation]
max-examples = {MAX_EXAMPLES}
deterministic = true
no-shrink = true
database = "none"

# Random names of files and models are well formed and not there; is_understood asks for less.
[checks.positive_data_acceptance]
enabled = false
"""


class Asked(NamedTuple):
    """Requests by operation, and failures."""

    requests: dict[str, int]
    found: set[str]


@schemathesis.check
def is_understood(ctx: Any, response: Any, case: Any) -> None:
    """A valid request may fail, but is never misread."""
    if (
        case.meta is not None
        and case.meta.generation.mode.is_positive
        and response.status_code >= 400
    ):
        assert response.json()["code"] != "invalid_request", response.text


def is_only_text(check: Any) -> bool:
    """Return whether a form passed with "null" or "true" as a name: form fields are text."""
    failure = check.failure_info
    return check.name == "negative_data_rejection" and "multipart/form-data" in failure.code_sample


def ask(settings: WebSettings) -> Asked:
    """Let schemathesis ask an app: examples, edges of the schemas, random values, and chains."""
    config = SchemathesisConfig.from_str(CONFIG)
    schema = schemathesis.openapi.from_asgi(
        DOCUMENT, create_app(settings), config=config, headers=HOST
    )
    asked = Asked({}, set())
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished) and event.label:
            interactions = event.recorder.interactions
            asked.requests[event.label] = asked.requests.get(event.label, 0) + len(interactions)
            checks = [c for of_case in event.recorder.checks.values() for c in of_case]
            failed = [c for c in checks if c.status is Status.FAILURE and not is_only_text(c)]
            asked.found.update(
                f"{event.label}, {c.name}: {c.failure_info.failure.message} "
                f"({c.failure_info.code_sample})"
                for c in failed
            )
        elif isinstance(event, events.NonFatalError | events.FatalError):
            asked.found.add(repr(event))
    return asked


@pytest.fixture(scope="module")
def asked(settings: WebSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """The whole API, with a model, a root, a history and jobs."""
    home = tmp_path_factory.mktemp("schema")
    demo_folder(home).mkdir()  # it need not be simulated
    database = str(home / "history.db")
    kept = {"home": home, "history": database, "jobs": database}
    yield ask(settings.model_copy(update=kept))
    asgi.shutdown_lifespans()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_nothing_is_found(asked: Asked) -> None:
    assert sorted(asked.found) == []


def test_every_operation_is_asked(asked: Asked, client: TestClient) -> None:
    described = {name for name, _ in operations(client.get(DOCUMENT).json())}
    assert {name for name, n in asked.requests.items() if n} == described
    assert f"POST {ESTIMATES}" in described


def examples(document: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield location, schema and value of each example."""
    for name, schema in document["components"]["schemas"].items():
        if "example" in schema:
            yield name, schema, schema["example"]
    for name, operation in operations(document):
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for location, body in bodies.items():
            for kind, content in body.get("content", {}).items():
                schema = content.get("schema", {})
                example = content.get("example", schema.get("example"))
                if example is not None:
                    yield f"{name}, {location}, {kind}", schema, example


def test_every_example_is_what_it_is_an_example_of(client: TestClient) -> None:
    document = client.get(DOCUMENT).json()
    found = list(examples(document))
    wrong = [
        f"{where}: {error.message}"
        for where, schema, example in found
        for error in Draft202012Validator(
            {**schema, "components": document["components"]}
        ).iter_errors(example)
    ]
    assert wrong == []
    names = {where for where, *_ in found}
    taken = {f"{name}, request" for name, one in operations(document) if "requestBody" in one}
    assert {name for name in taken if not any(w.startswith(name) for w in names)} == set()


def test_every_error_is_described_as_a_problem(client: TestClient) -> None:
    document = client.get(DOCUMENT).json()
    for name, operation in operations(document):
        errors = {s: a for s, a in operation["responses"].items() if s[0] in "45"}
        assert {"4XX", "5XX"} <= set(errors), name
        for answer in errors.values():
            (content,) = answer["content"].items()
            assert content[0] == "application/problem+json", name
            assert content[1]["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}, name
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert set(document["components"]["schemas"]["ProblemDetails"]["required"]) == {
        "title",
        "status",
        "detail",
        "code",
    }


def test_every_body_has_an_example(client: TestClient) -> None:
    document = client.get(DOCUMENT).json()
    schemas = document["components"]["schemas"]

    def has_example(content: dict[str, Any]) -> bool:
        if "schema" not in content:
            return True  # a file
        schema = content["schema"]
        schema = schema.get("items", schema)
        schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        return any(key in part for part in (content, schema) for key in ("example", "examples"))

    for name, operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for kind, content in (
            (k, c) for body in bodies for k, c in body.get("content", {}).items()
        ):
            assert has_example(content), (name, kind)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", ESTIMATES, {"POST"}),
        ("TRACE", "/api/v1/models", {"GET", "POST"}),
        ("DELETE", "/help", {"GET"}),
        ("POST", "/static/app.css", {"GET", "HEAD"}),
        ("PATCH", "/login", {"GET", "POST"}),  # two routes: each knows its own method
    ],
)
def test_what_is_allowed_instead(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01", "12:00"])
def test_no_time(unstarted: Callable[[WebSettings], TestClient], time: str) -> None:
    with unstarted(WebSettings(history=str(Path("none.db")), limits=LIMITS)) as client:
        answer = client.get("/api/v1/history", params={"since": time})
    assert (answer.status_code, answer.json()["code"]) == (422, "history_error")
    assert "write it as 2026-03-31" in answer.json()["detail"]
