"""Placement of profiles on a stack of closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.arrays import FloatArray
from refp.plane.match import (
    END_STEPS,
    chi_squared,
    fit_stretch,
    place_profiles,
    stretch_rings,
    stretch_stack,
)
from refp.plane.plane import PooledStack

from .scene import DEPTH_UM, RADII, SEEN, intensity, true_stack

STACK = true_stack(n=601)
STEP_UM = float(STACK.dz_um[1] - STACK.dz_um[0])


def profiles_at(dz_um: FloatArray, size: float = 1.0) -> FloatArray:
    return intensity(RADII[SEEN] / size, dz_um[:, None] / DEPTH_UM / size)


def test_chi_squared_is_the_sum_over_clear_rings() -> None:
    rng = np.random.default_rng(0)
    profile, mean = rng.normal(1, 0.3, (5, 7)), rng.normal(1, 0.3, (4, 7))
    weight, clear = rng.uniform(1, 9, (4, 7)), rng.uniform(size=(5, 7)) < 0.7
    found = chi_squared(np.where(clear, profile, 0.0), clear, mean, weight)
    for i in range(5):
        for k in range(4):
            rings = [
                weight[k, j] * (profile[i, j] - mean[k, j]) ** 2 for j in range(7) if clear[i, j]
            ]
            assert found[i, k] == pytest.approx(sum(rings), abs=1e-9)


def test_profiles_without_noise_are_placed_between_grid_points() -> None:
    dz_um = np.linspace(-100, 100, 37) + 0.1
    found = place_profiles(STACK, profiles_at(dz_um), np.zeros(37), np.inf)
    assert found.dz_um == pytest.approx(dz_um, abs=0.2 * STEP_UM)
    assert found.best_um == pytest.approx(dz_um, abs=0.51 * STEP_UM)
    assert found.inside.all()
    assert found.reduced_chi2.max() < 0.2
    assert found.profile_weight == pytest.approx(1.0)


def test_u_of_a_position_follows_from_the_slope_of_the_profile() -> None:
    """With normal noise ``sd`` in every ring, the inverse variance is the sum of (slope / sd) squared."""
    dz_um = np.array([-60.0, -20.0, 15.0, 70.0])
    slope = (profiles_at(dz_um + 0.01) - profiles_at(dz_um - 0.01)) / 0.02
    u_um = 1 / np.sqrt(((slope / 0.02) ** 2).sum(axis=1))
    found = place_profiles(true_stack(sd=0.02), profiles_at(dz_um), np.zeros(4), np.inf)
    assert found.u_um == pytest.approx(u_um, rel=0.1)


def test_prior_and_profile_have_inverse_variance_weights() -> None:
    dz_um, expected, sigma = np.array([20.0, -50.0]), np.array([23.0, -52.0]), 1.5
    stack = true_stack(sd=0.05)
    alone = place_profiles(stack, profiles_at(dz_um), expected, np.inf)
    both = place_profiles(stack, profiles_at(dz_um), expected, sigma)
    weight = sigma**2 / (sigma**2 + alone.u_um**2)
    assert both.profile_weight == pytest.approx(weight, abs=0.05)
    assert both.dz_um == pytest.approx(expected + weight * (dz_um - expected), abs=0.15)
    assert both.best_um == pytest.approx(alone.best_um)


def test_a_flat_profile_returns_the_prior() -> None:
    flat = PooledStack(STACK.dz_um, STACK.radius_radii, np.ones_like(STACK.mean), STACK.sd)
    expected = np.array([-30.0, 0.0, 42.0])
    found = place_profiles(flat, np.ones((3, SEEN.sum())), expected, 2.0)
    assert found.dz_um == pytest.approx(expected, abs=0.01)
    assert found.u_um == pytest.approx(2.0, rel=0.01)
    assert found.profile_weight == pytest.approx(0.0, abs=0.02)


def test_chi2_is_in_units_of_the_variance_and_widens_the_posterior() -> None:
    """With noise of three times the stack's spread, chi squared is nine and u is three times as large."""
    rng = np.random.default_rng(1)
    dz_um = np.repeat(20.0, 200)
    profile = profiles_at(dz_um) + rng.normal(0, 0.03, (200, SEEN.sum()))
    stack = true_stack(sd=0.01)
    found = place_profiles(stack, profile, dz_um, np.inf)
    clean = place_profiles(stack, profiles_at(dz_um), dz_um, np.inf)
    assert np.median(found.reduced_chi2) == pytest.approx(9, rel=0.15)
    assert np.median(found.u_um) == pytest.approx(3 * np.median(clean.u_um), rel=0.15)
    assert found.dz_um.std() == pytest.approx(np.median(found.u_um), rel=0.25)


def test_positions_beyond_the_stack_are_not_inside() -> None:
    grid = STACK.dz_um
    dz_um = np.array([grid[0] - 20, grid[0] + END_STEPS * STEP_UM, 0.0, grid[-1] + 20, 0.0])
    expected = np.array([0.0, 0.0, 0.0, 0.0, grid[-1] + 1])
    found = place_profiles(STACK, profiles_at(dz_um), expected, np.inf)
    assert list(found.inside) == [False, True, True, False, False]


def test_unknown_rings_have_no_weight() -> None:
    dz_um = np.array([-40.0, 35.0])
    profile = profiles_at(dz_um)
    profile[:, :4] = np.nan
    found = place_profiles(STACK, profile, dz_um, np.inf)
    assert found.dz_um == pytest.approx(dz_um, abs=0.2 * STEP_UM)
    blind = place_profiles(STACK, np.full_like(profile, np.nan), dz_um, 1.0)
    assert blind.dz_um == pytest.approx(dz_um, abs=0.01)


def test_many_profiles_are_placed_as_each_one_alone() -> None:
    dz_um = np.linspace(-90, 90, 1100)
    profile = profiles_at(dz_um) + np.random.default_rng(2).normal(0, 0.004, (1100, SEEN.sum()))
    together = place_profiles(STACK, profile, dz_um, 3.0)
    some = np.array([0, 511, 512, 1023, 1024, 1099])
    alone = place_profiles(STACK, profile[some], dz_um[some], 3.0)
    assert together.dz_um[some] == pytest.approx(alone.dz_um)


@given(
    level=st.floats(-2, 2),
    slope=st.floats(-2, 2),
    stretch=st.floats(0.9, 1.1),
)
def test_rings_of_a_straight_profile_are_stretched_exactly(
    level: float, slope: float, stretch: float
) -> None:
    radius = RADII[:20]
    values = level + slope * radius[None]
    at = np.minimum(radius * stretch, radius[-1])
    assert stretch_rings(values, radius, stretch)[0] == pytest.approx(level + slope * at, abs=1e-5)


def test_stretching_and_its_inverse_give_the_original() -> None:
    """Interpolation between rings limits the agreement where the profile is curved."""
    values = np.sin(RADII)[None]
    assert stretch_rings(values, RADII, 1.0) is values
    back = stretch_rings(stretch_rings(values, RADII, 1.05), RADII, 1 / 1.05)
    inner = np.arange(len(RADII)) < len(RADII) - 2
    assert back[:, inner] == pytest.approx(values[:, inner], abs=2 * 0.1**2 / 8)


def test_a_stack_is_stretched_about_its_plane() -> None:
    larger = stretch_stack(STACK, 1.04, pivot_um=30.0)
    assert larger.dz_um == pytest.approx(30 + 1.04 * (STACK.dz_um - 30))
    about_zero = stretch_stack(STACK, 1.04)
    expected = intensity(RADII[SEEN] / 1.04, about_zero.dz_um[:, None] / DEPTH_UM / 1.04)
    assert about_zero.mean == pytest.approx(expected, abs=0.03)
    assert np.abs(about_zero.mean - STACK.mean).max() > 0.05


@pytest.mark.parametrize("size", [0.93, 0.98, 1.0, 1.015, 1.07])
def test_the_size_of_beads_is_found(size: float) -> None:
    rng = np.random.default_rng(3)
    profile = profiles_at(np.linspace(-90, 90, 25), size)
    profile[4] = rng.normal(1, 0.3, SEEN.sum())  # one outlying frame
    noisy = profile + rng.normal(0, 0.002, profile.shape)
    assert fit_stretch(STACK, noisy) == pytest.approx(size, abs=0.005)
