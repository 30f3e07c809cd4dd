"""What stage errors do to the reading of a plane, on peaks whose answer is a closed form."""

import numpy as np
import pytest

from refp.core.arrays import FloatArray, IntArray
from refp.plane.pool import Curve
from refp.plane.propagate import StageDraws, draw_stage_errors

Z_UM = np.arange(-90.0, 91.0, 7.5)
ONE_SWEEP = np.zeros(len(Z_UM), dtype=np.int64)
WIDTH_UM = 30.0


def peak(z_um: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * (z_um / WIDTH_UM) ** 2))


def moved(sigma_um: float, sweep: IntArray = ONE_SWEEP, z_um: FloatArray = Z_UM) -> FloatArray:
    """How far drawn errors move the plane of a peak whose frames are off by 1 um themselves."""
    true_um = z_um + np.random.default_rng(4).normal(0, 1.0, len(z_um))
    used = np.ones(len(z_um), dtype=np.bool_)
    curves = [Curve(z_um, sign * peak(true_um), used, sign) for sign in (-1, 1)]
    draws = draw_stage_errors(curves, true_um, sweep, sigma_um, 17.0)
    return np.asarray(draws.moved_um.mean(axis=0))


def test_without_stage_errors_only_the_smoother_moves_the_peak() -> None:
    assert np.ptp(moved(0.0)) < 1e-9
    assert np.abs(moved(0.0)).max() < 0.3


def test_small_errors_move_the_plane_in_proportion() -> None:
    assert moved(0.4).std() == pytest.approx(2 * moved(0.2).std(), rel=0.05)


def test_a_symmetric_peak_is_moved_to_no_side() -> None:
    drawn = moved(2.5)
    assert abs(drawn.mean()) < 0.3


def test_the_scatter_is_of_the_frames_on_the_flanks() -> None:
    """It lies between the mean of all 25 frames and that of the four nearest to the plane."""
    assert 1.0 / np.sqrt(25) < moved(1.0).std() < 1.0 / np.sqrt(4)


def test_twice_the_frames_halve_the_variance() -> None:
    twice = np.concatenate([Z_UM, Z_UM])
    sweep = np.repeat([0, 1], len(Z_UM))
    ratio = moved(1.0, sweep, twice).std() / moved(1.0).std()
    assert ratio == pytest.approx(np.sqrt(0.5), rel=0.3)


def test_the_draws_are_the_same_each_time() -> None:
    assert (moved(1.0) == moved(1.0)).all()


def test_a_bias_is_taken_off_as_far_as_it_stands_out() -> None:
    """Means of 3 and 1 um, that of the plane 2; the draws scatter by 2.8 um: a third is taken off."""
    scatter = np.array([-2.0, 2.0])
    draws = StageDraws(np.array([3.0 + scatter, 1.0 + scatter]))
    assert draws.sd_um == pytest.approx(np.sqrt(8.0))
    share = 4.0 / (4.0 + 8.0)
    assert draws.share == pytest.approx(share)
    assert draws.correction_um == pytest.approx([3.0 * share, 1.0 * share])
    assert draws.residual_um == pytest.approx(2.0 * (1 - share))
