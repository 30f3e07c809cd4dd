"""The same bead has the same number in every frame."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refp.arrays import FloatArray
from refp.beads import link_beads

RADIUS = 9.0


def layout(n: int, seed: int) -> FloatArray:
    """Beads at least 30 px apart."""
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2) * 40.0
    rng = np.random.default_rng(seed)
    return grid[rng.permutation(25)[:n]] + rng.uniform(-5, 5, (n, 2))


@given(n=st.integers(1, 12), seed=st.integers(0, 99), frames=st.integers(2, 8))
@settings(deadline=None, max_examples=30)
def test_numbers_do_not_hang_on_the_order_within_a_frame(n: int, seed: int, frames: int) -> None:
    """Beads drift by up to a quarter radius a frame, far more than a radius in all."""
    rng = np.random.default_rng(seed)
    start, drift = layout(n, seed), rng.uniform(-RADIUS / 4, RADIUS / 4, 2)
    orders = [rng.permutation(n) for _ in range(frames)]
    numbers = link_beads([(start + k * drift)[o] for k, o in enumerate(orders)], RADIUS)
    truth = numbers[0][np.argsort(orders[0])]
    for order, found in zip(orders, numbers, strict=True):
        np.testing.assert_array_equal(found, truth[order])
    assert sorted(numbers[0]) == list(range(n))


@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=5),
    spread=st.floats(1, 60),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=50)
def test_two_beads_of_a_frame_never_share_a_number(
    counts: list[int], spread: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    numbers = link_beads([rng.uniform(0, spread, (n, 2)) for n in counts], RADIUS)
    assert [len(found) for found in numbers] == counts
    for found in numbers:
        assert len(set(found)) == len(found)
    known = set(np.concatenate(numbers).tolist())
    assert known == set(range(len(known)))


def test_a_bead_that_was_lost_keeps_its_number() -> None:
    a, b = [10.0, 10.0], [10.0, 60.0]
    numbers = link_beads(
        [np.array([a, b]), np.array([b]), np.empty((0, 2)), np.array([b, a])], RADIUS
    )
    assert [list(found) for found in numbers] == [[0, 1], [1], [], [1, 0]]


def test_a_bead_beyond_reach_is_a_new_one() -> None:
    frames = [np.array([[10.0, 10.0]]), np.array([[10.0, 10.0 + RADIUS]])]
    assert [list(found) for found in link_beads(frames, RADIUS)] == [[0], [1]]


def test_the_nearest_pair_is_joined_first() -> None:
    """In the order of the rows the first would take the second's place."""
    frames = [np.array([[0.0, 0.0]]), np.array([[0.0, 5.0], [0.0, 1.0]])]
    assert list(link_beads(frames, RADIUS)[1]) == [1, 0]


@pytest.mark.parametrize("frames", [[], [np.empty((0, 2))]])
def test_no_beads(frames: list[FloatArray]) -> None:
    assert [len(found) for found in link_beads(frames, RADIUS)] == [0] * len(frames)
