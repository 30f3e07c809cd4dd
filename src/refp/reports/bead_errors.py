"""Errors of single held-out beads; errors of one sign in all images indicate a size of its own."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refp.reports.panels import short_name, sweep_names, unique_in_order
from refp.reports.sheet import Legend, empty_figure, panel_grid
from refp.reports.style import FLAGGED, INK, MUTED, USED, look, printable

MAX_BEADS = 60
_MANY = 40
"""Beads whose numbers are written smaller."""


@look()
def draw_bead_errors(summary: pd.DataFrame, title: str = "") -> Figure:
    """Draw each bead's errors over its images: median, middle 90 %, and RMS of all beads.

    Parameters
    ----------
    summary
        From :func:`summarise_beads`; of more than :data:`MAX_BEADS` those of the largest RMS error.
    title
        Name of the model.
    """
    if summary.empty:
        return empty_figure("no bead was held out", title)
    shown = choose_beads(summary)
    figure, (axes,) = panel_grid(1, 1, 3.2, title)
    at = 0.0
    ticks: list[tuple[float, str]] = []
    beads: list[tuple[float, int]] = []
    for name, rows in shown.groupby("field", sort=False):
        place = at + np.arange(len(rows))
        _draw_field_beads(axes, rows, place)
        ticks.append((float(place.mean()), printable(name, 30)))
        beads += zip(place, rows["bead"], strict=True)
        at = place[-1] + 2.5
        axes.axvline(at - 1.25, color=MUTED, lw=0.8, zorder=1)
    axes.axhline(0, color=INK, lw=1.0, zorder=2)
    axes.set(
        xlim=(-1.0, at - 1.5),
        ylabel="error of dZ (um)",
        xlabel="number of the bead, by field of view",
    )
    axes.set_xticks([x for x, _ in ticks], _fit_names([name for _, name in ticks]))
    axes.set_xticks([x for x, _ in beads], [str(n) for _, n in beads], minor=True)
    axes.tick_params(axis="x", which="major", length=0, pad=22)
    axes.tick_params(axis="x", which="minor", labelsize=12 if len(beads) <= _MANY else 8)
    axes.grid(visible=False, axis="x")
    legend = Legend().dot(USED, "median error of a bead")
    legend.dot(FLAGGED, "errors of one sign", when=bool(_errs_to_one_side(shown).any()))
    legend.line(MUTED, "90 % of its images", alpha=0.5, lw=3).draw(figure)
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
    """Return at most ``limit`` beads, those of the largest RMS error."""
    largest = summary["rms_um"].sort_values(ascending=False, kind="stable").index[:limit]
    return summary.loc[sorted(largest)]


def _draw_field_beads(axes: Axes, rows: pd.DataFrame, place: np.ndarray) -> None:
    colors = [FLAGGED if biased else USED for biased in _errs_to_one_side(rows)]
    axes.vlines(place, rows["low_um"], rows["high_um"], color=colors, alpha=0.45, lw=3, zorder=3)
    axes.scatter(place, rows["median_um"], c=colors, s=30, zorder=4, linewidths=0)


def _fit_names(names: Sequence[str]) -> list[str]:
    """Shorten names that would overlap: the figure has room for about a hundred letters."""
    room = max(100 // max(len(names), 1), 4)
    return [name if len(name) <= room else name.rsplit(", ", 1)[-1][:room] for name in names]


def _errs_to_one_side(rows: pd.DataFrame) -> pd.Series:
    """Return, per bead, whether the middle 90 % of its errors exclude zero."""
    return (rows["low_um"] > 0) | (rows["high_um"] < 0)


def describe_bead_errors(summary: pd.DataFrame, members: str) -> str:
    """Return the caption: which beads of how many, images per bead."""
    n, shown = len(summary), min(len(summary), MAX_BEADS)
    least, most = (int(summary["n"].min()), int(summary["n"].max())) if n else (0, 0)
    of = f"the {shown} of {n} beads with the largest RMS error" if shown < n else f"{n} beads"
    return (
        f"Held-out beads, estimated by {members} not trained on their field of view where fields are "
        f"held out: {of}, each in {least} to {most} images, in order of their error within a field; "
        "numbers as in the report of planes. "
        "Errors of one sign come from the bead's own size or index, inseparable from dZ in one image."
    )
