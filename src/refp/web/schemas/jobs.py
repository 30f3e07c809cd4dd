"""What the API takes and gives about jobs and planes."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from refp.web.http.fields import LINE, Line, Location, shown
from refp.web.job import JobKind

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
    """How far a running job is."""

    stage: str = Field(description="what it does now", examples=["measuring"])
    done: int = Field(description="steps of the stage that are done")
    total: int = Field(description="steps of the stage in all")
    left_s: float | None = Field(description="seconds to the end of the stage; null if not known")
    told: str = Field(
        description="the same in words", examples=["measuring monday, frame 120 of 486"]
    )


class JobView(BaseModel):
    """A job, what became of it, and where its result is."""

    model_config = shown(**JOB)

    id: str = Field(description="UUID")
    kind: JobKind
    title: str = Field(description="what people call it")
    operator: str = Field(description="who asked for it")
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    made_at: str = Field(description="ISO 8601 with zone")
    ended_at: str = Field(description="ISO 8601 with zone; empty before its end")
    starts: int = Field(description="more than 1 where the server was stopped while it ran")
    code: str = Field(description="why it failed, as errors say it; else empty")
    detail: str = Field(description="the same in a sentence")
    result: dict[str, Any] = Field(description="what it made, such as the id of planes or a model")
    progress: JobProgress | None = Field(description="null unless it runs")


class DataOptions(BaseModel):
    """What sweeps are of, where their files do not say it."""

    model_config = ConfigDict(extra="forbid")
    title: Line = Field(default="", description="what people call the result")
    operator: Line = Field(default="", description="who asks for it")
    instrument: str = Field(default="", description="instrument recipe: a2k, nikon-ti2")
    pattern: LongLine = Field(default="", description="pattern of the file names")
    pixel_size_um: float | None = Field(default=None, gt=0, le=100, allow_inf_nan=False)
    bead_diameter_um: float | None = Field(default=None, gt=0, le=1000, allow_inf_nan=False)


class PlaneRequest(DataOptions):
    """Sweeps on the server's machine to define reference planes from."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"paths": ["sweeps/monday"], "title": "Monday"}},
    )
    paths: list[Location] = Field(
        min_length=1, max_length=32, description="folders or stacks, absolute or under a root"
    )
    recipe: str = Field(default="default", description=RECIPES)


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
    """A reference plane among others of its instrument."""

    id: str = Field(description="id of the job that defined it")
    title: str = Field(description="what people call what that job defined")
    instrument: str
    dataset: str = Field(description="name of the data set, told apart where several have it")
    experiment: int | str
    fov: int | str
    exposure_ms: float
    refp_um: float = Field(description="on the stage scale of its instrument, um")
    refp_u_um: float = Field(description="its standard uncertainty, um")
    lower_um: float = Field(description="lower end of its 95 % interval, um")
    upper_um: float = Field(description="upper end, um")
    relative_um: float = Field(description="distance from the mean of its instrument's planes, um")


class PlaneDifference(BaseModel):
    """A row of ``comparison.csv``, and whether the difference counts."""

    kind: str = Field(description="what is compared: exposure, fov, experiment or dataset")
    within: str = Field(description="what both have in common")
    first: str
    second: str
    difference_um: float = Field(description="second minus first, um")
    u_um: float = Field(description="its standard uncertainty, shared errors left out, um")
    lower_um: float = Field(description="lower end of its interval, um")
    upper_um: float = Field(description="upper end, um")
    coverage: float = Field(description="probability that the interval holds the difference")
    n_first: int = Field(description="planes that the first is the mean of")
    n_second: int = Field(description="planes that the second is the mean of")
    significant: bool = Field(description="whether the interval leaves zero out")


class PlaneComparison(BaseModel):
    """Reference planes beside each other, compared within each instrument."""

    model_config = shown(planes=[], differences=[])

    planes: list[ComparedPlane] = Field(description="those that are determined")
    differences: list[PlaneDifference]
