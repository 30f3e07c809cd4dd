"""Settings of the bead detector."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from refp.settings import Settings


class FindSettings(Settings):
    """How beads are found in a frame.

    The article's detector (method ``paper``) presumes that beads fill about one per cent of the
    image; the default presumes nothing about their number, brightness or focus.
    """

    method: Literal["energy", "paper"] = Field(
        default="energy",
        description="'energy': difference of Gaussians of the contrast's magnitude; "
        "'paper': threshold, area, circularity and spread as in the article",
    )
    minimum_response: PositiveFloat = Field(
        default=0.06,
        description="least difference-of-Gaussians response of a candidate; a bead that absorbs "
        "all light over its disc reaches about 0.4 (method 'energy')",
    )
    touching_radii: PositiveFloat = Field(
        default=2.4,
        description="beads with centres nearer than this are flagged as touching, in bead radii",
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
