"""A control chart as a file: a picture, or a page with the rules that fired."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from refp.core.errors import OutputError
from refp.core.files import library_versions
from refp.history import (
    ACTIONS,
    FAILURES,
    OUTSIDE_TOLERANCE,
    RULES,
    WARNING,
    ControlChart,
    PointState,
    describe_tolerance,
    missing_limits,
    states_of,
    wide_limits,
)
from refp.reports.control import describe_control, draw_control, name_chart
from refp.reports.page import (
    Headline,
    ReportSection,
    raster_figure,
    table_file,
    vector_figure,
    write_report,
)
from refp.reports.style import save_png, save_svg
from refp.reports.tables import ReportTable, format_table

SUFFIXES = (".html", ".svg", ".png")
MAX_VECTOR_POINTS = 1500
"""Largest number of points drawn as SVG; of more a PNG is smaller."""


def check_chart_name(path: Path) -> None:
    """Check that the suffix of a chart's file is a supported format.

    Raises
    ------
    OutputError
        If it is not; the message names the file and the formats.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{path}: charts are written as {', '.join(SUFFIXES)}")


def write_control(chart: ControlChart, path: Path, source: str) -> None:
    """Write a control chart in the format of the file's suffix, whole or not at all.

    Parameters
    ----------
    chart
        Values, limits and firings.
    path
        ``.svg``, ``.png``, or ``.html`` for a page with the rules and the values in it.
    source
        Location of the records, as shown on the page.

    Raises
    ------
    OutputError
        If the name ends otherwise, or the file cannot be written.
    """
    check_chart_name(path)
    kind = path.suffix.lower()
    if kind == ".svg":
        save_svg(draw_control(chart), path)
    elif kind == ".png":
        save_png(draw_control(chart), path)
    else:
        stamp = {**library_versions(), "history": source}
        title = f"Control chart: {name_chart(chart)}"
        write_report(path, title, [control_section(chart)], stamp)


def control_section(chart: ControlChart) -> ReportSection:
    """Return the section of a page: verdict, chart, rules, and the values as a file."""
    make = raster_figure if len(chart.shown) > MAX_VECTOR_POINTS else vector_figure
    caption = describe_control(chart)
    rules = _rules(chart)
    return ReportSection(
        "Control chart",
        figures=(make(draw_control(chart), caption, caption),),
        tables=(rules,) if chart.baseline is not None else (),
        headlines=(_headline(chart),),
        files=(table_file(chart_table(chart), f"{chart.quantity}.csv"),),
    )


def chart_table(chart: ControlChart) -> pd.DataFrame:
    """Return all values of a chart: time of UTC, value, u, whether refused, state, rules that fired."""
    rules: dict[int, list[str]] = {}
    for firing in chart.firings:
        rules.setdefault(firing.index, []).append(firing.rule)
    return pd.DataFrame(
        {
            "recorded_at": pd.Series(chart.time).dt.tz_localize("UTC"),
            chart.quantity: chart.value,
            "u": chart.u,
            "refused": chart.refused,
            "state": states_of(chart),
            "rules": [" ".join(rules.get(k, ())) for k in range(len(chart))],
        }
    )


def _rules(chart: ControlChart) -> ReportTable:
    counts = Counter(firing.rule for firing in chart.firings)
    last = {firing.rule: firing.index for firing in chart.firings}
    rows = {
        "rule": list(RULES),
        "meaning": list(RULES.values()),
        "times": [counts[rule] for rule in RULES],
        "last at (UTC)": [_minute(chart, last.get(rule, -1)) for rule in RULES],
    }
    marked = [i for i, rule in enumerate(RULES) if counts[rule] and rule != WARNING]
    return format_table(pd.DataFrame(rows), "Westgard's rules (Clin. Chem. 27, 493, 1981)", marked)


def _minute(chart: ControlChart, index: int) -> str:
    return str(chart.time[index])[:16].replace("T", " ") if index >= 0 else ""


def _headline(chart: ControlChart) -> Headline:
    states = states_of(chart)
    numbers = _numbers(chart, states)
    known = np.flatnonzero(np.isfinite(chart.value))
    last: PointState = states[known[-1]] if len(known) else "no_value"
    failed = FAILURES & set(states)
    if last == "outside_tolerance":
        limit = describe_tolerance(chart.tolerance_um)
        return Headline("poor", f"The last value is outside {limit}. {OUTSIDE_TOLERANCE}", numbers)
    if last == "rejected":
        names = [f.rule for f in chart.firings if f.index == known[-1] and f.rule != WARNING]
        rules = f"rule{'s' * (len(names) > 1)} {', '.join(names)}"
        text = f"The last value is out of control ({rules}). {ACTIONS[names[0]]}"
        return Headline("poor", text, numbers)
    caution = missing_limits(chart) or wide_limits(chart)
    if failed:
        text = "The last value passes; earlier ones were outside the tolerance or out of control."
        return Headline("caution", text, numbers)
    if caution:
        return Headline("caution", f"{caution[:1].upper()}{caution[1:]}.", numbers)
    return Headline("good", "No value is out of control or outside the tolerance.", numbers)


def _numbers(chart: ControlChart, states: list[PointState]) -> tuple[tuple[str, str], ...]:
    n = Counter(states)
    numbers = [("values", len(chart) - n["no_value"]), ("refused", int(chart.refused.sum()))]
    if np.isfinite(chart.tolerance_um):
        numbers.append(("outside the tolerance", n["outside_tolerance"]))
    if chart.baseline is not None:
        rejected = {f.index for f in chart.firings if f.rule != WARNING}
        numbers.append(("out of control", len(rejected)))
    return tuple((label, str(value)) for label, value in numbers)
