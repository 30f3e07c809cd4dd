"""States of values: outside the tolerance whatever the limits, and what limits need."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.history import (
    ACTIONS,
    OUTSIDE_TOLERANCE,
    Baseline,
    ChartRequest,
    ControlChart,
    History,
    Selection,
    describe_result,
    evaluate_check,
    judge_chart,
    make_chart,
    missing_limits,
    needed,
    select_chart,
    states_of,
    wide_limits,
)

from .samples import START, at, record, series

STEADY = [1.0, -1.0] * 10
"""Mean 0, standard deviation 1.026."""
WIDE = [-40.0, 16.0] * 10
NAN = math.nan


@pytest.fixture
def history(tmp_path):
    with History.open(tmp_path / "h.db") as one:
        yield one


def frozen(history: History, *values: float, tolerance_um: float = NAN) -> ControlChart:
    """Return the chart with limits of its first twenty values."""
    history.append(series(*values))
    history.freeze("b", Selection("a2k", START, at(20)))
    return select_chart(history, Selection("a2k"), ChartRequest(tolerance_um=tolerance_um))


def test_a_value_outside_the_tolerance_is_never_within_limits(history: History) -> None:
    chart = frozen(history, *WIDE, 16.2, -4.9, -78.8, tolerance_um=5.0)
    assert states_of(chart)[-3:] == ["outside_tolerance", "within_limits", "outside_tolerance"]
    assert chart.outside.sum() == 22
    assert wide_limits(chart) == (
        "the limits, -98.2 to +74.2 um, are wider than the tolerance of \N{PLUS-MINUS SIGN}5 um: values "
        "within limits can be outside the tolerance"
    )


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=9), st.floats(0.1, 50))
def test_no_state_hides_the_tolerance(values: list[float], tolerance_um: float) -> None:
    n = len(values)
    given_values = {"delta_z_um": values, "u_um": 0.5, "tolerance_um": tolerance_um}
    table = pd.DataFrame({**given_values, "status": "ok", "verdict": "", "utc_offset_s": 0})
    table["recorded_at"] = pd.date_range("2026-03-01", periods=n, tz="UTC")
    limits = Baseline("b", "a2k", "delta_z_um", START, at(20), 20, -12.0, 29.0, at(20))
    chart = make_chart(table, table[:0].assign(note=""), "delta_z_um", Selection("a2k"), limits)
    states = states_of(judge_chart(chart, table))
    for value, state in zip(values, states, strict=True):
        assert (state == "outside_tolerance") == (abs(value) > tolerance_um)


def test_states_without_a_tolerance_are_those_of_the_rules(history: History) -> None:
    chart = frozen(history, *STEADY, 2.5, 9.0, 0.5)
    assert states_of(chart)[-3:] == ["warning", "rejected", "within_limits"]
    assert (wide_limits(chart), missing_limits(chart)) == ("", "")
    assert not chart.outside.any()


def test_the_tolerance_is_that_of_the_newest_record_and_a_failed_verdict_counts(
    history: History,
) -> None:
    history.append([record(0, delta_z_um=6.0, verdict="fail", tolerance_um=5.0, purpose="daily")])
    history.append([record(1, delta_z_um=-6.5, tolerance_um=7.0, purpose="daily")])
    history.append([record(2, delta_z_um=8.0, purpose="daily")])
    chart = select_chart(history, Selection("a2k"))
    assert chart.tolerance_um == 7.0
    assert states_of(chart) == ["outside_tolerance", "no_limits", "outside_tolerance"]
    stated = select_chart(history, Selection("a2k"), ChartRequest(tolerance_um=9.0))
    assert states_of(stated) == ["outside_tolerance", "no_limits", "no_limits"]


@pytest.mark.parametrize(
    ("n", "n_days", "sentence"),
    [
        (20, 5, ""),
        (12, 3, "limits need 20 checks on 5 days; there are 12 on 3"),
        (20, 4, "limits need 20 checks on 5 days; there are 20 on 4"),
        (19, 19, "limits need 20 checks on 5 days; there are 19 on 19"),
        (1, 1, "limits need 20 checks on 5 days; there is 1 on 1"),
    ],
)
def test_limits_need_checks_on_days(n: int, n_days: int, sentence: str) -> None:
    assert needed(n, n_days, "checks") == sentence


def test_days_are_those_of_the_instrument(history: History) -> None:
    """At 23:30 and at 00:30 in the zone of the records, both on one day of UTC."""
    history.append([record(31 / 12, purpose="daily"), record(33 / 12, purpose="daily")])
    chart = select_chart(history, Selection("a2k"))
    assert [str(time)[:10] for time in chart.time] == ["2026-03-01"] * 2
    assert chart.n_days == 2
    assert missing_limits(chart) == "limits need 20 checks on 5 days; there are 2 on 2"


def test_enough_checks_that_are_not_frozen(history: History) -> None:
    history.append(series(*STEADY))
    chart = select_chart(history, Selection("a2k"))
    assert missing_limits(chart) == (
        "no limits are frozen; 20 checks on 6 days are enough to freeze them"
    )


def test_planes_are_counted_as_planes(history: History) -> None:
    history.append([record(kind="plane", refp_um=1500.0, delta_z_um=NAN)])
    chart = select_chart(history, Selection("a2k"), ChartRequest("refp_um"))
    assert missing_limits(chart) == "limits need 20 planes on 5 days; there is 1 on 1"


@pytest.mark.parametrize(
    ("value", "tolerance_um", "in_control", "text"),
    [
        (
            16.2,
            5.0,
            False,
            f"FAIL: outside the tolerance of \N{PLUS-MINUS SIGN}5 um. {OUTSIDE_TOLERANCE}",
        ),
        (9.0, NAN, False, f"FAIL: rejected by 1_2s, 1_3s. {ACTIONS['1_3s']}"),
        (2.5, 5.0, True, f": warning 1_2s. {ACTIONS['1_2s']}"),
        (0.5, 5.0, True, ": within the limits 'b'"),
    ],
)
def test_a_check_against_limits_and_tolerance(
    history: History, value: float, tolerance_um: float, in_control: bool, text: str
) -> None:
    frozen(history, *STEADY)
    new = record(30, delta_z_um=value, purpose="daily", image="x.tif")
    history.append([new])
    result = evaluate_check(history, new.id, "a2k", tolerance_um)
    assert (result.in_control, result.baseline, result.notes) == (in_control, "b", ())
    line = describe_result(new, result)
    assert line.startswith(f"x.tif: dZ {value:+.1f} um")
    assert line.endswith(text)


def test_a_check_without_limits_names_those_that_are_missing(history: History) -> None:
    new = record(delta_z_um=0.5, purpose="daily", image="x.tif")
    history.append([new])
    result = evaluate_check(history, new.id, "a2k", 5.0)
    assert (result.in_control, result.state) == (None, "no_limits")
    assert result.notes == ("limits need 20 checks on 5 days; there is 1 on 1",)
    far = record(1, delta_z_um=8.0, purpose="daily")
    history.append([far])
    assert evaluate_check(history, far.id, "a2k", 5.0).in_control is False
