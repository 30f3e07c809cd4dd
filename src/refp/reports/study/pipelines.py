"""Whole images against beads as the input of a network (Fig. 8 of the article)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refp.reports.panels import Limits, by_exposure, colors_of, padded_limits, unique_in_order
from refp.reports.residuals import (
    draw_band,
    draw_dots,
    rms_text,
    shade_untrained,
    untrained_entry,
)
from refp.reports.sheet import Legend, empty_figure, label_left, panel_grid
from refp.reports.style import look, printable

PIPELINES = ("whole image", "beads")
"""Pipelines in the order of the article; others come after them."""


@look()
def draw_pipelines(errors: pd.DataFrame, trained_um: Limits, title: str = "") -> Figure:
    """Draw the error of every image against its labelled dZ, a panel per pipeline, on one scale.

    Parameters
    ----------
    errors
        A row per image and pipeline: ``pipeline, exposure_ms, delta_z_true_um, error_um``.
    trained_um
        Lowest and highest dZ trained on, NaN where not known; the range outside is hatched.
    title
        Name of the data set.
    """
    known = errors[errors[["delta_z_true_um", "error_um"]].notna().all(axis=1)]
    names = unique_in_order(known["pipeline"])
    if not names:
        return empty_figure("no image with a known error", title)
    names = [n for n in PIPELINES if n in names] + [n for n in names if n not in PIPELINES]
    colors = colors_of(known)
    figure, panels = panel_grid(len(names), len(names), 3.6, title)
    reach = 1.08 * float(known["error_um"].abs().max()) or 1.0
    x_limits = padded_limits(known["delta_z_true_um"])
    untrained = False
    for axes, name in zip(panels, names, strict=True):
        rows = known[known["pipeline"].astype(str) == name]
        axes.set(xlim=x_limits, ylim=(-reach, reach), xlabel="labelled dZ (um)")
        untrained |= shade_untrained(axes, trained_um)
        _draw_pipeline(axes, rows, colors)
        axes.set_title(f"{printable(name, 34)}\n{rms_text(rows['error_um'])}")
        label_left(axes, "error of dZ (um)")
    legend = Legend().exposures(colors, known["exposure_ms"])
    legend.add(untrained_entry(), when=untrained).draw(figure)
    return figure


def _draw_pipeline(axes: Axes, rows: pd.DataFrame, colors: dict[float, str]) -> None:
    draw_band(axes, np.nan)
    for exposure in by_exposure(rows, colors):
        draw_dots(axes, exposure)
    axes.locator_params(axis="x", nbins=7)
