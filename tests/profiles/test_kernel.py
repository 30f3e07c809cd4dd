"""The compiled fit against scipy, and its small parts against plain numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import BSpline, make_smoothing_spline
from scipy.optimize import minimize

from refp.arrays import FloatArray
from refp.profiles import ProfileSettings, evaluate, extreme_slopes, fit_profiles
from refp.profiles.kernel import clipped_mean
from refp.profiles.profiles import RadialProfiles
from refp.sweeps import make_instrument, read_instrument
from refp.synthetic import render_single_bead

A2K = make_instrument(read_instrument("a2k"), "a2k")
SETTINGS = ProfileSettings()
RADIUS = A2K.bead_radius_px
LAM = SETTINGS.smoothing * RADIUS**5
SIDE = 81


def fit_one(image: FloatArray, start: tuple[float, float]) -> RadialProfiles:
    return fit_profiles(image, np.array([start]), A2K, SETTINGS)


def pixels_within(image: FloatArray, center: FloatArray, radius: float) -> tuple[FloatArray, ...]:
    y, x = np.indices(image.shape)
    inside = np.hypot(y - center[0], x - center[1]) <= radius
    return y[inside], x[inside], image[inside].astype(float)


def oracle(r: FloatArray, values: FloatArray, decimals: int = 3) -> BSpline:
    """Scipy's smoothing spline; it refuses repeats, so equal distances are averaged with weights."""
    distance, index, n = np.unique(np.round(r, decimals), return_inverse=True, return_counts=True)
    return make_smoothing_spline(distance, np.bincount(index, values) / n, w=n * 1.0, lam=LAM)


BEADS = {
    "at the plane": (0.0, (40.0, 40.0)),
    "between pixels": (0.0, (40.31, 39.78)),
    "below": (-60.0, (40.31, 39.78)),
    "above": (120.0, (39.5, 40.2)),
}


@pytest.mark.parametrize(("dz_um", "center"), BEADS.values(), ids=BEADS)
def test_the_spline_is_scipys(dz_um: float, center: tuple[float, float]) -> None:
    image = render_single_bead(dz_um, A2K, side_px=SIDE, center_px=center, noise=True)
    fit = fit_one(image, center)
    y, x, values = pixels_within(image, fit.center_px[0], A2K.tile_side_px / 2)
    expected = oracle(np.hypot(y - fit.center_px[0, 0], x - fit.center_px[0, 1]), values)
    at = np.linspace(0.6, 30, 601)  # no pixel lies nearer to a centre between pixels
    ours = evaluate(fit.coefficients, fit.knot_px, at)[0]
    assert ours == pytest.approx(expected(at), abs=0.005 * np.ptp(values))
    assert np.interp(1.0, at, ours) == pytest.approx(expected(1.0), rel=0.01)
    slope = expected.derivative()(np.linspace(0, 1.5 * RADIUS, 3001)).min()
    # Far from the plane the slope is noise: there the limit is a part of the slope at the plane, 71.
    assert extreme_slopes(fit, 1.5 * RADIUS)[0][0] == pytest.approx(slope, rel=0.01, abs=0.071)


def test_closer_knots_come_nearer_to_scipys_spline() -> None:
    """What is left at the default spacing is the knots', not the penalty's or the solver's."""
    image = render_single_bead(120.0, A2K, side_px=SIDE, center_px=(39.5, 40.2), noise=True)
    at = np.linspace(0.6, 30, 601)
    errors = []
    for spacing in (0.05, 0.0125):
        profile = ProfileSettings(knot_spacing_radii=spacing)
        fit = fit_profiles(image, np.array([[39.5, 40.2]]), A2K, profile)
        y, x, values = pixels_within(image, fit.center_px[0], A2K.tile_side_px / 2)
        r = np.hypot(y - fit.center_px[0, 0], x - fit.center_px[0, 1])
        ours = evaluate(fit.coefficients, fit.knot_px, at)[0]
        errors.append(np.abs(ours - oracle(r, values, 5)(at)).max() / np.ptp(values))
    assert errors[1] < 5e-4 < errors[0] < 5e-3


@pytest.mark.parametrize("dz_um", [0.0, 60.0])
def test_the_center_is_that_of_a_slow_search(dz_um: float) -> None:
    """Nelder-Mead on the residual of scipy's spline over the same fixed set of pixels."""
    image = render_single_bead(dz_um, A2K, side_px=SIDE, center_px=(40.31, 39.78), noise=True)
    fitted = fit_one(image, (40.6, 40.2)).center_px[0]
    reach = SETTINGS.center_fit_radii * RADIUS
    y, x, values = pixels_within(image, np.rint(fitted), reach)

    def residual(center: FloatArray) -> float:
        r = np.hypot(y - center[0], x - center[1])
        return float(((values - oracle(r, values)(r)) ** 2).sum())

    options = {"xatol": 2e-3, "fatol": 1e-3, "initial_simplex": [[40, 40], [40.5, 40], [40, 39.5]]}
    found = minimize(residual, (40.0, 40.0), method="Nelder-Mead", options=options)
    assert fitted == pytest.approx(found.x, abs=0.02)


@given(
    coefficients=arrays(
        np.float64, st.tuples(st.integers(1, 3), st.integers(6, 20)), elements=st.floats(-1e3, 1e3)
    ),
    reach_knots=st.floats(0.1, 12),
)
@settings(deadline=None, max_examples=60)
def test_extreme_slopes_are_exact(coefficients: FloatArray, reach_knots: float) -> None:
    n, k = coefficients.shape
    knot = 0.7
    nothing = np.zeros(n)
    profiles = RadialProfiles(
        *(np.zeros((n, 2)), nothing > 0, coefficients, np.zeros((n, 1)), nothing, nothing, nothing),
        *(nothing, nothing.astype(int), np.zeros((n, 1), bool), np.zeros(1), 0.0, knot, 9.0),
    )
    least, greatest = extreme_slopes(profiles, reach_knots * knot)
    last = min(k - 3, int(np.ceil(reach_knots)))
    at = np.linspace(0, last * knot, 2001)
    for row in range(n):
        slopes = BSpline((np.arange(k + 4) - 3) * knot, coefficients[row], 3).derivative()(at)
        tolerance = 1e-9 + 1e-3 * np.ptp(coefficients[row])  # of the grid, not of ours
        assert least[row] <= slopes.min() + 1e-9
        assert greatest[row] >= slopes.max() - 1e-9
        assert least[row] == pytest.approx(slopes.min(), abs=tolerance)
        assert greatest[row] == pytest.approx(slopes.max(), abs=tolerance)


def test_extreme_slopes_of_a_bead_without_a_fit_are_nan() -> None:
    image = render_single_bead(0.0, A2K, side_px=SIDE)
    fit = fit_profiles(image, np.array([[40.0, 40.0], [500.0, 500.0]]), A2K, SETTINGS)
    least, greatest = extreme_slopes(fit, 10.0)
    assert np.isfinite(least[0])
    assert np.isnan([least[1], greatest[1]]).all()


@pytest.mark.parametrize("level", [36.0, 36.25, 36.5, 36.75])
@pytest.mark.parametrize("bad", [0.0, 0.3])
def test_a_clipped_mean_is_robust_and_not_held_to_whole_numbers(level: float, bad: float) -> None:
    rng = np.random.default_rng(0)
    values = np.rint(rng.normal(level, 0.6, 400))
    values[: int(bad * 400)] = rng.choice([0.0, 255.0, 90.0], int(bad * 400))
    rng.shuffle(values)
    assert clipped_mean(values) == pytest.approx(level, abs=0.15)


def test_a_clipped_mean_of_equal_values_and_of_one() -> None:
    assert clipped_mean(np.full(9, 7.0)) == 7.0
    assert clipped_mean(np.array([5.0])) == 5.0


def test_rings_and_saturated_pixels_are_counted() -> None:
    """Against a plain count over the same disc and the same rings."""
    image = render_single_bead(0.0, A2K, side_px=SIDE, exposure_ms=24.0)
    white = A2K.model_copy(update={"optics": A2K.optics.model_copy(update={"white_level": 200})})
    image[40, 52] = 255
    fit = fit_profiles(image, np.array([[40.0, 40.0]]), white, SETTINGS)
    y, x, values = pixels_within(image, fit.center_px[0], A2K.tile_side_px / 2)
    r = np.hypot(y - fit.center_px[0, 0], x - fit.center_px[0, 1])
    rings = np.rint(r[values >= 200] / (SETTINGS.ring_spacing_radii * RADIUS)).astype(int)
    assert fit.n_saturated_px[0] == np.count_nonzero(values >= 200) > 1
    assert set(np.flatnonzero(fit.saturated[0])) == set(rings)
    assert 0 < fit.saturated[0].sum() < 10


def test_no_pixel_is_saturated_below_the_full_scale_of_the_type() -> None:
    image = render_single_bead(0.0, A2K, side_px=SIDE, exposure_ms=12.0)
    assert fit_one(image, (40, 40)).n_saturated_px[0] == 0
    assert fit_one(image.astype(np.uint16), (40, 40)).n_saturated_px[0] == 0


def test_a_ring_of_outliers_does_not_move_its_level() -> None:
    """A bright cell covers a fifth of the rings about a bead; the rings' levels hardly notice."""
    image = render_single_bead(0.0, A2K, side_px=SIDE)
    clean = fit_one(image, (40, 40))
    image[50:62, 36:45] = 200
    soiled = fit_one(image, (40, 40))
    rings = (clean.radius_radii > 1.3) & (clean.radius_radii < 2.3)
    assert soiled.intensity[0, rings] == pytest.approx(clean.intensity[0, rings], abs=1.0)
    assert soiled.background[0] == pytest.approx(clean.background[0], abs=0.5)


def test_rings_outside_the_frame_are_nan() -> None:
    image = np.full((30, 30), 50.0)
    fit = fit_profiles(image.astype(np.uint8), np.array([[15.0, 15.0]]), A2K, SETTINGS)
    levels, *_ = ring_statistics(
        image, fit.center_px, fit.coefficients, fit.knot_px, LAM, 1.0, 32, A2K.background_px, 255.0
    )
    assert levels[0, :15] == pytest.approx(np.full(15, 50.0))
    assert np.isnan(levels[0, 23:]).all()
