"""Results of the refocus loop: its steps, one per image, and its end."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from refp.estimate import FocusEstimate
from refp.scope.guards import Outcome

STEP_COLUMNS = ("z_um", "delta_z_um", "u_um", "move_um", "status", "outcome")
"""Columns on a terminal; log and JSON have all of :meth:`Step.as_row`."""
NO_IMAGE = "no_image"
"""Status of a step whose image did not arrive."""


@dataclass(frozen=True, slots=True)
class Step:
    """One image of the loop and the move that followed it.

    Attributes
    ----------
    z_um
        Position that the stage reported when the image was taken; NaN where it reported none.
    estimate
        dZ with its interval, or a refusal; ``None`` where no image arrived.
    move_um
        Change of the reported position from this image to the next one, or to the end.
    outcome
        How the loop ended, in its last step; empty in the others.
    reason
        Sentence of a refusal, or why the loop stopped.
    metadata
        Metadata of the camera.
    """

    z_um: float
    estimate: FocusEstimate | None
    move_um: float = 0.0
    outcome: Outcome | None = None
    reason: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """Return the step as a row of plain values."""
        e = self.estimate
        return {
            "z_um": self.z_um,
            "delta_z_um": math.nan if e is None else e.delta_z_um,
            "u_um": math.nan if e is None else e.u_um,
            "lower_um": math.nan if e is None else e.lower_um,
            "upper_um": math.nan if e is None else e.upper_um,
            "n_beads_used": 0 if e is None else e.n_beads_used,
            "move_um": self.move_um,
            "status": NO_IMAGE if e is None else e.status,
            "outcome": self.outcome or "",
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Refocused:
    """End of the loop.

    Attributes
    ----------
    outcome
        ``reached`` if the last image is in the reference plane within the tolerance; else why it stopped.
    reason
        Sentence with values and remedy; empty when reached.
    steps
        One per image.
    start_um, end_um
        Positions that the stage reported at the beginning and at the end; NaN where it reported none.
    restored
        Whether a stopped loop left the stage where it began.
    """

    outcome: Outcome
    reason: str
    steps: Sequence[Step]
    start_um: float
    end_um: float
    restored: bool

    @property
    def reached(self) -> bool:
        """Whether the loop ended in the reference plane."""
        return self.outcome == "reached"

    @property
    def n_moves(self) -> int:
        """Number of moves between images."""
        return max(len(self.steps) - 1, 0)

    def describe(self) -> str:
        """Return one line: outcome, positions, and why the loop stopped."""
        n = f"{len(self.steps)} image{'s' * (len(self.steps) != 1)}"
        if self.reached:
            last = self.steps[-1].as_row()
            return (
                f"reached: dZ {last['delta_z_um']:.1f} um, u {last['u_um']:.1f} um at Z "
                f"{self.end_um:.1f} um, {n}"
            )
        end = "the stage is where it began" if self.restored else "the stage is NOT where it began"
        return f"stopped ({self.outcome}): {self.reason}; {end}, Z {self.end_um:.1f} um, {n}"
