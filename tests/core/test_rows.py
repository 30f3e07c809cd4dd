"""Rows of data classes of arrays."""

from dataclasses import dataclass

import numpy as np
import pytest

from refp.core.arrays import FloatArray
from refp.core.rows import join, shared, take


@dataclass(frozen=True, slots=True)
class Table:
    a: FloatArray
    b: FloatArray
    grid: FloatArray = shared()


def table(n: int, start: int = 0) -> Table:
    a = np.arange(start, start + n, dtype=float)
    return Table(a, np.stack([a, -a], axis=1), np.array([7.0, 8.0]))


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (np.array([2, 0]), [2, 0]),
        (np.array([True, False, True]), [0, 2]),
        (np.array([], dtype=int), []),
    ],
)
def test_rows_are_taken_together_and_shared_fields_stay(index: np.ndarray, rows: list[int]) -> None:
    taken = take(table(3), index)
    assert list(taken.a) == rows
    assert taken.b[:, 1].tolist() == [-k for k in rows]
    assert list(taken.grid) == [7, 8]


def test_parts_are_joined_end_to_end() -> None:
    joined = join([table(2), table(0), table(1, start=5)])
    assert list(joined.a) == [0, 1, 5]
    assert joined.b.shape == (3, 2)
    assert list(joined.grid) == [7, 8]


def test_joining_undoes_taking() -> None:
    whole = table(5)
    again = join([take(whole, np.array([0, 1])), take(whole, np.array([2, 3, 4]))])
    np.testing.assert_array_equal(again.b, whole.b)


def test_no_parts_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="nothing to join"):
        join([])
