"""Settings of the bead features."""

from typing import Literal

from pydantic import Field, PositiveFloat

from refp.core.robust import IQR_FACTOR
from refp.settings.base import Settings


class FeatureSettings(Settings):
    """How steepest slope (SS) and centre intensity (CI) are read off a profile."""

    slope: Literal["negative", "farthest"] = Field(
        default="negative",
        description="SS as the least derivative, or as the derivative farthest from zero (article), "
        "which flips to the bead's outer edge far from the plane",
    )
    slope_reach_radii: PositiveFloat = Field(
        default=1.5, description="SS is sought up to this distance, in bead radii"
    )
    center_radius_px: PositiveFloat = Field(
        default=1.0, description="CI is the profile at this distance from the centre, px"
    )
    typical: Literal["midmean", "median"] = Field(
        default="midmean",
        description="what stands for the beads of a frame: the mean of the middle half, or the median "
        "as in the article",
    )
    iqr_factor: PositiveFloat = Field(
        default=IQR_FACTOR, description="interquartile ranges beyond which a bead is an outlier"
    )
