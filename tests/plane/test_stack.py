"""Pooled stack of radial profiles of beads of many sizes."""

import numpy as np
import pytest

from refp.core.arrays import BoolArray, FloatArray
from refp.plane import PooledStack, pool_stack
from refp.plane.stack import MIN_SD, UNKNOWN_SD

RADII = np.linspace(0, 3, 31)
DZ_UM = np.linspace(-100, 100, 41)
Rows = tuple[FloatArray, FloatArray, BoolArray, FloatArray]


def truth(dz_um: FloatArray, size: FloatArray | float = 1.0) -> FloatArray:
    """Return the profile of a bead of some size: that of the typical bead, scaled along r and Z."""
    x = (np.asarray(dz_um) / size)[:, None]
    r = RADII / np.reshape(size, (-1, 1))
    return (
        1
        - np.exp(-(r**2)) * (0.5 + 0.4 * np.cos(x / 60))
        + 0.1 * np.exp(-((r - 1.5) ** 2)) * x / 100
    )


def beads(n: int = 6, sd: float = 0.02, spread: float = 0.0, seed: int = 0) -> Rows:
    """Return dZ, profile, saturation (none) and size of n beads in 41 frames."""
    rng = np.random.default_rng(seed)
    size = np.tile(1 + spread * rng.uniform(-1, 1, n), 41)
    dz_um = np.repeat(DZ_UM, n)
    profile = truth(dz_um, size) + rng.normal(0, sd, (len(dz_um), len(RADII)))
    return dz_um, profile, np.zeros_like(profile, dtype=np.bool_), size


def pooled(rows: Rows) -> PooledStack:
    return pool_stack(*rows, RADII)


def test_mean_and_spread_of_the_beads() -> None:
    stack = pooled(beads(40))
    assert stack.mean == pytest.approx(truth(stack.dz_um), abs=0.01)
    assert stack.sd.mean() == pytest.approx(0.02, rel=0.1)
    assert (stack.dz_um[0], stack.dz_um[-1]) == (-100, 100)
    assert (np.diff(stack.dz_um) > 0).all()


def test_beads_of_many_sizes_give_the_typical_one() -> None:
    """Compared up to the edge, beyond which rings of the largest beads are not measured."""
    rows = beads(40, spread=0.07)
    stack, inner = pooled(rows), RADII < 2.7
    error = (stack.mean - truth(stack.dz_um))[:, inner]
    assert np.abs(error[np.abs(stack.dz_um) < 93]).max() < 0.006
    assert np.abs(error).max() < 0.02  # only the smallest beads determine rings beyond
    assert stack.sd[:, inner].mean() == pytest.approx(0.02, rel=0.1)  # that of single beads
    of_one_size = pool_stack(rows[0], rows[1], rows[2], np.ones(len(rows[3])), RADII)
    assert (
        np.abs(of_one_size.sd[:, inner] - 0.02).max() > 0.015
    )  # the sizes of the beads are taken into account


def test_stack_extends_to_the_dz_of_the_smallest_bead() -> None:
    dz_um, profile, saturated, size = beads(4)
    size = np.where(np.arange(len(size)) % 4 == 0, 0.8, 1.0)
    stack = pool_stack(dz_um, profile, saturated, size, RADII)
    assert (stack.dz_um[0], stack.dz_um[-1]) == pytest.approx((-125, 125))


def test_spread_depends_on_dz() -> None:
    """The noise is three times as large above the plane as below."""
    rng = np.random.default_rng(5)
    dz_um, profile, saturated, size = beads(40, sd=0.0)
    sd = np.where(dz_um > 0, 0.03, 0.01)
    noisy = profile + sd[:, None] * rng.normal(size=profile.shape)
    stack = pooled((dz_um, noisy, saturated, size))
    assert stack.sd[stack.dz_um < -20].mean() == pytest.approx(0.01, rel=0.15)
    assert stack.sd[stack.dz_um > 20].mean() == pytest.approx(0.03, rel=0.15)


def test_spread_is_constant_beyond_the_last_groups_of_beads() -> None:
    """With noise that grows towards the ends, an extrapolated spread would rise or fall without bound."""
    rng = np.random.default_rng(8)
    dz_um, profile, saturated, size = beads(6, sd=0.0)
    sd = 0.01 * (1 + (np.abs(dz_um) / 50) ** 3)
    stack = pooled((dz_um, profile + sd[:, None] * rng.normal(size=profile.shape), saturated, size))
    for end in (stack.dz_um < -97, stack.dz_um > 97):
        assert np.ptp(stack.sd[end], axis=0).max() == 0


def test_the_spread_of_beads_that_hardly_differ_has_a_lower_bound() -> None:
    stack, inner = pooled(beads(sd=0.0, spread=0.05)), RADII < 2.7
    assert (stack.sd[np.ix_(np.abs(stack.dz_um) < 90, inner)] == MIN_SD).all()


def test_ends_are_known_as_well_as_the_middle() -> None:
    """An unknown end would never fit best, so positions beyond it could not be detected."""
    stack = pooled(beads())
    assert stack.sd.max() < 0.04
    assert stack.mean[[0, -1]] == pytest.approx(truth(stack.dz_um[[0, -1]]), abs=0.04)


def test_rings_have_no_weight_where_they_are_saturated() -> None:
    dz_um, profile, saturated, size = beads()
    saturated[:, 0] = True
    top = dz_um > 40
    saturated[top, 1] = True
    profile[top, 1] = 9.0
    stack = pooled((dz_um, profile, saturated, size))
    assert (stack.sd[:, 0] == UNKNOWN_SD).all()
    assert (stack.sd[stack.dz_um > 41, 1] == UNKNOWN_SD).all()
    clear = stack.dz_um < 39
    assert stack.mean[clear, 1] == pytest.approx(truth(stack.dz_um)[clear, 1], abs=0.05)
    assert (stack.sd[clear, 1] < 0.1).all()
    assert np.ptp(stack.mean[stack.dz_um >= 40, 1]) == 0  # continues without a jump
    assert np.abs(np.diff(stack.mean[:, 1])).max() < 0.01
    assert np.isfinite(stack.mean).all()
    assert np.isfinite(stack.sd).all()


def test_rings_saturated_in_some_exposures_are_known_from_others() -> None:
    dz_um, profile, saturated, size = beads(12)
    bright = (np.arange(len(dz_um)) % 3 == 0) & (np.abs(dz_um) < 50)
    saturated[bright, :5] = True
    profile[bright, :5] = 9.0
    stack = pooled((dz_um, profile, saturated, size))
    assert stack.mean == pytest.approx(truth(stack.dz_um), abs=0.03)
    assert stack.sd.max() < 0.1


def test_one_odd_bead_does_not_move_the_mean() -> None:
    rows = beads(spread=0.05)
    rows[1][::6] += 5.0
    stack = pooled(rows)
    error = (stack.mean - truth(stack.dz_um))[:, RADII < 2.7]
    assert np.abs(error[np.abs(stack.dz_um) < 95]).max() < 0.04


@pytest.mark.parametrize("spread", [0.0, 0.05])
@pytest.mark.parametrize("n_saturated", [0, 3])
def test_the_order_of_the_rows_does_not_matter(spread: float, n_saturated: int) -> None:
    rows = beads(spread=spread)
    rows[2][np.abs(rows[0]) < 30, :n_saturated] = True
    order = np.random.default_rng(1).permutation(len(rows[0]))
    dz_um, profile, saturated, size = (part[order] for part in rows)
    expected, found = pooled(rows), pool_stack(dz_um, profile, saturated, size, RADII)
    assert found.mean == pytest.approx(expected.mean, abs=1e-9)
    assert found.sd == pytest.approx(expected.sd, abs=1e-9)


def test_fewer_than_four_values_of_dz_are_refused() -> None:
    dz_um, profile, saturated, size = (part[:18] for part in beads())
    with pytest.raises(ValueError, match="four different values of dZ, not 3"):
        pool_stack(dz_um, profile, saturated, size, RADII)
