"""Uncertainty budget of a reference plane according to the GUM.

Every contribution is an uncertain number of the library GTC, so that degrees of freedom combine by the
Welch-Satterthwaite formula, and errors that planes share drop out of their differences.

References
----------
JCGM 100:2008, "Guide to the expression of uncertainty in measurement".
JCGM 101:2008, "Propagation of distributions using a Monte Carlo method".
"""

import itertools
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from GTC import ureal
from scipy.special import stdtrit

from refp.core.arrays import FloatArray
from refp.plane.choice import of_features
from refp.plane.plane import (
    BeadPlanes,
    Contribution,
    FeaturePlane,
    FieldAxis,
    ReferencePlane,
)
from refp.plane.propagate import StageDraws
from refp.settings import FeatureChoice
from refp.sweeps.frame import FieldKey

COVERAGE = 0.95
STAGE = "stage repeatability"
AXIS = "stage errors near the plane"
BIAS = "reading of the extremes"
BEADS = "bead heights"
FIT = "fit of SS and CI"
POOLED = "pooled profile"
CURVES = "feature curves"
STATED = "stated plane"
PEAK = "saturated peak"
TERMS = {
    STAGE: "mean of the stage errors over the frames of the sweep",
    AXIS: "stage errors of the frames about the plane, the mean of each sweep left out",
    BIAS: "bias of the extrema by smoothing and stage errors that remains after its correction",
    BEADS: "scatter of the heights of the beads; a plane depends on the choice of beads",
    FIT: "noise of steepest slope and centre intensity, which come from the same beads and frames",
    STATED: "uncertainty that the user states with the plane",
    PEAK: "extremum among saturated frames, a rectangular distribution over their range",
    POOLED: "extremum of the pooled profiles, or zero of the pooled stack",
    CURVES: "feature curves against nominal Z and their pooled profiles",
}
STATED_STAGE_DOF = 10.0
"""Degrees of freedom of the repeatability that a recipe states, pooled with those of the sweeps."""
ONE_BEAD_HEIGHT_DIAMETERS = 0.04
"""Assumed standard deviation of bead heights, in diameters: that of bead radii, about 4 %."""
ASSUMED_DOF = 5.0
DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class Expanded:
    """Standard uncertainty, degrees of freedom and expanded uncertainty."""

    u_um: float
    dof: float
    half_width_um: float


def expand(value: Any) -> Expanded:
    """Return uncertainty, degrees of freedom and half width of the interval of an uncertain number."""
    u, dof = float(value.u), float(value.df)
    if u == 0.0 or math.isnan(dof):
        dof = math.inf
    factor = float(stdtrit(max(dof, 1.0), (1 + COVERAGE) / 2))
    return Expanded(u, dof, factor * u)


class UncertainNumbers:
    """Uncertain numbers of planes; contributions of the same term and source are one error."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str, float], Any] = {}

    def plane(self, value_um: float, budget: Iterable[Contribution], scope: str = "") -> Any:
        """Return a plane as an uncertain number; planes of different scopes share no error."""
        total = ureal(value_um, 0.0)
        for part in budget:
            name = (scope, part.term, part.source, part.u_um)
            if name not in self._known:
                dof = max(part.dof, 1.0)
                self._known[name] = ureal(0.0, part.u_um, dof, label=part.term)
            total = total + self._known[name]
        return total


def expand_budget(value_um: float, budget: Iterable[Contribution]) -> Expanded:
    """Combine the contributions to the uncertainty of one plane."""
    return expand(UncertainNumbers().plane(value_um, budget))


def expand_mean(planes: Sequence[ReferencePlane], without: Collection[str] = ()) -> Expanded:
    """Return the uncertainty of the mean of planes; terms of one source are one error.

    Parameters
    ----------
    planes
        At least one plane.
    without
        Terms to leave out.
    """
    numbers = UncertainNumbers()
    parts = [[part for part in plane.budget if part.term not in without] for plane in planes]
    return expand(sum(numbers.plane(0.0, budget) for budget in parts) / len(planes))


def draw_interval(value_um: float, budget: Iterable[Contribution]) -> tuple[float, float]:
    """Return the interval of coverage :data:`COVERAGE` from random draws of every contribution.

    Each contribution is drawn from Student's distribution of its degrees of freedom, scaled by its
    uncertainty (JCGM 101, 6.4.9); :func:`expand_budget` approximates their sum by one distribution.
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
    """Return the definitional uncertainty of a plane whose two features are at different positions, um.

    It is the standard deviation of a rectangular distribution between the two. REFP is by definition
    their mean, so this is reported separately and is part of no interval.
    """
    return abs(ss_um - ci_um) / math.sqrt(12.0)


def stage_sigma(axis: FieldAxis, stated_um: float) -> tuple[float, float]:
    """Return the stage's repeatability and its degrees of freedom.

    Parameters
    ----------
    axis
        Positions and stage errors of the frames of a field.
    stated_um
        Repeatability that the recipe states, um; 0 where it states none.
    """
    taken = 0.0 if axis.origin.given else axis.origin.edf / len(axis.origin.x_um)
    own_dof = max(axis.n_trusted * (1 - taken) - 1, 1.0)
    if stated_um == 0:
        return axis.stage_sigma_um, own_dof
    dof = own_dof + STATED_STAGE_DOF
    mean = (own_dof * axis.stage_sigma_um**2 + STATED_STAGE_DOF * stated_um**2) / dof
    return math.sqrt(mean), dof


def mean_term(axis: FieldAxis, sweep: int, key: str, stated_um: float) -> Contribution:
    """Return the contribution of the mean stage error of a sweep, which shifts frames and plane alike."""
    sigma, dof = stage_sigma(axis, stated_um)
    n = int(np.count_nonzero(axis.trusted & (axis.profiles.sweep == sweep)))
    return Contribution(STAGE, key, sigma / math.sqrt(max(n, 1)), dof)


def axis_term(draws: StageDraws, axis: FieldAxis, stated_um: float) -> Contribution:
    """Return the contribution of the stage errors of a field without their mean over each sweep.

    Parameters
    ----------
    draws
        Shifts of the plane by drawn errors.
    axis
        The field's frames, which determine the degrees of freedom of the stage's repeatability.
    stated_um
        Repeatability that the recipe states, um; 0 where it states none.
    """
    return Contribution(
        AXIS,
        name_of(axis.profiles.field),
        draws.sd_um,
        stage_sigma(axis, stated_um)[1],
    )


def bias_term(draws: StageDraws, axis: FieldAxis) -> Contribution:
    """Return the contribution of the bias of the extrema that remains after its correction."""
    return Contribution(BIAS, name_of(axis.profiles.field), draws.residual_um, math.inf)


def bead_spread(
    plane_um: FloatArray, reading_um: FloatArray, bead_diameter_um: float
) -> tuple[float, float]:
    """Return the pooled observed and assumed standard deviation of bead planes, and its dof.

    Parameters
    ----------
    plane_um
        Shape ``(n,)``, own planes of the beads that are not off the plane.
    reading_um
        Shape ``(n,)``, their standard uncertainties by noise.
    bead_diameter_um
        Nominal diameter, um.

    Notes
    -----
    The planes of two or three beads may be close by chance. The assumed variance, that of heights plus
    that of noise, has :data:`ASSUMED_DOF` degrees of freedom.
    """
    n = len(plane_um)
    noise = float((reading_um**2).mean()) if n else 0.0
    assumed = ASSUMED_DOF * ((ONE_BEAD_HEIGHT_DIAMETERS * bead_diameter_um) ** 2 + noise)
    own = float(((plane_um - plane_um.mean()) ** 2).sum()) if n > 1 else 0.0
    dof = ASSUMED_DOF + max(n - 1, 0)
    return math.sqrt((assumed + own) / dof), dof


def bead_term(
    field: FieldKey, plane_um: FloatArray, reading_um: FloatArray, bead_diameter_um: float
) -> Contribution:
    """Return the contribution of the finite number of beads of a field, as :func:`bead_spread`."""
    spread_um, dof = bead_spread(plane_um, reading_um, bead_diameter_um)
    u_um = spread_um / math.sqrt(max(len(plane_um), 1))
    return Contribution(BEADS, name_of(field), u_um, dof)


def height_term(beads: BeadPlanes, bead_diameter_um: float) -> Contribution:
    """Return the contribution of the heights of the beads in the plane, from their fit to the stack."""
    inside = ~beads.off_plane
    known = beads.height_um[inside], beads.height_u_um[inside]
    return bead_term(beads.field, *known, bead_diameter_um)


def fit_term(
    ss: FeaturePlane, ci: FeaturePlane, source: str, dof: float, feature: FeatureChoice
) -> Contribution:
    """Return the contribution of the noise of the features; errors of both are correlated."""
    return Contribution(FIT, source, of_features(ss.u_fit_um, ci.u_fit_um, feature), dof)


def name_of(field: FieldKey) -> str:
    """Return the name of a field as a source of a contribution."""
    dataset, experiment, fov = field
    return f"{dataset} exp {experiment} FOV {fov}"


def pairs_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return all pairs of up to six names, or each with the first of more than six."""
    if len(names) <= 6:
        return list(itertools.combinations(names, 2))
    return [(names[0], name) for name in names[1:]]
