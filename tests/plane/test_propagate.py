"""Propagation of stage errors to a plane, on peaks with a solution in closed form."""

import numpy as np
import pytest

from refp.core.arrays import FloatArray, IntArray
from refp.plane.pool import Curve
from refp.plane.propagate import (
    BY_VALIDATION,
    FACTORS,
    FieldCurves,
    StageDraws,
    choose_smoothing,
    draw_stage_errors,
    spread_positions,
)
from refp.plane.smooth import fit_smooth, smooth_with

Z_UM = np.arange(-90.0, 91.0, 7.5)
ONE_SWEEP = np.zeros(len(Z_UM), dtype=np.int64)
WIDTH_UM = 30.0


def peak(z_um: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * (z_um / WIDTH_UM) ** 2))


def moved(sigma_um: float, sweep: IntArray = ONE_SWEEP, z_um: FloatArray = Z_UM) -> FloatArray:
    """Return draws for a peak whose frames have stage errors of 1 um."""
    true_um = z_um + np.random.default_rng(4).normal(0, 1.0, len(z_um))
    used = np.ones(len(z_um), dtype=np.bool_)
    curves = [Curve(z_um, sign * peak(true_um), used, sign) for sign in (-1, 1)]
    field = FieldCurves(curves, true_um, sweep, sigma_um, 17.0)
    draws = draw_stage_errors(field, BY_VALIDATION)
    return np.asarray(draws.moved_um.mean(axis=0))


def test_without_stage_errors_only_the_smoother_moves_the_peak() -> None:
    assert np.ptp(moved(0.0)) < 1e-9
    assert np.abs(moved(0.0)).max() < 0.3


def test_small_errors_move_the_plane_in_proportion() -> None:
    assert moved(0.4).std() == pytest.approx(2 * moved(0.2).std(), rel=0.05)


def test_a_symmetric_peak_has_no_bias() -> None:
    drawn = moved(2.5)
    assert abs(drawn.mean()) < 0.3


def test_the_scatter_is_due_to_the_frames_on_the_flanks() -> None:
    """It is between that of a mean of all 25 frames and of the four nearest to the plane."""
    assert 1.0 / np.sqrt(25) < moved(1.0).std() < 1.0 / np.sqrt(4)


def test_twice_the_frames_halve_the_variance() -> None:
    twice = np.concatenate([Z_UM, Z_UM])
    sweep = np.repeat([0, 1], len(Z_UM))
    ratio = moved(1.0, sweep, twice).std() / moved(1.0).std()
    assert ratio == pytest.approx(np.sqrt(0.5), rel=0.3)


def test_the_draws_are_the_same_each_time() -> None:
    assert (moved(1.0) == moved(1.0)).all()


def test_a_bias_is_corrected_by_a_fraction() -> None:
    """Means of 3 and 1 um, 2 um for the plane; the draws scatter by 2.8 um, so the fraction is a third."""
    scatter = np.array([-2.0, 2.0])
    draws = StageDraws(np.array([3.0 + scatter, 1.0 + scatter]), np.empty((0, 2)), np.zeros(2))
    assert draws.sd_um == pytest.approx(np.sqrt(8.0))
    fraction = 4.0 / (4.0 + 8.0)
    assert draws.corrected_fraction == pytest.approx(fraction)
    assert draws.correction_um == pytest.approx([3.0 * fraction, 1.0 * fraction])
    assert draws.residual_um == pytest.approx(2.0 * (1 - fraction))


def test_the_shift_by_smoothing_is_that_of_the_beads_own_curves() -> None:
    """Means of 3 and 1 um, of which 1 and -1 are smoothing; with 0.5 and 0.1 instead, 2.5 and 2.1."""
    scatter = np.array([-0.1, 0.1])
    moved = np.array([3.0 + scatter, 1.0 + scatter])
    draws = StageDraws(moved, np.empty((0, 2)), np.array([1.0, -1.0]))
    own = draws.with_smoothing(np.array([0.5, 0.1]), 1.2)
    assert own.sd_um == pytest.approx(draws.sd_um)
    assert own.bias_um == pytest.approx(2.3)
    fraction = 2.3**2 / (2.3**2 + draws.sd_um**2 + 1.2**2)
    assert own.correction_um == pytest.approx([2.5 * fraction, 2.1 * fraction])
    remains = 2.3 * (1 - fraction)
    assert own.residual_um == pytest.approx(np.hypot(remains, (0.5 + 0.1) / 2))


def test_without_stage_errors_all_of_the_shift_is_smoothing() -> None:
    true_um = Z_UM + np.random.default_rng(4).normal(0, 1.0, len(Z_UM))
    used = np.ones(len(Z_UM), dtype=np.bool_)
    curves = [Curve(Z_UM, sign * peak(true_um), used, sign) for sign in (-1, 1)]
    draws = draw_stage_errors(FieldCurves(curves, true_um, ONE_SWEEP, 0.0, 17.0), BY_VALIDATION)
    np.testing.assert_allclose(draws.moved_um, draws.smoothing_um[:, None] + 0 * draws.moved_um)
    assert draws.error_um.shape == (len(Z_UM), 200)


def test_errors_that_frames_and_plane_share_are_no_errors_of_dz() -> None:
    """By hand: constant draws are followed wholly; the plane moves by as much in the other direction."""
    constant = np.tile([-2.0, 1.0, 4.0], (len(Z_UM), 1))
    shared = StageDraws(np.stack([-constant[0], -constant[0]]), constant, np.zeros(2))
    dz_um, sd_um = spread_positions(shared, Z_UM, 1.0, 15.0)
    np.testing.assert_allclose(dz_um[[0, -1]], Z_UM[[0, -1]] - 15.0)
    np.testing.assert_allclose(sd_um, 0.0, atol=1e-9)
    fixed = StageDraws(np.zeros((2, 3)), constant, np.zeros(2))
    np.testing.assert_allclose(spread_positions(fixed, Z_UM, 1.0, 0.0)[1], 3.0)


def test_a_smoother_stack_keeps_less_of_the_stage_errors() -> None:
    error = np.random.default_rng(5).normal(0.0, 2.5, (len(Z_UM), 400))
    draws = StageDraws(np.zeros((2, 400)), error, np.zeros(2))
    means = [spread_positions(draws, Z_UM, lam, 0.0)[1].mean() for lam in (1e-3, 1e3, 1e9)]
    assert means[0] == pytest.approx(2.5, rel=0.1)
    assert means[0] > means[1] > means[2]
    # A straight line has two degrees of freedom in 25 frames.
    assert means[2] == pytest.approx(2.5 * np.sqrt(2 / 25), rel=0.2)


def field_of(width_um: float, skew: float, sigma_um: float, step_um: float = 7.5) -> FieldCurves:
    """Return curves with a peak of known width; ``skew`` makes the side above the peak wider."""
    z_um = np.arange(-90.0, 90.1, step_um)
    true_um = z_um + np.random.default_rng(6).normal(0, sigma_um, len(z_um))
    value = np.exp(-0.5 * (true_um / np.where(true_um > 0, width_um * (1 + skew), width_um)) ** 2)
    used = np.ones(len(z_um), dtype=np.bool_)
    curves = [Curve(z_um, sign * value, used, sign) for sign in (-1, 1)]
    return FieldCurves(curves, true_um, np.zeros(len(z_um), dtype=np.int64), sigma_um, 17.0)


def validated(field: FieldCurves) -> FloatArray:
    fits = [fit_smooth(*curve.points) for curve in field.curves]
    return np.array([fit.lam / len(field.true_um) for fit in fits])


def test_a_broad_peak_of_scattered_frames_is_smoothed_by_more_than_cross_validation() -> None:
    field = field_of(width_um=45.0, skew=0.0, sigma_um=2.5)
    assert choose_smoothing(field) == pytest.approx(max(FACTORS) * validated(field))


def test_a_sharp_lopsided_peak_is_smoothed_by_cross_validation() -> None:
    field = field_of(width_um=9.0, skew=1.5, sigma_um=0.2)
    assert choose_smoothing(field) == pytest.approx(validated(field))


def test_the_chosen_smoothing_reduces_the_error_of_the_plane() -> None:
    """Against the closed form, whose peak is at 0, over 60 sweeps of one peak."""
    z_um, rng = np.arange(-90.0, 91.0, 5.0), np.random.default_rng(8)
    used, sweep = np.ones(len(z_um), dtype=np.bool_), np.zeros(len(z_um), dtype=np.int64)
    grid = np.linspace(-17.0, 17.0, 1001)
    errors = []
    for _ in range(60):
        true_um = z_um + rng.normal(0, 2.5, len(z_um))
        curve = Curve(z_um, peak(true_um), used, 1)
        chosen = choose_smoothing(FieldCurves([curve], true_um, sweep, 2.5, 17.0))[0] * len(z_um)
        lams = (fit_smooth(*curve.points).lam, float(chosen))
        errors.append([grid[smooth_with(*curve.points, lam)(grid).argmax()] for lam in lams])
    by_validation, by_draws = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    assert by_draws < 0.9 * by_validation


def test_draws_are_of_the_smoothing_that_is_given() -> None:
    field = field_of(width_um=45.0, skew=0.0, sigma_um=2.5)
    default, same = (
        draw_stage_errors(field, weights).moved_um for weights in (BY_VALIDATION, validated(field))
    )
    np.testing.assert_array_equal(default, same)
    smoother = draw_stage_errors(field, 10 * validated(field))
    assert smoother.sd_um < 0.95 * default.mean(axis=0).std(ddof=1)
