"""Observed coverage: its test, and the widening of intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from refp.core.arrays import BoolArray
from refp.estimate.coverage import observe_coverage, widening
from refp.models.card import Coverage

FIELD = np.repeat([0, 1], 240)
DZ_UM = np.tile(np.linspace(-300, 300, 240), 2)


def observe(inside: BoolArray, nominal: float = 0.95) -> Coverage:
    return observe_coverage(inside, FIELD[: len(inside)], DZ_UM[: len(inside)], nominal)


@pytest.mark.parametrize(("n", "missed"), [(240, 0), (240, 12), (240, 18), (480, 24), (480, 36)])
def test_spread_evenly_it_is_the_exact_binomial_test(n: int, missed: int) -> None:
    inside = np.ones(n, dtype=np.bool_)
    inside[np.linspace(3, n - 4, missed).astype(int)] = False
    made = observe(inside)
    assert (made.observed, made.n_images) == (1 - missed / n, n)
    assert made.n_effective == pytest.approx(n)
    assert made.p_value == pytest.approx(binom.cdf(n - missed, n, 0.95))
    assert made.is_low == (made.p_value < 0.05)


def test_misses_side_by_side_count_less() -> None:
    inside = np.ones(480, dtype=np.bool_)
    inside[100:136] = False
    made = observe(inside)
    assert made.observed == pytest.approx(1 - 36 / 480)
    assert made.n_effective < 480 / 5
    assert not made.is_low


@pytest.mark.parametrize("smooth", [0.0, 0.6])
def test_wrong_alarms_are_rare_and_narrow_intervals_are_found(smooth: float) -> None:
    """Errors that are partly alike in neighbouring frames; intervals right, or for 85 %."""
    rng, alarms = np.random.default_rng(2), {1.0: 0, 1.36: 0}
    kernel = np.exp(-0.5 * (np.arange(-36, 37) / 12.0) ** 2)
    kernel /= np.linalg.norm(kernel)
    for _ in range(60):
        alike = [np.convolve(rng.normal(size=240 + 72), kernel, "valid") for _ in range(2)]
        error = np.sqrt(smooth) * np.concatenate(alike)
        error += np.sqrt(1 - smooth) * rng.normal(size=480)
        for scale in alarms:
            alarms[scale] += observe(np.abs(scale * error) <= norm.ppf(0.975)).is_low
    assert alarms[1.0] <= 9
    assert alarms[1.36] >= 54


def test_one_image_is_no_evidence() -> None:
    made = observe(np.array([False]))
    assert (made.observed, made.n_effective, made.p_value) == (0.0, 1.0, pytest.approx(0.05))


@given(st.floats(0.2, 5.0), st.floats(0.0, 2.0), st.sampled_from([0.8, 0.95]))
def test_widened_intervals_hold_the_nominal_fraction(
    scale: float, label_u_um: float, nominal: float
) -> None:
    rng = np.random.default_rng(1)
    error, half = scale * rng.normal(size=300), rng.uniform(0.5, 2.0, 300)
    u_um = np.full(300, label_u_um)
    factor = widening(error, half, u_um, nominal)
    held = np.abs(error) <= np.hypot(factor * half, 1.96 * u_um) * (1 + 1e-12)
    assert factor >= 1.0
    assert held.mean() >= nominal
    if factor > 1.0:  # not wider than needed
        fewer = np.abs(error) <= np.hypot(0.99 * factor * half, 1.96 * u_um)
        assert fewer.mean() < nominal + 0.02
