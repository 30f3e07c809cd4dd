"""The look-up against a stack whose profiles are given by a formula."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.arrays import FloatArray
from refp.models import BeadInputs, Lookup, LookupSettings
from refp.models.lookup import Match
from refp.plane import PooledStack

ProfileAt = Callable[..., FloatArray]
INSIDE = st.floats(-55.0, 55.0)


def match(stack: PooledStack, profile: FloatArray, spread: float = 0.0) -> Match:
    lookup = Lookup(stack, LookupSettings(radius_spread=spread))
    return lookup.match(profile, np.zeros(profile.shape, dtype=np.bool_))


@given(st.lists(INSIDE, min_size=1, max_size=5))
def test_recovers_dz(stack: PooledStack, profile_at: ProfileAt, dz_um: list[float]) -> None:
    found = match(stack, profile_at(dz_um))
    np.testing.assert_allclose(found.dz_um, dz_um, atol=0.05)
    assert not found.at_end.any()


@pytest.mark.parametrize("dz_um", [-40.0, -3.0, 0.0, 22.0])
def test_error_goes_with_the_stated_deviation(
    stack: PooledStack, profile_at: ProfileAt, dz_um: float
) -> None:
    noise = np.random.default_rng(1).normal(0, 0.02, (200, stack.mean.shape[1]))
    found = match(stack, profile_at(dz_um) + noise)
    pulls = (found.dz_um - dz_um) / found.sd_um
    assert 0.6 < pulls.std() < 1.4
    assert abs(pulls.mean()) < 0.3


@pytest.mark.parametrize(("dz_um", "end_um"), [(-90.0, -60.0), (90.0, 60.0)])
def test_beyond_the_stack_is_at_its_end(
    stack: PooledStack, profile_at: ProfileAt, dz_um: float, end_um: float
) -> None:
    found = match(stack, profile_at([dz_um]))
    assert found.at_end.all()
    assert found.dz_um[0] == pytest.approx(end_um, abs=1.0)


def test_a_bead_of_another_size_is_found_at_a_stretch(
    stack: PooledStack, profile_at: ProfileAt
) -> None:
    radius = stack.radius_radii
    larger = np.interp(radius / 1.02, radius, profile_at([12.0])[0])[None]
    rigid, elastic = match(stack, larger), match(stack, larger, spread=0.01)
    assert abs(elastic.dz_um[0] - 12.0) < 0.5
    assert elastic.misfit[0] < rigid.misfit[0]


def test_saturated_rings_are_ignored(stack: PooledStack, profile_at: ProfileAt) -> None:
    profile = profile_at([8.0])
    saturated = np.broadcast_to(stack.radius_radii < 0.5, profile.shape)
    clipped = np.where(saturated, 0.9, profile)
    lookup = Lookup(stack, LookupSettings())
    told = lookup.match(clipped, saturated)
    assert told.dz_um[0] == pytest.approx(8.0, abs=0.1)
    assert told.misfit[0] < 0.1
    assert match(stack, clipped).misfit[0] > 10


def test_misfit_is_one_for_beads_like_those_of_training(
    stack: PooledStack, profile_at: ProfileAt
) -> None:
    noise = np.random.default_rng(2).normal(0, 0.02, (300, stack.mean.shape[1]))
    assert match(stack, profile_at(5.0) + noise).misfit.mean() == pytest.approx(1.0, abs=0.15)


@given(INSIDE, st.floats(0.05, 0.3))
def test_misfit_rises_for_unlike_profiles(
    stack: PooledStack, profile_at: ProfileAt, dz_um: float, ripple: float
) -> None:
    profile = profile_at([dz_um])
    unlike = profile + ripple * np.cos(9.0 * stack.radius_radii)
    assert match(stack, unlike).misfit[0] > match(stack, profile).misfit[0] + 0.5


def test_beyond_the_reach_nothing_counts(stack: PooledStack, profile_at: ProfileAt) -> None:
    far = profile_at([10.0]) + np.where(stack.radius_radii > 2.3, 5.0, 0.0)
    assert match(stack, far).dz_um[0] == pytest.approx(10.0, abs=0.05)


def test_predicts_as_one_member(stack: PooledStack, inputs_at: Callable[..., BeadInputs]) -> None:
    said = Lookup(stack, LookupSettings()).predict(inputs_at([-20.0, 0.0, 31.0]))
    assert said.dz_um.shape == said.sd_um.shape == (1, 3)
    np.testing.assert_allclose(said.dz_um[0], [-20.0, 0.0, 31.0], atol=0.1)


def test_no_bead_no_match(stack: PooledStack) -> None:
    assert len(match(stack, np.empty((0, stack.mean.shape[1])), spread=0.01).dz_um) == 0
