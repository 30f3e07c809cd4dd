"""What limits dZ, and what it takes to reach a tolerance."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from refp.reports.style import (
    INK,
    TOLERANCE,
    WIDTH_IN,
    exposure_colors,
    exposure_label,
    legend_below,
    look,
    set_title,
)

_LINES = ("-", "--", ":")
_HEIGHT_IN = 4.6


@look()
def draw_plan(
    bounds: pd.DataFrame,
    sweeps: pd.DataFrame,
    images: pd.DataFrame,
    tolerance_um: float,
    title: str = "",
) -> Figure:
    """Draw what one bead can tell, and what sweeps and images of many beads reach.

    Parameters
    ----------
    bounds
        Rows of ``exposure_ms, dz_um, sd_um``.
    sweeps
        Rows of ``n_beads, n_frames, half_width_um``, one field of view.
    images
        Rows of ``exposure_ms, n_beads, half_width_um``.
    tolerance_um
        Half width that is asked for.
    title
        Names instrument and tolerance.
    """
    figure = Figure(figsize=(WIDTH_IN, _HEIGHT_IN), layout="constrained")
    set_title(figure, title)
    one, plane, many = figure.subplots(1, 3)
    colors = exposure_colors(bounds["exposure_ms"])
    for exposure_ms, color in colors.items():
        rows = bounds[bounds["exposure_ms"] == exposure_ms]
        one.plot(rows["dz_um"], rows["sd_um"], color=color, lw=2)
        rows = images[images["exposure_ms"] == exposure_ms]
        many.plot(rows["n_beads"], rows["half_width_um"], color=color, lw=2)
    one.set(xlabel="dZ (um)", ylabel="standard deviation (um)", title="One bead", ylim=(0, None))
    for style, (_, rows) in zip(_LINES, sweeps.groupby("n_beads"), strict=False):
        plane.plot(rows["n_frames"], rows["half_width_um"], color=INK, ls=style, lw=2)
    _reach(plane, "frames of a sweep", "REFP, one field", tolerance_um)
    _reach(many, "beads of an image", "dZ of one image", tolerance_um)
    legend_below(figure, _legend(colors, sorted(sweeps["n_beads"].unique()), tolerance_um))
    return figure


def _reach(axes: Axes, across: str, title: str, tolerance_um: float) -> None:
    axes.axhspan(0, tolerance_um, color=TOLERANCE, alpha=0.5, lw=0)
    axes.set(
        xscale="log",
        xlabel=across,
        ylabel="half width of 95 % (um)",
        title=title,
        ylim=(0, 3 * tolerance_um),
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _legend(colors: dict[float, str], beads: Sequence[int], tolerance_um: float) -> list[Line2D]:
    return [
        *(
            Line2D([], [], color=color, lw=2, label=exposure_label(round(exposure_ms, 1)))
            for exposure_ms, color in colors.items()
        ),
        *(
            Line2D([], [], color=INK, ls=style, lw=2, label=f"{n} beads")
            for style, n in zip(_LINES, beads, strict=False)
        ),
        Line2D([], [], color=TOLERANCE, lw=8, label=f"within {tolerance_um:g} um"),
    ]
