"""What an image's estimate is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from refp.core.arrays import BoolArray, FloatArray

Reason = Literal[
    "",
    "no_beads",
    "too_few_beads",
    "saturated",
    "unlike_training",
    "outside_range",
    "families_disagree",
    "unreadable",
]
NAN = float("nan")
WIDTH_95 = 1.96
"""Half width of a 95 % interval in standard uncertainties."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Standard uncertainties that an estimate's is made of, um; they add up in squares.

    Attributes
    ----------
    beads_um
        Scatter of beads: noise, their heights about the slide, the slide's tilt.
    members_um
        Disagreement of the members.
    calibration_um
        What all beads of held-out images were wrong by together.
    refp_um
        Reference plane of the training labels.
    stage_um
        Stage errors that the training labels still carry.
    """

    beads_um: float = NAN
    members_um: float = NAN
    calibration_um: float = NAN
    refp_um: float = NAN
    stage_um: float = NAN

    @property
    def total_um(self) -> float:
        """Root of the sum of squares."""
        return float(np.hypot(self.own_um, np.hypot(self.refp_um, self.stage_um)))

    @property
    def own_um(self) -> float:
        """Of them the image's own, without what all labels share."""
        return float(np.sqrt(self.beads_um**2 + self.members_um**2 + self.calibration_um**2))


@dataclass(frozen=True, slots=True)
class FocusEstimate:
    """How far the focal plane of one image lies from the reference plane.

    Attributes
    ----------
    delta_z_um
        dZ in the middle of the image, positive above the reference plane; NaN when refused.
    u_um
        Standard uncertainty.
    lower_um, upper_um
        Interval of the stated ``coverage``.
    n_beads, n_beads_used
        Beads found; beads that the result rests on.
    status
        ``ok`` or ``refused``.
    reason
        Code and sentence of a refusal, ``code: sentence``; empty when ok.
    used
        Shape ``(n_usable,)``: which of the usable beads the result rests on; none when refused.
    parts
        What ``u_um`` is made of.
    tilt_um_per_px, tilt_u_um_per_px
        Shape ``(2,)``, rise of the slide along ``(y, x)`` and its standard uncertainty; NaN where it
        was not sought.
    size, size_u
        Typical bead radius over that of the training's beads, and its standard uncertainty.
    """

    delta_z_um: float
    u_um: float
    lower_um: float
    upper_um: float
    coverage: float
    n_beads: int
    n_beads_used: int
    status: Literal["ok", "refused"]
    reason: str
    used: BoolArray
    parts: Parts
    tilt_um_per_px: FloatArray
    tilt_u_um_per_px: FloatArray
    size: float
    size_u: float


def refused(
    code: Reason, sentence: str, coverage: float, *, n_beads: int = 0, n_usable: int = 0
) -> FocusEstimate:
    """Return a refusal: no number, but a reason and the beads that were found."""
    return FocusEstimate(
        delta_z_um=NAN,
        u_um=NAN,
        lower_um=NAN,
        upper_um=NAN,
        coverage=coverage,
        n_beads=n_beads,
        n_beads_used=0,
        status="refused",
        reason=f"{code}: {sentence}",
        used=np.zeros(n_usable, dtype=np.bool_),
        parts=Parts(),
        tilt_um_per_px=np.full(2, NAN),
        tilt_u_um_per_px=np.full(2, NAN),
        size=NAN,
        size_u=NAN,
    )
