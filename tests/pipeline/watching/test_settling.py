"""The table of files that are not at rest, with a clock that the tests turn."""

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from refp.pipeline.watching.settling import Settling, Stamp
from refp.settings.watching import WatchSettings

SETTINGS = WatchSettings(settle_s=1, patience_s=10, retry_s=0.5, max_retry_s=4)
A, B = Path("a.tif"), Path("b.tif")
ONE, TWO = Stamp(1, 0), Stamp(2, 0)


def table() -> Settling:
    return Settling(SETTINGS)


def test_a_file_is_due_after_a_rest() -> None:
    settling = table()
    settling.observe(A, ONE, 0.0)
    assert (settling.due(0.9, 9), settling.next_s()) == ([], 1.0)
    settling.observe(A, ONE, 0.9)  # the same again
    assert settling.due(1.0, 9) == [A]


def test_a_file_that_grows_is_not_due() -> None:
    settling = table()
    for now_s in range(20):
        settling.observe(A, Stamp(now_s, 0), 0.9 * now_s)
        assert settling.due(0.9 * now_s, 9) == []
    assert settling.due(0.9 * 19 + 1, 9) == [A]


def test_a_change_of_time_alone_starts_the_rest_again() -> None:
    settling = table()
    settling.observe(A, ONE, 0.0)
    settling.observe(A, Stamp(1, 1), 0.5)
    assert settling.due(1.2, 9) == []


def test_the_stamp_is_checked_when_a_file_is_due() -> None:
    settling = table()
    settling.observe(A, ONE, 0.0)
    assert not settling.is_at_rest(A, TWO, 1.0)
    assert settling.due(1.5, 9) == []
    assert settling.due(2.0, 9) == [A]
    assert settling.is_at_rest(A, TWO, 2.0)


def test_files_are_due_in_the_order_of_their_rest() -> None:
    settling = table()
    settling.observe(B, ONE, 0.0)
    settling.observe(A, ONE, 0.1)
    assert settling.due(5.0, 9) == [B, A]
    assert settling.due(5.0, 1) == [B]


def test_delays_double_up_to_a_limit() -> None:
    settling, now_s, delays_s = table(), 1.0, []
    settling.observe(A, ONE, 0.0)
    for _ in range(6):
        settling.postpone(A, now_s)
        delays_s.append(settling.next_s() - now_s)
        now_s = settling.next_s()
    assert delays_s == [0.5, 1, 2, 4, 4, 4]
    settling.observe(A, TWO, now_s)  # it was written after all
    assert settling.next_s() == now_s + 1


def test_patience_counts_from_the_last_change() -> None:
    settling = table()
    settling.observe(A, ONE, 0.0)
    settling.observe(A, TWO, 8.0)
    assert not settling.is_abandoned(A, 17.9)
    assert settling.is_abandoned(A, 18.0)


def test_a_forgotten_file_is_gone() -> None:
    settling = table()
    settling.observe(A, ONE, 0.0)
    settling.forget(A)
    settling.forget(B)
    assert (len(settling), A in settling, settling.next_s()) == (0, False, math.inf)


@given(
    st.lists(
        st.tuples(st.sampled_from([A, B]), st.integers(0, 2), st.floats(0, 3)),
        min_size=1,
        max_size=30,
    )
)
def test_due_means_unchanged_for_the_rest(seen: list[tuple[Path, int, float]]) -> None:
    """A file is due exactly if its stamp is that of the last look and as old as the rest."""
    settling, now_s = table(), 0.0
    since: dict[Path, tuple[int, float]] = {}
    for path, size, pause_s in seen:
        now_s += pause_s
        settling.observe(path, Stamp(size, 0), now_s)
        if since.get(path, (-1, 0.0))[0] != size:
            since[path] = size, now_s
        expected = {one for one, (_, at) in since.items() if at + SETTINGS.settle_s <= now_s}
        assert set(settling.due(now_s, 9)) == expected
