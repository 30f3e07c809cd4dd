"""What the API takes and gives."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from refp.web.http.fields import Line, Location, shown
from refp.web.http.problems import MEDIA_TYPE, Problem, ProblemDetails

UM = "um; null where the image was refused"
PROBLEM_SCHEMA = {"$ref": "#/components/schemas/ProblemDetails"}


def _problem(status: HTTPStatus, code: str, detail: str) -> dict[str, object]:
    details = Problem(status, code, detail).details
    return {"schema": PROBLEM_SCHEMA, "example": details.model_dump()}


PROBLEMS: dict[int | str, dict[str, object]] = {
    "4XX": {
        "description": "what was asked for cannot be done; `code` says why",
        "content": {
            MEDIA_TYPE: _problem(
                HTTPStatus.NOT_FOUND,
                "unknown_model",
                "no model is called 'x'; see /api/v1/models",
            )
        },
    },
    "5XX": {
        "description": "it cannot be done now; `retry-after` says when to ask again, if that helps",
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
"""What any operation may answer in place of its result."""


def complete_document(app: FastAPI, with_null: Sequence[type[BaseModel]]) -> None:
    """Add to the API's document what FastAPI leaves out.

    Parameters
    ----------
    app
        It knows errors as plain JSON alone; here comes the schema that :data:`PROBLEMS` names.
    with_null
        What has a null in its example.
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


MODEL = "profile-a2k-0b1c2d3e"
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
    "tilt_y_um_per_px": 0.0021,
    "tilt_y_u_um_per_px": 0.0008,
    "tilt_x_um_per_px": -0.0004,
    "tilt_x_u_um_per_px": 0.0006,
    "bead_size": 1.004,
    "bead_size_u": 0.003,
    "verdict": "fail",
}


class EstimateRow(BaseModel):
    """One image, with the columns of ``refp estimate --json``."""

    model_config = shown(**ESTIMATE)
    image: str = Field(description="file name, with #page for a plane of a stack")
    delta_z_um: float | None = Field(description=f"height above the reference plane, {UM}")
    u_um: float | None = Field(description=f"its standard uncertainty, {UM}")
    lower_um: float | None = Field(description=f"lower end of the interval, {UM}")
    upper_um: float | None = Field(description=f"upper end of the interval, {UM}")
    coverage: float = Field(description="probability that the interval holds dZ")
    n_beads: int = Field(description="beads found")
    n_beads_used: int = Field(description="beads that the estimate rests on")
    status: Literal["ok", "refused"]
    reason: str = Field(description="code and sentence of a refusal, 'code: sentence'; else empty")
    model: str = Field(description="name of the model")
    u_beads_um: float | None = Field(description="part of u_um: scatter of beads")
    u_members_um: float | None = Field(description="part of u_um: disagreement of members")
    u_calibration_um: float | None = Field(description="part of u_um: calibration")
    u_refp_um: float | None = Field(description="part of u_um: plane of the training")
    u_stage_um: float | None = Field(description="part of u_um: stage of the training")
    tilt_y_um_per_px: float | None = Field(description="rise of the slide along y")
    tilt_y_u_um_per_px: float | None = Field(description="its standard uncertainty")
    tilt_x_um_per_px: float | None = Field(description="rise of the slide along x")
    tilt_x_u_um_per_px: float | None = Field(description="its standard uncertainty")
    bead_size: float | None = Field(description="bead radius over that of the training's beads")
    bead_size_u: float | None = Field(description="its standard uncertainty")
    verdict: Literal["pass", "fail", "inconclusive", "refused"] | None = Field(
        default=None, description="only where a tolerance is given"
    )


class Estimates(BaseModel):
    """The answer to ``POST /api/v1/estimates``; a refused image is an answer, not an error."""

    model_config = shown(model=MODEL, tolerance_um=7.5, estimates=[ESTIMATE])
    model: str = Field(description="the model that spoke")
    tolerance_um: float | None = Field(description="what the verdicts are against")
    estimates: list[EstimateRow] = Field(description="a row per image, in the order sent")


class PathsRequest(BaseModel):
    """Files on the server's machine, under a folder that it was started with."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"paths": ["today/image.tif"], "tolerance_um": 7.5}},
    )
    paths: list[Location] = Field(
        min_length=1, description="files or folders, absolute or under a root"
    )
    model: str = Field(default="", description="name of the model; the server's first if empty")
    tolerance_um: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="for the verdict; the server's if null"
    )
    operator: Line = Field(default="", description="who asks; lands in the history")


class Health(BaseModel):
    """Whether the server can estimate."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"status": "ok", "version": "0.1.0", "n_models": 2}}
    )
    status: Literal["ok", "no_model"]
    version: str = Field(description="of refp")
    n_models: int = Field(description="model files, whether they load or not")
    starting_s: float | None = Field(
        default=None, description="since the start, s, while estimates wait for it; else null"
    )
