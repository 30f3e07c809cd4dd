"""Settings of the radial profile."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from refp.settings.base import Settings


class ProfileSettings(Settings):
    """How a bead's centre and its radial profile are fitted.

    Lengths are in bead radii, so that one recipe serves every instrument.
    """

    knot_spacing_radii: PositiveFloat = Field(
        default=0.02,
        description="distance between spline knots, in bead radii. At 0.05 the steepest slope is off by "
        "up to 1.3 % near the plane from that of a spline with a knot at every pixel, at 0.02 by 0.1 %",
    )
    ring_spacing_radii: PositiveFloat = Field(
        default=0.1, description="distance between the rings of the robust profile, in bead radii"
    )
    smoothing: PositiveFloat = Field(
        default=3e-7,
        description="weight of the integrated squared second derivative for a bead of radius 1 px; "
        "it is multiplied by the fifth power of the bead radius in px, which keeps the "
        "smoothing alike on beads of any size. Generalised cross-validation chooses about this on "
        "beads at their plane; a hundred times more halves the steepest slope",
    )
    center_fit_radii: PositiveFloat = Field(
        default=2.0,
        description="radius of the fixed set of pixels that the centre is fitted to, in bead radii",
    )
    center_stray_sigmas: NonNegativeFloat = Field(
        default=6.0,
        description="pixels further off the spline than this, in robust standard deviations, are not "
        "the bead's and do not count for its centre; 0: all count",
    )
    background: Literal["ring", "spline_mean"] = Field(
        default="ring",
        description="background as the clipped mean of the ring's pixels, or as the spline's mean",
    )
    background_ring_px: tuple[PositiveFloat, PositiveFloat] | None = Field(
        default=None,
        description="inner and outer radius of the background ring, px, up to the tile's half side; "
        "default: the instrument's ring",
    )


class JudgeSettings(Settings):
    """What makes a candidate a bead, and a bead usable."""

    edge_radii: tuple[NonNegativeFloat, PositiveFloat] = Field(
        default=(0.75, 1.65), description="allowed radius of the bead's edge, in nominal radii"
    )
    minimum_depth: NonNegativeFloat = Field(
        default=0.08, description="least deviation of the rim from background, over background"
    )
    minimum_relative_contrast: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="least contrast relative to the strongest round candidates of bead size in the "
        "same frame: beads of one frame look alike, cells and debris are fainter",
    )
    minimum_r_squared: float = Field(
        default=0.5, ge=0, le=1, description="below it a candidate is no bead at all"
    )
    usable_r_squared: float = Field(
        default=0.87,
        ge=0,
        le=1,
        description="below it a bead is flagged odd_shape and does not measure",
    )
    minimum_confidence: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="below it a bead is flagged low_confidence and does not measure; at 0.5 that is a "
        "candidate at one of the limits above, or near several",
    )
    flag_mixing: bool = Field(
        default=True,
        description="flag as touching, beside beads that are near each other, those into whose "
        "measured disc another one's rings or blur reach",
    )
