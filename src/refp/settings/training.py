"""Settings of the three families and of training."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from refp.settings.base import Settings

FamilyName = Literal["profile", "resnet", "lookup"]
Normalisation = Literal["none", "background", "center", "zscore"]


class LookupSettings(Settings):
    """Maximum likelihood against the pooled stack."""

    reach_radii: PositiveFloat = Field(
        default=2.2, description="profiles are compared up to this distance, in bead radii"
    )
    size_spread: NonNegativeFloat = Field(
        default=0.05, description="relative standard deviation of bead radii, a nuisance"
    )


class ProfileNetSettings(Settings):
    """A small network that sees the robust radial profile."""

    members: PositiveInt = Field(default=10, description="networks that differ in their start")
    hidden: tuple[PositiveInt, ...] = Field(default=(64, 64, 32), description="hidden layers")
    reach_radii: PositiveFloat = Field(
        default=2.2, description="profiles are seen up to this distance, in bead radii"
    )
    steps: PositiveInt = Field(
        default=28_000,
        description="gradient steps; far from the plane beads change little, which takes long to learn",
    )
    batch: PositiveInt = Field(default=64, description="tiles a step and member")
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
        description="augmentation: noise of one pixel at 1 grey level, over the root of background; "
        "averaged over each ring's pixels",
    )


class ResnetSettings(Settings):
    """ResNet on tiles, as in the article; the numbers of recipe ``paper`` are the article's."""

    depth: Literal[18, 50, 101] = Field(default=18, description="layers of the residual network")
    members: PositiveInt = Field(default=10, description="networks that differ in their start")
    learning_rate: PositiveFloat = Field(default=1e-4, description="Adam's initial rate")
    drop_epochs: PositiveInt = Field(default=15, description="epochs between drops of the rate")
    drop_factor: float = Field(default=0.9, gt=0, le=1, description="factor of each drop")
    batch: PositiveInt = Field(default=32, description="tiles a step")
    weight_decay: NonNegativeFloat = Field(default=5e-4, description="L2 regularisation")
    validate_steps: PositiveInt = Field(default=2000, description="steps between validations")
    patience: PositiveInt = Field(
        default=10, description="validations without a new best before training stops"
    )
    max_steps: PositiveInt = Field(default=200_000, description="steps after which to stop")
    normalisation: Normalisation = Field(
        default="none", description="what is done to a tile's grey levels"
    )
    shift_px: NonNegativeFloat = Field(default=5.0, description="augmentation: shift, +- px")
    rotation_deg: NonNegativeFloat = Field(default=5.0, description="augmentation: +- degrees")
    scale: tuple[PositiveFloat, PositiveFloat] = Field(
        default=(0.95, 1.05), description="augmentation: range of scale"
    )
    reflect: bool = Field(default=True, description="augmentation: reflection")


class TrainSettings(Settings):
    """Which family, and the settings of each."""

    family: FamilyName = Field(default="profile", description="how a bead becomes a dZ")
    profile: ProfileNetSettings = ProfileNetSettings()
    resnet: ResnetSettings = ResnetSettings()
    lookup: LookupSettings = LookupSettings()
