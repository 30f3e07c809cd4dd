"""Interval of an estimate: contributions, degrees of freedom, half width."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from refp.estimate.combine import Combined
from refp.estimate.focus_estimate import Parts
from refp.models.card import Calibration

MAX_DOF = 1000.0
"""Student's distribution is the normal one to a thousandth; a model file has no infinite numbers."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Contributions to the standard uncertainty, its degrees of freedom, and half the interval, um."""

    parts: Parts
    dof: float
    half_um: float


def make_interval(
    combined: Combined, known: Calibration, members: int, coverage: float, more_um: float = 0.0
) -> Interval:
    """Return the interval of the combined dZ of an image.

    Parameters
    ----------
    combined
        dZ of the image.
    known
        Calibration of the model; its ``widening`` multiplies uncertainty and half width, and is part
        of the contribution *calibration*.
    members
        Number of members that predicted.
    coverage
        Nominal coverage.
    more_um
        Further contribution to *calibration*, um.
    """
    parts = Parts(
        beads_um=combined.u_beads_um,
        members_um=combined.u_members_um,
        calibration_um=float(np.hypot(known.model_u_um, more_um)),
        refp_um=known.refp_u_um,
        stage_um=known.stage.at(combined.dz_um),
    )
    # Degrees of freedom are those without the widening, so that it never makes an interval narrower.
    dof = _freedom(parts, known, members)
    half_um = known.widening * float(stdtrit(dof, 0.5 + coverage / 2)) * parts.total_um
    added_um = parts.total_um * float(np.sqrt(known.widening**2 - 1.0))
    widened = replace(parts, calibration_um=float(np.hypot(parts.calibration_um, added_um)))
    return Interval(widened, dof, half_um)


def _freedom(parts: Parts, known: Calibration, members: int) -> float:
    """Return the effective degrees of freedom of an estimate by the Welch-Satterthwaite formula."""
    terms = (
        (parts.beads_um, known.beads_dof),
        (parts.members_um, max(members - 1, 1)),
        (parts.calibration_um, known.model_dof),
        (parts.refp_um, known.refp_dof),
        (parts.stage_um, known.stage.dof),
    )
    spread = sum(u_um**4 / dof for u_um, dof in terms)
    return float(np.clip(parts.total_um**4 / spread, 1.0, MAX_DOF)) if spread > 0 else MAX_DOF
