"""Control charts: values over time against frozen limits, and the rules that fire."""

from collections import Counter
from datetime import UTC, timedelta, timezone
from typing import Any

import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.history import LABELS, RULES, WARNING, ControlChart
from refp.reports.panels import padded_limits
from refp.reports.sheet import Legend, panel_matrix
from refp.reports.style import FLAGGED, INK, MUTED, TOLERANCE, USED, look, printable

_HEIGHT_IN = 4.2
_LANE_IN = 0.28
_MANY = 300
"""Largest number of values drawn with full-size points and dark bars."""
_NOTE_REACH = 0.25
"""Notes are shown up to this fraction of the charted time before or after it."""
_MAX_NOTES = 12
"""Of more annotations only the last are written out; all have their line."""
_MAX_REFUSED = 500
_SIGMAS = {1: (":", 1.0), 2: ("--", 1.2), 3: ("-", 1.4)}
_REACH_SD = 3.6
_FAR_SD = 6.0
"""Values farther from the mean are drawn on the edge of the scale instead of stretching it."""


@look()
def draw_control(chart: ControlChart, title: str = "") -> Figure:
    """Draw values with their standard uncertainties, limits, notes, and a row for each rule.

    Parameters
    ----------
    chart
        Values, limits and firings; without a baseline there are neither limits nor rules.
    title
        Title; empty for the quantity and instrument of the chart.
    """
    rows = [rule for rule in RULES if any(f.rule == rule for f in chart.firings)]
    heights = [_HEIGHT_IN, _LANE_IN * (len(rows) + 1)][: 1 + bool(rows)]
    title = title or f"{LABELS[chart.quantity]} of {chart.instrument}"
    figure, grid = panel_matrix(
        len(heights), 1, sum(heights), title, sharex=True, height_ratios=heights
    )
    panels = [row[0] for row in grid]
    axes = panels[0]
    days = _days(chart.time)
    axes.set(ylim=_chart_limits(chart), ylabel=LABELS[chart.quantity])
    _draw_limits(axes, chart)
    _draw_values(axes, chart, days)
    _draw_refusals(axes, days[chart.refused])
    if rows:
        _draw_rules(panels[1], chart, days, rows)
    for panel in panels:
        _draw_note_lines(panel, chart)
    _write_notes(axes, chart)
    _set_time(panels[-1], chart, days)
    if chart.baseline is None:
        axes.set_title("no frozen baseline, so no limits", loc="left", color=FLAGGED, fontsize=13)
    _chart_legend(chart).draw(figure)
    return figure


def describe_control(chart: ControlChart) -> str:
    """Return the caption: instrument, number of values, baseline, rules that fired."""
    n = int(np.isfinite(chart.value).sum())
    drawn = "" if len(chart.shown) >= n else f" ({len(chart.shown)} drawn, extremes among them)"
    text = (
        f"{chart.instrument}: {n} value{'s' * (n != 1)} of {LABELS[chart.quantity]}{drawn}, "
        f"{int(chart.refused.sum())} refused. Bars: one standard uncertainty. "
    )
    limits = chart.baseline
    if limits is None:
        return text + "No baseline was frozen, so there are no limits."
    counts = Counter(firing.rule for firing in chart.firings)
    rules = ", ".join(f"{rule} ({counts[rule]})" for rule in RULES if counts[rule])
    return text + (
        f"Limits: baseline {limits.name!r}, {limits.n} values from {limits.since:%Y-%m-%d} to "
        f"{limits.until:%Y-%m-%d}, mean {limits.mean:.4g}, standard deviation {limits.sd:.3g}. "
        f"Rules that fired: {rules or 'none'}."
    )


def _chart_limits(chart: ControlChart) -> tuple[float, float]:
    values = chart.value[chart.shown]
    limits = chart.baseline
    if limits is None:
        return padded_limits(values, pad=0.12)
    z = (values - limits.mean) / limits.sd
    below, above = (
        max(_REACH_SD, 1.12 * min(float(np.nanmax(side * z, initial=0.0)), _FAR_SD))
        for side in (-1, 1)
    )
    below += 0.08 * (below + above) * bool(chart.refused.any())  # room for their triangles
    return limits.mean - below * limits.sd, limits.mean + above * limits.sd


def _draw_limits(axes: Axes, chart: ControlChart) -> None:
    limits = chart.baseline
    if limits is None:
        return
    start, stop = (
        _day(np.datetime64(time.astimezone(UTC).replace(tzinfo=None)))
        for time in (limits.since, limits.until)
    )
    axes.axvspan(start, stop, color=TOLERANCE, alpha=0.3, lw=0, zorder=0.4)
    axes.axhline(limits.mean, color=INK, lw=1.2, zorder=2)
    edge = axes.get_yaxis_transform()
    axes.text(1.005, limits.mean, "mean", transform=edge, va="center", fontsize=11, color=MUTED)
    for n, (style, width) in _SIGMAS.items():
        for sign in (-1, 1):
            level = limits.mean + sign * n * limits.sd
            axes.axhline(level, color=MUTED, ls=style, lw=width, zorder=1.8)
            axes.text(
                1.005, level, f"{sign * n:+d} sd", transform=edge, va="center", fontsize=11,
                color=MUTED,
            )  # fmt: skip


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
    level = _levels(chart)[shown]
    size = 3.0 if many else 6.0
    styles: tuple[tuple[BoolArray, dict[str, Any]], ...] = (
        (level == 0, {"mfc": USED, "mec": USED, "marker": "o", "ms": size}),
        (level == 1, {"mfc": "white", "mec": FLAGGED, "marker": "o", "ms": size + 1}),
        (level == 2, {"mfc": FLAGGED, "mec": FLAGGED, "marker": "D", "ms": size}),
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


def _levels(chart: ControlChart) -> IntArray:
    """Return the level of each value: 0 no rule fired, 1 only the warning, 2 a rejection."""
    level = np.zeros(len(chart), dtype=np.int64)
    for rejects in (False, True):
        rows = [f.index for f in chart.firings if (f.rule != WARNING) == rejects]
        level[rows] = 1 + rejects
    return level


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
    locator = mdates.AutoDateLocator(tz=zone, minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    concise = mdates.ConciseDateFormatter(locator, tz=zone)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(concise)
    notes = np.array([_day(annotation.time) for annotation in chart.annotations])
    air = _NOTE_REACH * np.ptp(days)
    near = (notes >= days[0] - air) & (notes <= days[-1] + air)
    held = np.concatenate([days, notes[near]])
    one = not np.ptp(held)
    axes.set_xlim(*((held[0] - 0.5, held[0] + 0.5) if one else padded_limits(held, pad=0.02)))
    axes.set_xlabel(f"time ({zone})")


def _chart_legend(chart: ControlChart) -> Legend:
    level = _levels(chart)
    has_u = bool(np.isfinite(chart.u).any())
    legend = Legend().dot(USED, "value")
    legend.line(USED, "\N{PLUS-MINUS SIGN} u", alpha=0.5, when=has_u)
    legend.dot(FLAGGED, "warning", hollow=True, when=bool((level == 1).any()))
    legend.dot(FLAGGED, "rejected by a rule", marker="D", when=bool((level == 2).any()))
    legend.dot(MUTED, "refused", hollow=True, marker="^", when=bool(chart.refused.any()))
    if chart.baseline is not None:
        label = printable(f"baseline {chart.baseline.name}, n = {chart.baseline.n}", 40)
        legend.band(TOLERANCE, label, alpha=0.3)
    return legend
