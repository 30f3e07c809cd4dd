"""What a chart shows, and which values of many."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.errors import HistoryError
from refp.history import (
    ChartRequest,
    Firing,
    History,
    Selection,
    check_quantity,
    correction,
    parse_time,
    select_chart,
)
from refp.history.chart import thin

from .samples import START, at, record, series

STEADY = [1.0, -1.0] * 10
NAN = math.nan


@pytest.fixture
def history(tmp_path):
    with History.open(tmp_path / "h.db") as one:
        yield one


def test_limits_and_rules_come_from_the_baseline(history: History) -> None:
    history.append(series(*STEADY, 9.0))
    history.append([record(30, status="refused", delta_z_um=NAN, u_um=NAN, purpose="daily")])
    history.annotate("service", "a2k", at(25))
    history.annotate("another's", "b", at(25))
    baseline = history.freeze("b", Selection("a2k", START, at(20)))
    chart = select_chart(history, Selection("a2k"))
    assert chart.baseline == baseline
    assert chart.firings == (Firing(20, "1_2s"), Firing(20, "1_3s"))
    np.testing.assert_array_equal(chart.value, [*STEADY, 9.0, NAN])
    np.testing.assert_array_equal(chart.u, [0.5] * 21 + [NAN])
    np.testing.assert_array_equal(chart.shown, np.arange(21))
    assert np.flatnonzero(chart.refused).tolist() == [21]
    assert [a.text for a in chart.annotations] == ["service"]
    assert chart.utc_offset_s == 3600
    assert str(chart.time[0]) == "2026-03-01T07:00:00.000000"  # of UTC


def test_the_last_baseline_or_the_one_that_is_named(history: History) -> None:
    history.append(series(*STEADY, *STEADY))
    assert select_chart(history, Selection("a2k")).baseline is None
    assert select_chart(history, Selection("a2k")).firings == ()
    first = history.freeze("first", Selection("a2k", START, at(20)))
    last = history.freeze("last", Selection("a2k", START, at(40)))
    assert select_chart(history, Selection("a2k")).baseline == last
    assert select_chart(history, Selection("a2k"), ChartRequest(baseline="first")).baseline == first
    with pytest.raises(HistoryError, match=r"'other': not frozen .*'first', 'last'"):
        select_chart(history, Selection("a2k"), ChartRequest(baseline="other"))


def test_an_instrument_without_records(history: History) -> None:
    with pytest.raises(HistoryError, match=r"no daily check of instrument 'x' .* all estimates"):
        select_chart(history, Selection("x"))
    with pytest.raises(HistoryError, match="no estimate of instrument 'x'"):
        select_chart(history, Selection("x"), ChartRequest(series="all"))


def test_every_quantity(history: History) -> None:
    one = record(n_beads_used=7, background=120.0, tilt_y_um_per_px=0.3, tilt_x_um_per_px=-0.4)
    plane = record(kind="plane", refp_um=1500.0, refp_u_um=0.7, delta_z_um=NAN)
    refused = record(1, status="refused", delta_z_um=NAN, n_beads_used=0)
    history.append([one, plane, refused])
    found = {
        name: select_chart(history, Selection("a2k"), ChartRequest(check_quantity(name), "all"))
        for name in ("delta_z_um", "refp_um", "n_beads_used", "background", "tilt")
    }
    values = {name: chart.value[0] for name, chart in found.items()}
    assert values == pytest.approx(
        {"delta_z_um": 1.5, "refp_um": 1500, "n_beads_used": 7, "background": 120, "tilt": 0.5}
    )
    assert found["refp_um"].u.tolist() == [0.7]
    assert np.isnan(found["n_beads_used"].value[1])  # no bead of a refused image was used
    assert np.isnan(found["tilt"].u).all()


def test_only_checks_of_three_images_have_slope_and_fit(history: History) -> None:
    with pytest.raises(HistoryError, match="no daily check of instrument 'a2k'"):
        select_chart(history, Selection("a2k"), ChartRequest("slope"))
    unlike = record(2, status="refused", delta_z_um=NAN, t_squared=7.0, purpose="daily")
    check = record(1, slope=1.02, slope_u=0.01, t_squared=1.1, purpose="daily")
    history.append([record(), check, unlike])
    requests = [ChartRequest(name) for name in ("slope", "t_squared")]
    slope, fit = (select_chart(history, Selection("a2k"), one) for one in requests)
    assert (slope.value.tolist(), slope.u.tolist()) == ([1.02], [0.01])
    assert fit.value.tolist() == [1.1, 7.0]  # also of an image that is refused for it
    assert not fit.refused.any()


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=1, max_size=300),
    st.data(),
)
def test_thinning_hides_no_extreme(values: list[float], data: st.DataObject) -> None:
    array = np.array(values)
    known = np.flatnonzero(np.isfinite(array))
    keep = data.draw(st.lists(st.sampled_from(known.tolist()), max_size=9)) if known.size else []
    shown = thin(array, keep, most=20)
    assert set(keep) <= set(shown.tolist()) <= set(known.tolist())
    assert np.all(np.diff(shown) > 0)
    assert len(shown) <= 20 + len(set(keep))
    if known.size:
        assert np.min(array[shown]) == np.min(array[known])
        assert np.max(array[shown]) == np.max(array[known])


def test_few_values_are_all_shown() -> None:
    assert thin(np.array([1.0, NAN, 3.0]), []).tolist() == [0, 2]


def test_corrections() -> None:
    given_values = {"note": "x", "delta_z_um": None}
    assert correction(given_values) == {"note": "x"}
    new = correction({"delta_z_um": 2.0})
    assert (new["delta_z_um"], new["status"]) == (2.0, "ok")
    assert math.isnan(new["u_um"])  # those of the old value do not outlive it
    assert math.isnan(new["lower_um"])
    assert new["verdict"] == ""
    assert correction({"delta_z_um": 2.0, "u_um": 0.5})["u_um"] == 0.5
    gone = correction({"note": "wrong slide"}, withdraw=True)
    assert (gone["status"], gone["reason"]) == ("refused", "withdrawn: wrong slide")
    assert math.isnan(gone["delta_z_um"])
    with pytest.raises(HistoryError, match="nothing to correct"):
        correction({"note": None})
    with pytest.raises(HistoryError, match="withdrawn has no delta_z_um"):
        correction({"delta_z_um": 1.0}, withdraw=True)


def test_records_without_dz_cannot_get_one(history: History) -> None:
    note = history.annotate("service", "a2k")
    plane = record(kind="plane", refp_um=1.0)
    history.append([plane])
    with pytest.raises(HistoryError, match="of kind plane, which has no dZ"):
        history.correct([plane.id], **correction({"delta_z_um": 1.0}))
    with pytest.raises(HistoryError, match="is a note"):
        history.correct([note.id], **correction({}, withdraw=True))
    (gone,) = history.correct([plane.id], **correction({}, withdraw=True))
    assert math.isnan(gone.refp_um)


def test_times() -> None:
    assert parse_time("2026-03-31T08:30+02:00").isoformat() == "2026-03-31T08:30:00+02:00"
    local = parse_time("2026-03-31")
    assert local.tzinfo is not None
    assert (local.hour, local.minute) == (0, 0)
    with pytest.raises(HistoryError, match="'yesterday': write it as"):
        parse_time("yesterday")


def test_no_such_quantity() -> None:
    with pytest.raises(
        HistoryError, match="'colour': choose delta_z_um, slope, t_squared, refp_um"
    ):
        check_quantity("colour")
