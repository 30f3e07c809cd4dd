"""Settings of the return to the reference plane by the focus stage."""

from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from refp.settings.base import Settings

STAGE_SIGMAS = 3.0
"""The article's tolerance, 7.5 um, is three standard deviations of its stage's repeatability."""


class RefocusSettings(Settings):
    """Limits and guards of the refocus loop; the limits of travel and of a step have no default."""

    lower_um: float = Field(description="lowest Z that the stage is sent to, um")
    upper_um: float = Field(description="highest Z that the stage is sent to, um")
    largest_step_um: PositiveFloat = Field(description="largest move between two images, um")
    tolerance_um: PositiveFloat = Field(
        default=7.5, description="|dZ| + U at which the image is in the reference plane, um"
    )
    direction: Literal[1, -1] | None = Field(
        default=None,
        description="1 where dZ rises with the stage's Z, -1 where it falls, which every move checks; "
        "default: the one kept for the instrument, else 1",
    )
    proof_step_um: PositiveFloat | None = Field(
        default=None,
        description="largest move until the direction is proved, um; default: twice the tolerance",
    )
    approach_from: Literal["below", "above"] = Field(
        default="below", description="side from which every position is approached"
    )
    approach_um: NonNegativeFloat | None = Field(
        default=None,
        description="last leg of every approach, um, lengthened when backlash exceeds it; default: the "
        "one kept for the instrument, at least the tolerance",
    )
    repeatability_um: NonNegativeFloat | None = Field(
        default=None,
        description="standard deviation of the stage's position, um; default: a third of the tolerance",
    )
    arrival_um: PositiveFloat = Field(
        default=1.0,
        description="largest difference between the position that the stage reports and the one it was "
        "sent to, um",
    )
    edge_fraction: float = Field(
        default=0.1,
        ge=0,
        lt=0.5,
        description="outer part of the trained range of dZ in which a move is at most half of dZ",
    )
    max_moves: PositiveInt = Field(default=10, description="moves after which the loop stops")
    settle_ms: NonNegativeFloat = Field(
        default=100.0, description="pause between the end of a move and the next image, ms"
    )
    camera_timeout_ms: PositiveFloat = Field(
        default=10_000.0, description="time for an image, exposure included, ms"
    )
    stage_timeout_ms: PositiveFloat = Field(
        default=30_000.0, description="time for one command of the stage, ms"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.lower_um < self.upper_um:
            raise ValueError(
                f"lower_um = {self.lower_um:g} must be below upper_um = {self.upper_um:g}"
            )
        if self.largest_step_um < 2 * self.arrival_um:
            raise ValueError(
                f"arrival_um = {self.arrival_um:g} must be at most half of largest_step_um = "
                f"{self.largest_step_um:g}"
            )
        return self

    @property
    def proof_um(self) -> float:
        """Largest move until the direction is proved, at most the largest step, um."""
        return min(self.proof_step_um or 2 * self.tolerance_um, self.largest_step_um)

    @property
    def first_approach_um(self) -> float:
        """Last leg of an approach before backlash is known, um."""
        return self.tolerance_um if self.approach_um is None else self.approach_um

    @property
    def stage_u_um(self) -> float:
        """Standard uncertainty of a position of the stage, um."""
        given = self.repeatability_um
        return self.tolerance_um / STAGE_SIGMAS if given is None else given

    def holds(self, z_um: float) -> bool:
        """Return whether a position is within the limits."""
        return self.lower_um <= z_um <= self.upper_um
