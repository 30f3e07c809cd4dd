"""Settings of the reference plane."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from refp.settings.base import Settings


class PlaneSettings(Settings):
    """Position of frames on the axis, pooling of feature curves and location of the plane."""

    method: Literal["profiles", "features"] = Field(
        default="profiles",
        description="'profiles': whole profiles determine the positions of the frames, the two features "
        "locate the plane on that axis; 'features': the two features against nominal Z (article)",
    )
    check_z: bool = Field(
        default=True,
        description="whether a sweep whose stated Z does not fit the axial scale of its images "
        "has no plane",
    )
    reach_radii: PositiveFloat = Field(
        default=1.65,
        description="largest distance of the rings that determine the positions, in bead radii",
    )

    minimum_frames: PositiveInt = Field(
        default=5, description="minimum number of unsaturated frames with a usable bead in a sweep"
    )
    minimum_beads: PositiveInt = Field(
        default=1, description="minimum number of usable beads of a frame"
    )
    minimum_prominence: NonNegativeFloat = Field(
        default=4.0,
        description="minimum prominence of the extremum on both sides, in residual standard "
        "deviations; below it the plane is not bracketed",
    )
    maximum_feature_distance_diameters: NonNegativeFloat = Field(
        default=0.5,
        description="largest distance between the planes of SS and CI, in bead diameters",
    )
