"""Settings of the three families and of training."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from refp.settings.base import Settings

FamilyName = Literal["lookup", "profile", "resnet"]
Normalisation = Literal["none", "background", "center", "zscore"]


class LookupSettings(Settings):
    """Settings of family ``lookup``: maximum likelihood against the pooled stack."""

    reach_radii: PositiveFloat = Field(
        default=2.2, description="largest distance at which profiles are compared, in bead radii"
    )
    size_spread: NonNegativeFloat = Field(
        default=0.05,
        description="relative standard deviation of bead radii, a nuisance parameter",
    )


class ProfileNetSettings(Settings):
    """Settings of family ``profile``: a small network on the robust radial profile."""

    members: PositiveInt = Field(
        default=10, description="networks that differ in their initial weights"
    )
    hidden: tuple[PositiveInt, ...] = Field(default=(64, 64, 32), description="hidden layers")
    reach_radii: PositiveFloat = Field(
        default=2.2, description="largest distance of the profile that is used, in bead radii"
    )
    steps: PositiveInt = Field(
        default=28_000,
        description="gradient steps; far from the plane profiles change little, which needs many steps",
    )
    batch: PositiveInt = Field(default=64, description="tiles per step and member")
    learning_rate: PositiveFloat = Field(default=3e-3, description="peak of the one-cycle schedule")
    weight_decay: NonNegativeFloat = Field(default=1e-4, description="AdamW weight decay")
    size_spread: NonNegativeFloat = Field(
        default=0.09, lt=1, description="augmentation: relative change of bead size, uniform +-"
    )
    gain_spread: NonNegativeFloat = Field(
        default=0.005, description="augmentation: relative error of background, standard deviation"
    )
    pixel_noise: NonNegativeFloat = Field(
        default=0.3,
        description="augmentation: relative noise of a pixel at a background of 1 grey level; it falls as "
        "the square root of background, and is averaged over the pixels of each ring",
    )


class ResnetSettings(Settings):
    """Settings of family ``resnet``: ResNet on tiles.

    The defaults converge in minutes to an hour a member on one core; recipe ``paper`` has the values of the
    article.
    """

    depth: Literal[18, 50, 101] = Field(default=18, description="layers of the residual network")
    members: PositiveInt = Field(
        default=5, description="networks that differ in their initial weights"
    )
    learning_rate: PositiveFloat = Field(
        default=1e-3, description="initial rate; of a one_cycle schedule its peak"
    )
    optimizer: Literal["adam", "adamw"] = Field(
        default="adamw",
        description="adam: weight decay is added to the gradient (L2); adamw: to the step",
    )
    schedule: Literal["drops", "one_cycle"] = Field(
        default="one_cycle",
        description="drops: the rate falls by drop_factor; one_cycle: it rises in the first third of "
        "max_steps, then falls to nearly 0",
    )
    drop_epochs: PositiveInt = Field(default=15, description="epochs between drops of the rate")
    drop_factor: float = Field(default=0.9, gt=0, le=1, description="factor of each drop")
    batch: PositiveInt = Field(default=32, description="tiles per step")
    weight_decay: NonNegativeFloat = Field(default=1e-2, description="decay of the weights")
    validate_steps: PositiveInt = Field(default=500, description="steps between validations")
    patience: PositiveInt = Field(
        default=100,
        description="validations without a new best before training stops; more than there are where the "
        "one_cycle is to be completed",
    )
    max_steps: PositiveInt = Field(default=4000, description="maximum number of steps")
    window_radii: PositiveFloat = Field(
        default=2.2,
        description="distance from the bead, in bead radii, beyond which a tile is set to its "
        "background; not of squares of whole images",
    )
    foreign_limit: PositiveFloat = Field(
        default=5.0,
        description="deviation from the median of its ring, in robust standard deviations, from which a "
        "pixel is not the bead's and is set to that median; not of squares of whole images",
    )
    normalisation: Normalisation = Field(
        default="background", description="normalisation of the grey levels of a tile"
    )
    standardise: bool = Field(
        default=True,
        description="then shift and scale, so that the training set has mean 0 and standard deviation 1",
    )
    statistics_tiles: PositiveInt = Field(
        default=1536,
        description="training tiles from which the statistics of batch normalisation are taken before each "
        "validation, and so in the model",
    )
    shift_px: NonNegativeFloat = Field(default=5.0, description="augmentation: shift, +- px")
    rotation_deg: NonNegativeFloat = Field(default=5.0, description="augmentation: +- degrees")
    scale: tuple[PositiveFloat, PositiveFloat] = Field(
        default=(0.95, 1.05), description="augmentation: range of scale"
    )
    reflect: bool = Field(default=True, description="augmentation: reflection")
    correct_response: bool = Field(
        default=True,
        description="subtract from predictions the mean error of held-out tiles, a smooth function of the "
        "prediction",
    )


class TrainSettings(Settings):
    """The family, and the settings of each family."""

    family: FamilyName = Field(default="lookup", description="family of the model")
    lookup: LookupSettings = LookupSettings()
    profile: ProfileNetSettings = ProfileNetSettings()
    resnet: ResnetSettings = ResnetSettings()
