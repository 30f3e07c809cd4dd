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
from scipy import stats

from refp.plane.plane import BeadPlanes, Contribution, FeaturePlane, FieldAxis
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
    AGAINST: "distance of the two features' planes against the pooled one",
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
    factor = float(stats.t.ppf((1 + COVERAGE) / 2, max(dof, 1.0)))
    return Expanded(u, dof, factor * u)


class UncertainNumbers:
    """Uncertain numbers of planes; what shares term and source shares the error."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, float], Any] = {}

    def plane(self, value_um: float, budget: Iterable[Contribution]) -> Any:
        """Return a plane as an uncertain number."""
        total = ureal(value_um, 0.0)
        for part in budget:
            name = (part.term, part.source, part.u_um)
            if name not in self._known:
                dof = max(part.dof, 1.0)
                self._known[name] = ureal(0.0, part.u_um, dof, label=part.term)
            total = total + self._known[name]
        return total


def expand_budget(value_um: float, budget: Iterable[Contribution]) -> Expanded:
    """Combine the terms of one plane."""
    return expand(UncertainNumbers().plane(value_um, budget))


def stage_terms(axis: FieldAxis, sweep: int, key: str, stated_um: float) -> list[Contribution]:
    """Return what the stage contributes to the plane of one sweep.

    Parameters
    ----------
    axis
        The field's frames.
    sweep
        Number of the sweep.
    key
        Its name.
    stated_um
        The recipe's repeatability; 0 where it is not known.

    Notes
    -----
    The mean of a sweep's stage errors cannot be told from its plane. Nor can that part of them which
    is smooth on the scale of the stack: a stack that took ``edf`` degrees of freedom from ``n`` frames
    follows the mean error of about ``n / edf`` neighbours.
    """
    n = axis.n_trusted
    own_dof = max(n * (1 - axis.edf / axis.n_stacked) - 1, 1.0)
    sigma, dof = axis.stage_sigma_um, own_dof
    if stated_um > 0:
        dof = own_dof + STATED_STAGE_DOF
        mean = (own_dof * axis.stage_sigma_um**2 + STATED_STAGE_DOF * stated_um**2) / dof
        sigma = float(np.sqrt(mean))
    in_sweep = int(np.count_nonzero(axis.trusted & (axis.profiles.sweep == sweep)))
    terms = [Contribution(STAGE, key, sigma / math.sqrt(max(in_sweep, 1)), dof)]
    if axis.edf > 0:
        source = name_of(axis.profiles.field) if axis.n_stacked == n else ""
        terms.append(Contribution(AXIS, source, sigma * math.sqrt(axis.edf / axis.n_stacked), dof))
    return terms


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
