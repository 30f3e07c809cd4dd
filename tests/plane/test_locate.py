"""Reference planes of analytic curves, whose extremum is known."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refp.core.arrays import FloatArray
from refp.core.flags import SweepFlag
from refp.measure.features import FeatureCurve, feature_curve
from refp.plane import FeatureResult, PooledProfile, locate_by_features
from refp.plane.budget import BEADS, CURVES
from refp.settings import FeatureSettings, PlaneSettings
from refp.sweeps import SweepKey

from .scene import Scene, see

Z_UM = np.arange(-300.0, 301.0, 7.5)
N = len(Z_UM)
DEPTH_UM = 40.0
DIAMETER_UM = 28.0
SHIFTS = (0.0, 13.3, -21.7, 40.0)
FACTORS = (1.0, 1.1, 0.9, 1.02)


def peak(u: FloatArray) -> FloatArray:
    """A peak at 0 that falls off more slowly above than below."""
    return (1 + 0.25 * np.tanh(u) ** 3) / (1 + u**2 / 2) ** 2


def a_curve(
    shift_um: float = 0.0,
    factor: float = 1.0,
    *,
    fov: int = 1,
    z_um: FloatArray = Z_UM,
    noise: float = 0.0,
    jitter_um: float = 0.0,
    seed: int = 0,
) -> FeatureCurve:
    """Feature curve with its plane at ``shift_um``; both features stand on the same true Z."""
    rng = np.random.default_rng([seed, fov])
    u = (z_um + rng.normal(0, jitter_um, len(z_um)) - shift_um) / DEPTH_UM
    clear = np.zeros(len(z_um), dtype=bool)
    return FeatureCurve(
        key=SweepKey("set", 1, fov, 12.0),
        z_um=z_um,
        steepest_slope=-1.1 * factor * peak(u) + rng.normal(0, noise, len(z_um)),
        center_intensity=factor * (0.1 + 1.6 * peak(u)) + rng.normal(0, noise, len(z_um)),
        ss_saturated=clear,
        ci_saturated=clear.copy(),
        n_beads=np.full(len(z_um), 8),
    )


def several(**options: float) -> list[FeatureCurve]:
    places = zip(SHIFTS, FACTORS, strict=True)
    return [a_curve(s, f, fov=k, **options) for k, (s, f) in enumerate(places)]  # type: ignore[arg-type]


def locate(curves: Sequence[FeatureCurve], **options: object) -> FeatureResult:
    plane_settings = options.pop("settings", PlaneSettings())
    return locate_by_features(curves, plane_settings, bead_diameter_um=DIAMETER_UM, **options)  # type: ignore[arg-type]


def refp(result: FeatureResult) -> list[float]:
    return [plane.refp_um for plane in result.planes]


def test_shifts_and_factors_are_recovered() -> None:
    result = locate(several())
    for plane, shift, factor in zip(result.planes, SHIFTS, FACTORS, strict=True):
        assert (plane.ss.z_um, plane.ci.z_um) == pytest.approx((shift, shift), abs=0.05)
        assert plane.refp_um == pytest.approx(shift, abs=0.05)
        assert plane.determined
        assert plane.flags == SweepFlag(0)
        first = result.planes[0]
        assert plane.ss.factor / first.ss.factor == pytest.approx(factor, rel=1e-3)
        assert (plane.n_frames, plane.n_frames_used, plane.n_beads) == (N, N, 8)


def test_the_pooled_profile_is_the_curve_with_its_extremum_at_zero() -> None:
    result = locate(several())
    mean = np.exp(np.mean(np.log(FACTORS)))
    for pooled, expected in (
        (result.pooled_ss, lambda u: -1.1 * mean * peak(u)),
        (result.pooled_ci, lambda u: mean * (0.1 + 1.6 * peak(u))),
    ):
        assert pooled.value == pytest.approx(expected(pooled.dz_um / DEPTH_UM), abs=5e-3)


def test_noisy_planes_are_within_their_uncertainty() -> None:
    result = locate(several(noise=0.01, jitter_um=2.0, seed=3))
    for plane, shift in zip(result.planes, SHIFTS, strict=True):
        assert plane.refp_um == pytest.approx(shift, abs=4 * plane.refp_u_um)
        assert 0.1 < plane.refp_u_um < 3


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (1, 3, 0, 2)])
def test_the_order_of_the_sweeps_does_not_matter(order: tuple[int, ...]) -> None:
    curves = several(noise=0.01, jitter_um=2.0, seed=3)
    expected = refp(locate(curves))
    found = refp(locate([curves[k] for k in order]))
    assert found == pytest.approx([expected[k] for k in order], abs=1e-3)


NOISY = several(noise=0.01, jitter_um=2.0, seed=3)[:1]


@given(shift_um=st.floats(-5000, 5000))
@settings(max_examples=settings.default.max_examples // 5)  # each takes long
def test_the_plane_follows_a_shift_of_z(shift_um: float) -> None:
    expected = [z + shift_um for z in refp(locate(NOISY))]
    found = refp(locate([replace(c, z_um=c.z_um + shift_um) for c in NOISY]))
    assert found == pytest.approx(expected, abs=1e-3)


def test_the_sign_of_z_turns_the_plane_round() -> None:
    mirrored = [
        replace(
            c,
            z_um=-c.z_um[::-1],
            steepest_slope=c.steepest_slope[::-1],
            center_intensity=c.center_intensity[::-1],
        )
        for c in NOISY
    ]
    assert refp(locate(mirrored)) == pytest.approx([-z for z in refp(locate(NOISY))], abs=0.1)


def test_saturated_points_are_left_out_and_said() -> None:
    """A plateau in place of the peak: the planes stand where the clear frames put them."""
    curve = a_curve(13.3, fov=1)
    top = np.abs(Z_UM - 13.3) < 25
    flat = replace(
        curve,
        center_intensity=np.where(top, 0.9, curve.center_intensity),
        ci_saturated=top,
        ss_saturated=top,
    )
    result = locate([a_curve(0.0, fov=0), flat])
    plane = result.planes[1]
    assert plane.refp_um == pytest.approx(13.3, abs=0.1)
    assert plane.flags == SweepFlag.PEAK_SATURATED
    assert plane.determined
    assert list(plane.ci.used) == list(~top)
    assert plane.n_frames_used == N - top.sum()
    ignored = replace(flat, ci_saturated=np.zeros(N, bool), ss_saturated=np.zeros(N, bool))
    misled = locate([a_curve(0.0, fov=0), ignored]).planes[1]
    assert abs(misled.ci.factor - 1) > abs(plane.ci.factor - 1)


def test_one_bad_frame_changes_little() -> None:
    curves = several(noise=0.003, jitter_um=1.0, seed=5)
    expected = refp(locate(curves))
    spoilt = curves[1].center_intensity.copy()
    spoilt[45] *= 0.3  # at 37.5 um: 24 um above the plane, on the slope
    curves[1] = replace(curves[1], center_intensity=spoilt)
    assert refp(locate(curves)) == pytest.approx(expected, abs=1.5)


BEYOND = {"ends below": Z_UM < -20, "starts above": Z_UM > 60}


@pytest.mark.parametrize("part", BEYOND.values(), ids=BEYOND)
@pytest.mark.parametrize("alone", [True, False])
def test_a_sweep_that_misses_its_plane_has_none(part: FloatArray, alone: bool) -> None:
    cut = a_curve(13.3, fov=1, z_um=Z_UM[part], noise=0.003)
    others = [] if alone else [a_curve(0.0, fov=0, noise=0.003)]
    plane = locate([*others, cut]).planes[-1]
    assert plane.flags & SweepFlag.SS_NOT_BRACKETED
    assert plane.flags & SweepFlag.CI_NOT_BRACKETED
    assert np.isnan([plane.refp_um, plane.refp_u_um]).all()
    assert not plane.determined


def test_a_sweep_without_a_plane_leaves_the_others_alone() -> None:
    good = several(noise=0.01, seed=3)
    cut = a_curve(13.3, fov=9, z_um=Z_UM[Z_UM < -20], noise=0.003)
    assert refp(locate([*good, cut]))[:4] == pytest.approx(refp(locate(good)), abs=1e-6)


def test_noise_has_no_plane() -> None:
    rng = np.random.default_rng(0)
    noise = replace(
        a_curve(), steepest_slope=rng.normal(-1, 0.01, N), center_intensity=rng.normal(1, 0.01, N)
    )
    (plane,) = locate([noise]).planes
    assert not plane.determined


def test_too_few_frames_and_no_beads_are_told_apart() -> None:
    few = a_curve(fov=1, z_um=Z_UM[38:42])
    n_beads = np.full(N, 8)
    n_beads[4:] = 0
    unseen = replace(a_curve(fov=2), n_beads=n_beads)
    none = replace(a_curve(fov=3), n_beads=np.zeros(N, int))
    planes = locate([a_curve(fov=0), few, unseen, none]).planes
    assert [plane.flags for plane in planes] == [
        SweepFlag(0),
        SweepFlag.TOO_FEW_FRAMES,
        SweepFlag.TOO_FEW_FRAMES,
        SweepFlag.NO_BEADS,
    ]
    assert np.isnan([plane.refp_um for plane in planes[1:]]).all()
    assert planes[1].ss.fitted.shape == (4,)


def test_settings_say_how_many_frames_and_beads_are_enough() -> None:
    curve = a_curve(z_um=Z_UM[20:61])
    assert locate([curve]).planes[0].determined
    strict = locate([curve], settings=PlaneSettings(minimum_frames=42)).planes[0]
    assert strict.flags == SweepFlag.TOO_FEW_FRAMES
    crowded = locate([curve], settings=PlaneSettings(minimum_beads=9)).planes[0]
    assert crowded.flags == SweepFlag.TOO_FEW_FRAMES


def test_nothing_at_all() -> None:
    assert locate([]).planes == ()
    result = locate([replace(a_curve(), n_beads=np.zeros(N, int))])
    assert result.pooled_ss.dz_um.size == 0


def test_features_that_disagree_make_no_plane() -> None:
    """Half a bead diameter, 14 um, is allowed between the planes of the two features."""
    near, far = (
        replace(a_curve(0.0, fov=1), center_intensity=a_curve(apart).center_intensity)
        for apart in (10.0, 18.0)
    )
    assert locate([near]).planes[0].refp_um == pytest.approx(5.0, abs=0.2)
    plane = locate([far]).planes[0]
    assert plane.flags == SweepFlag.FEATURES_DISAGREE
    assert np.isnan(plane.refp_um)
    assert plane.ci.z_um == pytest.approx(18.0, abs=0.2)


def test_a_profile_of_earlier_data_is_used_as_given() -> None:
    """A short sweep on one side of the peak's top still finds its place on a known profile."""
    known = locate(several())
    pooled = (known.pooled_ss, known.pooled_ci)
    short = a_curve(7.0, 1.3, z_um=Z_UM[35:51])
    result = locate([short], pooled=pooled)
    assert result.planes[0].refp_um == pytest.approx(7.0, abs=0.05)
    assert result.pooled_ss is pooled[0]
    assert result.pooled_ci is pooled[1]
    moved = tuple(PooledProfile(p.dz_um + 5.0, p.value, p.u_um) for p in pooled)
    assert locate([short], pooled=moved).planes[0].refp_um == pytest.approx(2.0, abs=0.05)


def test_a_known_profile_needs_only_a_sweep_that_reaches_over_the_plane() -> None:
    known = locate(several(noise=0.002))
    pooled = (known.pooled_ss, known.pooled_ci)
    ends_just_above = a_curve(0.0, z_um=np.append(np.arange(-90.0, 0.0, 15.0), 8.0), noise=0.02)
    assert not locate([ends_just_above]).planes[0].determined
    plane = locate([ends_just_above], pooled=pooled).planes[0]
    assert plane.determined
    assert abs(plane.refp_um) < 3 * plane.refp_u_um
    ends_below = a_curve(0.0, z_um=np.arange(-120.0, -20.0, 15.0))
    assert not locate([ends_below], pooled=pooled).planes[0].determined


def test_uncertainty_of_a_known_profile_is_handed_on() -> None:
    known = locate(several())
    sure, unsure = (
        tuple(replace(p, u_um=u) for p in (known.pooled_ss, known.pooled_ci)) for u in (0.0, 3.0)
    )
    assert locate([a_curve()], pooled=sure).planes[0].refp_u_um < 1.0
    assert locate([a_curve()], pooled=unsure).planes[0].refp_u_um >= 3.0


def test_the_stage_bounds_the_uncertainty_from_below() -> None:
    curves = [a_curve(0.0, fov=0, noise=0.001), a_curve(5.0, fov=1, noise=0.001)]
    sharp = locate(curves).planes[0].refp_u_um
    coarse = locate(curves, stage_sigma_um=7.5).planes[0].refp_u_um
    assert sharp < 0.3
    assert 7.5 / np.sqrt(N) < coarse < 7.5


@pytest.fixture(scope="module")
def errors_and_u() -> FloatArray:
    """60 planes of 15 pools: a stage with 3 um of jitter, features with a little noise."""
    rows = []
    for pool in range(15):
        shifts = np.random.default_rng(pool).uniform(-30, 30, 4)
        curves = [
            a_curve(float(s), fov=k, z_um=Z_UM[8:73:2], noise=0.005, jitter_um=3.0, seed=pool + 100)
            for k, s in enumerate(shifts)
        ]
        for plane, shift in zip(locate(curves).planes, shifts, strict=True):
            rows.append((plane.refp_um - shift, plane.refp_u_um))
    return np.array(rows)


def test_the_stated_uncertainty_is_honest(errors_and_u: FloatArray) -> None:
    error, u = errors_and_u.T
    assert np.isfinite(error).all()
    assert 0.5 < np.sqrt(np.mean((error / u) ** 2)) < 2.0


def test_planes_have_no_bias(errors_and_u: FloatArray) -> None:
    error, _ = errors_and_u.T
    assert abs(error.mean()) < 3 * error.std() / np.sqrt(len(error))


def test_the_choice_of_beads_is_a_term_of_the_median_beads_plane() -> None:
    """Of twelve beads whose heights scatter by 2 um; a median of normal values errs by 1.25 of a mean."""
    heights = np.random.default_rng(8).normal(0, 2.0, 12)
    (sweep,) = see(Scene(height_um=heights, size=(1.0,) * 12, noise=0.002)).sweeps
    curve = feature_curve(sweep, FeatureSettings(typical="median"))
    (plane,) = locate_by_features([curve], PlaneSettings(), bead_diameter_um=DIAMETER_UM).planes
    terms = {part.term: part for part in plane.budget}
    assert terms.keys() == {CURVES, BEADS}
    assert terms[BEADS].dof == 11.0
    assert 0.5 < terms[BEADS].u_um / (1.25 * heights.std(ddof=1) / np.sqrt(12)) < 2.0
    assert plane.refp_u_um > terms[BEADS].u_um
