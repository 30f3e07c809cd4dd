"""Beads and members become one dZ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from refp.estimate import Combined, EstimateSettings, combine
from refp.models import Predictions

ORDERS = ["members", "beads"]
DZ = arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 8)), elements=st.floats(-90, 90)
)


def said(dz_um: object, sd_um: float = np.nan) -> Predictions:
    dz = np.atleast_2d(np.asarray(dz_um, dtype=np.float64))
    return Predictions(dz, np.full_like(dz, sd_um))


def together(dz_um: object, order: str = "members", sd_um: float = np.nan) -> Combined:
    return combine(said(dz_um, sd_um), EstimateSettings.model_validate({"order": order}))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("dz_um", "expected"),
    [
        pytest.param([[3.0]], 3.0, id="one bead, one member"),
        pytest.param([[1.0, 2.0, 3.0]], 2.0, id="mean over beads"),
        pytest.param([[1.0], [5.0]], 3.0, id="mean over members"),
        pytest.param([[1, 2, 3, 2, 40]], 2.0, id="a bead that is out"),
        pytest.param([[1, 2, 3, 2, 40], [2, 3, 4, 3, 41]], 2.5, id="a bead that is out for all"),
    ],
)
def test_combined_dz(dz_um: list[list[float]], expected: float, order: str) -> None:
    assert together(dz_um, order).dz_um == pytest.approx(expected)


def test_orders_differ_where_a_bead_is_out_for_one_member() -> None:
    dz_um = [[0.0, 1, 2, 1, 30], [0, 1, 2, 1, 1], [0, 1, 2, 1, 1]]
    per_member = np.mean([1.0, 1.0, 1.0])
    assert together(dz_um, "members").dz_um == pytest.approx(per_member)
    per_bead = np.mean([0.0, 1, 2, 1, 1])
    assert together(dz_um, "beads").dz_um == pytest.approx(per_bead)


@pytest.mark.parametrize("order", ORDERS)
def test_outlier_is_marked(order: str) -> None:
    assert list(together([[1, 2, 40, 3, 2]], order).used) == [True, True, False, True, True]


def test_bead_counts_where_half_of_the_members_take_it() -> None:
    half = [[1, 2, 3, 2, 40], [1, 2, 3, 2, 2]]
    assert together(half).used.all()
    assert not together([*half, [1, 2, 3, 2, 40]]).used[4]


@pytest.mark.parametrize("order", ORDERS)
@given(dz=DZ, data=st.data())
def test_order_of_beads_and_members_does_not_matter(
    order: str, dz: np.ndarray, data: st.DataObject
) -> None:
    beads = data.draw(st.permutations(range(dz.shape[1])))
    members = data.draw(st.permutations(range(dz.shape[0])))
    first, second = together(dz, order), together(dz[members][:, beads], order)
    assert second.dz_um == pytest.approx(first.dz_um, abs=1e-9)
    assert second.u_raw_um == pytest.approx(first.u_raw_um, abs=1e-9)
    np.testing.assert_array_equal(second.used, first.used[beads])


@pytest.mark.parametrize("order", ORDERS)
@given(dz=DZ, shift=st.floats(-50, 50))
def test_follows_a_shift(order: str, dz: np.ndarray, shift: float) -> None:
    whole = np.round(dz)  # so that a tie at a fence does not turn on rounding
    moved = together(whole + np.round(shift), order).dz_um
    assert moved == pytest.approx(together(whole, order).dz_um + np.round(shift), abs=1e-6)


@pytest.mark.parametrize("order", ORDERS)
@given(dz=DZ)
def test_lies_among_the_predictions(order: str, dz: np.ndarray) -> None:
    assert dz.min() - 1e-9 <= together(dz, order).dz_um <= dz.max() + 1e-9


@pytest.mark.parametrize(
    ("dz_um", "sd_um", "expected"),
    [
        pytest.param([[0.0, 1, 2, 3]], np.nan, np.std([0, 1, 2, 3], ddof=1) / 2, id="beads"),
        pytest.param([[0.0, 1, 2, 3]], 6.0, 3.0, id="stated, where it is more"),
        pytest.param([[1.0, 1, 1], [4, 4, 4]], np.nan, np.std([1, 4], ddof=1), id="members"),
        pytest.param([[1.0, 2.0]], 1.0, np.sqrt(0.5), id="two beads do not tell a scatter"),
    ],
)
def test_raw_uncertainty(dz_um: list[list[float]], sd_um: float, expected: float) -> None:
    assert together(dz_um, sd_um=sd_um).u_raw_um == pytest.approx(expected)
