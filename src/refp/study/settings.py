"""Scales of the study: full, with the article's numbers, and quick, half an hour on two cores."""

from typing import Any, Literal

from pydantic import Field, PositiveInt

from refp.settings import Settings
from refp.study.article import MEMBERS, N_BEADS

ScaleName = Literal["quick", "full"]
Changes = dict[str, Any]


class StudyScale(Settings):
    """Settings of the study, with changes of the recipes."""

    name: ScaleName
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
    normalisation_members: PositiveInt = Field(
        default=1, description="members of the models that compare normalisations"
    )
    search_budget: PositiveInt = Field(default=4000, description="steps of a trial's fit")
    n_beads: tuple[PositiveInt, ...] = Field(default=N_BEADS, description="beads of an image")
    members: tuple[PositiveInt, ...] = Field(default=MEMBERS, description="members of an ensemble")
    resamples: PositiveInt = Field(default=200, description="draws of beads behind an interval")


FULL = StudyScale(name="full")
QUICK = StudyScale(
    name="quick",
    # The best of four rates on held-out tiles of simulated training data (RMS of 120 to 124 um).
    resnet={
        "members": 2,
        "max_steps": 400,
        "validate_steps": 80,
        "learning_rate": 3e-4,
        "drop_epochs": 1,
        "drop_factor": 0.5,
    },
    deep={
        "paper-resnet50": {"max_steps": 120},
        "paper-resnet101": {"max_steps": 80},
    },
    large_tiles={"max_steps": 120, "validate_steps": 40},
    whole={
        "tile": {"grid_side_px": 240},
        "train": {"resnet": {"max_steps": 120, "batch": 8}},
    },
    search_budget=60,
    resamples=50,
)
SCALES: dict[ScaleName, StudyScale] = {"quick": QUICK, "full": FULL}
