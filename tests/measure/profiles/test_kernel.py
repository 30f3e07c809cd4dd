"""The compiled fit against scipy, and its parts against numpy."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import BSpline

from refp.core.arrays import FloatArray, Image
from refp.core.jit import digest
from refp.core.rows import join, take
from refp.measure.profiles import evaluate, extreme_slopes, fit_profiles
from refp.measure.profiles.profiles import RadialProfiles
from refp.measure.profiles.rings import clipped_mean
from refp.settings import ProfileSettings, make_instrument, read_instrument
from refp.synthetic import render_single_bead

from .oracle import disc, smoothing_spline

A2K = make_instrument(read_instrument("a2k"), "a2k")
SETTINGS = ProfileSettings()
RADIUS = A2K.bead_radius_px
LAM = SETTINGS.smoothing * RADIUS**5
SIDE = 81


def clipped(values: FloatArray) -> float:
    return clipped_mean(values, len(values), np.empty_like(values))


def fit_one(image: FloatArray, start: tuple[float, float]) -> RadialProfiles:
    return fit_profiles(image, np.array([start]), A2K, SETTINGS)


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
    y, x, values = disc(image, fit.center_px[0], A2K.tile_side_px / 2)
    expected = smoothing_spline(
        np.hypot(y - fit.center_px[0, 0], x - fit.center_px[0, 1]), values, LAM
    )
    at = np.linspace(0.6, 30, 601)  # no pixel is nearer to a centre between pixels
    ours = evaluate(fit.coefficients, fit.knot_px, at)[0]
    assert ours == pytest.approx(expected(at), abs=0.002 * np.ptp(values))
    assert np.interp(1.0, at, ours) == pytest.approx(expected(1.0), rel=0.01)
    slope = expected.derivative()(np.linspace(0, 1.5 * RADIUS, 3001)).min()
    # Far from the plane the slope is noise; the limit is a fraction of the slope at the plane, 71.
    assert extreme_slopes(fit, 1.5 * RADIUS)[0][0] == pytest.approx(slope, rel=0.01, abs=0.071)


def test_closer_knots_come_nearer_to_scipys_spline() -> None:
    """The difference at the default spacing is due to the knots, not to penalty or solver."""
    image = render_single_bead(120.0, A2K, side_px=SIDE, center_px=(39.5, 40.2), noise=True)
    at = np.linspace(0.6, 30, 601)
    errors = []
    for spacing in (0.05, 0.0125):
        profile = ProfileSettings(knot_spacing_radii=spacing)
        fit = fit_profiles(image, np.array([[39.5, 40.2]]), A2K, profile)
        y, x, values = disc(image, fit.center_px[0], A2K.tile_side_px / 2)
        r = np.hypot(y - fit.center_px[0, 0], x - fit.center_px[0, 1])
        ours = evaluate(fit.coefficients, fit.knot_px, at)[0]
        errors.append(np.abs(ours - smoothing_spline(r, values, LAM, 5)(at)).max() / np.ptp(values))
    assert errors[1] < 5e-4 < errors[0] < 5e-3


def test_values_are_those_of_scipys_b_spline() -> None:
    coefficients = np.random.default_rng(0).normal(size=(3, 12))
    at = np.linspace(0, 9 * 0.7, 50)
    expected = BSpline((np.arange(16) - 3) * 0.7, coefficients, 3, axis=1)(at)
    assert evaluate(coefficients, 0.7, at) == pytest.approx(expected, abs=1e-12)


@given(
    coefficients=arrays(
        np.float64, st.tuples(st.integers(1, 3), st.integers(6, 20)), elements=st.floats(-1e3, 1e3)
    ),
    reach_knots=st.floats(0.1, 12),
)
def test_extreme_slopes_are_exact(coefficients: FloatArray, reach_knots: float) -> None:
    n, k = coefficients.shape
    knot = 0.7
    nothing = np.zeros(n)
    profiles = RadialProfiles(
        *(np.zeros((n, 2)), nothing > 0, coefficients, np.zeros((n, 1)), nothing, nothing, nothing),
        *(nothing, nothing.astype(int), np.zeros((n, 1), bool), nothing, nothing),
        *(np.zeros(1), 0.0, knot, 9.0),
    )
    least, greatest = extreme_slopes(profiles, reach_knots * knot)
    last = min(k - 3, int(np.ceil(reach_knots)))
    at = np.linspace(0, last * knot, 2001)
    for row in range(n):
        slopes = BSpline((np.arange(k + 4) - 3) * knot, coefficients[row], 3).derivative()(at)
        tolerance = 1e-9 + 1e-3 * np.ptp(coefficients[row])  # of the grid of the reference
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
def test_a_clipped_mean_is_robust_and_not_quantised(level: float, bad: float) -> None:
    rng = np.random.default_rng(0)
    values = np.rint(rng.normal(level, 0.6, 400))
    values[: int(bad * 400)] = rng.choice([0.0, 255.0, 90.0], int(bad * 400))
    rng.shuffle(values)
    assert clipped(values) == pytest.approx(level, abs=0.15)


def test_a_clipped_mean_of_equal_values_and_of_one() -> None:
    assert clipped(np.full(9, 7.0)) == 7.0
    assert clipped(np.array([5.0])) == 5.0


def test_rings_and_saturated_pixels_are_counted() -> None:
    """Against a direct count over the same disc and the same rings."""
    image = render_single_bead(0.0, A2K, side_px=SIDE, exposure_ms=24.0)
    white = A2K.replace("optics.white_level", 200)
    image[40, 52] = 255
    fit = fit_profiles(image, np.array([[40.0, 40.0]]), white, SETTINGS)
    y, x, values = disc(image, fit.center_px[0], A2K.tile_side_px / 2)
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
    """A bright cell covers a fifth of the rings about a bead and hardly changes their levels."""
    image = render_single_bead(0.0, A2K, side_px=SIDE)
    clean = fit_one(image, (40, 40))
    image[50:62, 36:45] = 200
    soiled = fit_one(image, (40, 40))
    rings = (clean.radius_radii > 1.3) & (clean.radius_radii < 2.3)
    assert soiled.intensity[0, rings] == pytest.approx(clean.intensity[0, rings], abs=1.0)
    assert soiled.background[0] == pytest.approx(clean.background[0], abs=0.5)


def test_a_ring_outside_the_frame_goes_on_as_the_spline() -> None:
    image = render_single_bead(0.0, A2K, side_px=41, noise=True)
    fit = fit_one(image, (20, 20))
    ring_px = fit.radius_radii * RADIUS
    outside = ring_px > np.hypot(20, 20) + 1
    spline = evaluate(fit.coefficients, fit.knot_px, ring_px)
    assert np.count_nonzero(outside) > 1
    assert fit.intensity[0, outside] == pytest.approx(spline[0, outside], rel=1e-12)


@given(
    values=arrays(np.float64, st.integers(1, 60), elements=st.integers(0, 12).map(float)),
    far=st.sampled_from([0.0, 1e3]),
)
def test_a_clipped_mean_is_that_of_numpy(values: FloatArray, far: float) -> None:
    """Whole numbers, so that many are equal."""
    values[::3] += far
    middle = np.median(values)
    reach = max(2.5 * 1.4826 * np.median(np.abs(values - middle)), 1.0)
    expected = values[np.abs(values - middle) <= reach].mean()
    before = values.copy()
    assert clipped(values) == pytest.approx(expected, rel=1e-12)
    assert (values == before).all()


KINDS = {
    "16 bits": lambda image: image.astype(np.uint16),
    "another byte order": lambda image: image.astype(">u2"),
    "a view": lambda image: np.repeat(image, 2, axis=1)[:, ::2],
    "columns first": np.asfortranarray,
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_kind_of_frame_does_not_matter(kind: Callable[[Image], Image]) -> None:
    image = render_single_bead(30.0, A2K, side_px=SIDE, noise=True)
    plain, other = fit_one(image, (40, 40)), fit_one(kind(image), (40, 40))
    assert other.center_px == pytest.approx(plain.center_px, abs=1e-9)
    assert other.intensity == pytest.approx(plain.intensity, abs=1e-9)


def test_a_frame_that_may_not_be_written_is_read() -> None:
    image = render_single_bead(30.0, A2K, side_px=SIDE, noise=True)
    image.flags.writeable = False
    assert fit_one(image, (40, 40)).converged[0]


def test_profiles_do_without_their_coefficients() -> None:
    """They are not used after the features are measured; joined sweeps have none."""
    fit = fit_one(render_single_bead(0.0, A2K, side_px=SIDE), (40, 40))
    light = replace(fit, coefficients=np.empty((1, 0)))
    both = take(join([light, light]), np.array([1]))
    assert both.coefficients.shape == (1, 0)
    assert (both.normalised == fit.normalised).all()


def test_the_digest_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one")
    (tmp_path / "b.py").write_text("two")
    (tmp_path / "notes.txt").write_text("three")
    first = digest(tmp_path)
    (tmp_path / "notes.txt").write_text("four")
    assert digest(tmp_path) == first
    (tmp_path / "b.py").write_text("five")
    assert digest(tmp_path) != first
