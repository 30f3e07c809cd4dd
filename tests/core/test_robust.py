"""Robust location and the interquartile rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.robust import iqr_inliers, iqr_inliers_of_rows, mad_sigma, nan_median

FENCES = {
    "one far value": ([1, 2, 3, 4, 100], [True] * 4 + [False]),
    "both ends": ([-100, 1, 2, 3, 4, 5, 100], [False, *[True] * 5, False]),
    "on the fence": ([0, 1, 2, 3, 6], [True] * 5),
    "beyond the fence": ([0, 1, 2, 3, 6.01], [True] * 4 + [False]),
    "three values": ([1, 2, 1000], [True] * 3),
    "NaN is never in": ([1, np.nan, 2, 3, 4], [True, False, True, True, True]),
    "three values and NaN": ([1, np.nan, 1000, 2], [True, False, True, True]),
    "all alike but one": ([5, 5, 5, 5, 5.1], [True] * 4 + [False]),
    "infinite": ([1, 2, 3, 4, np.inf], [True] * 4 + [False]),
    "empty": ([], []),
}


@pytest.mark.parametrize(("values", "inliers"), FENCES.values(), ids=FENCES)
def test_the_interquartile_rule(values: list[float], inliers: list[bool]) -> None:
    assert list(iqr_inliers(np.array(values, dtype=float))) == inliers


def test_a_wider_factor_keeps_more() -> None:
    values = np.array([0, 1, 2, 3, 6.01])
    assert iqr_inliers(values, 3.0).all()


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(
            st.lists(st.sampled_from([1.0, 2.0, 4.0, 8.0, np.nan]), min_size=n, max_size=n),
            min_size=1,
            max_size=7,
        )
    )
)
def test_the_median_of_columns_is_that_of_their_known_values(rows: list[list[float]]) -> None:
    values = np.array(rows)
    known = [column[np.isfinite(column)] for column in values.T]
    expected = [np.median(column) if len(column) else np.nan for column in known]
    np.testing.assert_array_equal(nan_median(values), expected)


@given(
    values=st.lists(st.integers(-1000, 1000), min_size=4, max_size=30),
    scale=st.sampled_from([-4.0, 0.5, 2.0]),
    offset=st.integers(-1000, 1000),
)
def test_the_rule_does_not_depend_on_unit_or_order(
    values: list[int], scale: float, offset: int
) -> None:
    x = np.array(values, dtype=float)
    inliers = iqr_inliers(x)
    np.testing.assert_array_equal(iqr_inliers(scale * x + offset), inliers)
    np.testing.assert_array_equal(iqr_inliers(x[::-1]), inliers[::-1])
    assert inliers.sum() >= len(x) / 2


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_an_empty_array_has_no_spread(values: list[float]) -> None:
    assert np.isnan(mad_sigma(np.array(values)))


def test_the_spread_of_normal_values_with_outliers() -> None:
    values = np.random.default_rng(0).normal(5, 2, 4000)
    values[:400] = 1e6
    values[400:410] = np.nan
    assert mad_sigma(values) == pytest.approx(2, rel=0.2)


def test_rows_are_each_judged_by_themselves() -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_t(2, (40, 9))
    rows[rng.random(rows.shape) < 0.4] = np.nan
    rows[0] = np.nan
    expected = [iqr_inliers(row) for row in rows]
    assert (iqr_inliers_of_rows(rows) == expected).all()
