"""Schemas of models."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from refp.web.http.fields import Line, Location
from refp.web.messages import InstrumentVerification, ModelUsage
from refp.web.schemas.jobs import RECIPES, DataOptions

Family = Literal["", "lookup", "profile", "resnet"]
NAME = "file name of the new model, without .refp; names of existing models are refused"
MAX_SEED = 2**32 - 1


class Model(BaseModel):
    """A model of the server."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "lookup-a2k-0b1c2d3e",
                "file": "a2k-2026.refp",
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "error": "",
                "card": {"family": "lookup", "name": "lookup-a2k-0b1c2d3e"},
                "default": True,
                "retired": False,
                "fixed": False,
                "made_at": "2026-03-31T08:30:00+02:00",
                "job": "",
                "report": True,
                "used": {
                    "n_estimates": 12,
                    "last_at": "2026-04-01T09:00:00+02:00",
                    "instruments": ["a2k"],
                },
                "verified": [
                    {
                        "instrument": "a2k #A2K-0417",
                        "outcome": "pass",
                        "state": "verified until 2026-04-30",
                        "valid": True,
                        "verified_at": "2026-03-31T09:00:00+02:00",
                        "valid_until": "2026-04-30T09:00:00+02:00",
                    }
                ],
            }
        }
    )
    name: str
    file: str = Field(description="name of its file")
    sha256: str = Field(description="SHA-256 of the file; empty if it cannot be loaded")
    error: str = Field(description="error of loading it; else empty")
    card: dict[str, Any] = Field(description="as 'refp model show --json' prints it")
    default: bool = Field(description="whether it is used if no model is named")
    retired: bool = Field(description="whether it is retired")
    fixed: bool = Field(
        description="whether the server was started with it, so that it cannot be retired"
    )
    made_at: str = Field(description="time of training or upload, ISO 8601 with zone")
    job: str = Field(description="id of the job that made it; empty for other models")
    report: bool = Field(description="whether the server has its training report")
    used: ModelUsage | None = Field(description="use of the model; null without a readable history")
    verified: list[InstrumentVerification] | None = Field(
        description="last verification of the model on each instrument; null without a readable history"
    )


class TrainRequest(BaseModel):
    """A model to train on the sweeps of defined planes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"planes": "7a1f0c9e-9f7b-4d6e-8f34-2f6d3c1b5a90", "name": "a2k-2026"}
        },
    )
    planes: str = Field(max_length=64, description="id of the job that defined the planes")
    name: str = Field(max_length=1000, description=NAME)
    recipe: str = Field(default="default", max_length=120, description=RECIPES)
    family: Family = Field(default="", description="model family; that of the recipe if empty")
    seed: int = Field(
        default=0,
        ge=0,
        le=MAX_SEED,
        description="random seed; the same seed repeats the training bit for bit on one machine",
    )
    operator: Line = Field(default="", description="operator")


class AdaptRequest(DataOptions):
    """A model to adapt to another instrument of its kind, with one short sweep: planes or paths."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"model": "a2k.refp", "paths": ["second-lab"], "name": "a2k-lab2"}
        },
    )
    model: str = Field(max_length=300, description="name or file name of the model")
    name: str = Field(max_length=1000, description=NAME)
    planes: str = Field(
        default="", max_length=64, description="id of the job that defined the sweep's planes"
    )
    paths: list[Location] = Field(
        default=[],
        max_length=32,
        description="folders with the sweep, absolute or under a root, in place of planes",
    )
    refp_um: float | None = Field(
        default=None,
        allow_inf_nan=False,
        ge=-1e6,
        le=1e6,
        description="nominal Z of the reference plane, um; null: from the sweep",
    )
