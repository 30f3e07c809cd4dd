"""The uncertainty budget, against numbers worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from refp.plane import Contribution
from refp.plane.align import align_field
from refp.plane.bead_planes import fit_slide
from refp.plane.budget import (
    ASSUMED_DOF,
    BEADS,
    ONE_BEAD_HEIGHT_DIAMETERS,
    POOLED,
    STAGE,
    STATED_STAGE_DOF,
    TERMS,
    UncertainNumbers,
    axis_term,
    bead_spread,
    expand,
    expand_budget,
    mean_term,
    pairs_of,
    stage_sigma,
)
from refp.plane.plane import BeadPlanes, FieldAxis
from refp.plane.smooth import fit_smooth

from .scene import DIAMETER_UM, Scene, locate, see


def test_the_end_gauge_of_the_guide() -> None:
    """JCGM 100, H.1.6, first-order terms as listed: u_c = 32 nm, 16 degrees of freedom.

    At the coverage of 95 % used here, t of 16.7 degrees (the guide truncates) is 2.113.
    """
    terms = {"s": (25.0, 18.0), "d": (9.7, 25.6), "alpha": (2.9, 50.0), "theta": (16.6, 2.0)}
    budget = [Contribution(name, "", u, dof) for name, (u, dof) in terms.items()]
    found = expand_budget(838.0, budget)
    assert found.u_um == pytest.approx(31.67, abs=0.01)
    assert math.floor(found.dof) == 16
    assert found.half_width_um == pytest.approx(2.113 * 31.7, abs=0.2)


def test_two_equal_terms_by_hand() -> None:
    """``u = sqrt(2)``, ``dof = 4 / (1/4 + 1/12) = 12``, ``t(0.975, 12) = 2.17881``."""
    found = expand_budget(5.0, [Contribution("a", "", 1.0, 4.0), Contribution("b", "", 1.0, 12.0)])
    assert found.u_um == pytest.approx(math.sqrt(2))
    assert found.dof == pytest.approx(12.0)
    assert found.half_width_um == pytest.approx(2.17881 * math.sqrt(2), rel=1e-4)


def test_a_known_uncertainty_has_the_normal_interval() -> None:
    found = expand_budget(0.0, [Contribution("a", "", 2.0, math.inf)])
    assert found.dof == math.inf
    assert found.half_width_um == pytest.approx(1.959964 * 2, rel=1e-5)


def test_without_uncertainty_the_interval_is_the_value() -> None:
    for budget in ([], [Contribution("a", "", 0.0, 3.0)]):
        found = expand_budget(7.0, budget)
        assert (found.u_um, found.dof, found.half_width_um) == (0.0, math.inf, 0.0)


def test_less_than_one_degree_of_freedom_counts_as_one() -> None:
    found = expand_budget(0.0, [Contribution("a", "", 1.0, 0.3)])
    assert found.half_width_um == pytest.approx(12.7062, rel=1e-4)


def test_errors_that_planes_share_drop_out_of_their_difference() -> None:
    numbers = UncertainNumbers()
    shared = Contribution(POOLED, "", 3.0, math.inf)
    first = numbers.plane(10.0, [shared, Contribution(STAGE, "one", 0.3, 20.0)])
    second = numbers.plane(16.0, [shared, Contribution(STAGE, "two", 0.4, 20.0)])
    difference = second - first
    assert float(difference.x) == pytest.approx(6.0)
    assert expand(difference).u_um == pytest.approx(0.5)
    assert expand((first + second) / 2).u_um == pytest.approx(math.hypot(3.0, 0.25))
    assert expand(first - first).u_um == 0.0


def test_the_same_term_of_another_source_is_another_error() -> None:
    numbers = UncertainNumbers()
    one, two = (numbers.plane(0.0, [Contribution(BEADS, s, 1.0, 9.0)]) for s in ("a", "b"))
    assert expand(two - one).u_um == pytest.approx(math.sqrt(2))


@pytest.fixture(scope="module")
def axis() -> FieldAxis:
    seen = see(Scene(shifts_um=(0.0, 1.0), stage_sigma_um=1.0, noise=0.003, seed=2))
    axis = align_field(seen.profiles, 0.0)
    assert axis is not None
    return axis


def test_what_the_frames_tell_of_the_stage_is_pooled_with_what_is_stated(axis: FieldAxis) -> None:
    own = axis.stage_sigma_um
    taken = axis.origin.edf / axis.n_trusted
    dof = 66 * (1 - taken) - 1
    assert stage_sigma(axis, 0.0) == pytest.approx((own, dof))
    sigma, both = stage_sigma(axis, 4.0)
    assert both == pytest.approx(dof + STATED_STAGE_DOF)
    assert sigma**2 * both == pytest.approx(dof * own**2 + STATED_STAGE_DOF * 16)


def test_the_mean_of_the_stage_errors_goes_with_the_trusted_frames_of_the_sweep(
    axis: FieldAxis,
) -> None:
    trusted = np.ones(66, dtype=bool)
    trusted[:8] = False  # of the first sweep
    fewer = replace(axis, trusted=trusted)
    assert mean_term(axis, 0, "one", 0.0).u_um == pytest.approx(axis.stage_sigma_um / 33**0.5)
    assert mean_term(fewer, 0, "one", 0.0).u_um == pytest.approx(axis.stage_sigma_um / 25**0.5)
    assert mean_term(fewer, 1, "two", 0.0).u_um == pytest.approx(axis.stage_sigma_um / 33**0.5)


def test_what_bends_the_axis_is_what_the_stack_follows_of_the_stage_errors(
    axis: FieldAxis,
) -> None:
    """Against stage errors drawn at random and smoothed as the stack is: their part at one place."""
    x, lam = axis.origin.x_um, axis.origin.lam
    weights = np.zeros(len(axis.x_um))
    nearest = int(np.argmin(np.abs(axis.x_um - 10)))
    weights[nearest] = 1.0
    rng = np.random.default_rng(0)
    followed = []
    for _ in range(400):
        error = rng.normal(0, axis.stage_sigma_um, len(x))
        line = np.polynomial.Polynomial.fit(x, error, 1)(x)
        bent = fit_smooth(x, error - line, lam=lam).spline(axis.x_um[nearest])
        followed.append(float(bent))
    term = axis_term(axis, weights, 0.0)
    assert term.u_um == pytest.approx(np.std(followed), rel=0.12)
    assert axis_term(axis, 0 * weights, 0.0).u_um == 0.0


def some_beads(height_um: list[float], off: list[bool]) -> BeadPlanes:
    n = len(height_um)
    center, height, size = np.zeros((n, 2)), np.array(height_um), np.ones(n)
    return BeadPlanes(
        field=("set", 1, 1),
        bead=np.arange(n),
        center_px=center,
        height_um=height,
        height_u_um=np.zeros(n),
        size=size,
        n_frames=np.full(n, 9),
        off_plane=np.array(off, dtype=bool),
        slide=fit_slide(center, height, size),
    )


def test_the_spread_of_the_beads_in_the_plane_is_divided_by_their_number() -> None:
    """1, 2, 3 have the standard deviation 1; the bead at 30 is off the plane."""
    beads = some_beads([1.0, 2.0, 3.0, 30.0], [False, False, False, True])
    assert bead_spread(beads, DIAMETER_UM) == pytest.approx((1 / math.sqrt(3), 2.0))


@pytest.mark.parametrize(
    "beads",
    [None, some_beads([], []), some_beads([0.0], [False]), some_beads([0, 9], [False, True])],
)
def test_one_bead_has_the_assumed_spread(beads: BeadPlanes | None) -> None:
    expected = (ONE_BEAD_HEIGHT_DIAMETERS * DIAMETER_UM, ASSUMED_DOF)
    assert bead_spread(beads, DIAMETER_UM) == pytest.approx(expected)


def test_a_field_of_one_bead_carries_the_assumed_spread_in_its_budget() -> None:
    seen = see(Scene(noise=0.002, height_um=(0.0,), size=(1.0,)))
    (plane,) = locate(seen.sweeps).result.planes
    (beads,) = [part for part in plane.budget if part.term == BEADS]
    assert beads.u_um == pytest.approx(ONE_BEAD_HEIGHT_DIAMETERS * DIAMETER_UM)
    assert beads.dof == ASSUMED_DOF
    assert plane.refp_u_um >= beads.u_um
    assert {part.term for part in plane.budget} <= set(TERMS)


def test_pairs_of_few_names_are_all_and_of_many_against_the_first() -> None:
    assert pairs_of(["a", "b", "c"]) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert pairs_of(list("abcdefg")) == [("a", name) for name in "bcdefg"]
    assert pairs_of(["a"]) == []
