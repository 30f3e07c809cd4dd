"""Scales of the study: full, with the article's numbers, and quick, an hour on two cores."""

from typing import Any, Literal

from pydantic import Field, PositiveInt

from refp.settings import Settings
from refp.study.article import MEMBERS, N_BEADS, PAPER

ScaleName = Literal["quick", "full"]
Changes = dict[str, Any]


class StudyScale(Settings):
    """Settings of the study, with changes of the recipes."""

    name: ScaleName
    article: str = Field(
        default=PAPER,
        description="recipe of the article's network; its variants are changed as it changes paper",
    )
    resnet: Changes = Field(
        default={}, description="changes of every resnet recipe's [train.resnet]"
    )
    large_tiles: Changes = Field(
        default={},
        description="further changes for instruments with large tiles, four times the work",
    )
    profile: Changes = Field(default={}, description="changes of [train.profile]")
    deep: dict[str, Changes] = Field(default={}, description="further changes by recipe")
    whole: Changes = Field(
        default={}, description="further changes of recipe paper-whole, by table"
    )
    normalisation: Changes = Field(
        default={"members": 1},
        description="further changes of [train.resnet] of the models that compare normalisations",
    )
    search_budget: PositiveInt = Field(default=4000, description="steps of a trial's fit")
    n_beads: tuple[PositiveInt, ...] = Field(default=N_BEADS, description="beads of an image")
    members: tuple[PositiveInt, ...] = Field(default=MEMBERS, description="members of an ensemble")
    resamples: PositiveInt = Field(default=200, description="draws of beads behind an interval")


FULL = StudyScale(name="full")
QUICK = StudyScale(
    name="quick",
    article="paper-fast",
    resnet={"members": 2, "max_steps": 2000, "validate_steps": 250},
    deep={
        "paper-resnet50": {"members": 1, "max_steps": 600, "validate_steps": 200},
        "paper-resnet101": {"members": 1, "max_steps": 600, "validate_steps": 200},
    },
    large_tiles={"max_steps": 800, "validate_steps": 200},
    whole={
        "tile": {"grid_side_px": 240},
        "train": {
            "resnet": {
                "members": 1,
                "max_steps": 600,
                "validate_steps": 200,
                "batch": 8,
                "statistics_tiles": 256,
            }
        },
    },
    normalisation={"members": 1, "max_steps": 1000},
    search_budget=300,
    resamples=50,
)
SCALES: dict[ScaleName, StudyScale] = {"quick": QUICK, "full": FULL}
