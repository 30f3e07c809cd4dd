"""The smoothing spline against scipy's."""

import numpy as np
import pytest
from scipy.interpolate import make_smoothing_spline

from refp.plane import fit_smooth
from refp.plane.smooth import fit_smooth_each, smooth_with

X = np.linspace(-10.0, 10.0, 41)
RNG = np.random.default_rng(0)
CURVES = {
    "a peak": 1 / (1 + X**2) + RNG.normal(0, 0.02, 41),
    "a wave": np.sin(X) + RNG.normal(0, 0.1, 41),
    "noise": RNG.normal(0, 1, 41),
}


@pytest.mark.parametrize("y", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("lam", [1e-2, 1.0, 100.0])
def test_the_spline_is_scipys(y: np.ndarray, lam: float) -> None:
    at = np.linspace(-10, 10, 501)
    expected = make_smoothing_spline(X, y, lam=lam)(at)
    assert fit_smooth(X, y, lam=lam).spline(at) == pytest.approx(expected, abs=5e-3 * np.ptp(y))


def test_the_chosen_smoothness_recovers_a_curve_from_noise() -> None:
    x = np.linspace(-10, 10, 201)
    truth = 1 / (1 + (x / 2) ** 2)
    y = truth + np.random.default_rng(1).normal(0, 0.05, 201)
    smooth = fit_smooth(x, y)
    error = np.sqrt(np.mean((smooth.spline(x) - truth) ** 2))
    assert error < 0.5 * 0.05
    assert 6 < smooth.edf < 60


def test_abscissae_may_repeat_and_stand_in_any_order() -> None:
    """Repeats count as often as they stand: as weights do in scipy's spline."""
    y = CURVES["a wave"]
    x, values = np.concatenate([X, X[:20]]), np.concatenate([y, y[:20] + 0.2])
    order = np.random.default_rng(2).permutation(61)
    smooth = fit_smooth(x[order], values[order], lam=1.0)
    weights = np.ones(41)
    weights[:20] = 2
    mean = y.copy()
    mean[:20] += 0.1
    expected = make_smoothing_spline(X, mean, w=weights, lam=1.0)(X)
    assert smooth.spline(X) == pytest.approx(expected, abs=5e-3 * np.ptp(y))


def test_a_heavy_penalty_leaves_the_straight_line() -> None:
    y = CURVES["a peak"] + 0.3 * X
    smooth = fit_smooth(X, y, lam=1e7)
    line = np.polynomial.Polynomial.fit(X, y, 1)
    assert smooth.edf == pytest.approx(2.0, abs=0.01)
    assert smooth.spline(X) == pytest.approx(line(X), abs=1e-3)


def test_freedom_falls_as_the_penalty_rises_and_never_exceeds_the_points() -> None:
    y = CURVES["noise"]
    edf = [fit_smooth(X, y, lam=lam).edf for lam in (1e-9, 1e-3, 1.0, 1e3, 1e9)]
    assert (np.diff(edf) < 0).all()
    assert edf[0] < 41.5
    assert fit_smooth(X, y, lam=1e-9).spline(X) == pytest.approx(y, abs=0.02)


def test_many_curves_together_are_each_one_alone() -> None:
    y = np.stack(list(CURVES.values()), axis=1)
    together = fit_smooth(X, y, lam=0.5)
    at = np.linspace(-10, 10, 33)
    for k in range(3):
        alone = fit_smooth(X, y[:, k], lam=0.5)
        assert together.spline(at)[:, k] == pytest.approx(alone.spline(at), abs=1e-9)
        assert together.edf == pytest.approx(alone.edf)


@pytest.mark.parametrize("x", [[], [1.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 3.0, 3.0]])
def test_fewer_than_four_places_are_refused(x: list[float]) -> None:
    message = f"needs four different abscissae, not {len(set(x))}"
    with pytest.raises(ValueError, match=message):
        fit_smooth(np.array(x), np.zeros(len(x)))


def test_the_chosen_smoothness_does_not_hang_on_level_slope_and_unit() -> None:
    """A ring far from the bead stands at 1 and varies by 0.001: its level must not drown that."""
    y = CURVES["a peak"]
    plain = fit_smooth(X, y)
    other = fit_smooth(1000 + 7 * X, 1e-3 * y + 1 + 0.01 * X)
    assert other.edf == pytest.approx(plain.edf, rel=1e-3)
    assert 4 < plain.edf < 25
    expected = 1e-3 * plain.spline(X) + 1 + 0.01 * X
    assert other.spline(1000 + 7 * X) == pytest.approx(expected, abs=1e-6)


def test_the_chosen_smoothness_is_that_of_least_cross_validation() -> None:
    """Against the criterion worked out with scipy's spline, the freedom from its response."""
    y = CURVES["a peak"]

    def score(lam: float) -> float:
        fitted = make_smoothing_spline(X, y, lam=lam)(X)
        unit = np.eye(41)
        trace = sum(make_smoothing_spline(X, unit[k], lam=lam)(X)[k] for k in range(41))
        freedom = 41 - 1.4 * trace
        return float(((y - fitted) ** 2).sum() / freedom**2) if freedom > 0 else np.inf

    lam = np.geomspace(1e-3, 10, 41)
    best = lam[np.argmin([score(value) for value in lam])]
    assert np.log10(fit_smooth(X, y).lam) == pytest.approx(np.log10(best), abs=0.15)


def test_curves_of_noise_do_not_flatten_a_curve_with_a_peak() -> None:
    """One smoothness for all: thirty rings of background beside one that tells."""
    rng = np.random.default_rng(4)
    peak = 1 / (1 + (X / 3) ** 2)
    y = np.column_stack([rng.normal(0, 0.01, (41, 30)), peak + rng.normal(0, 0.01, 41)])
    assert fit_smooth(X, y).spline(X)[:, -1] == pytest.approx(peak, abs=0.05)


def test_four_places_are_enough() -> None:
    x = np.array([0.0, 1.0, 2.0, 4.0])
    assert fit_smooth(x, 2 * x + 1).spline(x) == pytest.approx(2 * x + 1, abs=1e-6)


def test_a_shift_and_a_scale_of_the_values_carry_over() -> None:
    y = CURVES["a peak"]
    plain, scaled = fit_smooth(X, y, lam=1.0), fit_smooth(X, 7 * y + 3, lam=1.0)
    assert scaled.spline(X) == pytest.approx(7 * plain.spline(X) + 3, abs=1e-6)


def hat_matrix(x: np.ndarray, lam: float) -> np.ndarray:
    """What takes values to fitted values, column by column from unit values."""
    return np.stack([fit_smooth(x, unit, lam=lam).spline(x) for unit in np.eye(len(x))], axis=1)


UNEVEN = np.sort(np.random.default_rng(5).uniform(-10, 10, 30))
SOME_PLACES = {"even": X, "uneven": UNEVEN, "repeated": np.concatenate([X[::2], X[::2]])}


@pytest.mark.parametrize("x", SOME_PLACES.values(), ids=SOME_PLACES)
@pytest.mark.parametrize("lam", [1e-2, 1.0, 30.0])
def test_leverage_is_the_diagonal_of_the_hat_matrix(x: np.ndarray, lam: float) -> None:
    smooth = fit_smooth(x, np.cos(x), lam=lam)
    hat = hat_matrix(x, lam)
    assert smooth.leverage == pytest.approx(np.diag(hat), abs=1e-3)
    assert smooth.edf == pytest.approx(np.trace(hat), rel=2e-3)
    assert hat.sum(axis=1) == pytest.approx(1.0, abs=1e-6)


def test_a_known_smoothness_gives_the_same_curves() -> None:
    y = np.stack(list(CURVES.values()), axis=1)
    at = np.linspace(-10, 10, 33)
    smooth = fit_smooth(X, y)
    assert smooth_with(X, y, smooth.lam)(at) == pytest.approx(smooth.spline(at))


def test_each_curve_smoothed_by_itself_is_that_curve_alone() -> None:
    y = np.stack([*CURVES.values(), 5 + 1e-3 * CURVES["a wave"]], axis=1)
    at = np.linspace(-10, 10, 33)
    for k, smooth in enumerate(fit_smooth_each(X, y)):
        alone = fit_smooth(X, y[:, k])
        assert smooth.lam == pytest.approx(alone.lam)
        assert smooth.spline(at) == pytest.approx(alone.spline(at), abs=1e-9)
        assert smooth.leverage == pytest.approx(alone.leverage)
