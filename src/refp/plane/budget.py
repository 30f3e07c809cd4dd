"""The uncertainty of a reference plane, laid out as a GUM budget.

Every term is an uncertain number of GTC, so that degrees of freedom combine by Welch and
Satterthwaite and errors that planes share drop out of their differences.

References
----------
JCGM 100:2008, "Guide to the expression of uncertainty in measurement".
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from GTC import ureal
from scipy.special import stdtrit

from refp.core.arrays import FloatArray
from refp.plane.plane import BeadPlanes, Contribution, FeaturePlane, FieldAxis
from refp.plane.smooth import influence
from refp.sweeps.frame import FieldKey

COVERAGE = 0.95
STAGE = "stage repeatability"
AXIS = "stage errors near the plane"
BEADS = "bead heights"
SS_FIT, CI_FIT = "fit of SS", "fit of CI"
AGAINST = "SS against CI"
POOLED = "pooled profile"
CURVES = "feature curves"
TERMS = {
    STAGE: "mean of the stage errors over the frames of the sweep",
    AXIS: "stage errors smooth on the scale of the profiles' own change along Z",
    BEADS: "the beads lie at different heights; other beads would give another plane",
    SS_FIT: "noise of the steepest slope",
    CI_FIT: "noise of the centre intensity",
    AGAINST: "the two features put the plane at different places; it lies between them",
    POOLED: "extremum of the pooled profiles, or zero of the pooled stack",
    CURVES: "feature curves against nominal Z and their pooled profiles",
}
STATED_STAGE_DOF = 10.0
"""How much a recipe's repeatability counts against what the sweep itself tells."""
ONE_BEAD_HEIGHT_DIAMETERS = 0.04
"""Assumed spread of heights where one bead alone cannot tell it: that of bead radii, about 4 %."""
ASSUMED_DOF = 5.0


@dataclass(frozen=True, slots=True)
class Expanded:
    """Standard uncertainty, degrees of freedom and half width of the interval."""

    u_um: float
    dof: float
    half_width_um: float


def expand(value: Any) -> Expanded:
    """Read an uncertain number off."""
    u, dof = float(value.u), float(value.df)
    if u == 0.0 or math.isnan(dof):
        dof = math.inf
    factor = float(stdtrit(max(dof, 1.0), (1 + COVERAGE) / 2))
    return Expanded(u, dof, factor * u)


class UncertainNumbers:
    """Uncertain numbers of planes; what shares term and source shares the error."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str, float], Any] = {}

    def plane(self, value_um: float, budget: Iterable[Contribution], scope: str = "") -> Any:
        """Return a plane as an uncertain number; planes of different scopes share nothing."""
        total = ureal(value_um, 0.0)
        for part in budget:
            name = (scope, part.term, part.source, part.u_um)
            if name not in self._known:
                dof = max(part.dof, 1.0)
                self._known[name] = ureal(0.0, part.u_um, dof, label=part.term)
            total = total + self._known[name]
        return total


def expand_budget(value_um: float, budget: Iterable[Contribution]) -> Expanded:
    """Combine the terms of one plane."""
    return expand(UncertainNumbers().plane(value_um, budget))


def stage_sigma(axis: FieldAxis, stated_um: float) -> tuple[float, float]:
    """Return the stage's repeatability and its degrees of freedom.

    Parameters
    ----------
    axis
        What the frames tell.
    stated_um
        What the recipe says; 0 where it says nothing.
    """
    taken = 0.0 if axis.origin.given else axis.origin.edf / len(axis.origin.x_um)
    own_dof = max(axis.n_trusted * (1 - taken) - 1, 1.0)
    if stated_um == 0:
        return axis.stage_sigma_um, own_dof
    dof = own_dof + STATED_STAGE_DOF
    mean = (own_dof * axis.stage_sigma_um**2 + STATED_STAGE_DOF * stated_um**2) / dof
    return math.sqrt(mean), dof


def mean_term(axis: FieldAxis, sweep: int, key: str, stated_um: float) -> Contribution:
    """Return what the mean of a sweep's stage errors contributes: it cannot be told from the plane."""
    sigma, dof = stage_sigma(axis, stated_um)
    n = int(np.count_nonzero(axis.trusted & (axis.profiles.sweep == sweep)))
    return Contribution(STAGE, key, sigma / math.sqrt(max(n, 1)), dof)


def axis_term(axis: FieldAxis, weights: FloatArray, stated_um: float) -> Contribution:
    """Return what the stage errors near the plane contribute.

    Parameters
    ----------
    axis
        The field's frames.
    weights
        Shape ``(n,)``, how much an error of each frame's place moves the plane.
    stated_um
        The recipe's repeatability.

    Notes
    -----
    The stack follows the stage errors of its frames as its smoothing splines do, so an error ``e_j``
    bends the axis by ``H_ij e_j``. What the mean and the slope of the nominal places fix is left out.
    """
    sigma, dof = stage_sigma(axis, stated_um)
    origin = axis.origin
    followed = influence(origin.x_um, origin.lam, axis.x_um, weights)
    center = origin.x_um - origin.x_um.mean()
    line = np.column_stack([np.ones_like(center), center])
    bent = followed - line @ np.linalg.lstsq(line, followed, rcond=None)[0]
    own = len(origin.x_um) == axis.n_trusted
    source = name_of(axis.profiles.field) if own else ""
    return Contribution(AXIS, source, sigma * float(np.linalg.norm(bent)), dof)


def bead_spread(beads: BeadPlanes | None, bead_diameter_um: float) -> tuple[float, float]:
    """Return the uncertainty that a field's few beads leave to its plane, and its freedom."""
    n = int(np.count_nonzero(~beads.off_plane)) if beads is not None else 0
    if beads is None or n < 2:
        return ONE_BEAD_HEIGHT_DIAMETERS * bead_diameter_um / math.sqrt(max(n, 1)), ASSUMED_DOF
    return beads.spread_um / math.sqrt(n), n - 1.0


def fit_terms(ss: FeaturePlane, ci: FeaturePlane, source: str, dof: float) -> list[Contribution]:
    """Return what the noise of the two features contributes to their mean."""
    return [
        Contribution(SS_FIT, source, ss.u_fit_um / 2, dof),
        Contribution(CI_FIT, source, ci.u_fit_um / 2, dof),
    ]


def name_of(field: FieldKey) -> str:
    """Return the name of a field as a source."""
    dataset, experiment, fov = field
    return f"{dataset} exp {experiment} FOV {fov}"


def pairs_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return all pairs of a few names; of many, each against the first."""
    if len(names) <= 6:
        return list(itertools.combinations(names, 2))
    return [(names[0], name) for name in names[1:]]
