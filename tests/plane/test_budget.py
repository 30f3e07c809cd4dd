"""Uncertainty budget, compared with values computed by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from refp.plane import Contribution
from refp.plane.align import align_field
from refp.plane.bead_planes import fit_slide, mean_of_beads
from refp.plane.budget import (
    ASSUMED_DOF,
    BEADS,
    ONE_BEAD_HEIGHT_DIAMETERS,
    POOLED,
    STAGE,
    STATED_STAGE_DOF,
    TERMS,
    UncertainNumbers,
    bead_spread,
    definitional_u,
    draw_interval,
    expand,
    expand_budget,
    mean_term,
    pairs_of,
    stage_sigma,
)
from refp.plane.plane import BeadPlanes, FieldAxis

from .scene import DIAMETER_UM, Scene, locate, see


def test_the_end_gauge_example_of_the_guide() -> None:
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


def test_drawn_terms_have_the_interval_of_the_combined_budget() -> None:
    budget = [Contribution("a", "", 1.0, math.inf), Contribution("b", "", 0.5, 30.0)]
    combined = expand_budget(5.0, budget).half_width_um
    assert draw_interval(5.0, budget) == pytest.approx((5 - combined, 5 + combined), abs=0.05)


def test_a_term_of_few_degrees_of_freedom_is_drawn_from_students_distribution() -> None:
    """Both methods are exact for a single term: t(0.975, 3) = 3.18245."""
    lower, upper = draw_interval(0.0, [Contribution("a", "", 1.0, 3.0)])
    assert (lower, upper) == pytest.approx((-3.18245, 3.18245), rel=0.05)


def test_distance_of_features_is_a_definitional_uncertainty() -> None:
    """The distribution is rectangular between the two positions."""
    assert definitional_u(3.0, 1.0) == pytest.approx(2 / math.sqrt(12))


def test_a_known_uncertainty_has_the_normal_interval() -> None:
    found = expand_budget(0.0, [Contribution("a", "", 2.0, math.inf)])
    assert found.dof == math.inf
    assert found.half_width_um == pytest.approx(1.959964 * 2, rel=1e-5)


def test_without_uncertainty_the_interval_is_the_value() -> None:
    for budget in ([], [Contribution("a", "", 0.0, 3.0)]):
        found = expand_budget(7.0, budget)
        assert (found.u_um, found.dof, found.half_width_um) == (0.0, math.inf, 0.0)


def test_fewer_than_one_degree_of_freedom_are_taken_as_one() -> None:
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


def test_observed_and_stated_repeatability_are_pooled(axis: FieldAxis) -> None:
    own = axis.stage_sigma_um
    taken = axis.origin.edf / axis.n_trusted
    dof = 66 * (1 - taken) - 1
    assert stage_sigma(axis, 0.0) == pytest.approx((own, dof))
    sigma, both = stage_sigma(axis, 4.0)
    assert both == pytest.approx(dof + STATED_STAGE_DOF)
    assert sigma**2 * both == pytest.approx(dof * own**2 + STATED_STAGE_DOF * 16)


def test_u_of_the_mean_stage_error_depends_on_the_trusted_frames_of_the_sweep(
    axis: FieldAxis,
) -> None:
    trusted = np.ones(66, dtype=bool)
    trusted[:8] = False  # of the first sweep
    fewer = replace(axis, trusted=trusted)
    assert mean_term(axis, 0, "one", 0.0).u_um == pytest.approx(axis.stage_sigma_um / 33**0.5)
    assert mean_term(fewer, 0, "one", 0.0).u_um == pytest.approx(axis.stage_sigma_um / 25**0.5)
    assert mean_term(fewer, 1, "two", 0.0).u_um == pytest.approx(axis.stage_sigma_um / 33**0.5)


def some_beads(height_um: list[float], off: list[bool]) -> BeadPlanes:
    n = len(height_um)
    center, height, size = np.zeros((n, 2)), np.array(height_um), np.ones(n)
    return BeadPlanes(
        field=("set", 1, 1),
        bead=np.arange(n),
        center_px=center,
        height_um=height,
        height_u_um=np.zeros(n),
        ss_um=height,
        ci_um=height,
        smoothing_um=np.zeros((n, 2)),
        reading_um=np.zeros((n, 2)),
        smoothing=np.full(2, np.nan),
        size=size,
        n_frames=np.full(n, 9),
        off_plane=np.array(off, dtype=bool),
        slide=fit_slide(center, height, size),
    )


def test_observed_and_assumed_spread_of_beads_are_pooled() -> None:
    """Heights 1, 2, 3 have two degrees of freedom and variance 1; 4 % of 28 um has five."""
    assumed = (0.04 * DIAMETER_UM) ** 2
    spread, dof = bead_spread(np.array([1.0, 2.0, 3.0]), np.zeros(3), DIAMETER_UM)
    assert dof == 7.0
    assert spread == pytest.approx(math.sqrt((5 * assumed + 2 * 1.0) / 7))


def test_noise_adds_to_the_assumed_spread() -> None:
    """Two beads that agree by chance: five of six degrees of freedom have 4 % of 28 um and 3 um."""
    spread, _ = bead_spread(np.array([2.0, 2.0]), np.array([3.0, 3.0]), DIAMETER_UM)
    assert spread == pytest.approx(math.sqrt(5 / 6 * ((0.04 * DIAMETER_UM) ** 2 + 9.0)))


@pytest.mark.parametrize("known", [[], [7.0]])
def test_one_bead_has_the_assumed_spread(known: list[float]) -> None:
    expected = (ONE_BEAD_HEIGHT_DIAMETERS * DIAMETER_UM, ASSUMED_DOF)
    assert bead_spread(np.array(known), np.zeros(len(known)), DIAMETER_UM) == pytest.approx(
        expected
    )


def test_beads_that_agree_by_chance_have_the_assumed_uncertainty() -> None:
    """Two beads differ by 0.1 um; with the assumed 1.12 um, u of their mean is at least 0.7 um."""
    spread, _ = bead_spread(np.array([0.0, 0.1]), np.zeros(2), DIAMETER_UM)
    assert spread / math.sqrt(2) == pytest.approx(1.12 * math.sqrt(5 / 6) / math.sqrt(2), rel=0.01)


def test_the_plane_of_a_field_is_the_mean_of_its_beads_in_the_plane() -> None:
    beads = some_beads([1.0, 2.0, 3.0, 30.0], [False, False, False, True])
    own = mean_of_beads(beads, DIAMETER_UM)
    assert own is not None
    assert (own.ss_um, own.ci_um) == pytest.approx((2.0, 2.0))
    spread, dof = bead_spread(np.array([1.0, 2.0, 3.0]), np.zeros(3), DIAMETER_UM)
    assert (own.term.term, own.term.source) == (BEADS, "set exp 1 FOV 1")
    assert (own.term.u_um, own.term.dof) == pytest.approx((spread / math.sqrt(3), dof))


def test_an_outlying_bead_has_little_weight_in_the_mean() -> None:
    heights = [*np.linspace(-1, 1, 11), 7.0]
    own = mean_of_beads(some_beads(heights, [False] * 12), DIAMETER_UM)
    assert own is not None
    assert own.ss_um == pytest.approx(0.0, abs=0.25)


def test_too_few_beads_with_an_own_plane_give_no_mean() -> None:
    beads = some_beads([1.0, 2.0, 3.0], [False] * 3)
    assert mean_of_beads(replace(beads, ci_um=np.array([1.0, np.nan, np.nan])), DIAMETER_UM) is None
    assert mean_of_beads(some_beads([], []), DIAMETER_UM) is None


def test_the_budget_of_a_field_of_one_bead_has_the_assumed_spread() -> None:
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
