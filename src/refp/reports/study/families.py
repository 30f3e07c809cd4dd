"""RMS error, coverage and refusals of each family of models on each data set."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from refp.reports.panels import padded_limits, unique_in_order
from refp.reports.sheet import DASHED, Legend, dot, empty_figure, hide_y_axis, panel_matrix
from refp.reports.style import FLAGGED, INK, MUTED, USED, look, printable

_COLORS = (USED, FLAGGED, "#007a5a", "#cc79a7", "#e69f00", MUTED)
_MARKERS = "osD^vP"
_SPREAD = 0.56
"""Height of the markers of a row, as a fraction of the row's height."""
_STATED = 95.0
"""Stated coverage of the intervals, in %."""
_PERCENTAGES = {"coverage": "coverage (%)", "refused_share": "refused (%)"}


@look()
def draw_families(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw the RMS error of each family, a row per data set, beside coverage and refusals.

    Parameters
    ----------
    table
        A row per family and data set: ``family, dataset, rms_um, constant_rms_um, coverage,
        refused_share``; the last two are fractions of 1. The tick of a row is the RMS of the
        constant predictor.
    title
        Name of the instrument.

    Notes
    -----
    A panel without a known value is left out.
    """
    columns = ["rms_um", *_PERCENTAGES]
    known = table[table[columns].notna().any(axis=1)]
    if known.empty:
        return empty_figure("no result of a family", title)
    shown = [c for c in columns if known[c].notna().any()]
    datasets, families = unique_in_order(known["dataset"]), unique_in_order(known["family"])
    widths = [2.2 if column == "rms_um" else 1.0 for column in shown]
    height = 0.62 * len(datasets) + 1.6
    figure, [panels] = panel_matrix(
        1, len(shown), height, title, pad_in=(0.08, 0.06), sharey=True, width_ratios=widths
    )
    for axes, column in zip(panels, shown, strict=True):
        _draw_rows(axes, len(datasets))
        scale = 1.0 if column == "rms_um" else 100.0
        for i, family in enumerate(families):
            rows = known[(known["family"].astype(str) == family) & known[column].notna()]
            y = [datasets.index(str(d)) + _shift(i, len(families)) for d in rows["dataset"]]
            axes.add_line(_marks(scale * rows[column], y, i))
        _scale_panel(axes, column, known, datasets)
    panels[0].set_yticks(range(len(datasets)), [fill(printable(d, 44), 22) for d in datasets])
    _family_legend(families, shown).draw(figure)
    return figure


def _shift(i: int, n: int) -> float:
    return _SPREAD * ((i + 0.5) / n - 0.5)


def _marks(x: Sequence[float] | pd.Series, y: Sequence[float], number: int) -> Line2D:
    color, marker = _COLORS[number % len(_COLORS)], _MARKERS[number % len(_MARKERS)]
    return Line2D(x, y, ls="", marker=marker, ms=8, mew=0, color=color, zorder=4)


def _draw_rows(axes: Axes, n: int) -> None:
    axes.set_ylim(n - 0.5, -0.5)
    hide_y_axis(axes)
    for i in range(0, n, 2):
        axes.axhspan(i - 0.5, i + 0.5, color=MUTED, alpha=0.07, lw=0, zorder=0)


def _scale_panel(axes: Axes, column: str, known: pd.DataFrame, datasets: Sequence[str]) -> None:
    if column == "rms_um":
        _scale_rms(axes, known, datasets)
        return
    low = 100 * float(known[column].min())
    limits = (min(low - 4, 84.0), 102.0) if column == "coverage" else (-4.0, 104.0)
    axes.set(xlim=limits, xlabel=_PERCENTAGES[column])
    axes.locator_params(axis="x", nbins=5)
    if column == "coverage":
        axes.axvline(_STATED, color=INK, lw=1.0, ls=DASHED, zorder=2)


def _scale_rms(axes: Axes, known: pd.DataFrame, datasets: Sequence[str]) -> None:
    # Families refuse different images, so their constants differ slightly: one tick is enough.
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


def _family_legend(families: Sequence[str], shown: Sequence[str]) -> Legend:
    entries = [
        dot(_COLORS[i % len(_COLORS)], family, marker=_MARKERS[i % len(_MARKERS)])
        for i, family in enumerate(families)
    ]
    label = "constant predictor"
    tick = Line2D([], [], ls="", marker="|", ms=16, mew=2.4, color=INK, label=label)
    legend = Legend(entries).add(tick, when="rms_um" in shown)
    stated, when = f"{_STATED:g} % stated", "coverage" in shown
    return legend.line(INK, stated, lw=1.0, ls=DASHED, when=when)
