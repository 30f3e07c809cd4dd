"""Settings of the bead features."""

from typing import Literal

from pydantic import Field, PositiveFloat

from refp.core.robust import IQR_FACTOR
from refp.settings.base import Settings


class FeatureSettings(Settings):
    """Measurement of steepest slope (SS) and centre intensity (CI) on a profile."""

    slope: Literal["negative", "farthest"] = Field(
        default="negative",
        description="'negative': SS is the most negative derivative; 'farthest': the derivative "
        "farthest from zero (article), which is at the bead's outer edge far from the plane",
    )
    slope_reach_radii: PositiveFloat = Field(
        default=1.5, description="largest distance at which SS is searched, in bead radii"
    )
    center_radius_px: PositiveFloat = Field(
        default=1.0, description="distance from the centre at which CI is read, px"
    )
    typical: Literal["midmean", "median"] = Field(
        default="midmean",
        description="typical feature of the beads of a frame: 'midmean': mean of the middle half; "
        "'median': median (article)",
    )
    iqr_factor: PositiveFloat = Field(
        default=IQR_FACTOR, description="interquartile ranges beyond which a bead is an outlier"
    )
