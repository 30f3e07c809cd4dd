"""Settings of the bead detector."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from refp.settings.base import Settings


class FindSettings(Settings):
    """How beads are found in a frame.

    The article's detector (method ``paper``) presumes that beads fill about one per cent of the
    image; the default presumes nothing about their number, brightness or focus.
    """

    method: Literal["roundness", "paper"] = Field(
        default="roundness",
        description="'roundness': places about which the gradient is radial; "
        "'paper': threshold, area, circularity and spread as in the article",
    )
    minimum_response: PositiveFloat = Field(
        default=0.08,
        description="least response of a candidate: the radial gradient, relative change of intensity "
        "a bead radius, times the share of the gradient that is radial. A black disc reaches 0.4 to 1, "
        "noise of 3 per cent a pixel about 0.01 (method 'roundness')",
    )
    minimum_roundness: float = Field(
        default=0.3,
        gt=0,
        lt=1,
        description="least share of the gradient that is radial: 1 for a round object by itself, 0.75 "
        "where two touch, 0.4 for the middle one of three in a row (method 'roundness')",
    )
    minimum_contrast: NonNegativeFloat = Field(
        default=0.04,
        description="least mean of |1 - I / background| over a candidate's disc; the mere middle between "
        "round neighbours has about 0.02 (method 'roundness')",
    )
    touching_radii: PositiveFloat = Field(
        default=2.5,
        description="beads with centres nearer than this are flagged as touching, in bead radii; "
        "each may be found off by a fifth",
    )
    follow_sweep: bool = Field(
        default=True,
        description="in a sweep, place beads also in frames where they were not found, and doubt what "
        "stands in few frames",
    )
    dark_percentile: PositiveFloat = Field(
        default=1.0, lt=100, description="pixels below it are dark, per cent (method 'paper')"
    )
    minimum_area_discs: PositiveFloat = Field(
        default=0.657,
        description="least area in nominal bead discs; 180 px on the A2K (method 'paper')",
    )
    minimum_circularity: NonNegativeFloat = Field(
        default=0.9, description="least 4 pi area / perimeter squared (method 'paper')"
    )
    minimum_spread: NonNegativeFloat = Field(
        default=0.1,
        description="least standard deviation / mean of the tile's grey levels (method 'paper')",
    )
