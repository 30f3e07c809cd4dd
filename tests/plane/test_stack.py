"""The pooled stack of radial profiles."""

import numpy as np
import pytest

from refp.arrays import FloatArray
from refp.plane import pool_stack
from refp.plane.stack import LEAST_SD, UNKNOWN_SD

RADII = np.linspace(0, 3, 7)
DZ_UM = np.linspace(-100, 100, 41)


def truth(dz_um: FloatArray) -> FloatArray:
    return 1 - np.exp(-(RADII[None] ** 2)) * (0.5 + 0.4 * np.cos(dz_um[:, None] / 60))


def beads(n: int = 6, sd: float = 0.02) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Beads of 41 frames: place, profile, nothing saturated, frame."""
    frame = np.repeat(np.arange(41), n)
    noise = np.random.default_rng(0).normal(0, sd, (41 * n, 7))
    profile = truth(DZ_UM)[frame] + noise
    return DZ_UM[frame], profile, np.zeros_like(profile, dtype=bool), frame


def test_mean_and_spread_of_the_beads() -> None:
    stack = pool_stack(*beads(40), RADII)
    assert stack.mean == pytest.approx(truth(stack.dz_um), abs=0.01)
    assert stack.sd.mean() == pytest.approx(0.02, rel=0.15)
    assert (stack.dz_um[0], stack.dz_um[-1]) == (-100, 100)
    assert (np.diff(stack.dz_um) > 0).all()


def test_beads_that_hardly_differ_keep_a_least_spread() -> None:
    assert (pool_stack(*beads(sd=0.0), RADII).sd == LEAST_SD).all()


def test_saturated_rings_weigh_nothing_where_they_are_saturated() -> None:
    dz_um, profile, saturated, frame = beads()
    saturated[np.abs(dz_um) < 300, 0] = True
    top = dz_um > 40
    saturated[top, 1] = True
    profile[top, 1] = 9.0
    stack = pool_stack(dz_um, profile, saturated, frame, RADII)
    assert (stack.sd[:, 0] == UNKNOWN_SD).all()
    assert (stack.sd[stack.dz_um > 41, 1] == UNKNOWN_SD).all()
    clear = stack.dz_um < 39
    assert stack.mean[clear, 1] == pytest.approx(truth(stack.dz_um)[clear, 1], abs=0.05)
    assert (stack.sd[clear, 1] < 0.1).all()
    assert np.isfinite(stack.mean).all()


def test_one_odd_bead_does_not_move_the_mean() -> None:
    dz_um, profile, saturated, frame = beads()
    profile[::6] += 5.0
    stack = pool_stack(dz_um, profile, saturated, frame, RADII)
    assert stack.mean == pytest.approx(truth(stack.dz_um), abs=0.04)


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = beads()
    order = np.random.default_rng(1).permutation(len(rows[0]))
    expected, found = pool_stack(*rows, RADII), pool_stack(*(r[order] for r in rows), RADII)
    assert found.mean == pytest.approx(expected.mean, abs=1e-9)
    assert found.sd == pytest.approx(expected.sd, abs=1e-9)


def test_fewer_than_four_places_are_refused() -> None:
    dz_um, profile, saturated, frame = (r[:18] for r in beads())
    with pytest.raises(ValueError, match="four different"):
        pool_stack(dz_um, profile, saturated, frame, RADII)
