"""Stacks of frames: their mean, and their spread where frames are sparse or rings unknown."""

from dataclasses import replace

import numpy as np
import pytest

from refp.core.arrays import FloatArray
from refp.plane.align import align_field, move_axis
from refp.plane.plane import FieldAxis
from refp.plane.stack import UNKNOWN_SD, fit_stack, join_stacks

from .scene import DEPTH_UM, RADII, SEEN, Scene, intensity, see

RINGS = RADII[SEEN]


def profiles_at(x_um: FloatArray, noise: float = 0.002) -> FloatArray:
    rng = np.random.default_rng(0)
    return intensity(RINGS, x_um[:, None] / DEPTH_UM) + rng.normal(
        0, noise, (len(x_um), len(RINGS))
    )


def test_a_stack_of_close_frames_is_the_true_one_with_a_small_spread() -> None:
    x_um = np.arange(-100.0, 101.0, 2.5)
    built = fit_stack(x_um, profiles_at(x_um, 0.01), RINGS, 5.0)
    stack = built.stack
    assert (stack.dz_um[0], stack.dz_um[-1]) == (-105, 105)
    within = np.abs(stack.dz_um) <= 100
    truth = intensity(RINGS, stack.dz_um[within, None] / DEPTH_UM)
    error = stack.mean[within] - truth
    assert np.sqrt((error**2).mean()) < 0.01
    assert np.sqrt((stack.sd[within] ** 2).mean()) == pytest.approx(0.012, rel=0.25)
    assert 4 < built.origin.edf < 40
    assert not built.origin.given
    assert built.origin.x_um is x_um


def test_the_spread_between_distant_frames_is_wide() -> None:
    """The true error between frames agrees with the spread, and is far above the noise."""
    x_um = np.arange(-120.0, 121.0, 40.0)
    stack = fit_stack(x_um, profiles_at(x_um), RINGS, 0.0).stack
    truth = intensity(RINGS, stack.dz_um[:, None] / DEPTH_UM)
    rms = np.sqrt(((stack.mean - truth) ** 2).mean())
    stated = np.sqrt((stack.sd**2).mean())
    assert rms > 10 * 0.002
    assert 0.7 * rms < stated < 6 * rms


def test_one_bad_frame_widens_the_spread_only_about_it() -> None:
    x_um = np.arange(-100.0, 101.0, 5.0)
    profile = profiles_at(x_um)
    profile[30] += 0.3  # at 50 um
    stack = fit_stack(x_um, profile, RINGS, 0.0).stack
    near, far = np.abs(stack.dz_um - 50) < 5, stack.dz_um < 0
    assert np.median(stack.sd[near]) > 5 * np.median(stack.sd[far])


def test_rings_known_in_too_few_frames_have_no_weight() -> None:
    x_um = np.arange(-100.0, 101.0, 5.0)
    profile = profiles_at(x_um)
    profile[:, 0] = np.nan
    profile[5:, 1] = np.nan  # five frames: one too few
    profile[x_um > 20, 2] = np.nan
    stack = fit_stack(x_um, profile, RINGS, 3.0).stack
    assert np.isfinite(stack.mean).all()
    assert (stack.sd[:, :2] == UNKNOWN_SD).all()
    assert (stack.sd[stack.dz_um > 23.5, 2] == UNKNOWN_SD).all()
    known = stack.dz_um < 18
    assert (stack.sd[known, 2] < 0.1).all()
    whole = fit_stack(x_um, profiles_at(x_um), RINGS, 3.0).stack
    assert stack.mean[:, 3:] == pytest.approx(whole.mean[:, 3:])


def an_axis(fov: int, size: float, n_frames: int) -> FieldAxis:
    """Return the axis of a field of beads of one size, with its plane at zero."""
    z_um = 7.5 * (np.arange(n_frames) - n_frames // 2)
    scene = Scene(z_um=z_um, plane_um=4.0, fov=fov, noise=0.002, size=(size,) * 8)
    axis = align_field(see(scene).profiles, 0.0)
    assert axis is not None
    return move_axis(axis, 4.0)


@pytest.fixture(scope="module")
def axes() -> list[FieldAxis]:
    return [an_axis(1, 1.0, 33), an_axis(2, 1.03, 31), an_axis(3, 0.98, 31)]


def test_fields_of_other_sizes_join_in_one_stack(axes: list[FieldAxis]) -> None:
    built, stretches = join_stacks(axes)
    assert stretches == pytest.approx([1.0, 1.03, 0.98], abs=0.006)
    dz_um = built.stack.dz_um
    within = np.abs(dz_um) < 90
    truth = intensity(RINGS, dz_um[within, None] / DEPTH_UM)
    assert built.stack.mean[within] == pytest.approx(truth, abs=0.05)
    assert len(built.origin.x_um) == sum(axis.n_trusted for axis in axes)


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0)])
def test_a_joint_stack_does_not_depend_on_the_order_of_the_fields(
    axes: list[FieldAxis], order: tuple[int, ...]
) -> None:
    expected, stretches = join_stacks(axes)
    found, again = join_stacks([axes[k] for k in order])
    assert again == [stretches[k] for k in order]
    np.testing.assert_array_equal(found.stack.dz_um, expected.stack.dz_um)
    np.testing.assert_array_equal(found.stack.mean, expected.stack.mean)
    np.testing.assert_array_equal(found.stack.sd, expected.stack.sd)


def test_the_reference_size_is_that_of_the_last_of_equally_large_fields(
    axes: list[FieldAxis],
) -> None:
    """Two fields have 31 frames; that with the last name sets the size."""
    assert join_stacks(axes[1:])[1][1] == 1.0
    assert join_stacks(axes[:0:-1])[1][0] == 1.0


def test_frames_that_are_not_trusted_are_left_out(axes: list[FieldAxis]) -> None:
    spoilt = axes[0].profiles.profile.copy()
    spoilt[7] = 9.0
    trusted = axes[0].trusted.copy()
    trusted[7] = False
    bad = replace(axes[0], profiles=replace(axes[0].profiles, profile=spoilt), trusted=trusted)
    found, expected = (join_stacks([one, *axes[1:]])[0].stack for one in (bad, axes[0]))
    within = np.abs(found.dz_um) < 90
    truth = intensity(RINGS, found.dz_um[within, None] / DEPTH_UM)
    assert found.mean[within] == pytest.approx(truth, abs=0.05)
    assert np.median(found.sd) < 2 * np.median(expected.sd)
