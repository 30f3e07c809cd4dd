"""Four normalisations of the input of a network (Fig. 9 of the article)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refp.reports.panels import Limits, by_exposure, colors_of, padded_limits, unique_in_order
from refp.reports.residuals import (
    beyond_entry,
    draw_band,
    draw_dots,
    largest_near,
    n_beyond,
    rms_text,
)
from refp.reports.sheet import Legend, empty_figure, limit_ticks, panel_grid
from refp.reports.style import look, printable

NORMALISATIONS: Mapping[str, str] = {
    "none": "no normalisation",
    "zscore": "Z-score",
    "center": "mean subtracted",
    "background": "divided by background",
}
"""Names of the article's normalisations, in its order; others come after them."""
_ROOM = 1.15


@look()
def draw_normalisations(errors: pd.DataFrame, title: str = "") -> Figure:
    """Draw the error of every image against its labelled dZ, a row of two panels per normalisation.

    Parameters
    ----------
    errors
        A row per image and normalisation: ``normalisation, exposure_ms, delta_z_true_um, error_um``.
    title
        Name of the data set.

    Notes
    -----
    The panels at the left show all errors. The scale at the right contains all but those of the
    normalisation with the largest RMS; errors beyond it are triangles on its edge.
    """
    known = errors[errors[["delta_z_true_um", "error_um"]].notna().all(axis=1)]
    parts = _parts(known)
    if not parts:
        return empty_figure("no image with a known error", title)
    figure, panels = panel_grid(2 * len(parts), 2, 2.1, title)
    scales = _ROOM * float(known["error_um"].abs().max()) or 1.0, _narrow_reach(parts)
    x_limits = padded_limits(known["delta_z_true_um"])
    colors = colors_of(known)
    for i, (name, rows) in enumerate(parts.items()):
        pair = panels[2 * i], panels[2 * i + 1]
        _draw_pair(pair, rows, colors, scales, x_limits)
        words = NORMALISATIONS.get(name, printable(name, 24))
        pair[0].set_title(f"{words}: {rms_text(rows['error_um'])}", fontsize=13)
        pair[1].set_title(_scale_text(rows, scales[1]), fontsize=13)
        for axes in pair:
            axes.tick_params(labelbottom=i == len(parts) - 1)
    for axes in panels[::2]:
        axes.set_ylabel("error (um)")
    for axes in panels[-2:]:
        axes.set_xlabel("labelled dZ (um)")
    legend = Legend().exposures(colors, known["exposure_ms"])
    legend.add(beyond_entry(), when=n_beyond(known["error_um"], scales[1]) > 0).draw(figure)
    return figure


def _parts(known: pd.DataFrame) -> dict[str, pd.DataFrame]:
    names = unique_in_order(known["normalisation"])
    ordered = [n for n in NORMALISATIONS if n in names]
    ordered += [n for n in names if n not in NORMALISATIONS]
    return {name: known[known["normalisation"].astype(str) == name] for name in ordered}


def _narrow_reach(parts: Mapping[str, pd.DataFrame]) -> float:
    """Return the half height of a scale that contains all but the worst normalisation."""
    by_rms = sorted((rows["error_um"] for rows in parts.values()), key=lambda e: (e**2).mean())
    return _ROOM * largest_near(pd.concat(by_rms[: max(len(by_rms) - 1, 1)])) or 1.0


def _draw_pair(
    pair: tuple[Axes, Axes],
    rows: pd.DataFrame,
    colors: dict[float, str],
    scales: tuple[float, float],
    x_limits: Limits,
) -> None:
    for axes, reach in zip(pair, scales, strict=True):
        axes.set(xlim=x_limits, ylim=(-reach, reach))
        draw_band(axes, np.nan)
        for exposure in by_exposure(rows, colors):
            draw_dots(axes, exposure, size=4)
        limit_ticks(axes, y_ticks=5)


def _scale_text(rows: pd.DataFrame, reach_um: float) -> str:
    beyond = n_beyond(rows["error_um"], reach_um)
    return f"narrow scale, {beyond} of {len(rows)} beyond it" if beyond else "narrow scale"
