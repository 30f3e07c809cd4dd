"""What each family of models reaches on each data set; ours, not the article's."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from refp.reports.panels import padded_limits, unique_in_order
from refp.reports.style import (
    FLAGGED,
    INK,
    MUTED,
    USED,
    WIDTH_IN,
    dot,
    empty_figure,
    legend_below,
    look,
    printable,
    set_title,
)

_COLORS = (USED, FLAGGED, "#007a5a", "#cc79a7", "#e69f00", MUTED)
_MARKERS = "osD^vP"
_ROW_IN = 0.62
_SPREAD = 0.56
"""Height that the markers of a row take, of the row's."""
_STATED = 95.0
"""Coverage of our intervals, in %."""
_DASHED = (0, (5, 3))
_SHARES = {"coverage": "coverage (%)", "refused_share": "refused (%)"}


@look()
def draw_families(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw the RMS error of each family, a row per data set, beside coverage and refusals.

    Parameters
    ----------
    table
        A row per family and data set: ``family, dataset, rms_um, constant_rms_um, coverage,
        refused_share``; the last two are fractions of 1. The tick of a row is the RMS of a model
        that always answers the same.
    title
        Names the instrument.

    Notes
    -----
    A panel of which no value is known is left out.
    """
    columns = ["rms_um", *_SHARES]
    known = table[table[columns].notna().any(axis=1)]
    if known.empty:
        return empty_figure("no family was tried", title)
    shown = [c for c in columns if known[c].notna().any()]
    datasets, families = unique_in_order(known["dataset"]), unique_in_order(known["family"])
    figure, panels = _grid(len(datasets), shown, title)
    for axes, column in zip(panels, shown, strict=True):
        _draw_rows(axes, len(datasets))
        scale = 1.0 if column == "rms_um" else 100.0
        for i, family in enumerate(families):
            rows = known[(known["family"].astype(str) == family) & known[column].notna()]
            y = [datasets.index(str(d)) + _shift(i, len(families)) for d in rows["dataset"]]
            axes.add_line(_marks(scale * rows[column], y, i))
        _finish(axes, column, known, datasets)
    panels[0].set_yticks(range(len(datasets)), [fill(printable(d, 44), 22) for d in datasets])
    legend_below(figure, _legend(families, shown))
    return figure


def _grid(n: int, shown: Sequence[str], title: str) -> tuple[Figure, list[Axes]]:
    height = n * _ROW_IN + 1.6 + 0.4 * bool(title)
    figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)  # type: ignore[union-attr,call-arg]
    set_title(figure, title)
    widths = [2.2 if column == "rms_um" else 1.0 for column in shown]
    panels = figure.subplots(1, len(shown), squeeze=False, sharey=True, width_ratios=widths)
    return figure, list(panels.flat)


def _shift(i: int, n: int) -> float:
    return _SPREAD * ((i + 0.5) / n - 0.5)


def _marks(x: Sequence[float] | pd.Series, y: Sequence[float], number: int) -> Line2D:
    color, marker = _COLORS[number % len(_COLORS)], _MARKERS[number % len(_MARKERS)]
    return Line2D(x, y, ls="", marker=marker, ms=8, mew=0, color=color, zorder=4)


def _draw_rows(axes: Axes, n: int) -> None:
    axes.set_ylim(n - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    for i in range(0, n, 2):
        axes.axhspan(i - 0.5, i + 0.5, color=MUTED, alpha=0.07, lw=0, zorder=0)


def _finish(axes: Axes, column: str, known: pd.DataFrame, datasets: Sequence[str]) -> None:
    if column == "rms_um":
        _finish_rms(axes, known, datasets)
        return
    low = 100 * float(known[column].min())
    limits = (min(low - 4, 84.0), 102.0) if column == "coverage" else (-4.0, 104.0)
    axes.set(xlim=limits, xlabel=_SHARES[column])
    axes.locator_params(axis="x", nbins=5)
    if column == "coverage":
        axes.axvline(_STATED, color=INK, lw=1.0, ls=_DASHED, zorder=2)


def _finish_rms(axes: Axes, known: pd.DataFrame, datasets: Sequence[str]) -> None:
    # Families refuse other images, so that their constants differ by a little: one tick tells.
    constant = known["constant_rms_um"].groupby(known["dataset"].astype(str)).median()
    ticks = np.array([constant[name] for name in datasets])
    axes.plot(ticks, range(len(datasets)), ls="", marker="|", ms=24, mew=2.4, color=INK, zorder=3)
    values = np.array([*known["rms_um"], *ticks], dtype=float)
    low, high = padded_limits(np.log10(values[values > 0]))
    axes.set_xscale("log")
    axes.set_xlim(10**low, 10**high)
    axes.set_xlabel("RMS error of dZ (um)")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high - low > 2 else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(families: Sequence[str], shown: Sequence[str]) -> list[Line2D]:
    entries = [
        dot(_COLORS[i % len(_COLORS)], family, marker=_MARKERS[i % len(_MARKERS)])
        for i, family in enumerate(families)
    ]
    if "rms_um" in shown:
        label = "always the same answer"
        entries.append(Line2D([], [], ls="", marker="|", ms=16, mew=2.4, color=INK, label=label))
    if "coverage" in shown:
        label = f"{_STATED:g} % stated"
        entries.append(Line2D([], [], color=INK, lw=1.0, ls=_DASHED, label=label))
    return entries
