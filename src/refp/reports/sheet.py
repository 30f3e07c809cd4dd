"""Sheets of panels: their size and grid, the labels and scales they share, the legend below them."""

import math
from collections.abc import Sequence
from typing import Any, Self

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.typing import LineStyleType

from refp.reports.style import FLAGGED, MUTED, WIDTH_IN, exposure_label, printable

DASHED = (0, (5, 3))
_TITLE_IN = 0.4
_LABELS_IN = 1.0  # labels of the lowest X axis and a legend of one row
_PAD_IN = (0.06, 0.06)
_NARROW_RATIO = 20.0  # a logarithmic axis of a smaller range has too few decades for its scale
_FEW_DIGITS_RATIO = 4.0


def blank_sheet(
    height_in: float,
    title: str = "",
    *,
    width_in: float = WIDTH_IN,
    pad_in: tuple[float, float] = _PAD_IN,
) -> Figure:
    """Return a figure without panels.

    Parameters
    ----------
    height_in
        Height in inches; a title adds its own.
    title
        Title of the figure; empty for none.
    width_in
        Width in inches.
    pad_in
        Space about the panels, across and up, in inches.
    """
    height_in += _TITLE_IN * bool(title)
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    figure.get_layout_engine().set(w_pad=pad_in[0], h_pad=pad_in[1])  # type: ignore[union-attr,call-arg]
    if title:
        figure.suptitle(printable(title, 72), x=0.01, ha="left", fontweight="bold")
    return figure


def panel_matrix(
    rows: int,
    columns: int,
    height_in: float,
    title: str = "",
    *,
    pad_in: tuple[float, float] = _PAD_IN,
    **layout: Any,
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with rows of panels; ``layout`` goes to ``Figure.subplots``.

    Parameters
    ----------
    rows, columns
        Numbers of panels.
    height_in
        Height in inches; a title adds its own.
    title
        Title of the figure; empty for none.
    pad_in
        Space about the panels, across and up, in inches.
    """
    figure = blank_sheet(height_in, title, pad_in=pad_in)
    return figure, [list(row) for row in figure.subplots(rows, columns, squeeze=False, **layout)]


def grid_shape(n: int, max_columns: int) -> tuple[int, int]:
    """Return rows and columns for ``n`` panels, rows filled evenly."""
    rows = max(math.ceil(n / max_columns), 1)
    return rows, max(math.ceil(n / rows), 1)


def panel_grid(
    n: int, max_columns: int, row_in: float, title: str = ""
) -> tuple[Figure, list[Axes]]:
    """Return a figure with ``n`` panels, rows filled evenly.

    Parameters
    ----------
    n
        Number of panels.
    max_columns
        Largest number of panels side by side.
    row_in
        Height of a row in inches; the labels and legend below the panels add theirs.
    title
        Title of the figure; empty for none.
    """
    rows, columns = grid_shape(n, max_columns)
    figure, grid = panel_matrix(rows, columns, rows * row_in + _LABELS_IN, title)
    panels = [axes for row in grid for axes in row]
    for axes in panels[n:]:
        axes.remove()
    return figure, panels[:n]


def is_leftmost(axes: Axes) -> bool:
    """Return whether a panel is the first of its row."""
    place = axes.get_subplotspec()
    return place is None or place.is_first_col()


def label_panels(panels: Sequence[Axes], xlabel: str, ylabel: str, y_ticks: int = 7) -> None:
    """Label panels that share their scale of Y: every X axis, and the Y axis at the left of a row."""
    for axes in panels:
        limit_ticks(axes, y_ticks)
        axes.set_xlabel(xlabel)
        label_left(axes, ylabel)


def limit_ticks(axes: Axes, y_ticks: int = 7) -> None:
    """Limit the ticks of linear axes to those that the width of a panel has room for."""
    place = axes.get_subplotspec()
    columns = place.get_gridspec().ncols if place else 1
    axes.locator_params(axis="x", nbins=max(10 // columns, 4))
    axes.locator_params(axis="y", nbins=y_ticks)


def label_left(axes: Axes, ylabel: str) -> None:
    """Label the Y axis of a panel that is the first of its row; the others share its scale."""
    axes.tick_params(axis="y", which="both", labelleft=is_leftmost(axes))
    if is_leftmost(axes):
        axes.set_ylabel(ylabel)


def hide_y_axis(axes: Axes) -> None:
    """Take grid and tick marks off a Y axis whose ticks are names."""
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def plain_log_axis(axis: Axis, low: float, high: float) -> None:
    """Label a logarithmic axis with plain numbers: decades, and digits between where there are few.

    Parameters
    ----------
    axis
        X or Y axis of a logarithmic scale.
    low, high
        Its limits.
    """
    axis.set_major_locator(LogLocator(numticks=5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    # Over a decade the labels of all digits would overlap.
    digits = "235" if high / low > _FEW_DIGITS_RATIO else "23456789"
    some = FuncFormatter(lambda value, _: f"{value:.3g}" if f"{value:.0e}"[0] in digits else "")
    axis.set_minor_formatter(some if high / low < _NARROW_RATIO else NullFormatter())
    axis.set_tick_params(which="both", labelsize=12)


def dot(color: str, label: str, *, hollow: bool = False, marker: str = "o") -> Line2D:
    """Return a legend entry that looks like a point."""
    face = "white" if hollow else color
    return Line2D(
        [], [], ls="", marker=marker, ms=8, mec=color, mfc=face, mew=1.5, label=printable(label)
    )


class Legend:
    """A legend below all panels, entry by entry; ``when`` leaves an entry out.

    Attributes
    ----------
    entries
        The entries in reading order.
    """

    __slots__ = ("entries",)

    def __init__(self, entries: Sequence[Artist] = ()) -> None:
        self.entries: list[Artist] = list(entries)

    def add(self, *entries: Artist, when: bool = True) -> Self:
        """Add entries that were made elsewhere."""
        self.entries += entries if when else ()
        return self

    def exposures(self, colors: dict[float, str], exposures_ms: pd.Series) -> Self:
        """Add a point for each exposure, and one for unknown exposures where there are any."""
        self.add(*(dot(color, exposure_label(exposure)) for exposure, color in colors.items()))
        return self.dot(MUTED, exposure_label(math.nan), when=bool(exposures_ms.isna().any()))

    def dot(
        self,
        color: str,
        label: str,
        *,
        hollow: bool = False,
        marker: str = "o",
        when: bool = True,
    ) -> Self:
        """Add a point."""
        return self.add(dot(color, label, hollow=hollow, marker=marker), when=when)

    def line(
        self,
        color: str,
        label: str,
        *,
        lw: float = 2.0,
        ls: LineStyleType = "-",
        alpha: float | None = None,
        when: bool = True,
    ) -> Self:
        """Add a line."""
        entry = Line2D([], [], color=color, lw=lw, ls=ls, alpha=alpha, label=label)
        return self.add(entry, when=when)

    def band(self, color: str, label: str, *, alpha: float = 0.5, when: bool = True) -> Self:
        """Add a band."""
        return self.add(Patch(color=color, alpha=alpha, lw=0, label=printable(label)), when=when)

    def draw(self, figure: Figure) -> None:
        """Draw the legend in as few rows as its texts allow."""
        inches = sum(0.75 + 0.115 * len(str(entry.get_label())) for entry in self.entries)
        rows = max(math.ceil(inches / (float(figure.get_figwidth()) - 0.4)), 1)
        figure.legend(
            handles=self.entries,
            loc="outside lower center",
            ncols=math.ceil(len(self.entries) / rows) or 1,
            columnspacing=1.3,
            handletextpad=0.5,
            handlelength=1.8,
        )


def empty_figure(message: str, title: str = "") -> Figure:
    """Return a figure with a message in place of panels."""
    figure = blank_sheet(1.8, title)
    axes = figure.subplots()
    axes.set_axis_off()
    note(axes, message, y=0.5)
    return figure


def note(axes: Axes, message: str, *, y: float = 0.5, size: float = 14.0) -> None:
    """Write a message across a panel, about or (at ``y=0``) from the height ``y`` on."""
    text = axes.text(
        0.5,
        y or 0.04,
        message,
        transform=axes.transAxes,
        ha="center",
        va="center" if y else "bottom",
        color=FLAGGED,
        fontsize=size,
        fontweight="bold",
        zorder=6,
        bbox={"facecolor": "white", "edgecolor": FLAGGED, "boxstyle": "round,pad=0.3"},
    )
    text.set_in_layout(False)
