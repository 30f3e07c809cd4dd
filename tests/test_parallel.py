"""Work in order, in one process or in many."""

import math

import pytest

from refp.parallel import FRAMES_WORTH_A_POOL, default_jobs, map_ordered, open_executor


@pytest.mark.parametrize("n", [0, 1, 5])
def test_results_stand_in_the_order_of_the_items(n: int) -> None:
    seen: list[tuple[str, int, int]] = []

    def progress(title: str, done: int, total: int) -> None:
        seen.append((title, done, total))

    items = [float(k**2) for k in range(n)]
    assert map_ordered(math.sqrt, items, title="roots", progress=progress) == list(range(n))
    assert seen == [("roots", k + 1, n) for k in range(n)]


def test_a_pool_gives_the_same_in_the_same_order() -> None:
    items = [float(k) for k in range(FRAMES_WORTH_A_POOL)]
    assert map_ordered(math.sqrt, items, jobs=2) == [math.sqrt(item) for item in items]


@pytest.mark.parametrize(("jobs", "n"), [(1, 1000), (4, FRAMES_WORTH_A_POOL - 1)])
def test_no_pool_where_one_process_is_as_fast(jobs: int, n: int) -> None:
    with open_executor(jobs, n) as executor:
        assert executor is None


def test_an_error_of_an_item_comes_through() -> None:
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        map_ordered(math.sqrt, [1.0, -1.0])


def test_there_is_at_least_one_job() -> None:
    assert default_jobs() >= 1
