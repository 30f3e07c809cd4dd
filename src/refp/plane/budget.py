"""The uncertainty of a reference plane, laid out as a GUM budget.

Every term is an uncertain number of GTC, so that degrees of freedom combine by Welch and
Satterthwaite and errors that planes share drop out of their differences.

References
----------
JCGM 100:2008, "Guide to the expression of uncertainty in measurement".
JCGM 101:2008, "Propagation of distributions using a Monte Carlo method".
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
from refp.plane.propagate import StageDraws
from refp.sweeps.frame import FieldKey

COVERAGE = 0.95
STAGE = "stage repeatability"
AXIS = "stage errors near the plane"
BIAS = "reading of the extremes"
BEADS = "bead heights"
FIT = "fit of SS and CI"
POOLED = "pooled profile"
CURVES = "feature curves"
TERMS = {
    STAGE: "mean of the stage errors over the frames of the sweep",
    AXIS: "stage errors of the frames about the plane, the mean of each sweep left out",
    BIAS: "what is left of the average by which smoothing and stage errors move the extremes",
    BEADS: "the beads lie at different heights; other beads would give another plane",
    FIT: "noise of steepest slope and centre intensity, which come from the same beads and frames",
    POOLED: "extremum of the pooled profiles, or zero of the pooled stack",
    CURVES: "feature curves against nominal Z and their pooled profiles",
}
STATED_STAGE_DOF = 10.0
"""How much a recipe's repeatability counts against what the sweep itself tells."""
ONE_BEAD_HEIGHT_DIAMETERS = 0.04
"""Assumed spread of heights where one bead alone cannot tell it: that of bead radii, about 4 %."""
ASSUMED_DOF = 5.0
DRAWS = 20_000


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


def draw_interval(value_um: float, budget: Iterable[Contribution]) -> tuple[float, float]:
    """Return the interval of coverage :data:`COVERAGE` by drawing every term.

    Each term is drawn from Student's distribution of its degrees of freedom, scaled to its
    uncertainty (JCGM 101, 6.4.9), where :func:`expand_budget` joins them to one distribution.
    """
    rng = np.random.default_rng(DRAWS)
    total = np.full(DRAWS, value_um)
    for part in budget:
        dof = max(part.dof, 1.0)
        drawn = rng.standard_t(dof, DRAWS) if math.isfinite(dof) else rng.standard_normal(DRAWS)
        total = total + part.u_um * drawn
    lower, upper = np.quantile(total, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(lower), float(upper)


def definitional_u(ss_um: float, ci_um: float) -> float:
    """Return the uncertainty of what a plane is, where its two features put it at two places.

    No error of REFP, which is by definition their mean: it is stated apart and in no interval.
    """
    return abs(ss_um - ci_um) / math.sqrt(12.0)


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


def axis_term(draws: StageDraws, axis: FieldAxis, stated_um: float) -> Contribution:
    """Return what the stage errors of a field contribute, the mean of each sweep's left out.

    Parameters
    ----------
    draws
        How far drawn errors move the plane.
    axis
        The field's frames, which tell how well the standard deviation that was drawn with is known.
    stated_um
        The recipe's repeatability.
    """
    return Contribution(
        AXIS,
        name_of(axis.profiles.field),
        draws.sd_um,
        stage_sigma(axis, stated_um)[1],
    )


def bias_term(draws: StageDraws, axis: FieldAxis) -> Contribution:
    """Return what the correction for the reading of the extremes leaves."""
    return Contribution(BIAS, name_of(axis.profiles.field), draws.residual_um, math.inf)


def bead_spread(plane_um: FloatArray, bead_diameter_um: float) -> tuple[float, float]:
    """Return the spread of beads and its freedom, theirs pooled with what is assumed of any beads.

    Parameters
    ----------
    plane_um
        Shape ``(n,)``, planes of beads that lie in the plane of the others.
    bead_diameter_um
        Nominal diameter.

    Notes
    -----
    Two or three beads may lie near each other by chance. The assumed spread counts as much as
    :data:`ASSUMED_DOF` degrees of freedom.
    """
    assumed = ASSUMED_DOF * (ONE_BEAD_HEIGHT_DIAMETERS * bead_diameter_um) ** 2
    n = len(plane_um)
    own = float(((plane_um - plane_um.mean()) ** 2).sum()) if n > 1 else 0.0
    dof = ASSUMED_DOF + max(n - 1, 0)
    return math.sqrt((assumed + own) / dof), dof


def bead_term(beads: BeadPlanes, plane_um: FloatArray, bead_diameter_um: float) -> Contribution:
    """Return the uncertainty that a field's few beads leave to its plane."""
    spread_um, dof = bead_spread(plane_um, bead_diameter_um)
    u_um = spread_um / math.sqrt(max(len(plane_um), 1))
    return Contribution(BEADS, name_of(beads.field), u_um, dof)


def fit_term(ss: FeaturePlane, ci: FeaturePlane, source: str, dof: float) -> Contribution:
    """Return what the noise of the two features contributes to their mean: their errors go together."""
    return Contribution(FIT, source, (ss.u_fit_um + ci.u_fit_um) / 2, dof)


def name_of(field: FieldKey) -> str:
    """Return the name of a field as a source."""
    dataset, experiment, fov = field
    return f"{dataset} exp {experiment} FOV {fov}"


def pairs_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return all pairs of a few names; of many, each against the first."""
    if len(names) <= 6:
        return list(itertools.combinations(names, 2))
    return [(names[0], name) for name in names[1:]]
