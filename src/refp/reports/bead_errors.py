"""Errors of single held-out beads: one that errs alike in all its images has a size of its own."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from refp.reports.panels import panel_grid, short_name, sweep_names, unique_in_order
from refp.reports.style import (
    FLAGGED,
    INK,
    MUTED,
    USED,
    dot,
    empty_figure,
    legend_below,
    look,
    printable,
)

MAX_BEADS = 60
_HEIGHT_IN = 4.2


@look()
def draw_bead_errors(summary: pd.DataFrame, title: str = "") -> Figure:
    """Draw each bead's errors over its images: median, middle 90 %, and RMS of all beads.

    Parameters
    ----------
    summary
        From :func:`summarise_beads`; those that err most are shown where there are too many.
    title
        Names the model.
    """
    if summary.empty:
        return empty_figure("no bead was held out", title)
    shown = choose_beads(summary)
    figure, (axes,) = panel_grid(1, 1, _HEIGHT_IN, title)
    at = 0.0
    ticks: list[tuple[float, str]] = []
    for name, rows in shown.groupby("field", sort=False):
        place = at + np.arange(len(rows))
        _draw_field(axes, rows, place)
        ticks.append((float(place.mean()), printable(name, 30)))
        at = place[-1] + 2.5
        axes.axvline(at - 1.25, color=MUTED, lw=0.8, zorder=1)
    axes.axhline(0, color=INK, lw=1.0, zorder=2)
    axes.set(xlim=(-1.0, at - 1.5), ylabel="error of dZ (um)", xlabel="beads, by field of view")
    axes.set_xticks([x for x, _ in ticks], _fit_names([name for _, name in ticks]))
    axes.grid(visible=False, axis="x")
    legend_below(figure, _legend(bool(_errs_to_one_side(shown).any())))
    return figure


def summarise_beads(beads: pd.DataFrame) -> pd.DataFrame:
    """Return one row per held-out bead: ``field, bead, n, median_um, low_um, high_um, rms_um``."""
    if beads.empty:
        return pd.DataFrame(
            columns=["field", "bead", "n", "median_um", "low_um", "high_um", "rms_um"]
        )
    datasets = unique_in_order(beads["dataset"])
    field = [short_name(name, datasets) for name in sweep_names(beads)]
    grouped = beads.assign(field=field).groupby(["field", "bead"], sort=False)["error_um"]
    table = grouped.agg(
        n="size",
        median_um="median",
        low_um=lambda e: e.quantile(0.05),
        high_um=lambda e: e.quantile(0.95),
        rms_um=lambda e: float(np.sqrt(np.mean(e**2))),
    ).reset_index()
    order = {name: i for i, name in enumerate(unique_in_order(table["field"]))}
    return table.sort_values(
        ["field", "median_um"],
        key=lambda column: column.map(order) if column.name == "field" else column,
        ignore_index=True,
    )


def choose_beads(summary: pd.DataFrame, limit: int = MAX_BEADS) -> pd.DataFrame:
    """Return the beads that a figure has room for, those of the largest RMS error."""
    largest = summary["rms_um"].sort_values(ascending=False, kind="stable").index[:limit]
    return summary.loc[sorted(largest)]


def _draw_field(axes: Axes, rows: pd.DataFrame, place: np.ndarray) -> None:
    colors = [FLAGGED if biased else USED for biased in _errs_to_one_side(rows)]
    axes.vlines(place, rows["low_um"], rows["high_um"], color=colors, alpha=0.45, lw=3, zorder=3)
    axes.scatter(place, rows["median_um"], c=colors, s=30, zorder=4, linewidths=0)


def _fit_names(names: Sequence[str]) -> list[str]:
    """Shorten what would overlap: a figure of this width has room for about a hundred letters."""
    room = max(100 // max(len(names), 1), 4)
    return [name if len(name) <= room else name.rsplit(", ", 1)[-1][:room] for name in names]


def _errs_to_one_side(rows: pd.DataFrame) -> pd.Series:
    """Whether the middle 90 % of a bead's errors leave zero out."""
    return (rows["low_um"] > 0) | (rows["high_um"] < 0)


def _legend(some_err_to_one_side: bool) -> list[Line2D]:
    entries = [dot(USED, "median error of a bead")]
    if some_err_to_one_side:
        entries.append(dot(FLAGGED, "errs to one side"))
    return [*entries, Line2D([], [], color=MUTED, alpha=0.5, lw=3, label="90 % of its images")]


def describe_bead_errors(summary: pd.DataFrame, members: str) -> str:
    """Return the caption."""
    n, shown = len(summary), min(len(summary), MAX_BEADS)
    least, most = (int(summary["n"].min()), int(summary["n"].max())) if n else (0, 0)
    of = f"the {shown} of {n} beads with the largest RMS error" if shown < n else f"{n} beads"
    return (
        f"Held-out beads, each by {members} that have not seen its field of view where fields are "
        f"held out: {of}, each in {least} to {most} images, in order of their error within a field. "
        "An error to one side is the bead's own size or index, which one plane cannot tell from dZ."
    )
