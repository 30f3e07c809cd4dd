"""Control charts: values over time against frozen limits, and the rules that fire."""

from collections import Counter
from datetime import UTC, timedelta, timezone
from typing import Any

import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from refp.core.arrays import BoolArray, FloatArray
from refp.history import (
    LABELS,
    RULES,
    WARNING,
    ControlChart,
    describe_tolerance,
    missing_limits,
    noun_of,
    states_of,
    wide_limits,
)
from refp.reports.panels import padded_limits
from refp.reports.sheet import Legend, panel_matrix
from refp.reports.style import FLAGGED, INK, MUTED, TOLERANCE, USED, look, printable

_HEIGHT_IN = 4.2
_LANE_IN = 0.28
_MANY = 300
"""Largest number of values drawn with full-size points and dark bars."""
_MAX_NOTES = 12
"""Of more annotations only the last are written out; all have their line."""
_MAX_REFUSED = 500
_SIGMAS = {1: (":", 1.0), 2: ("--", 1.2), 3: ("-", 1.4)}
_LABEL_FRACTION = 0.045
"""Height of a label of a limit, as a fraction of the axis."""
_REACH_SD = 3.6
_FAR_SD = 6.0
"""Values farther from the mean are drawn on the edge of the scale instead of stretching it."""
_TOLERANCE_SD = 12.0
"""A tolerance farther than this from the mean is named in the legend and beyond the scale."""
_BEYOND_TOLERANCE = 1.6
"""Values up to this multiple of the tolerance are drawn where they are."""
_PERIOD = "#c9ced6"
_CALM = ("within_limits", "no_limits")
_MAX_DATES = 6
_FEW_DAYS = 6.0
"""Of a shorter time the axis has hours beside its dates."""


@look()
def draw_control(chart: ControlChart, title: str = "") -> Figure:
    """Draw values with their standard uncertainties, limits, notes, and a row for each rule.

    Parameters
    ----------
    chart
        Values, limits and firings; without a baseline there are neither limits nor rules.
    title
        Title; empty for the quantity, instrument and records of the chart.
    """
    rows = [rule for rule in RULES if any(f.rule == rule for f in chart.firings)]
    heights = [_HEIGHT_IN, _LANE_IN * (len(rows) + 1)][: 1 + bool(rows)]
    title = title or name_chart(chart)
    figure, grid = panel_matrix(
        len(heights), 1, sum(heights), title, sharex=True, height_ratios=heights
    )
    panels = [row[0] for row in grid]
    axes = panels[0]
    days = _days(chart.time)
    axes.set(ylim=_chart_limits(chart), ylabel=LABELS[chart.quantity])
    _draw_tolerance(axes, chart)
    _draw_limits(axes, chart)
    _draw_values(axes, chart, days)
    _draw_refusals(axes, days[chart.refused])
    if rows:
        _draw_rules(panels[1], chart, days, rows)
    for panel in panels:
        _draw_note_lines(panel, chart)
    _write_notes(axes, chart)
    _set_time(panels[-1], chart, days)
    caution = missing_limits(chart) or (
        "limits wider than the tolerance" if wide_limits(chart) else ""
    )
    axes.set_title(caution, loc="left", color=FLAGGED, fontsize=13)
    _chart_legend(chart).draw(figure)
    return figure


def describe_control(chart: ControlChart) -> str:
    """Return the caption: instrument, number of values, baseline, rules that fired."""
    n = int(np.isfinite(chart.value).sum())
    drawn = "" if len(chart.shown) >= n else f" ({len(chart.shown)} drawn, extremes among them)"
    text = (
        f"{chart.instrument}: {n} value{'s' * (n != 1)} of {LABELS[chart.quantity]} of "
        f"{name_records(chart)}{drawn}, {int(chart.refused.sum())} refused. "
        "Bars: one standard uncertainty. "
    )
    if np.isfinite(chart.tolerance_um):
        text += f"{int(chart.outside.sum())} outside {describe_tolerance(chart.tolerance_um)}. "
    limits = chart.baseline
    if limits is None:
        return f"{text}No limits: {missing_limits(chart)}."
    counts = Counter(firing.rule for firing in chart.firings)
    rules = ", ".join(f"{rule} ({counts[rule]})" for rule in RULES if counts[rule])
    wide = wide_limits(chart)
    return text + (
        f"Limits: baseline {limits.name!r}, {limits.n} {noun_of(limits.quantity, limits.purpose)} from "
        f"{limits.since:%Y-%m-%d} to {limits.until:%Y-%m-%d}, mean {limits.mean:.4g}, standard deviation "
        f"{limits.sd:.3g}. {f'Caution: {wide}. ' if wide else ''}"
        f"Rules that fired: {rules or 'none'}."
    )


def name_chart(chart: ControlChart) -> str:
    """Return the title of a chart: quantity, instrument and records."""
    return f"{LABELS[chart.quantity]} of {chart.instrument}, {name_records(chart)}"


def name_records(chart: ControlChart) -> str:
    """Return the records of a chart: daily checks, all estimates, or all planes."""
    noun = noun_of(chart.quantity, chart.purpose)
    return f"{chart.purpose or 'all'} {noun}"


def _chart_limits(chart: ControlChart) -> tuple[float, float]:
    values, limits = chart.value[chart.shown], chart.baseline
    ends = np.array([-chart.tolerance_um, chart.tolerance_um])
    if limits is None:
        return padded_limits(values, ends, pad=0.12)
    tolerances = (ends - limits.mean) / limits.sd
    z = (values - limits.mean) / limits.sd
    below, above = (_reach(side * z, side * tolerances) for side in (-1, 1))
    below += 0.08 * (below + above) * bool(chart.refused.any())  # room for their triangles
    return limits.mean - below * limits.sd, limits.mean + above * limits.sd


def _reach(z: FloatArray, tolerances: FloatArray) -> float:
    """Return how far the scale goes on one side of the mean, standard deviations."""
    near = float(np.nanmax(tolerances[tolerances <= _TOLERANCE_SD], initial=0.0))
    far = min(float(np.nanmax(z, initial=0.0)), max(_FAR_SD, _BEYOND_TOLERANCE * near))
    return max(_REACH_SD, 1.12 * far, 1.12 * near)


def _draw_tolerance(axes: Axes, chart: ControlChart) -> None:
    if np.isfinite(chart.tolerance_um):
        ends = -chart.tolerance_um, chart.tolerance_um
        axes.axhspan(*ends, color=TOLERANCE, alpha=0.3, lw=0, zorder=0.3)
        for end in ends:
            axes.axhline(end, color=TOLERANCE, lw=2.2, zorder=1.7)


def _draw_limits(axes: Axes, chart: ControlChart) -> None:
    limits = chart.baseline
    if limits is None:
        return
    start, stop = (
        _day(np.datetime64(time.astimezone(UTC).replace(tzinfo=None)))
        for time in (limits.since, limits.until)
    )
    axes.axvspan(start, stop, color=_PERIOD, alpha=0.4, lw=0, zorder=0.2)
    axes.axhline(limits.mean, color=INK, lw=1.2, zorder=2)
    for n, (style, width) in _SIGMAS.items():
        for level in (limits.mean - n * limits.sd, limits.mean + n * limits.sd):
            axes.axhline(level, color=MUTED, ls=style, lw=width, zorder=1.8)
    edge, (low, high) = axes.get_yaxis_transform(), axes.get_ylim()
    for n in readable_limits(limits.sd, high - low):
        text = f"{n:+d} sd".replace("-", "\N{MINUS SIGN}") if n else "mean"
        at = 1.005, limits.mean + n * limits.sd
        axes.text(*at, text, transform=edge, va="center", fontsize=11, color=MUTED)


def readable_limits(sd: float, span: float) -> list[int]:
    """Return the limits whose labels do not overlap, in standard deviations, the outer ones first.

    Parameters
    ----------
    sd
        Standard deviation of the limits.
    span
        Height of the axis, in the unit of ``sd``.
    """
    kept = [0]
    for n in sorted(_SIGMAS, reverse=True):
        if all(abs(n - other) * sd >= _LABEL_FRACTION * span for other in kept):
            kept += [n, -n]
    return kept


def _draw_values(axes: Axes, chart: ControlChart, days: FloatArray) -> None:
    shown, (low, high) = chart.shown, axes.get_ylim()
    many = len(shown) > _MANY
    value, u = chart.value[shown], chart.u[shown]
    inside = (value >= low) & (value <= high)
    # One line with gaps: as a line each, thousands of bars take longer than all else.
    bars = inside & np.isfinite(u)
    ends = np.stack([value - u, value + u, np.full(len(u), np.nan)], axis=1)[bars]
    axes.plot(
        np.repeat(days[shown][bars], 3), ends.ravel(), color=USED, zorder=2.5,
        lw=0.6 if many else 1.4, alpha=0.25 if many else 0.5, solid_capstyle="butt",
    )  # fmt: skip
    state = np.array(states_of(chart))[shown]
    size = 3.0 if many else 6.0
    filled = {"mfc": FLAGGED, "mec": FLAGGED}
    styles: tuple[tuple[BoolArray, dict[str, Any]], ...] = (
        (np.isin(state, _CALM), {"mfc": USED, "mec": USED, "marker": "o", "ms": size}),
        (state == "warning", {"mfc": "white", "mec": FLAGGED, "marker": "o", "ms": size + 1}),
        (state == "rejected", {**filled, "marker": "D", "ms": size}),
        (state == "outside_tolerance", {**filled, "mec": "white", "marker": "X", "ms": size + 4}),
    )
    for at, style in styles:
        axes.plot(days[shown][at & inside], value[at & inside], ls="", zorder=3, **style)
    _draw_beyond(axes, days[shown], value, inside)


def _draw_beyond(axes: Axes, days: FloatArray, value: FloatArray, inside: BoolArray) -> None:
    """Draw values beyond the scale as triangles on its edge that point towards them."""
    low, high = axes.get_ylim()
    air = 0.02 * (high - low)
    for at, height, marker in (
        (~inside & (value > high), high - air, "^"),
        (~inside & (value < low), low + air, "v"),
    ):
        heights = np.full(int(at.sum()), height)
        axes.plot(days[at], heights, ls="", marker=marker, ms=8, mfc=FLAGGED, mec="white", zorder=4)


def _draw_refusals(axes: Axes, days: FloatArray) -> None:
    few = days
    if len(days) > _MAX_REFUSED:
        few = days[np.linspace(0, len(days) - 1, _MAX_REFUSED).astype(int)]
    axes.plot(
        few, np.full(len(few), 0.035), transform=axes.get_xaxis_transform(), ls="", marker="^",
        ms=8, mec=MUTED, mfc="none", mew=1.4, zorder=5,
    )  # fmt: skip


def _draw_rules(axes: Axes, chart: ControlChart, days: FloatArray, rows: list[str]) -> None:
    """Draw a row for each rule that fired, with a mark at each value where it did."""
    for height, rule in enumerate(rows):
        at = days[[firing.index for firing in chart.firings if firing.rule == rule]]
        color = MUTED if rule == WARNING else FLAGGED
        axes.plot(at, np.full(len(at), height), ls="", marker="|", ms=11, mew=1.6, color=color)
    axes.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.4, -0.6))
    axes.tick_params(axis="y", labelsize=11)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("rule", rotation=0, ha="right", va="center")


def _draw_note_lines(axes: Axes, chart: ControlChart) -> None:
    for annotation in chart.annotations:
        axes.axvline(_day(annotation.time), color=INK, lw=1.0, ls=(0, (4, 2)), zorder=2.2)


def _write_notes(axes: Axes, chart: ControlChart) -> None:
    for annotation in chart.annotations[-_MAX_NOTES:]:
        text = axes.text(
            _day(annotation.time), 0.985, f" {printable(annotation.text, 34)}", rotation=90,
            transform=axes.get_xaxis_transform(), va="top", ha="right", fontsize=11, zorder=2.3,
        )  # fmt: skip
        text.set_bbox({"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5})
        text.set_in_layout(False)
        text.set_clip_on(True)


def _days(times: ArrayLike) -> FloatArray:
    """Return UTC times as days of matplotlib's time axis."""
    days: FloatArray = mdates.date2num(np.asarray(times))  # type: ignore[no-untyped-call]
    return days


def _day(time: np.datetime64) -> float:
    return float(_days(np.array([time]))[0])


def _set_time(axes: Axes, chart: ControlChart, days: FloatArray) -> None:
    zone = timezone(timedelta(seconds=chart.utc_offset_s))
    held = days if np.ptp(days) else np.array([days[0] - 0.5, days[0] + 0.5])
    locator = mdates.AutoDateLocator(tz=zone, minticks=2, maxticks=_MAX_DATES)  # type: ignore[no-untyped-call]
    hours = np.ptp(held) < _FEW_DAYS
    dates = mdates.DateFormatter("%Y-%m-%d\n%H:%M" if hours else "%Y-%m-%d", tz=zone)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates)
    axes.set_xlim(*padded_limits(held, pad=0.02))
    axes.set_xlabel(f"time ({zone})")


def _chart_legend(chart: ControlChart) -> Legend:
    states = set(states_of(chart))
    has_u = bool(np.isfinite(chart.u).any())
    legend = Legend().dot(USED, "value", when=bool(states & set(_CALM)))
    legend.line(USED, "\N{PLUS-MINUS SIGN} u", alpha=0.5, when=has_u)
    legend.dot(FLAGGED, "warning", hollow=True, when="warning" in states)
    legend.dot(FLAGGED, "out of control", marker="D", when="rejected" in states)
    outside = "outside_tolerance" in states
    legend.dot(FLAGGED, "FAIL: outside the tolerance", marker="X", when=outside)
    low, high = _chart_limits(chart)
    value = chart.value[chart.shown]
    beyond = bool(((value > high) | (value < low)).any())
    legend.dot(FLAGGED, "beyond the scale", marker="^", when=beyond)
    legend.dot(MUTED, "refused", hollow=True, marker="^", when=bool(chart.refused.any()))
    if np.isfinite(chart.tolerance_um):
        legend.band(TOLERANCE, f"tolerance \N{PLUS-MINUS SIGN}{chart.tolerance_um:g} um", alpha=0.6)
    if chart.baseline is not None:
        label = printable(f"baseline {chart.baseline.name}, n = {chart.baseline.n}", 40)
        legend.band(_PERIOD, label, alpha=0.5)
    return legend
