"""Settings of the reference plane."""

from pydantic import Field, NonNegativeFloat, PositiveInt

from refp.settings import Settings


class PlaneSettings(Settings):
    """How feature curves are pooled and the plane is located."""

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
