"""Judgement of places by their profiles along Z."""

import numpy as np
import pytest

from refp.measure.profiles.along_z import find_static, judge_along_z

N_FRAMES, N_RINGS = 40, 16
NOISE = 0.01


def bead(amplitude: float = 0.8) -> np.ndarray:
    """Rings that move outwards with Z, shape ``(f, m)``."""
    z, r = np.meshgrid(np.linspace(-1, 1, N_FRAMES), np.linspace(0, 1.5, N_RINGS), indexing="ij")
    return 1 + amplitude * np.cos(6 * z + 4 * r)


def dirt(depth: float = 0.3) -> np.ndarray:
    """The same dark spot in every frame."""
    return np.tile(1 - depth * np.exp(-(np.linspace(0, 1.5, N_RINGS) ** 2)), (N_FRAMES, 1))


def pieces() -> np.ndarray:
    """Another random profile in every frame."""
    return 1 + 0.5 * np.random.default_rng(3).normal(size=(N_FRAMES, N_RINGS))


def places(*profiles: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, NOISE, (N_FRAMES, len(profiles), N_RINGS))
    return np.stack(profiles, axis=1) + noise


def judge(*profiles: np.ndarray, r_squared: float = 0.9):
    stack = places(*profiles)
    return judge_along_z(stack, np.full(stack.shape[:2], r_squared), 0.7)


@pytest.mark.parametrize("depth", [0.15, 0.3, 0.6])
def test_dirt_is_static_and_a_bead_is_not(depth: float) -> None:
    np.testing.assert_array_equal(find_static(places(dirt(depth), bead())), [True, False])


def test_dirt_that_a_passing_ring_disturbs_in_few_frames_is_static() -> None:
    disturbed = dirt()
    disturbed[10:13] += 0.2
    assert find_static(places(disturbed))[0]


def test_a_bead_is_what_changes_smoothly() -> None:
    judged = judge(bead(), dirt(), pieces())
    np.testing.assert_array_equal(judged.bead, [True, False, False])
    np.testing.assert_array_equal(judged.static, [False, True, False])
    assert judged.clear[:, 0].all()


def test_what_is_much_fainter_than_the_clearest_bead_is_none() -> None:
    np.testing.assert_array_equal(judge(bead(), bead(0.3)).bead, [True, False])


def test_what_is_never_round_is_no_bead() -> None:
    assert not judge(bead(), r_squared=0.3).bead.any()


def test_frames_in_which_the_bead_is_gone_are_not_clear() -> None:
    gone = bead()
    gone[-8:] = 1.0
    clear = judge(gone).clear[:, 0]
    assert clear[:-9].all()
    assert not clear[-8:].any()


def test_a_frame_unlike_its_neighbours_is_not_clear() -> None:
    z = np.linspace(-0.2, 0.2, N_FRAMES)[:, None]
    slow = 1 + 0.8 * np.cos(6 * z + 4 * np.linspace(0, 1.5, N_RINGS))
    slow[20] = 1.5
    clear = judge(slow).clear[:, 0]
    np.testing.assert_array_equal(np.flatnonzero(~clear), [20])
