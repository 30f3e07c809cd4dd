"""Control charts: what is drawn of which values."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refp.core.errors import OutputError
from refp.history import (
    ACTIONS,
    OUTSIDE_TOLERANCE,
    Baseline,
    ControlChart,
    Firing,
    fired,
    standardise,
)
from refp.history.chart import Annotation, thin
from refp.reports import check_chart_name, describe_control, draw_control, svg_text, write_control
from refp.reports.control import readable_limits
from refp.reports.control_report import chart_table, control_section

START = datetime(2026, 3, 1, tzinfo=UTC)
SPRING = Baseline(
    "spring",
    "a2k",
    "delta_z_um",
    START,
    START + timedelta(days=10),
    20,
    0.0,
    1.0,
    START,
    "Ada",
    "daily",
    10,
)
NAN = float("nan")


def chart_of(
    values: Sequence[float],
    baseline: Baseline | None = SPRING,
    notes: Sequence[tuple[int, str]] = (),
    firings: Sequence[Firing] | None = None,
    tolerance_um: float = NAN,
) -> ControlChart:
    """A daily check a day; NaN was refused."""
    value = np.array(values, dtype=float)
    time = np.datetime64("2026-03-01T08:00:00", "us") + np.arange(len(value)) * np.timedelta64(
        1, "D"
    )
    if firings is None:
        firings = fired(standardise(value, baseline)) if baseline else ()
    return ControlChart(
        instrument="a2k",
        quantity="delta_z_um",
        time=time,
        value=value,
        u=np.where(np.isfinite(value), 0.3, NAN),
        refused=np.isnan(value),
        firings=tuple(firings),
        shown=thin(value, [firing.index for firing in firings]),
        annotations=tuple(
            Annotation(time[0] + np.timedelta64(day, "D"), text) for day, text in notes
        ),
        baseline=baseline,
        utc_offset_s=3600,
        purpose="daily",
        n_days=len(value),
        tolerance_um=tolerance_um,
        outside=np.abs(value) > tolerance_um,
    )


def points(axes: Axes, marker: str, face: str | None = None) -> list[float]:
    """Heights of the points of a marker."""
    lines = [x for x in axes.lines if x.get_marker() == marker and x.get_linestyle() == "None"]
    chosen = [x for x in lines if face is None or x.get_markerfacecolor() == face]
    return [float(y) for line in chosen for y in np.asarray(line.get_ydata(), dtype=float)]


def texts(figure: Figure) -> str:
    return "|".join(t.get_text() for axes in figure.axes for t in axes.texts)


def test_values_by_what_the_rules_say() -> None:
    figure = draw_control(chart_of([0.5, -0.5, 2.5, 0.2, 3.5, NAN]))
    values, lanes = figure.axes
    assert points(values, "o", "#0072b2") == [0.5, -0.5, 0.2]
    assert points(values, "o", "white") == [2.5]
    assert points(values, "D") == [3.5]
    assert len(points(values, "^")) == 1  # refused
    assert [label.get_text() for label in lanes.get_yticklabels()] == ["1_2s", "1_3s"]
    marks = [line.get_xdata() for line in lanes.lines if line.get_marker() == "|"]
    assert [len(mark) for mark in marks] == [2, 1]
    title = figure._suptitle  # type: ignore[attr-defined]
    assert title.get_text() == "dZ (um) of a2k, daily checks"


def test_values_outside_the_tolerance_are_marked_whatever_the_limits() -> None:
    chart = chart_of([0.5, 1.6, -1.7, 3.5], tolerance_um=1.5)
    axes = draw_control(chart).axes[0]
    assert points(axes, "X") == [1.6, -1.7, 3.5]
    assert points(axes, "o", "#0072b2") == [0.5]
    assert points(axes, "D") == []
    flat = {float(np.asarray(x.get_ydata())[0]) for x in axes.lines if len(x.get_xdata()) == 2}
    assert {-1.5, 1.5} <= flat
    assert axes.get_title(loc="left") == "limits wider than the tolerance"
    text = describe_control(chart)
    assert "3 outside the tolerance of \N{PLUS-MINUS SIGN}1.5 um" in text
    assert "Caution: the limits, -3 to +3 um, are wider than the tolerance" in text


def test_a_tolerance_without_limits_is_drawn() -> None:
    axes = draw_control(chart_of([0.5, 0.6], baseline=None, tolerance_um=5.0)).axes[0]
    low, high = axes.get_ylim()
    assert low < -5 < 5 < high


@pytest.mark.parametrize("days", [1, 2, 5, 9, 40, 400])
def test_dates_are_whole_and_of_the_data(days: int) -> None:
    axes = draw_control(chart_of([0.1] * (days + 1))).axes[-1]
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.xaxis.get_majorticklocs() if low <= tick <= high]
    shown = axes.xaxis.get_major_formatter().format_ticks(ticks)
    assert shown
    assert len(set(shown)) == len(shown)
    assert all(re.match(r"2026-\d\d-\d\d|2027-\d\d-\d\d", one) for one in shown)
    assert high - low <= 1.05 * days


def test_bars_are_one_standard_uncertainty() -> None:
    values = draw_control(chart_of([0.5, NAN, -0.5])).axes[0]
    (bars,) = (x for x in values.lines if np.isnan(np.asarray(x.get_ydata(), dtype=float)).any())
    heights = np.asarray(bars.get_ydata(), dtype=float)
    np.testing.assert_allclose(heights, [0.2, 0.8, NAN, -0.8, -0.2, NAN])


def test_limits_are_the_baselines() -> None:
    values = draw_control(chart_of([0.5, -0.5])).axes[0]
    flat = {float(np.asarray(x.get_ydata())[0]) for x in values.lines if len(x.get_xdata()) == 2}
    assert {-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0} <= flat
    low, high = values.get_ylim()
    assert low < -3
    assert high > 3


def test_a_value_far_off_does_not_stretch_the_scale() -> None:
    values = draw_control(chart_of([0.5, 0.1, 1000.0])).axes[0]
    low, high = values.get_ylim()
    assert high < 10
    (edge,) = points(values, "^")
    assert high - 0.1 * (high - low) < edge < high


def test_notes_are_lines_with_text() -> None:
    figure = draw_control(chart_of([0.1] * 5, notes=[(2, "serviced"), (9, "after the last value")]))
    assert "serviced" in texts(figure)
    low, high = figure.axes[0].get_xlim()
    assert high - low < 5


def test_without_a_baseline_it_says_so() -> None:
    figure = draw_control(chart_of([0.5, 99.0], baseline=None))
    assert len(figure.axes) == 1
    missing = "limits need 20 checks on 5 days; there are 2 on 2"
    assert figure.axes[0].get_title(loc="left") == missing
    assert f"No limits: {missing}." in describe_control(chart_of([0.5, 99.0], baseline=None))


@pytest.mark.parametrize("values", [[1.0], [NAN], [NAN, NAN], [1.0, 1.0]])
@pytest.mark.parametrize("baseline", [SPRING, None])
def test_few_values_are_drawn_too(values: list[float], baseline: Baseline | None) -> None:
    assert svg_text(draw_control(chart_of(values, baseline))).startswith("<?xml")


def test_of_many_values_few_are_drawn_and_none_that_fires_is_left_out() -> None:
    rng = np.random.default_rng(1)
    calm = np.clip(rng.normal(0, 0.5, 20_000), -1.9, 1.9)
    calm[777] = 4.0
    firings = (Firing(777, "1_2s"), Firing(777, "1_3s"))
    chart = chart_of(calm, firings=firings)
    axes = draw_control(chart).axes[0]
    assert points(axes, "D") == [4.0]
    assert len(points(axes, "o")) <= 2000
    assert "drawn, extremes among them" in describe_control(chart)


def test_caption_counts() -> None:
    text = describe_control(chart_of([2.5, 2.6, NAN]))
    assert text.startswith("a2k: 2 values of dZ (um) of daily checks, 1 refused.")
    assert "baseline 'spring', 20 checks from 2026-03-01 to 2026-03-11" in text
    assert text.endswith("Rules that fired: 1_2s (2), 2_2s (1).")


def test_the_verdict_is_about_the_last_value() -> None:
    def headline(values: list[float], tolerance_um: float = NAN) -> tuple[str, str]:
        (one,) = control_section(chart_of(values, tolerance_um=tolerance_um)).headlines
        return one.level, one.text

    rejected = f"The last value is out of control (rule 1_3s). {ACTIONS['1_3s']}"
    assert headline([0.1, 4.0]) == ("poor", rejected)
    outside = f"outside the tolerance of \N{PLUS-MINUS SIGN}1.5 um. {OUTSIDE_TOLERANCE}"
    assert headline([0.1, 1.6], 1.5) == ("poor", f"The last value is {outside}")
    assert headline([1.6, 0.1], 1.5)[0] == "caution"
    level, text = headline([0.1, 0.2], 1.5)  # limits of 3 um
    assert (level, "are wider than the tolerance" in text) == ("caution", True)
    assert headline([0.1, 0.2], 3.5)[0] == "good"
    assert headline([0.1, 4.0, NAN])[0] == "poor"
    assert headline([4.0, 0.1])[0] == "caution"
    assert headline([0.1, 2.5])[0] == "good"  # a warning


def test_table_of_a_chart() -> None:
    table = chart_table(chart_of([2.5, 2.6, NAN]))
    assert table["rules"].tolist() == ["1_2s", "1_2s 2_2s", ""]
    assert table["refused"].tolist() == [False, False, True]
    assert table["state"].tolist() == ["warning", "rejected", "no_value"]


def test_page(tmp_path: Path) -> None:
    path = tmp_path / "c.html"
    write_control(chart_of([0.1, 4.0], notes=[(0, "<b>bold</b>")]), path, "h.db")
    page = path.read_text(encoding="utf-8")
    assert "Westgard" in page
    assert "one value more than 3 standard deviations" in page
    assert "The last value is out of control (rule 1_3s)." in page
    assert "<b>bold" not in page


def test_no_such_format() -> None:
    with pytest.raises(OutputError, match=r"x\.pdf: charts are written as \.html"):
        check_chart_name(Path("x.pdf"))


@pytest.mark.parametrize(
    ("span", "kept"),
    [(8.0, {0, 1, -1, 2, -2, 3, -3}), (30.0, {0, 3, -3}), (100.0, {0})],
)
def test_labels_of_limits_do_not_overlap(span: float, kept: set[int]) -> None:
    assert set(readable_limits(1.0, span)) == kept
