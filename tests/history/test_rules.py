"""Westgard's rules, against a slow and literal reading of each."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.history import RULES, WARNING, Firing, fired

NAN = float("nan")


def same_side(values: list[float], beyond: float) -> bool:
    return all(v > beyond for v in values) or all(v < -beyond for v in values)


LITERAL: dict[str, tuple[int, Callable[[list[float]], bool]]] = {
    "1_2s": (1, lambda last: last[0] > 2 or last[0] < -2),
    "1_3s": (1, lambda last: last[0] > 3 or last[0] < -3),
    "2_2s": (2, lambda last: same_side(last, 2)),
    "R_4s": (2, lambda last: max(last) > 2 and min(last) < -2),
    "4_1s": (4, lambda last: same_side(last, 1)),
    "10_x": (10, lambda last: same_side(last, 0)),
}


def read_literally(z: list[float]) -> list[Firing]:
    """Every rule about the last values before each, one after another."""
    out = []
    for index, value in enumerate(z):
        if value != value:
            continue
        known = [v for v in z[: index + 1] if v == v]
        for rule, (length, fires) in LITERAL.items():
            if len(known) >= length and fires(known[-length:]):
                out.append(Firing(index, rule))
    return out


# Values at the limits themselves, and enough of each side for the long rules.
STEPS = st.sampled_from(
    [-3.5, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.5]
)
VALUES = st.lists(
    st.one_of(st.floats(-5, 5), STEPS, st.just(NAN), st.floats(0.1, 1.4)), max_size=40
)


@given(VALUES)
def test_rules_as_they_are_written(z: list[float]) -> None:
    assert fired(z) == read_literally(z)


@given(VALUES)
def test_both_sides_are_alike(z: list[float]) -> None:
    assert fired([-v for v in z]) == fired(z)


@given(VALUES, st.integers(0, 39))
def test_refused_values_change_nothing(z: list[float], place: int) -> None:
    place = min(place, len(z))
    with_gap = [*z[:place], NAN, *z[place:]]
    moved = [Firing(f.index + (f.index >= place), f.rule) for f in fired(z)]
    assert fired(with_gap) == moved


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        pytest.param([2.1], {"1_2s"}, id="warning"),
        pytest.param([2.0, -2.0, 3.0], {"1_2s"}, id="limits themselves are inside"),
        pytest.param([3.1], {"1_2s", "1_3s"}, id="beyond 3"),
        pytest.param([2.1, 2.2], {"1_2s", "2_2s"}, id="two on one side"),
        pytest.param([2.1, -2.2], {"1_2s", "R_4s"}, id="one on either side"),
        pytest.param([2.1, 0.0, 2.2], {"1_2s"}, id="not in a row"),
        pytest.param([1.1] * 4, {"4_1s"}, id="four beyond 1"),
        pytest.param([1.1, 1.1, -1.1, 1.1], set(), id="four on both sides"),
        pytest.param([0.1] * 10, {"10_x"}, id="ten on one side"),
        pytest.param([0.1] * 9 + [0.0], set(), id="the mean is on no side"),
        pytest.param([0.1] * 5 + [NAN] + [0.1] * 5, {"10_x"}, id="refused in between"),
        pytest.param([], set(), id="nothing"),
        pytest.param([NAN, NAN], set(), id="all refused"),
    ],
)
def test_cases_by_hand(z: list[float], expected: set[str]) -> None:
    assert {firing.rule for firing in fired(z)} == expected


def test_a_rule_fires_at_the_value_that_completes_it_and_goes_on() -> None:
    assert fired([0.5] * 12) == [Firing(9, "10_x"), Firing(10, "10_x"), Firing(11, "10_x")]


def test_every_rule_has_one_line() -> None:
    assert list(RULES) == list(LITERAL)
    assert all(meaning and "\n" not in meaning for meaning in RULES.values())
    assert "warning" in RULES[WARNING]


def test_arrays_are_taken() -> None:
    assert fired(np.array([0.0, 2.5])) == [Firing(1, "1_2s")]
