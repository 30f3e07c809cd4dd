"""dZ over the time points of a time-lapse."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refp.reports.residuals import draw_band
from refp.reports.sheet import Legend, blank_sheet, empty_figure
from refp.reports.style import MUTED, TOLERANCE, exposure_colors, look

_HEIGHT_IN = 4.4
_MAX_SERIES = 8
_MANY = 200
"""Time points above which dots are small."""


@look()
def draw_over_time(table: pd.DataFrame, tolerance_um: float, title: str = "") -> Figure:
    """Draw dZ with its interval against the time point, a colour for each file.

    Parameters
    ----------
    table
        Rows of ``series, t, delta_z_um, lower_um, upper_um``; dZ is NaN where an image was refused.
    tolerance_um
        Tolerance, um, for the band; NaN for none.
    title
        Title of the figure.
    """
    names = list(dict.fromkeys(table["series"]))
    if not np.isfinite(table["delta_z_um"].astype(float)).any():
        return empty_figure("every image was refused", title)
    figure = blank_sheet(_HEIGHT_IN, title)
    axes = figure.subplots()
    colors = exposure_colors(range(len(names)))
    for k, name in enumerate(names):
        _draw_series(axes, table[table["series"] == name], colors[float(k)])
    draw_band(axes, tolerance_um)
    axes.set(xlabel="time point", ylabel="dZ (um)")
    axes.locator_params(axis="x", integer=True)
    _draw_legend(figure, names, colors, table, tolerance_um)
    return figure


def _draw_series(axes: Axes, rows: pd.DataFrame, color: str) -> None:
    rows = rows.sort_values("t")  # NaN leaves a gap
    t, size = rows["t"].to_numpy(dtype=float), 2.5 if len(rows) > _MANY else 5.0
    axes.fill_between(t, rows["lower_um"], rows["upper_um"], color=color, alpha=0.2, lw=0)
    axes.plot(t, rows["delta_z_um"], color=color, lw=1.4, marker="o", ms=size, zorder=3)
    refused = t[rows["delta_z_um"].isna().to_numpy()]
    axes.plot(
        refused, np.full(len(refused), 0.035), transform=axes.get_xaxis_transform(), ls="",
        marker="^", ms=8, mec=MUTED, mfc="none", mew=1.4, zorder=5,
    )  # fmt: skip


def _draw_legend(
    figure: Figure,
    names: list[str],
    colors: dict[float, str],
    table: pd.DataFrame,
    tolerance_um: float,
) -> None:
    legend = Legend()
    for k, name in enumerate(names[:_MAX_SERIES]):
        legend.dot(colors[float(k)], name if len(names) > 1 else "dZ with its 95 % interval")
    legend.dot(MUTED, f"and {len(names) - _MAX_SERIES} more files", when=len(names) > _MAX_SERIES)
    has_refused = bool(table["delta_z_um"].isna().any())
    legend.dot(MUTED, "refused", hollow=True, marker="^", when=has_refused)
    band = f"within {tolerance_um:g} um"
    legend.band(TOLERANCE, band, when=bool(np.isfinite(tolerance_um))).draw(figure)
