"""Settings of the radial profile."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from refp.settings.base import Settings


class ProfileSettings(Settings):
    """Fit of a bead's centre and its radial profile.

    Lengths are in bead radii, so that one recipe applies to every instrument.
    """

    knot_spacing_radii: PositiveFloat = Field(
        default=0.02,
        description="distance between spline knots, in bead radii. Near the plane the steepest slope "
        "differs from that of a spline with a knot at every pixel by up to 1.3 % at 0.05, 0.1 % at 0.02",
    )
    ring_spacing_radii: PositiveFloat = Field(
        default=0.1, description="distance between the rings of the robust profile, in bead radii"
    )
    smoothing: PositiveFloat = Field(
        default=3e-7,
        description="weight of the integrated squared second derivative for a bead of radius 1 px; "
        "it is multiplied by the fifth power of the bead radius in px, so that the smoothing does not "
        "depend on bead size. Generalised cross-validation gives about this value for beads at their "
        "plane; a hundred times more halves the steepest slope",
    )
    center_fit_radii: PositiveFloat = Field(
        default=2.0,
        description="radius of the fixed set of pixels to which the centre is fitted, in bead radii",
    )
    center_stray_sigmas: NonNegativeFloat = Field(
        default=6.0,
        description="residual from the spline beyond which a pixel is excluded from the fit of the "
        "centre, in robust standard deviations; 0: no pixel is excluded",
    )
    background: Literal["ring", "spline_mean"] = Field(
        default="ring",
        description="'ring': clipped mean of the pixels of the background ring; 'spline_mean': mean of "
        "the spline over it",
    )
    background_ring_px: tuple[PositiveFloat, PositiveFloat] | None = Field(
        default=None,
        description="inner and outer radius of the background ring, px, up to the tile's half side; "
        "default: the instrument's ring",
    )


class JudgeSettings(Settings):
    """Criteria by which a candidate is a bead, and a bead is usable."""

    edge_radii: tuple[NonNegativeFloat, PositiveFloat] = Field(
        default=(0.75, 1.65), description="allowed radius of the bead's edge, in nominal radii"
    )
    minimum_depth: NonNegativeFloat = Field(
        default=0.08, description="minimum deviation of the rim from background, over background"
    )
    minimum_relative_contrast: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="minimum contrast relative to the strongest round candidates of bead size in the "
        "same frame: beads of one frame are similar, cells and debris are fainter",
    )
    minimum_r_squared: float = Field(
        default=0.5, ge=0, le=1, description="r_squared below which a candidate is not a bead"
    )
    usable_r_squared: float = Field(
        default=0.87,
        ge=0,
        le=1,
        description="r_squared below which a bead is flagged odd_shape and not used",
    )
    minimum_confidence: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="confidence below which a bead is flagged low_confidence and not used; 0.5 is that "
        "of a candidate at one of the limits above, or near several",
    )
    flag_mixing: bool = Field(
        default=True,
        description="also flag as touching those beads into whose measured disc the rings or the blur "
        "of another bead reach",
    )
