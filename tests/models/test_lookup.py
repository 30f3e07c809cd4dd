"""The look-up against a stack whose profiles are given by a formula, for beads of any size."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from refp.core.arrays import BoolArray, FloatArray
from refp.models import BeadInputs, Lookup
from refp.models.lookup import Match
from refp.plane import PooledStack
from refp.plane.stack import UNKNOWN_SD
from refp.settings import LookupSettings

ProfileAt = Callable[..., FloatArray]
INSIDE = st.floats(-52.0, 52.0)
SIZE = st.floats(0.93, 1.07)
NOISE = 0.02
REACH, SPREAD = LookupSettings().reach_radii, LookupSettings().size_spread


def match(
    stack: PooledStack,
    profile: FloatArray,
    spread: float = SPREAD,
    saturated: BoolArray | None = None,
) -> Match:
    nothing = np.zeros(profile.shape, dtype=np.bool_)
    lookup = Lookup(stack, LookupSettings(size_spread=spread))
    return lookup.match(profile, nothing if saturated is None else saturated)


def noise(n: int, stack: PooledStack, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).normal(0, NOISE, (n, len(stack.radius_radii)))


def minimum_sd(profile_at: ProfileAt, seen: BoolArray, dz_um: float, size: float) -> FloatArray:
    """Cramer-Rao bound of dZ and size, the prior on sizes counted as one more measurement."""
    along_z = (profile_at(dz_um + 0.01, size) - profile_at(dz_um - 0.01, size))[0] / 0.02
    with_size = (profile_at(dz_um, size + 1e-4) - profile_at(dz_um, size - 1e-4))[0] / 2e-4
    slopes = np.stack([along_z, with_size])[:, seen] / NOISE
    bound: FloatArray = np.linalg.inv(slopes @ slopes.T + np.diag([0.0, SPREAD**-2]))
    return np.sqrt(np.diag(bound))


@given(st.lists(st.tuples(INSIDE, SIZE), min_size=1, max_size=5))
def test_recovers_dz_and_size(
    stack: PooledStack, profile_at: ProfileAt, beads: list[tuple[float, float]]
) -> None:
    dz_um, size = np.array(beads).T
    found = match(stack, profile_at(dz_um, size))
    np.testing.assert_allclose(found.dz_um, dz_um, atol=0.5)
    np.testing.assert_allclose(found.size, size, atol=0.006)
    assert not found.at_end.any()


@given(st.lists(INSIDE, min_size=1, max_size=5))
def test_without_a_spread_all_beads_have_the_typical_size(
    stack: PooledStack, profile_at: ProfileAt, dz_um: list[float]
) -> None:
    found = match(stack, profile_at(dz_um), spread=0.0)
    np.testing.assert_allclose(found.dz_um, dz_um, atol=0.05)
    assert (found.size == 1).all()
    assert (found.size_sd == 0).all()
    larger = match(stack, profile_at(dz_um, 1.03), spread=0.0)
    assert (larger.size == 1).all()


@pytest.mark.parametrize("dz_um", [-40.0, -9.0, 2.0, 30.0])
@pytest.mark.parametrize("size", [0.93, 0.98, 1.0, 1.04, 1.07])
def test_error_is_near_the_cramer_rao_bound(
    stack: PooledStack, profile_at: ProfileAt, dz_um: float, size: float
) -> None:
    n, seen = 300, stack.radius_radii <= REACH
    found = match(stack, profile_at(dz_um, size) + noise(n, stack))
    bound = minimum_sd(profile_at, seen, dz_um, size)
    error = np.stack([found.dz_um - dz_um, found.size - size])
    # The prior draws sizes to 1; the bound is that of an estimate without bias.
    prior_pull = np.array([abs(dz_um), 1.0]) * abs(size - 1) * (bound[1] / SPREAD) ** 2
    rms = np.sqrt((error**2).mean(axis=1))
    assert (rms < 1.2 * bound + prior_pull).all()
    stated = np.sqrt(np.mean([found.sd_um**2, found.size_sd**2], axis=1))
    np.testing.assert_allclose(stated, bound, rtol=0.3)


@pytest.mark.parametrize("size", [0.95, 1.0, 1.05])
def test_error_goes_with_the_stated_deviation_of_each_bead(
    stack: PooledStack, profile_at: ProfileAt, size: float
) -> None:
    dz_um = np.random.default_rng(4).uniform(-50, 50, 600)
    found = match(stack, profile_at(dz_um, size) + noise(600, stack))
    pulls = (found.dz_um - dz_um) / found.sd_um
    order = np.argsort(found.sd_um)
    for third in np.array_split(order, 3):
        assert 0.75 < pulls[third].std() < 1.3
        assert abs(pulls[third].mean()) < 0.35
    assert found.sd_um.max() < 4.0  # none is thrown away by a bend that noise has made


def brute_force(
    stack: PooledStack, profile: FloatArray, seen: BoolArray, about: FloatArray
) -> tuple[float, float, float]:
    """Return the minimum cost, with position and size, of one bead on a fine grid."""
    radius = stack.radius_radii
    positions = about[0] + np.linspace(-1.0, 1.0, 81)
    mean = np.stack([np.interp(positions, stack.dz_um, column) for column in stack.mean.T], axis=1)
    rings, weight = CubicSpline(radius, mean, axis=1), 1 / stack.sd[0] ** 2
    best = (np.inf, np.nan, np.nan)
    for size in about[1] + np.linspace(-0.02, 0.02, 81):
        terms = weight * (profile - rings(np.minimum(radius / size, radius[-1]))) ** 2
        cost = terms[:, seen].sum(axis=1) + ((size - 1) / SPREAD) ** 2
        if cost.min() < best[0]:
            best = (float(cost.min()), float(positions[cost.argmin()]), float(size))
    return best


@pytest.mark.parametrize("lost", [0, 9])
def test_refinement_finds_the_minimum_cost(
    stack: PooledStack, profile_at: ProfileAt, lost: int
) -> None:
    """Minimum of likelihood and prior, against a fine grid; with and without a saturated spot."""
    rng = np.random.default_rng(7)
    dz_um, size = rng.uniform(-50, 50, 12), rng.uniform(0.94, 1.06, 12)
    ring_sd = NOISE * (1 + 0.5 * stack.radius_radii)  # the outer rings count for less
    known = PooledStack(
        stack.dz_um, stack.radius_radii, stack.mean, np.tile(ring_sd, (len(stack.dz_um), 1))
    )
    profile = profile_at(dz_um, size) + ring_sd * rng.normal(size=(12, len(ring_sd)))
    saturated = np.zeros(profile.shape, dtype=np.bool_)
    saturated[:, :lost] = True
    found = match(known, np.where(saturated, 0.9, profile), saturated=saturated)
    seen = (stack.radius_radii <= REACH) & ~saturated[0]
    typical = found.dz_um / found.size
    for i in range(12):
        _, position, best_size = brute_force(
            known, profile[i], seen, np.array([typical[i], found.size[i]])
        )
        assert found.dz_um[i] == pytest.approx(position * best_size, abs=0.25 * found.sd_um[i])
        assert found.size[i] == pytest.approx(best_size, abs=0.25 * found.size_sd[i])


@given(st.lists(st.tuples(INSIDE, SIZE), min_size=1, max_size=5))
def test_the_match_does_not_depend_on_the_distance_of_planes(
    stack: PooledStack, profile_at: ProfileAt, beads: list[tuple[float, float]]
) -> None:
    """Between two sizes of the search the best position can be many planes away."""
    dz_um, size = np.array(beads).T
    fine_um = np.linspace(stack.dz_um[0], stack.dz_um[-1], 4001)
    mean = CubicSpline(stack.dz_um, stack.mean)(fine_um)
    fine = PooledStack(fine_um, stack.radius_radii, mean, np.full_like(mean, NOISE))
    shown = profile_at(dz_um, size)
    np.testing.assert_allclose(match(fine, shown).dz_um, match(stack, shown).dz_um, atol=0.1)


@pytest.mark.parametrize(("dz_um", "end_um"), [(-90.0, -60.0), (90.0, 60.0)])
def test_beyond_the_stack_is_at_its_end(
    stack: PooledStack, profile_at: ProfileAt, dz_um: float, end_um: float
) -> None:
    found = match(stack, profile_at([dz_um]))
    assert found.at_end.all()
    assert found.dz_um[0] / found.size[0] == pytest.approx(end_um, abs=1.0)


def test_a_fixed_size_costs_accuracy(stack: PooledStack, profile_at: ProfileAt) -> None:
    larger = profile_at([12.0, -25.0], 1.04)
    rigid, elastic = match(stack, larger, spread=0.0), match(stack, larger)
    assert (np.abs(elastic.dz_um - [12.0, -25.0]) < 0.3).all()
    assert (np.abs(rigid.dz_um - [12.0, -25.0]) > 0.5).all()
    assert (elastic.reduced_chi2 < 0.2 * rigid.reduced_chi2).all()


@pytest.mark.parametrize("size", [0.96, 1.0, 1.04])
def test_saturated_rings_are_ignored(
    stack: PooledStack, profile_at: ProfileAt, size: float
) -> None:
    dz_um = np.random.default_rng(3).uniform(-50, 50, 300)
    profile = profile_at(dz_um, size) + noise(300, stack)
    saturated = np.broadcast_to(stack.radius_radii < 0.5, profile.shape)
    found = match(stack, np.where(saturated, 0.9, profile), saturated=saturated)
    other = match(stack, np.where(saturated, 77.0, profile), saturated=saturated)
    np.testing.assert_array_equal(other.dz_um, found.dz_um)
    assert 0.75 < ((found.dz_um - dz_um) / found.sd_um).std() < 1.3
    assert 0.75 < ((found.size - size) / found.size_sd).std() < 1.3
    assert found.reduced_chi2.mean() == pytest.approx(1.0, abs=0.1)
    assert np.median(match(stack, np.where(saturated, 0.9, profile)).reduced_chi2) > 10


def test_rings_that_are_not_known_are_ignored(stack: PooledStack, profile_at: ProfileAt) -> None:
    profile = profile_at([8.0])
    profile[0, 20:23] = np.nan
    assert match(stack, profile).dz_um[0] == pytest.approx(8.0, abs=0.1)


@pytest.mark.parametrize("size", [0.95, 1.0, 1.05])
def test_chi2_is_one_for_beads_like_those_of_training(
    stack: PooledStack, profile_at: ProfileAt, size: float
) -> None:
    """For any size: interpolation between rings must not improve the fit."""
    found = match(stack, profile_at(5.0, size) + noise(300, stack, 2))
    assert found.reduced_chi2.mean() == pytest.approx(1.0, abs=0.1)


@given(INSIDE, st.floats(0.05, 0.3))
def test_chi2_rises_for_unlike_profiles(
    stack: PooledStack, profile_at: ProfileAt, dz_um: float, ripple: float
) -> None:
    profile = profile_at([dz_um])
    unlike = profile + ripple * np.cos(9.0 * stack.radius_radii)
    assert match(stack, unlike).reduced_chi2[0] > match(stack, profile).reduced_chi2[0] + 0.5


def test_a_bad_fit_has_a_larger_deviation(stack: PooledStack, profile_at: ProfileAt) -> None:
    """Errors of neighbouring rings are correlated, so the reduced chi squared scales the variance."""
    plain = match(stack, profile_at([8.0]))
    rippled = match(stack, profile_at([8.0]) + 0.1 * np.cos(25.0 * stack.radius_radii))
    assert rippled.reduced_chi2[0] > 4
    assert rippled.sd_um[0] == pytest.approx(
        plain.sd_um[0] * np.sqrt(rippled.reduced_chi2[0]), rel=0.3
    )
    assert rippled.size_sd[0] > 1.5 * plain.size_sd[0]


def test_an_unknown_ring_of_the_stack_has_no_pull(
    stack: PooledStack, profile_at: ProfileAt
) -> None:
    """A spot that is saturated in all of the training must not bias dZ."""
    sd = stack.sd.copy()
    unknown = np.ix_(stack.dz_um > 5, stack.radius_radii < 0.4)
    sd[unknown] = UNKNOWN_SD
    mean = stack.mean.copy()
    mean[unknown] = mean[stack.dz_um <= 5][-1, stack.radius_radii < 0.4]  # goes on as next to it
    half_known = PooledStack(stack.dz_um, stack.radius_radii, mean, sd)
    for low, size in ((2.0, 1.01), (6.0, 1.01), (8.0, 1.01), (7.0, 1.05), (7.0, 0.95)):
        dz_um = np.random.default_rng(6).uniform(low, low + 1, 300)
        found = match(half_known, profile_at(dz_um, size) + noise(300, stack))
        pulls = (found.dz_um - dz_um) / found.sd_um
        assert abs(pulls.mean()) < 0.45
        assert pulls.std() < 1.4


def test_rings_beyond_the_reach_have_no_weight(stack: PooledStack, profile_at: ProfileAt) -> None:
    far = profile_at([10.0]) + np.where(stack.radius_radii > REACH + 0.01, 5.0, 0.0)
    assert match(stack, far).dz_um[0] == match(stack, profile_at([10.0])).dz_um[0]


@pytest.mark.parametrize("spread", [0.0, SPREAD])
def test_beads_are_matched_independently(
    stack: PooledStack, profile_at: ProfileAt, spread: float
) -> None:
    rng = np.random.default_rng(9)
    profile = profile_at(rng.uniform(-55, 55, 20), rng.uniform(0.95, 1.05, 20)) + noise(20, stack)
    saturated = rng.random(profile.shape) < 0.1
    order = rng.permutation(20)
    joint = match(stack, profile, spread, saturated)
    turned = match(stack, profile[order], spread, saturated[order])
    separate = [match(stack, profile[[i]], spread, saturated[[i]]) for i in range(20)]
    for name in (field.name for field in fields(Match)):
        expected = getattr(joint, name)
        np.testing.assert_allclose(getattr(turned, name), expected[order], atol=1e-9)
        single = np.concatenate([getattr(one, name) for one in separate])
        np.testing.assert_allclose(single, expected, atol=1e-9)


def test_predicts_as_one_member(stack: PooledStack, inputs_at: Callable[..., BeadInputs]) -> None:
    predictions = Lookup(stack, LookupSettings()).predict(inputs_at([-20.0, 0.0, 31.0]))
    assert predictions.dz_um.shape == predictions.sd_um.shape == (1, 3)
    np.testing.assert_allclose(predictions.dz_um[0], [-20.0, 0.0, 31.0], atol=0.1)
    assert (predictions.sd_um > 0).all()


@pytest.mark.parametrize("spread", [0.0, SPREAD])
def test_no_bead_no_match(stack: PooledStack, spread: float) -> None:
    found = match(stack, np.empty((0, stack.mean.shape[1])), spread)
    assert [len(getattr(found, field.name)) for field in fields(Match)] == [0] * len(fields(Match))


@given(st.lists(INSIDE, min_size=1, max_size=5))
def test_the_stack_explains_its_own_beads_and_no_others(
    stack: PooledStack, profile_at: ProfileAt, dz_um: list[float]
) -> None:
    profile = profile_at(dz_um)
    assert (match(stack, profile).explained > 0.95).all()
    assert (match(stack, 2.0 - profile).explained < 0.5).all()
    assert (match(stack, np.ones_like(profile)).explained < 0.5).all()
