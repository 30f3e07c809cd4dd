"""Settings of the reference plane."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from refp.settings.base import Settings

FeatureChoice = Literal["both", "ss", "ci"]


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

    feature: FeatureChoice = Field(
        default="both",
        description="feature whose extremum is the plane: 'both': the mean of steepest slope and centre "
        "intensity (article); 'ss' or 'ci': one of them, for optics in which the two are far apart",
    )
    stated_um: float | None = Field(
        default=None,
        description="nominal Z of a plane that the user states for every sweep, um; default: located",
    )
    stated_u_um: NonNegativeFloat = Field(
        default=0.0,
        description="standard uncertainty of the stated plane, um; 0: the plane is this Z by definition",
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
