"""Settings of the bead detector."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from refp.settings.base import Settings


class FindSettings(Settings):
    """Detection of beads in a frame.

    The article's detector (method ``paper``) assumes that beads cover about one per cent of the image;
    the default makes no assumption about their number, brightness or focus.
    """

    method: Literal["roundness", "paper"] = Field(
        default="roundness",
        description="'roundness': points about which the gradient is radial; "
        "'paper': threshold, area, circularity and spread as in the article",
    )
    minimum_response: PositiveFloat = Field(
        default=0.08,
        description="minimum response of a candidate: the radial gradient, relative change of intensity "
        "per bead radius, times the fraction of the gradient that is radial. A black disc has 0.4 to 1, "
        "noise of 3 per cent per pixel about 0.01 (method 'roundness')",
    )
    minimum_roundness: float = Field(
        default=0.3,
        gt=0,
        lt=1,
        description="minimum fraction of the gradient that is radial: 1 for an isolated round object, "
        "0.75 for two that touch, 0.4 for the middle one of three in a row (method 'roundness')",
    )
    minimum_contrast: NonNegativeFloat = Field(
        default=0.04,
        description="minimum mean of |1 - I / background| over a candidate's disc; the gap between "
        "round neighbours has about 0.02 (method 'roundness')",
    )
    scales: tuple[PositiveFloat, ...] = Field(
        default=(1.0,),
        min_length=1,
        description="bead radii, over the nominal one, at which roundness is sought: the image of a bead "
        "in nearly coherent light grows to several radii out of focus. In a sweep of such beads, and by "
        "a model that was trained on one, 1 and 2 are used (method 'roundness')",
    )
    touching_radii: PositiveFloat = Field(
        default=2.5,
        description="distance of centres below which beads are flagged as touching, in bead radii; "
        "the error of each centre may be a fifth of a radius",
    )
    follow_sweep: bool = Field(
        default=True,
        description="in a sweep, also place beads in frames where they were not found, and lower the "
        "confidence of beads found in few frames",
    )
    dark_percentile: PositiveFloat = Field(
        default=1.0, lt=100, description="percentile below which pixels are dark (method 'paper')"
    )
    minimum_area_discs: PositiveFloat = Field(
        default=0.657,
        description="minimum area in nominal bead discs; 180 px on the A2K (method 'paper')",
    )
    minimum_circularity: NonNegativeFloat = Field(
        default=0.9, description="minimum of 4 pi area / perimeter squared (method 'paper')"
    )
    minimum_spread: NonNegativeFloat = Field(
        default=0.1,
        description="minimum of standard deviation / mean of the tile's grey levels (method 'paper')",
    )
