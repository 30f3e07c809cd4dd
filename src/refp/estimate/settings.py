"""Settings of single-image estimates."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from refp.robust import IQR_FACTOR
from refp.settings import Settings


class EstimateSettings(Settings):
    """How beads and members become one dZ, and when it is refused."""

    order: Literal["members", "beads"] = Field(
        default="members",
        description="'members': outliers and mean over beads per member, then the mean over members "
        "(article, pipeline); 'beads': median over members per bead, then outliers and mean over "
        "beads (article, sensitivity study)",
    )
    iqr_factor: PositiveFloat = Field(
        default=IQR_FACTOR, description="interquartile ranges beyond which a bead is an outlier"
    )
    coverage: float = Field(default=0.95, gt=0, lt=1, description="coverage of the interval")
    minimum_beads: PositiveInt = Field(
        default=3,
        description="fewest usable beads; never more than the training images typically had",
    )
