"""Schemas of jobs and planes."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from refp.web.http.fields import LINE, Line, Location, shown
from refp.web.job import JobKind
from refp.web.schemas.common import CHANNEL

LongLine = Annotated[str, StringConstraints(max_length=300, pattern=LINE)]
ID = "5f0c2c3e-8a55-4c58-9c4b-0d6b3f6f2a11"
JOB: dict[str, JsonValue] = {
    "id": ID,
    "kind": "plane",
    "title": "Monday",
    "operator": "Ada",
    "state": "running",
    "made_at": "2026-03-31T08:30:00+02:00",
    "starts": 1,
    "ended_at": "",
    "code": "",
    "detail": "",
    "result": {},
    "progress": {
        "stage": "measuring monday",
        "done": 120,
        "total": 486,
        "left_s": 20.0,
        "told": "measuring monday, frame 120 of 486",
    },
}
PLANES: dict[str, JsonValue] = {
    "id": ID,
    "title": "Monday",
    "operator": "Ada",
    "defined_at": "2026-03-31T08:31:00+02:00",
    "instruments": {"monday": "a2k"},
    "planes": [{"dataset": "monday", "exposure_ms": 9.0, "refp_um": 1504.9, "refp_u_um": 0.8}],
}
RECIPES = "settings of the method: default, paper, or another recipe of the package"


class JobProgress(BaseModel):
    """Progress of a running job."""

    stage: str = Field(description="current stage", examples=["measuring"])
    done: int = Field(description="completed steps of the stage")
    total: int = Field(description="steps of the stage")
    left_s: float | None = Field(
        description="estimated time to the end of the stage, s; null if unknown"
    )
    told: str = Field(
        description="progress as text", examples=["measuring monday, frame 120 of 486"]
    )


class JobView(BaseModel):
    """A job with its state, result and progress."""

    model_config = shown(**JOB)

    id: str = Field(description="UUID")
    kind: JobKind
    title: str = Field(description="display name")
    operator: str = Field(description="operator who queued it")
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    made_at: str = Field(description="ISO 8601 with zone")
    ended_at: str = Field(description="ISO 8601 with zone; empty before its end")
    starts: int = Field(description="number of starts; more than 1 after a restart of the server")
    code: str = Field(description="error code of a failed job; else empty")
    detail: str = Field(description="error message of a failed job, or a remark; else empty")
    result: dict[str, Any] = Field(description="result, such as the id of planes or a model file")
    progress: JobProgress | None = Field(description="progress; null unless the job runs")


class DataOptions(BaseModel):
    """Options of data sets that their files do not state."""

    model_config = ConfigDict(extra="forbid")
    title: Line = Field(default="", description="name of the result")
    operator: Line = Field(default="", description="operator")
    instrument: str = Field(default="", description="instrument recipe: a2k, nikon-ti2")
    pattern: LongLine = Field(default="", description="pattern of the file names")
    pixel_size_um: float | None = Field(default=None, gt=0, le=100, allow_inf_nan=False)
    bead_diameter_um: float | None = Field(default=None, gt=0, le=1000, allow_inf_nan=False)
    z_step_um: float | None = Field(default=None, gt=0, le=10_000, allow_inf_nan=False)
    channel: Line = Field(default="", description=CHANNEL)
    t: int | None = Field(default=None, ge=0, description="number of the time point, from 0")
    bit_depth: int | None = Field(default=None, ge=8, le=16)


class PlaneRequest(DataOptions):
    """Sweeps on the machine of the server from which reference planes are defined."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"paths": ["sweeps/monday"], "title": "Monday"}},
    )
    paths: list[Location] = Field(
        min_length=1, max_length=32, description="folders or stacks, absolute or under a root"
    )
    recipe: str = Field(default="default", description=RECIPES)


class AuditRequest(BaseModel):
    """An archive to audit with a model."""

    model_config = ConfigDict(extra="forbid")
    model: str = Field(default="", max_length=300, description="name or file name of the model")
    path: str = Field(default="", max_length=1000, description="folder, absolute or under a root")
    title: Line = Field(default="", description="name of the result")
    operator: Line = Field(default="", description="operator")
    serial: Line = Field(default="", description="serial number; empty: as each image states")
    tolerance_um: float = Field(
        default=7.5, gt=0, le=1e6, allow_inf_nan=False, description="largest tolerated dZ, um"
    )


class PlaneSet(BaseModel):
    """Reference planes that were defined together."""

    model_config = shown(**PLANES)

    id: str = Field(description="id of the job that defined them")
    title: str
    operator: str
    defined_at: str = Field(description="ISO 8601 with zone")
    instruments: dict[str, str] = Field(description="instrument of each data set")
    planes: list[dict[str, Any]] = Field(description="rows of planes.csv")


class ComparedPlane(BaseModel):
    """A reference plane, compared with others of its instrument."""

    id: str = Field(description="id of the job that defined it")
    title: str = Field(description="title of that job")
    instrument: str
    dataset: str = Field(description="name of the data set, made unique")
    experiment: int | str
    fov: int | str
    exposure_ms: float | None = Field(description="null if not known")
    refp_um: float = Field(description="on the stage scale of its instrument, um")
    refp_u_um: float = Field(description="its standard uncertainty, um")
    lower_um: float = Field(description="lower end of its 95 % interval, um")
    upper_um: float = Field(description="upper end, um")
    relative_um: float = Field(
        description="difference from the mean of the planes of its instrument, um"
    )


class PlaneDifference(BaseModel):
    """A row of ``comparison.csv``, and whether the difference is significant."""

    kind: str = Field(description="compared property: exposure, fov, experiment or dataset")
    within: str = Field(description="properties that both have in common")
    first: str
    second: str
    difference_um: float = Field(description="second minus first, um")
    u_um: float = Field(description="its standard uncertainty without shared errors, um")
    lower_um: float = Field(description="lower end of its interval, um")
    upper_um: float = Field(description="upper end, um")
    coverage: float = Field(description="probability that the interval holds the difference")
    n_first: int = Field(description="number of planes in the mean of the first")
    n_second: int = Field(description="number of planes in the mean of the second")
    significant: bool = Field(description="whether the interval excludes zero")


class PlaneComparison(BaseModel):
    """Reference planes, compared within each instrument."""

    model_config = shown(planes=[], differences=[])

    planes: list[ComparedPlane] = Field(description="determined planes")
    differences: list[PlaneDifference]
