"""Settings of single-image estimates."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from refp.core.robust import IQR_FACTOR
from refp.settings.base import Settings


class EstimateSettings(Settings):
    """How beads and members become one dZ, and when it is refused."""

    order: Literal["weighted", "members", "beads"] = Field(
        default="weighted",
        description="'weighted': beads by their uncertainties, robustly, with the slide's tilt; "
        "'members': outliers and mean over beads per member, then the mean over members "
        "(article, pipeline); 'beads': median over members per bead, then outliers and mean over "
        "beads (article, sensitivity study)",
    )
    iqr_factor: PositiveFloat = Field(
        default=IQR_FACTOR,
        description="interquartile ranges beyond which a bead is an outlier, in the article's orders",
    )
    tilt_mrad: NonNegativeFloat = Field(
        default=5.0,
        description="standard deviation of slide tilts along y and x, mrad, assumed; 0: slides are "
        "taken as level",
    )
    coverage: float = Field(default=0.95, gt=0, lt=1, description="coverage of the interval")
    minimum_beads: PositiveInt = Field(
        default=3,
        description="fewest usable beads; never more than the training images typically had",
    )
