"""Stage errors from profiles, compared with the true ones of the scene."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refp.core.arrays import FloatArray
from refp.plane.align import align_field, align_jointly, move_axis, place_field
from refp.plane.plane import FieldAxis, FieldProfiles

from .scene import RADII, SEEN, Z_UM, Scene, Seen, see, true_stack

SHIFTS_UM = (0.0, 5.0, -3.0)
SIGMA_UM = 2.0
WELL_SAMPLED = Scene(
    shifts_um=SHIFTS_UM, stage_sigma_um=SIGMA_UM, noise=0.003, plane_um=6.0, seed=4
)


def align(profiles: FieldProfiles, stage_sigma_um: float = 0.0) -> FieldAxis:
    axis = align_field(profiles, stage_sigma_um)
    assert axis is not None
    return axis


def errors_of(scene: Scene, seen: Seen) -> FloatArray:
    """Return true less nominal Z, without mean and linear trend, which profiles do not determine."""
    rows = [
        at - scene.z_um - shift for at, shift in zip(seen.true_um, scene.shifts_um, strict=True)
    ]
    error = np.concatenate([row - row.mean() for row in rows])
    z_um = np.tile(scene.z_um, len(rows))
    return error - np.polynomial.Polynomial.fit(z_um, error, 1)(z_um)


@pytest.fixture(scope="module")
def seen() -> Seen:
    return see(WELL_SAMPLED)


@pytest.fixture(scope="module")
def axis(seen: Seen) -> FieldAxis:
    return align(seen.profiles)


@pytest.mark.parametrize("stated_um", [0.0, 1.0, 2.0, 6.0])
def test_stage_errors_are_recovered_for_any_stated_repeatability(
    seen: Seen, stated_um: float
) -> None:
    axis = align(seen.profiles, stated_um)
    truth = errors_of(WELL_SAMPLED, seen)
    assert np.corrcoef(axis.stage_error_um, truth)[0, 1] > 0.9
    assert (axis.stage_error_um - truth).std() < 0.45 * truth.std()
    assert axis.stage_sigma_um == pytest.approx(truth.std(), rel=0.2)
    assert axis.trusted.all()


@pytest.mark.parametrize("sigma_um", [0.8, 1.5, 3.0])
def test_the_repeatability_is_found_from_an_unknown_start(sigma_um: float) -> None:
    found = [
        align(see(replace(WELL_SAMPLED, stage_sigma_um=sigma_um, seed=seed)).profiles)
        for seed in range(4)
    ]
    rms = np.sqrt(np.mean([axis.stage_sigma_um**2 for axis in found]))
    assert rms == pytest.approx(sigma_um, rel=0.2)


def test_stage_errors_are_about_each_sweeps_mean_and_on_the_axis(axis: FieldAxis) -> None:
    """``x + shift = nominal Z + error``, and the errors of a sweep have no mean."""
    profiles = axis.profiles
    shift = np.array([axis.shift_um[int(k)] for k in profiles.sweep])
    assert axis.x_um + shift == pytest.approx(profiles.z_um + axis.stage_error_um)
    for number in axis.shift_um:
        assert axis.stage_error_um[profiles.sweep == number].mean() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("shifts_um", "part"), [((0.0, 5.0, -3.0), 0.75), ((0.0, 0.5, 12.0, 0.0), 1.5)]
)
def test_shifts_between_exposures_are_found(
    shifts_um: tuple[float, ...], part: float, seed: int
) -> None:
    """The error is below ``sigma / sqrt(n)``, since the profiles determine stage errors too."""
    scene = replace(WELL_SAMPLED, shifts_um=shifts_um, stage_sigma_um=1.0, seed=seed)
    seen = see(scene)
    axis = align(seen.profiles)
    truth = np.array([(at - scene.z_um).mean() for at in seen.true_um])
    found = -np.array([axis.shift_um[k] for k in range(len(shifts_um))])
    error = (found - found.mean()) - (truth - truth.mean())
    assert np.sqrt((error**2).mean()) < part * 1.0 / np.sqrt(len(Z_UM))
    assert axis.trusted.mean() > 0.9


FAR, ODD = (0, 12), (1, 20)


def test_bad_frames_are_not_trusted_and_change_nothing(axis: FieldAxis) -> None:
    """One frame is 80 um off its nominal Z; the profiles of another are not those of beads."""
    scene = replace(WELL_SAMPLED, errors_um={FAR: 80.0}, odd=[ODD])
    found = align(see(scene).profiles)
    bad = np.zeros(len(found.x_um), dtype=bool)
    for sweep, frame in (FAR, ODD):
        bad |= (found.profiles.sweep == sweep) & (found.profiles.frame == frame)
    assert not found.trusted[bad].any()
    assert found.trusted[~bad].all()
    difference = (found.stage_error_um - axis.stage_error_um)[~bad]
    assert difference.std() < 0.2 * axis.stage_error_um.std()
    assert found.stage_sigma_um == pytest.approx(axis.stage_sigma_um, rel=0.1)
    assert list(found.shift_um.values()) == pytest.approx(list(axis.shift_um.values()), abs=0.35)


def test_saturated_rings_do_not_change_the_errors(axis: FieldAxis) -> None:
    """The centre is saturated about the plane in one of three exposures."""
    saturated = see(replace(WELL_SAMPLED, saturated_above={2: 1.16}))
    assert np.isnan(saturated.profiles.profile).any()
    assert np.isfinite(saturated.profiles.profile).any(axis=1).all()
    found = align(saturated.profiles)
    assert (found.stage_error_um - axis.stage_error_um).std() < 0.4 * axis.stage_error_um.std()
    assert found.trusted.all()
    assert list(found.shift_um.values()) == pytest.approx(list(axis.shift_um.values()), abs=0.3)


@given(shift_um=st.floats(-3000, 3000))
@settings(max_examples=settings.default.max_examples // 5)  # each takes long
def test_the_axis_follows_a_shift_of_z(shift_um: float) -> None:
    profiles = see(WELL_SAMPLED).profiles
    one, other = align(profiles), align(replace(profiles, z_um=profiles.z_um + shift_um))
    assert other.stage_error_um == pytest.approx(one.stage_error_um, abs=0.02)
    assert other.x_um == pytest.approx(one.x_um + shift_um, abs=0.02)
    assert list(other.shift_um.values()) == pytest.approx(list(one.shift_um.values()), abs=0.02)
    assert other.stage_sigma_um == pytest.approx(one.stage_sigma_um, rel=0.01)


def test_the_order_of_the_frames_does_not_matter(seen: Seen, axis: FieldAxis) -> None:
    profiles = seen.profiles
    order = np.random.default_rng(0).permutation(len(profiles))
    turned = replace(
        profiles,
        sweep=profiles.sweep[order],
        frame=profiles.frame[order],
        z_um=profiles.z_um[order],
        profile=profiles.profile[order],
    )
    found = align(turned)
    assert found.x_um == pytest.approx(axis.x_um[order], abs=0.02)
    assert found.shift_um == pytest.approx(axis.shift_um, abs=0.02)
    assert (found.trusted == axis.trusted[order]).all()


def test_the_stack_is_smooth_with_few_degrees_of_freedom(axis: FieldAxis) -> None:
    assert len(axis.origin.x_um) == axis.n_trusted
    assert 5 < axis.origin.edf < axis.n_trusted / 3


def test_too_few_positions_or_known_frames_give_no_axis() -> None:
    few = see(replace(WELL_SAMPLED, z_um=Z_UM[10:15])).profiles
    assert align_field(few, 0.0) is None
    assert align_field(see(replace(WELL_SAMPLED, z_um=Z_UM[10:16])).profiles, 0.0) is not None
    whole = see(replace(WELL_SAMPLED, shifts_um=(0.0,))).profiles
    blind = np.where(np.arange(len(Z_UM))[:, None] < 5, whole.profile, np.nan)
    assert align_field(replace(whole, profile=blind), 0.0) is None


def test_moving_an_axis_moves_all_its_positions(axis: FieldAxis) -> None:
    moved = move_axis(axis, 10.0)
    assert moved.x_um == pytest.approx(axis.x_um - 10)
    assert moved.stack.dz_um == pytest.approx(axis.stack.dz_um - 10)
    assert moved.origin.x_um == pytest.approx(axis.origin.x_um - 10)
    assert moved.shift_um == pytest.approx({k: v + 10 for k, v in axis.shift_um.items()})
    assert moved.stage_error_um is axis.stage_error_um


def test_fields_on_a_joint_stack_have_a_common_zero() -> None:
    """From a start 1.5 um off, the planes of two fields of different beads agree."""
    scenes = [
        replace(WELL_SAMPLED, plane_um=6.0, stage_sigma_um=0.5, fov=1),
        replace(WELL_SAMPLED, plane_um=-9.0, stage_sigma_um=0.5, fov=2, size=(1.02,) * 8),
    ]
    own = [align(see(scene).profiles) for scene in scenes]
    level = [np.mean(list(a.shift_um.values())) + np.mean(SHIFTS_UM) for a in own]
    joint = align_jointly(own, [6.0 - level[0] + 1.5, -9.0 - level[1]])
    zeros = [
        np.mean(list(axis.shift_um.values())) + np.mean(SHIFTS_UM) - scene.plane_um
        for axis, scene in zip(joint, scenes, strict=True)
    ]
    assert zeros[0] - zeros[1] == pytest.approx(0.0, abs=0.4)


STACK = true_stack()


@pytest.mark.parametrize("size", [1.0, 0.96, 1.05])
@pytest.mark.parametrize("plane_um", [0.0, 1503.0])
def test_a_field_is_placed_on_a_known_stack(plane_um: float, size: float) -> None:
    """Bias of the mean of eight seeds; each of them is within three ``sigma / sqrt(n)``."""
    rows = []
    for seed in range(8):
        scene = replace(
            WELL_SAMPLED, z_um=Z_UM + plane_um, plane_um=plane_um, size=(size,) * 8, seed=seed
        )
        seen = see(scene)
        axis = place_field(seen.profiles, STACK, 0.0)
        assert axis is not None
        rows.append([axis.shift_um[k] - seen.plane_um[k] for k in range(3)])
        assert axis.origin.given
        assert axis.stage_sigma_um == pytest.approx(SIGMA_UM, rel=0.25)
        true = np.concatenate(seen.true_um) - plane_um
        assert np.sqrt(((axis.x_um - true) ** 2).mean()) < 0.6
    error = np.array(rows)
    u_um = SIGMA_UM / np.sqrt(len(Z_UM))
    assert np.abs(error).max() < 3.5 * u_um
    assert abs(error.mean()) < 0.3


def test_a_short_sweep_of_known_beads_is_placed_far_from_its_plane() -> None:
    scene = Scene(z_um=np.arange(40.0, 80.0, 8.0), plane_um=10.0, noise=0.003)
    axis = place_field(see(scene).profiles, STACK, 0.0)
    assert axis is not None
    assert axis.shift_um[0] == pytest.approx(10.0, abs=0.3)


def test_a_frame_beyond_the_known_stack_is_not_trusted() -> None:
    scene = Scene(z_um=np.append(Z_UM, 190.0), noise=0.003)
    axis = place_field(see(scene).profiles, STACK, 0.0)
    assert axis is not None
    assert list(axis.trusted) == [True] * len(Z_UM) + [False]


def test_profiles_unlike_a_known_stack_are_not_placed() -> None:
    rng = np.random.default_rng(0)
    profiles = see(Scene(noise=0.003)).profiles
    waves = 1 + 0.3 * np.sin(7 * RADII[SEEN]) + rng.normal(0, 0.01, profiles.profile.shape)
    assert place_field(replace(profiles, profile=waves), STACK, 0.0) is None
    assert place_field(see(Scene(z_um=Z_UM[:2])).profiles, STACK, 0.0) is None


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("n_sweeps", [1, 3])
def test_frames_without_a_bead_give_finite_numbers(n_sweeps: int, seed: int) -> None:
    """Even light, noise, or incomplete profiles give an axis of finite numbers, or none."""
    rng = np.random.default_rng(seed)
    z_um = np.arange(int(rng.integers(6, 30))) * 7.5
    profiles = see(Scene(z_um=z_um, shifts_um=(0.0,) * n_sweeps)).profiles
    shape = profiles.profile.shape
    for made in (
        np.ones(shape),
        rng.normal(1, 0.1, shape),
        np.where(rng.uniform(size=shape) < 0.4, np.nan, profiles.profile),
        np.full(shape, np.nan),
    ):
        axis = align_field(replace(profiles, profile=made), 2.5)
        if axis is not None:
            assert np.isfinite(axis.x_um).all()
            assert np.isfinite([*axis.shift_um.values(), axis.stage_sigma_um]).all()
            assert axis.n_trusted >= 6
