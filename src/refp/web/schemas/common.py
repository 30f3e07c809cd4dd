"""Schemas of estimates, problems and health, and additions to the OpenAPI document."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from refp.web.http.fields import Line, Location, shown
from refp.web.http.problems import MEDIA_TYPE, Problem, ProblemDetails

SERIAL = "serial number of the instrument, for images that state none"
CHANNEL = "name of the channel, or its number from 0; of colour images red, green, blue or mean"
UM = "um; null for a refused image"
PROBLEM_SCHEMA = {"$ref": "#/components/schemas/ProblemDetails"}


def _problem(status: HTTPStatus, code: str, detail: str) -> dict[str, object]:
    details = Problem(status, code, detail).details
    return {"schema": PROBLEM_SCHEMA, "example": details.model_dump()}


PROBLEMS: dict[int | str, dict[str, object]] = {
    "4XX": {
        "description": "the request cannot be fulfilled; `code` identifies the error",
        "content": {
            MEDIA_TYPE: _problem(
                HTTPStatus.NOT_FOUND,
                "unknown_model",
                "no model 'x'; /api/v1/models lists them",
            )
        },
    },
    "5XX": {
        "description": "temporarily not possible; retry after the time of `retry-after`, if present",
        "headers": {
            "retry-after": {"description": "seconds", "schema": {"type": "integer", "minimum": 0}}
        },
        "content": {
            MEDIA_TYPE: _problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "busy",
                "too many uploads at once; wait a moment and send it again",
            )
        },
    },
}
"""Error responses of all operations."""


def complete_document(app: FastAPI, with_null: Sequence[type[BaseModel]]) -> None:
    """Add schemas and examples that FastAPI omits from the OpenAPI document.

    Parameters
    ----------
    app
        The app; the schema of :data:`PROBLEMS` is added to its document.
    with_null
        Models with a null in their example.
    """
    describe = app.openapi

    def describe_all() -> dict[str, Any]:
        document = describe()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
        for model in with_null:
            schemas[model.__name__]["example"] = model.model_json_schema()["example"]
        return document

    app.openapi = describe_all  # type: ignore[method-assign]


MODEL = "lookup-a2k-0b1c2d3e"
ESTIMATE: dict[str, JsonValue] = {
    "image": "image.tif",
    "delta_z_um": 14.2,
    "u_um": 0.56,
    "lower_um": 13.1,
    "upper_um": 15.3,
    "coverage": 0.95,
    "n_beads": 21,
    "n_beads_used": 19,
    "status": "ok",
    "reason": "",
    "model": MODEL,
    "u_beads_um": 0.31,
    "u_members_um": 0.12,
    "u_calibration_um": 0.38,
    "u_refp_um": 0.22,
    "u_stage_um": 0.09,
    "dof": 24.0,
    "tilt_y_um_per_px": 0.0021,
    "tilt_y_u_um_per_px": 0.0008,
    "tilt_x_um_per_px": -0.0004,
    "tilt_x_u_um_per_px": 0.0006,
    "bead_size": 1.004,
    "bead_size_u": 0.003,
    "stage_move_um": -14.2,
    "verification": "verified until 2026-04-30",
    "verdict": "fail",
}


class EstimateRow(BaseModel):
    """One image, with the columns of ``refp estimate --json``."""

    model_config = shown(**ESTIMATE)
    image: str = Field(description="file name, with #page for a further page of a file")
    delta_z_um: float | None = Field(description=f"height above the reference plane, {UM}")
    u_um: float | None = Field(description=f"its standard uncertainty, {UM}")
    lower_um: float | None = Field(description=f"lower end of the interval, {UM}")
    upper_um: float | None = Field(description=f"upper end of the interval, {UM}")
    coverage: float = Field(description="nominal coverage of the interval")
    n_beads: int = Field(description="beads found")
    n_beads_used: int = Field(description="beads that the estimate uses")
    status: Literal["ok", "refused", "unverified"] = Field(
        description="unverified: a number with a wider interval, of an instrument that the model is not "
        "verified on"
    )
    reason: str = Field(
        description="code and sentence, 'code: sentence', of a refusal or an unverified instrument; "
        "else empty"
    )
    model: str = Field(description="name of the model")
    u_beads_um: float | None = Field(description="contribution to u_um: scatter of beads")
    u_members_um: float | None = Field(description="contribution to u_um: disagreement of members")
    u_calibration_um: float | None = Field(description="contribution to u_um: calibration")
    u_refp_um: float | None = Field(
        description="contribution to u_um: reference plane of the training data"
    )
    u_stage_um: float | None = Field(description="contribution to u_um: stage of the training data")
    dof: float | None = Field(description="effective degrees of freedom of u_um")
    tilt_y_um_per_px: float | None = Field(description="rise of the slide along y")
    tilt_y_u_um_per_px: float | None = Field(description="its standard uncertainty")
    tilt_x_um_per_px: float | None = Field(description="rise of the slide along x")
    tilt_x_u_um_per_px: float | None = Field(description="its standard uncertainty")
    bead_size: float | None = Field(description="bead radius relative to that of the training data")
    bead_size_u: float | None = Field(description="its standard uncertainty")
    stage_move_um: float | None = Field(
        description="change of the stage's Z that leads to the reference plane; null where the direction "
        "of the stage is not known"
    )
    verification: str = Field(description="state of verification of the instrument")
    verdict: Literal["pass", "fail", "inconclusive", "unverified", "refused"] | None = Field(
        default=None, description="only where a tolerance is given"
    )


class Estimates(BaseModel):
    """The response to ``POST /api/v1/estimates``; a refused image has a row and is no error."""

    model_config = shown(model=MODEL, tolerance_um=7.5, estimates=[ESTIMATE])
    model: str = Field(description="name of the model")
    tolerance_um: float | None = Field(description="tolerance of the verdicts, um")
    estimates: list[EstimateRow] = Field(description="a row per image, in the order sent")


class PathsRequest(BaseModel):
    """Files on the machine of the server, under one of its roots."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"paths": ["today/image.tif"], "tolerance_um": 7.5}},
    )
    paths: list[Location] = Field(
        min_length=1, description="files or folders, absolute or under a root"
    )
    model: str = Field(default="", description="name of the model; the default if empty")
    tolerance_um: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="tolerance of the verdict, um; that of the server if null",
    )
    operator: Line = Field(default="", description="operator, recorded in the history")
    serial: Line = Field(default="", description=SERIAL)
    channel: Line = Field(default="", description=CHANNEL)
    t: int | None = Field(default=None, ge=0, description="time point, from 0; all if null")
    pixel_size_um: float | None = Field(
        default=None,
        gt=0,
        le=100,
        allow_inf_nan=False,
        description="side of a pixel, um, in place of the one that files state",
    )


class Health(BaseModel):
    """State of the server."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"status": "ok", "version": "0.2.0", "n_models": 2}}
    )
    status: Literal["ok", "no_model"]
    version: str = Field(description="version of refp")
    n_models: int = Field(description="number of model files, damaged ones included")
    starting_s: float | None = Field(
        default=None,
        description="time since the start, s, until estimates are available; else null",
    )
