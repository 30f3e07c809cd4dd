"""Settings of single-image estimates."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from refp.core.robust import IQR_FACTOR
from refp.settings.base import Settings


class EstimateSettings(Settings):
    """Combination of beads and members to one dZ, and conditions of refusal."""

    order: Literal["weighted", "members", "beads"] = Field(
        default="weighted",
        description="'weighted': robust fit of dZ and slide tilt to beads, weighted by uncertainty; "
        "'members': outliers and mean over beads per member, then the mean over members "
        "(article, pipeline); 'beads': median over members per bead, then outliers and mean over "
        "beads (article, sensitivity study)",
    )
    iqr_factor: PositiveFloat = Field(
        default=IQR_FACTOR,
        description="interquartile ranges beyond which a bead is an outlier, for the article's orders",
    )
    tilt_mrad: NonNegativeFloat = Field(
        default=5.0,
        description="standard deviation of slide tilts along y and x, mrad, assumed; 0: no tilt",
    )
    coverage: float = Field(default=0.95, gt=0, lt=1, description="coverage of the interval")
    minimum_beads: PositiveInt = Field(
        default=3,
        description="minimum number of usable beads; at most the typical number of the training images",
    )
    make_u_um: NonNegativeFloat = Field(
        default=2.7,
        description="standard uncertainty that differences among instruments of one make add to dZ on "
        "an instrument that is not verified, um; simulated A2Ks whose condenser differs by up to 8 %, "
        "aperture by 3 % and wavelength by 2 %, within 110 um: benchmarks/accuracy/make.json, rounded up",
    )
