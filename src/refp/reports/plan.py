"""Limit of dZ for one bead, and half widths that sweeps and images reach."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

from refp.reports.sheet import Legend, panel_grid
from refp.reports.style import INK, TOLERANCE, exposure_colors, exposure_label, look

_LINES: tuple[LineStyleType, ...] = ("-", "--", ":")


@look()
def draw_plan(
    bounds: pd.DataFrame,
    sweeps: pd.DataFrame,
    images: pd.DataFrame,
    tolerance_um: float,
    title: str = "",
) -> Figure:
    """Draw the bound of one bead, and the half widths of sweeps and of images of many beads.

    Parameters
    ----------
    bounds
        Rows of ``exposure_ms, dz_um, sd_um``.
    sweeps
        Rows of ``n_beads, n_frames, half_width_um``, one field of view.
    images
        Rows of ``exposure_ms, n_beads, half_width_um``.
    tolerance_um
        Required half width in um.
    title
        Instrument and tolerance.
    """
    figure, (one, plane, many) = panel_grid(3, 3, 3.2, title)
    colors = exposure_colors(bounds["exposure_ms"])
    for exposure_ms, color in colors.items():
        rows = bounds[bounds["exposure_ms"] == exposure_ms]
        one.plot(rows["dz_um"], rows["sd_um"], color=color, lw=2)
        rows = images[images["exposure_ms"] == exposure_ms]
        many.plot(rows["n_beads"], rows["half_width_um"], color=color, lw=2)
    one.set(xlabel="dZ (um)", ylabel="standard deviation (um)", title="One bead", ylim=(0, None))
    for style, (_, rows) in zip(_LINES, sweeps.groupby("n_beads"), strict=False):
        plane.plot(rows["n_frames"], rows["half_width_um"], color=INK, ls=style, lw=2)
    _draw_tolerance(plane, "frames of a sweep", "REFP, one field", tolerance_um)
    _draw_tolerance(many, "beads of an image", "dZ of one image", tolerance_um)
    legend = Legend()
    for exposure_ms, color in colors.items():
        legend.line(color, exposure_label(round(exposure_ms, 1)))
    for style, n in zip(_LINES, sorted(sweeps["n_beads"].unique()), strict=False):
        legend.line(INK, f"{n} beads", ls=style)
    legend.band(TOLERANCE, f"within {tolerance_um:g} um").draw(figure)
    return figure


def _draw_tolerance(axes: Axes, across: str, title: str, tolerance_um: float) -> None:
    axes.axhspan(0, tolerance_um, color=TOLERANCE, alpha=0.5, lw=0)
    axes.set(
        xscale="log",
        xlabel=across,
        ylabel="half width of 95 % (um)",
        title=title,
        ylim=(0, 3 * tolerance_um),
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
