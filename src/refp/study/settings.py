"""Scales of the study: full, with the article's numbers, and quick, an hour or two on two cores."""

from typing import Any, Literal

from pydantic import Field, PositiveInt

from refp.settings import Settings
from refp.study.article import MEMBERS, N_BEADS, NORMALISATIONS, PAPER, WHOLE

ScaleName = Literal["quick", "full"]
Changes = dict[str, Any]


ONE_MEMBER: Changes = {"train": {"resnet": {"members": 1}}}
"""The article shows one of the networks of each normalisation."""


class StudyScale(Settings):
    """Settings of the study, with changes of the recipes."""

    name: ScaleName
    article: str = Field(default=PAPER, description="recipe of the article's network")
    resnet: Changes = Field(
        default={}, description="changes of every resnet recipe's [train.resnet]"
    )
    large_tiles: Changes = Field(
        default={},
        description="further changes for instruments with large tiles, four times the work",
    )
    profile: Changes = Field(default={}, description="changes of [train.profile]")
    variants: dict[str, Changes] = Field(
        default=dict.fromkeys(NORMALISATIONS, ONE_MEMBER),
        description="further changes by variant, by table",
    )
    search_budget: PositiveInt = Field(default=4000, description="steps of a trial's fit")
    n_beads: tuple[PositiveInt, ...] = Field(default=N_BEADS, description="beads of an image")
    members: tuple[PositiveInt, ...] = Field(default=MEMBERS, description="members of an ensemble")
    resamples: PositiveInt = Field(default=200, description="draws of beads behind an interval")


def _single(steps: int, **changes: object) -> Changes:
    """Return the changes for one member of a number of steps."""
    short = {"members": 1, "max_steps": steps, "validate_steps": 200}
    return {"train": {"resnet": {**short, **changes}}}


FULL = StudyScale(name="full")
QUICK = StudyScale(
    name="quick",
    article="paper-fast",
    resnet={"members": 2},
    large_tiles={"max_steps": 400, "validate_steps": 100},
    variants={
        **{how: _single(800) for how in NORMALISATIONS},
        "resnet50": _single(400),
        "resnet101": _single(400),
        WHOLE: {
            "tile": {"grid_side_px": 240},
            **_single(400, batch=8, statistics_tiles=256),
        },
    },
    search_budget=250,
    resamples=50,
)
SCALES: dict[ScaleName, StudyScale] = {"quick": QUICK, "full": FULL}
