"""A control chart as a file: a picture, or a page with the rules that fired."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from refp.core.errors import OutputError
from refp.core.files import library_versions
from refp.history import LABELS, RULES, WARNING, ControlChart
from refp.reports.control import describe_control, draw_control
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
MOST_VECTOR = 1500
"""Of more points the page holds a picture of pixels, which is smaller."""


def check_chart_name(path: Path) -> None:
    """Refuse a chart's name that says no format.

    Raises
    ------
    OutputError
        Naming the file and the formats.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{path}: charts are written as {', '.join(SUFFIXES)}")


def write_control(chart: ControlChart, path: Path, source: str) -> None:
    """Write a control chart as its file's name says, whole or not at all.

    Parameters
    ----------
    chart
        What it shows.
    path
        ``.svg``, ``.png``, or ``.html`` for a page with the rules and the values in it.
    source
        Where the records are, as it may be shown.

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
        title = f"Control chart of {chart.instrument}: {LABELS[chart.quantity]}"
        write_report(path, title, [control_section(chart)], stamp)


def control_section(chart: ControlChart) -> ReportSection:
    """Return the section of a page: what fired, the chart, the rules, the values as a file."""
    make = raster_figure if len(chart.shown) > MOST_VECTOR else vector_figure
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
    """Return all values of a chart: time of UTC, value, u, whether refused, rules that fired."""
    rules: dict[int, list[str]] = {}
    for firing in chart.firings:
        rules.setdefault(firing.index, []).append(firing.rule)
    return pd.DataFrame(
        {
            "recorded_at": pd.Series(chart.time).dt.tz_localize("UTC"),
            chart.quantity: chart.value,
            "u": chart.u,
            "refused": chart.refused,
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
    n = int(np.isfinite(chart.value).sum())
    numbers: tuple[tuple[str, str], ...] = (
        ("values", str(n)),
        ("refused", str(int(chart.refused.sum()))),
    )
    if chart.baseline is None:
        return Headline("caution", "No baseline was frozen, so no rule is asked.", numbers)
    rejected = {f.index for f in chart.firings if f.rule != WARNING}
    numbers = (*numbers, ("values that a rule rejects", str(len(rejected))))
    known = np.flatnonzero(np.isfinite(chart.value))
    if len(known) and known[-1] in rejected:
        names = [f.rule for f in chart.firings if f.index == known[-1] and f.rule != WARNING]
        return Headline("poor", f"The last value is rejected by {', '.join(names)}.", numbers)
    if rejected:
        return Headline("caution", "The last value is in control; earlier ones were not.", numbers)
    return Headline("good", "No value is rejected by a rule.", numbers)
