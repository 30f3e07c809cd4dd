"""What an image's estimate is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from refp.arrays import BoolArray

Reason = Literal[
    "",
    "no_beads",
    "too_few_beads",
    "unlike_training",
    "outside_range",
    "families_disagree",
    "unreadable",
]


@dataclass(frozen=True, slots=True)
class FocusEstimate:
    """How far the focal plane of one image lies from the reference plane.

    Attributes
    ----------
    delta_z_um
        dZ, positive above the reference plane; NaN when refused.
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


def refused(
    code: Reason, sentence: str, coverage: float, *, n_beads: int = 0, n_usable: int = 0
) -> FocusEstimate:
    """Return a refusal: no number, but a reason and the beads that were found."""
    nan = float("nan")
    nothing = np.zeros(n_usable, dtype=np.bool_)
    reason = f"{code}: {sentence}"
    return FocusEstimate(nan, nan, nan, nan, coverage, n_beads, 0, "refused", reason, nothing)
