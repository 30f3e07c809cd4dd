"""Registration of the frames of a field, with the same number for a bead in all frames."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from refp.core.arrays import BoolArray, FloatArray
from refp.measure.beads import Registration, find_persistent, register_frames

RADIUS = 9.0


def layout(n: int, seed: int) -> FloatArray:
    """Beads at least 30 px apart."""
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2) * 40.0
    rng = np.random.default_rng(seed)
    return grid[rng.permutation(25)[:n]] + rng.uniform(-5, 5, (n, 2))


def register(
    centers: Sequence[FloatArray], good: Sequence[BoolArray] | None = None
) -> Registration:
    """Register frames in steps of a micrometre; default: all their points are good."""
    all_good = [np.ones(len(c), dtype=np.bool_) for c in centers]
    return register_frames(centers, good or all_good, np.arange(len(centers)) * 1.0, RADIUS)


def all_good(centers: Sequence[FloatArray]) -> list[BoolArray]:
    return [np.ones(len(c), dtype=np.bool_) for c in centers]


@given(n=st.integers(3, 12), seed=st.integers(0, 99), frames=st.integers(2, 8))
def test_known_shifts_are_found_and_numbers_follow(n: int, seed: int, frames: int) -> None:
    """Frames shift by up to a radius each, and lack a third of the beads; centres scatter."""
    rng = np.random.default_rng(seed)
    truth = layout(n, seed)
    shift = np.cumsum(rng.uniform(-RADIUS / 1.5, RADIUS / 1.5, (frames, 2)), axis=0)
    kept = [np.flatnonzero(rng.random(n) < 0.7) for _ in range(frames)]
    kept = [k if len(k) > 2 else np.arange(n) for k in kept]
    # The shift between neighbours with fewer common beads than this is ambiguous.
    assume(all(len(np.intersect1d(a, b)) > 2 for a, b in pairwise(kept)))
    orders = [rng.permutation(k) for k in kept]
    found = register(
        [truth[o] + s + rng.normal(0, 0.1, (len(o), 2)) for o, s in zip(orders, shift, strict=True)]
    )
    expected = shift - np.median(shift, axis=0)
    assert np.abs(found.shift_px - expected).max() < 0.6
    bead = {}
    for order, numbers in zip(orders, found.numbers, strict=True):
        for true, number in zip(order, numbers, strict=True):
            assert bead.setdefault(true, number) == number
    assert len(set(bead.values())) == len(bead) == len(found.position_px)


@given(seed=st.integers(0, 99), frames=st.integers(1, 8))
def test_the_order_of_frames_does_not_matter(seed: int, frames: int) -> None:
    """Two exposures at each Z, in any order: the registration only changes its order."""
    rng = np.random.default_rng(seed)
    truth = layout(7, seed)
    centers = [
        truth[rng.random(7) < 0.8] + rng.normal(0, 2, 2) + rng.normal(0, 0.1, 2)
        for _ in range(2 * frames)
    ]
    good = [rng.random(len(c)) < 0.8 for c in centers]
    z_um = np.repeat(np.arange(frames), 2) * 5.0
    first = register_frames(centers, good, z_um, RADIUS)
    order = rng.permutation(2 * frames)
    again = register_frames(
        [centers[i] for i in order], [good[i] for i in order], z_um[order], RADIUS
    )
    np.testing.assert_allclose(again.shift_px, first.shift_px[order], atol=1e-9)
    np.testing.assert_allclose(again.position_px, first.position_px, atol=1e-9)
    for k, i in enumerate(order):
        np.testing.assert_array_equal(again.numbers[k], first.numbers[i])


@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=5),
    spread=st.floats(1, 60),
    seed=st.integers(0, 99),
)
def test_beads_of_a_frame_have_different_numbers(
    counts: list[int], spread: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    centers = [rng.uniform(0, spread, (n, 2)) for n in counts]
    found = register(centers, [rng.random(n) < 0.5 for n in counts])
    assert [len(numbers) for numbers in found.numbers] == counts
    for numbers in found.numbers:
        assert len(set(numbers.tolist())) == len(numbers)
    known = set(np.concatenate(found.numbers).tolist())
    assert known == set(range(len(found.position_px)))


def test_a_bead_that_was_lost_keeps_its_number() -> None:
    a, b = [10.0, 10.0], [10.0, 60.0]
    found = register([np.array([a, b]), np.array([b]), np.empty((0, 2)), np.array([b, a])])
    assert [list(numbers) for numbers in found.numbers] == [[0, 1], [1], [], [1, 0]]


def test_one_bead_beyond_reach_is_a_new_one() -> None:
    """A single pair could be two different beads; three that moved together could not."""
    found = register([np.array([[10.0, 10.0]]), np.array([[10.0, 11.0 + RADIUS]])])
    assert [list(numbers) for numbers in found.numbers] == [[0], [1]]
    three = layout(3, 0)
    found = register([three, three + np.array([0.0, 1.0 + RADIUS])])
    np.testing.assert_array_equal(found.numbers[0], found.numbers[1])


def test_the_nearest_pair_is_joined_first() -> None:
    """In the order of the rows the first would take the second's place."""
    frames = [np.array([[0.0, 0.0]]), np.array([[0.0, 5.0], [0.0, 1.0]])]
    found = register(frames, [np.array([True]), np.array([False, False])])
    assert found.numbers[1][1] == found.numbers[0][0] != found.numbers[1][0]


@pytest.mark.parametrize("frames", [[], [np.empty((0, 2))]])
def test_no_beads(frames: list[FloatArray]) -> None:
    found = register(frames)
    assert [len(numbers) for numbers in found.numbers] == [0] * len(frames)
    assert len(found.position_px) == 0
    assert len(find_persistent(found, all_good(frames)).persistent) == 0


class TestFindPersistent:
    def test_a_bead_missing_in_some_frames_is_persistent_and_a_false_candidate_is_not(self) -> None:
        truth = layout(5, 1)
        centers = [np.delete(truth, 0, axis=0) if k % 3 == 1 else truth for k in range(12)]
        centers[5] = np.concatenate([centers[5], [[100.0, 300.0]]])
        found = register(centers)
        persistence = find_persistent(found, all_good(centers))
        false = found.numbers[5][-1]
        assert list(np.flatnonzero(~persistence.persistent)) == [false]
        assert persistence.fraction[false] == pytest.approx(1 / 12)
        lost = found.numbers[0][0]
        assert persistence.fraction[lost] == pytest.approx(8 / 12)

    def test_a_cell_found_often_but_never_usable_is_neither_persistent_nor_passing(self) -> None:
        truth = layout(5, 1)
        good = [np.array([True, True, True, True, False])] * 12
        found = register([truth] * 12, good)
        persistence = find_persistent(found, good)
        assert list(np.flatnonzero(~persistence.persistent)) == [found.numbers[0][4]]
        assert (persistence.fraction == 1).all()

    def test_a_rolling_bead_is_passing_and_the_others_are_persistent(self) -> None:
        truth = layout(6, 2)
        steps = [np.array([300.0, 1.2 * RADIUS * k]) for k in range(12)]
        centers = [np.concatenate([truth, [step]]) for step in steps]
        found = register(centers)
        persistence = find_persistent(found, all_good(centers))
        assert persistence.persistent.sum() == 6
        rolling = [numbers[-1] for numbers in found.numbers]
        assert (persistence.fraction[rolling] < 0.25).all()
        assert np.abs(found.shift_px).max() < 0.5

    def test_no_bead_is_persistent_in_few_frames(self) -> None:
        truth = layout(5, 1)
        centers = [truth, truth[:4], truth[1:]]
        persistence = find_persistent(register(centers), all_good(centers))
        assert not persistence.persistent.any()
        assert (persistence.fraction == 1).all()
