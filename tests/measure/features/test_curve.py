"""Feature curves of sweeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.core.rows import take
from refp.measure.beads import Beads
from refp.measure.features import (
    BeadFeatures,
    SweepMeasurement,
    feature_curve,
    flag_outliers,
    measure_features,
)
from refp.measure.profiles import RadialProfiles, evaluate, fit_profiles
from refp.settings import (
    FeatureSettings,
    ProfileSettings,
    load_recipe,
    make_instrument,
    read_instrument,
)
from refp.sweeps import Frame, SweepKey
from refp.synthetic import render_single_bead

KEY = SweepKey("set", 1, 1, 12.0)
DEFAULT = FeatureSettings()
A2K = make_instrument(read_instrument("a2k"), "a2k")


def a_profile(dz_um: float) -> RadialProfiles:
    image = render_single_bead(dz_um, A2K, side_px=81)
    return fit_profiles(image, np.array([[40.0, 40.0]]), A2K, ProfileSettings())


def sweep(
    frames: list[list[float]],
    flags: dict[tuple[int, int], BeadFlag] | None = None,
    saturated: set[tuple[int, int]] | None = None,
) -> SweepMeasurement:
    """One frame per list, one bead per value of SS; CI is ten times its negative."""
    places = [(i, j) for i, values in enumerate(frames) for j in range(len(values))]
    slope = np.array([frames[i][j] for i, j in places], dtype=float)
    n = len(slope)
    marks = np.array([(flags or {}).get(place, 0) for place in places], dtype=np.uint32)
    full = np.array([place in (saturated or set()) for place in places], dtype=np.int64)
    zero = np.zeros(n)
    profiles = a_profile(0.0)
    columns = take(profiles, np.zeros(n, dtype=np.int64))
    return SweepMeasurement(
        key=KEY,
        frames=tuple(Frame(KEY, 5.0 * i, Path(f"z{i}.tif")) for i in range(len(frames))),
        frame_index=np.array([i for i, _ in places], dtype=np.int64),
        bead_number=np.arange(n),
        beads=Beads(np.zeros((n, 2)), zero, zero, zero, zero, zero, marks),
        profiles=replace(columns, n_saturated_px=full),
        features=BeadFeatures(slope, -10 * slope),
    )


PAPER = load_recipe("paper").feature


def test_the_median_without_outliers() -> None:
    """One of six beads is an outlier; the article takes the middle one of the other five."""
    curve = feature_curve(sweep([[-1, -1.1, -1.2, -1.3, -1.6, 50], [-2, -4]]), PAPER)
    assert PAPER.typical == "median"
    assert curve.steepest_slope == pytest.approx([-1.2, -3])
    assert curve.center_intensity == pytest.approx([12, 30])
    assert list(curve.n_beads) == [6, 2]
    assert list(curve.z_um) == [0, 5]


def test_the_midmean_without_outliers() -> None:
    """One of ten beads is an outlier; of the other nine the middle five are averaged."""
    values = [-1.0, -1.1, -1.2, -1.3, -1.5, -1.6, -1.7, -1.8, -1.9, 50.0]
    curve = feature_curve(sweep([values, [-2, -4], [-1.0, -2.0, -9.0]]), DEFAULT)
    middle = np.mean([-1.2, -1.3, -1.5, -1.6, -1.7])
    assert curve.steepest_slope == pytest.approx([middle, -3, -2])
    assert curve.center_intensity == pytest.approx([-10 * middle, 30, 20])
    median = feature_curve(sweep([values]), PAPER)
    assert median.steepest_slope == pytest.approx([-1.5])


@given(
    inliers=st.lists(st.floats(-2, -1), min_size=2, max_size=12),
    outlier=st.floats(-100, 100),
    place=st.integers(0, 12),
)
def test_one_bead_more_never_takes_the_curve_out_of_the_range_of_the_others(
    inliers: list[float], outlier: float, place: int
) -> None:
    values = inliers.copy()
    values.insert(place, outlier)
    for recipe in (DEFAULT, PAPER):
        (found,) = feature_curve(sweep([values]), recipe).steepest_slope
        assert min(inliers) - 1e-9 <= found <= max(inliers) + 1e-9


def test_outliers_are_determined_per_feature() -> None:
    measured = sweep([[-1.0, -1.1, -1.2, -1.3, -1.4]])
    center = measured.features.center_intensity.copy()
    center[0] = 99.0
    measured = replace(measured, features=BeadFeatures(measured.features.steepest_slope, center))
    curve = feature_curve(measured, DEFAULT)
    assert curve.steepest_slope == pytest.approx([-1.2])
    assert curve.center_intensity == pytest.approx([12.5])


def test_the_factor_of_the_fences_is_the_settings() -> None:
    frames = [[-1.0, -1.1, -1.2, -1.3, -3.0]]
    wide = feature_curve(sweep(frames), FeatureSettings(iqr_factor=100.0))
    assert wide.steepest_slope == pytest.approx([-1.2])
    assert feature_curve(sweep(frames), DEFAULT).steepest_slope == pytest.approx([-1.15])


def test_a_frame_without_a_usable_bead_is_nan() -> None:
    curve = feature_curve(sweep([[-1.0], [], [-2.0]], flags={(2, 0): BeadFlag.TOUCHING}), DEFAULT)
    assert np.isnan(curve.steepest_slope[1:]).all()
    assert np.isnan(curve.center_intensity[1:]).all()
    assert list(curve.n_beads) == [1, 0, 0]
    assert not curve.ss_saturated[1:].any()


@pytest.mark.parametrize("flag", list(BeadFlag))
def test_only_unusable_beads_are_left_out_of_the_median(flag: BeadFlag) -> None:
    curve = feature_curve(sweep([[-1.0, -2.0, -9.0]], flags={(0, 2): flag}), DEFAULT)
    expected = -1.5 if flag in UNUSABLE_BEAD else -2.0
    assert curve.steepest_slope == pytest.approx([expected])


SATURATED = {
    "the middle bead": (3, {(0, 1)}, True),
    "another bead": (3, {(0, 0), (0, 2)}, False),
    "the lower of the middle two": (4, {(0, 1)}, True),
    "the upper of the middle two": (4, {(0, 2)}, True),
    "beads outside those two": (4, {(0, 0), (0, 3)}, False),
    "an end of the middle half": (9, {(0, 2)}, True),
    "beads outside the middle half": (9, {(0, 0), (0, 1), (0, 7), (0, 8)}, False),
}


@pytest.mark.parametrize(("n", "saturated", "flag"), SATURATED.values(), ids=SATURATED)
def test_a_frame_is_saturated_if_a_contributing_bead_is(
    n: int, saturated: set[tuple[int, int]], flag: bool
) -> None:
    values = [-1.0 - 0.1 * k for k in range(n)]
    curve = feature_curve(sweep([values], saturated=saturated), DEFAULT)
    assert (bool(curve.ss_saturated[0]), bool(curve.ci_saturated[0])) == (flag, flag)


def test_the_articles_saturation_is_that_of_the_median_bead() -> None:
    values = [-1.0 - 0.1 * k for k in range(9)]
    beside = feature_curve(sweep([values], saturated={(0, 3), (0, 5)}), PAPER)
    itself = feature_curve(sweep([values], saturated={(0, 4)}), PAPER)
    assert (bool(beside.ss_saturated[0]), bool(itself.ss_saturated[0])) == (False, True)


@given(order=st.permutations(range(9)))
def test_the_order_of_the_beads_does_not_matter(order: list[int]) -> None:
    values = [-1.0, -1.2, -1.1, -5.0, -1.3, -1.25, -1.15, -1.05, -0.2]
    expected = feature_curve(sweep([values]), DEFAULT)
    shuffled = feature_curve(sweep([[values[k] for k in order]]), DEFAULT)
    assert shuffled.steepest_slope == expected.steepest_slope


def test_outlier_flags_compare_usable_beads_only() -> None:
    slope = np.array([-1.0, -1.1, -1.2, -1.3, -9.0, -9.1, np.nan])
    flags = np.zeros(7, np.uint32)
    flags[5] = BeadFlag.TOUCHING
    flags[0] = BeadFlag.SATURATED
    found = flag_outliers(flags, slope, DEFAULT)
    out = (found & BeadFlag.OUTLIER) > 0
    assert list(out) == [False, False, False, False, True, False, True]
    assert found[0] == BeadFlag.SATURATED
    assert found[5] == BeadFlag.TOUCHING
    assert not flags[4]


def test_features_are_read_off_the_spline() -> None:
    profiles = a_profile(0.0)
    features = measure_features(profiles, FeatureSettings(center_radius_px=2.0))
    at = evaluate(profiles.coefficients, profiles.knot_px, np.array([2.0]))[0, 0]
    assert features.center_intensity == pytest.approx([at / profiles.background[0]])


def test_the_farthest_slope_flips_to_the_outer_edge_and_the_negative_one_does_not() -> None:
    """Both definitions agree at the plane, and differ in sign far from it."""
    farthest = FeatureSettings(slope="farthest")
    near, far = a_profile(0.0), a_profile(-160.0)
    assert measure_features(near, farthest).steepest_slope[0] < 0
    assert measure_features(far, farthest).steepest_slope[0] > 0
    assert measure_features(far, DEFAULT).steepest_slope[0] < 0


def test_slopes_beyond_the_reach_are_ignored() -> None:
    profiles = a_profile(0.0)
    rim = measure_features(profiles, FeatureSettings(slope_reach_radii=0.05)).steepest_slope[0]
    assert rim > measure_features(profiles, DEFAULT).steepest_slope[0]


def test_draws_of_beads_are_curves_of_these_beads() -> None:
    """Five beads in two frames: a draw is the median of five of them, and draws scatter about the curve."""
    measured = sweep([[-1.0, -2.0, -3.0, -4.0, -5.0], [-2.0, -3.0, -4.0, -5.0, -6.0]])
    measured = replace(measured, bead_number=np.tile(np.arange(5), 2))
    curve = feature_curve(measured, PAPER)
    assert curve.resampled.shape == (50, 2, 2)
    slope, center = curve.resampled[:, 0], curve.resampled[:, 1]
    assert slope[:, 1] == pytest.approx(slope[:, 0] - 1.0)  # the same beads in every frame
    assert center == pytest.approx(-10 * slope)
    assert set(slope[:, 0]) <= {-1.0, -2.0, -3.0, -4.0, -5.0, -1.5, -2.5, -3.5, -4.5}
    assert slope[:, 0].mean() == pytest.approx(-3.0, abs=0.5)
    assert feature_curve(measured, DEFAULT).resampled.shape == (0, 2, 2)
