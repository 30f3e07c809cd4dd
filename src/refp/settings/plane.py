"""Settings of the reference plane."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from refp.settings.base import Settings


class PlaneSettings(Settings):
    """How frames are placed, feature curves are pooled and the plane is located."""

    method: Literal["profiles", "features"] = Field(
        default="profiles",
        description="'profiles': whole profiles place the frames, the two features say where on that "
        "axis the plane lies; 'features': the two features against nominal Z, as in the article",
    )
    reach_radii: PositiveFloat = Field(
        default=1.65, description="rings up to this distance place the frames, in bead radii"
    )

    minimum_frames: PositiveInt = Field(
        default=5, description="fewest unsaturated frames of a sweep with a usable bead"
    )
    minimum_beads: PositiveInt = Field(
        default=1, description="fewest usable beads for a frame to count"
    )
    minimum_prominence: NonNegativeFloat = Field(
        default=4.0,
        description="how far the extremum must stand out on both sides, in residual standard "
        "deviations; below it the plane is not bracketed",
    )
    maximum_feature_distance_diameters: NonNegativeFloat = Field(
        default=0.5,
        description="largest distance between the planes of SS and CI, in bead diameters",
    )
