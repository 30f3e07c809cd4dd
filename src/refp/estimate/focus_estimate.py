"""The estimate of one image: dZ with its interval, or a refusal."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.core.errors import UnreadCode
from refp.history.stage import Direction

Reason = Literal[
    UnreadCode,
    "",
    "no_beads",
    "too_few_beads",
    "saturated",
    "unlike_training",
    "outside_range",
    "families_disagree",
    "other_instrument",
]
UNREAD: tuple[UnreadCode, ...] = get_args(UnreadCode)
"""Codes of images that could not be read."""
Status = Literal["ok", "refused", "unverified"]
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Parts:
    """Contributions to the standard uncertainty of an estimate, um; they add in quadrature.

    Attributes
    ----------
    beads_um
        Scatter of beads: noise, their heights about the slide, the slide's tilt.
    members_um
        Disagreement of the members.
    calibration_um
        Error that the beads of a held-out image have in common; of an altered image, its contrast or blur;
        of an unverified instrument, the difference among instruments of one make.
    refp_um
        Reference plane of the training labels.
    stage_um
        Stage errors that remain in the training labels.
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
        """Root of the sum of squares of the image's own contributions, without those of the labels."""
        return float(np.sqrt(self.beads_um**2 + self.members_um**2 + self.calibration_um**2))


@dataclass(frozen=True, slots=True)
class FocusEstimate:
    """Distance of the focal plane of one image from the reference plane.

    Attributes
    ----------
    delta_z_um
        dZ in the middle of the image, positive above the reference plane; NaN when refused.
    u_um
        Standard uncertainty.
    lower_um, upper_um
        Interval of the stated ``coverage``.
    n_beads, n_beads_used
        Beads found; beads with weight in the result.
    status
        ``ok``, ``refused``, or ``unverified`` for an image of an instrument that the model is not
        verified on: it has a number with a wider interval, and no verdict.
    reason
        Code and sentence, ``code: sentence``, of a refusal or an unverified instrument; empty when ok.
    used
        Shape ``(n_usable,)``: usable beads with weight in the result; none when refused.
    parts
        Contributions to ``u_um``.
    dof
        Effective degrees of freedom of ``u_um``, which determine the width of the interval.
    tilt_um_per_px, tilt_u_um_per_px
        Shape ``(2,)``, rise of the slide along ``(y, x)`` and its standard uncertainty; NaN where it
        was not fitted.
    size, size_u
        Typical bead radius over that of the training's beads, and its standard uncertainty.
    verification
        State of verification of the instrument; empty where it was not looked up.
    direction
        Direction of the instrument's stage; 0 where it is not known.
    """

    delta_z_um: float
    u_um: float
    lower_um: float
    upper_um: float
    coverage: float
    n_beads: int
    n_beads_used: int
    status: Status
    reason: str
    used: BoolArray
    parts: Parts
    dof: float
    tilt_um_per_px: FloatArray
    tilt_u_um_per_px: FloatArray
    size: float
    size_u: float
    verification: str = ""
    direction: Direction = 0

    @property
    def code(self) -> str:
        """Code of the reason; empty when ok."""
        return self.reason.partition(":")[0]

    @property
    def is_unread(self) -> bool:
        """Whether it is the refusal of an image that could not be read."""
        return self.code in UNREAD

    @property
    def stage_move_um(self) -> float:
        """Change of the stage's Z that leads to the reference plane; NaN where that is not known."""
        return -self.direction * self.delta_z_um if self.direction else NAN


def refused(
    code: Reason, sentence: str, coverage: float, *, n_beads: int = 0, n_usable: int = 0
) -> FocusEstimate:
    """Return a refusal: no dZ, but a reason and the number of beads found."""
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
        dof=NAN,
        tilt_um_per_px=np.full(2, NAN),
        tilt_u_um_per_px=np.full(2, NAN),
        size=NAN,
        size_u=NAN,
    )
