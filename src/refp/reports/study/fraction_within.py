"""Fraction of errors within thresholds against beads and members (Fig. 10 of the article)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from refp.reports.panels import unique_in_order
from refp.reports.sheet import Legend, empty_figure, panel_matrix
from refp.reports.style import MUTED, exposure_label, look, printable

_ROW_IN, _MAX_ROW_IN = 2.0, 3.6
_PLASMA_END = 0.78
"""Part of plasma in use: the rest is too light for lines on a white ground."""
_STYLES: tuple[dict[str, Any], ...] = (
    {"ls": (0, (1, 1.6)), "marker": "^"},
    {"ls": (0, (5, 2)), "marker": "s"},
    {"ls": "-", "marker": "o"},
    {"ls": (0, (5, 2, 1, 2)), "marker": "D"},
)
_FROM_MOST = {1: (2,), 2: (0, 2), 3: (0, 1, 2), 4: (0, 3, 1, 2)}
_DODGE = 0.22


@dataclass(frozen=True, slots=True)
class _Key:
    """Colours of thresholds, styles of members, and numbers of beads."""

    colors: dict[float, str]
    styles: dict[float, dict[str, Any]]
    n_beads: list[float]


@look()
def draw_fraction_within(fractions: pd.DataFrame, title: str = "") -> Figure:
    """Draw the fraction of errors within each threshold, a row per data set, a column per exposure.

    Parameters
    ----------
    fractions
        A row per data set, exposure, number of members and of beads, and threshold: ``dataset,
        exposure_ms, members, n_beads, threshold_um, share, lower, upper``; the last three
        from 0 to 1, the last two the ends of the bars.
    title
        Name of the instrument.

    Notes
    -----
    Up to seven exposures are legible: draw instruments of other exposures one by one.
    """
    known = fractions[
        fractions[["members", "n_beads", "threshold_um", "share"]].notna().all(axis=1)
    ]
    datasets = unique_in_order(known["dataset"])
    if not datasets:
        return empty_figure("no fraction to show", title)
    exposures = sorted({float(e) for e in known["exposure_ms"].dropna()})
    exposures += [float("nan")] * bool(known["exposure_ms"].isna().any())
    key = _key(known)
    rows, columns = len(datasets), len(exposures)
    row_in = _ROW_IN if columns > 3 or rows > 2 else _MAX_ROW_IN
    figure, grid = panel_matrix(rows, columns, rows * row_in + 1.6, title, pad_in=(0.03, 0.05))
    for name, row in zip(datasets, grid, strict=True):
        part = known[known["dataset"].astype(str) == name]
        for exposure, axes in zip(exposures, row, strict=True):
            of_it = (
                part["exposure_ms"].isna()
                if np.isnan(exposure)
                else part["exposure_ms"] == exposure
            )
            _draw_fractions(axes, part[of_it], key)
        row[0].set_ylabel(f"{printable(name, 22)}\nwithin (%)")
    _scale_grid(grid, known, key)
    for exposure, axes in zip(exposures, grid[0], strict=True):
        words = exposure_label(exposure)
        axes.set_title(words.replace(" not", "\nnot"))
    _key_legend(key).draw(figure)
    return figure


def _key(known: pd.DataFrame) -> _Key:
    thresholds = sorted({float(t) for t in known["threshold_um"]})
    step = _PLASMA_END / max(len(thresholds) - 1, 1)
    colors = {t: to_hex(colormaps["plasma"](i * step)) for i, t in enumerate(thresholds)}
    members = sorted({float(m) for m in known["members"]})
    order = _FROM_MOST.get(len(members), (0, 3, 1, 2))
    styles = {m: _STYLES[order[i % len(order)]] for i, m in enumerate(members)}
    return _Key(colors, styles, sorted({float(n) for n in known["n_beads"]}))


def _draw_fractions(axes: Axes, rows: pd.DataFrame, key: _Key) -> None:
    """Draw the lines of a data set and an exposure; a panel without rows is left blank."""
    if rows.empty:
        axes.spines[:].set_visible(False)
        axes.grid(visible=False)
        return
    middle = (len(key.styles) - 1) / 2
    for i, (members, style) in enumerate(key.styles.items()):
        for threshold, color in key.colors.items():
            mask = (rows["members"] == members) & (rows["threshold_um"] == threshold)
            line = rows[mask].sort_values("n_beads")
            x = line["n_beads"] + _DODGE * (i - middle)
            ends = 100 * line["lower"], 100 * line["upper"]
            axes.vlines(x, *ends, color=color, alpha=0.5, lw=1.3, zorder=2)
            axes.plot(x, 100 * line["share"], color=color, lw=1.3, ms=3.6, mew=0, **style)


def _scale_grid(grid: Sequence[Sequence[Axes]], known: pd.DataFrame, key: _Key) -> None:
    low, high = key.n_beads[0], key.n_beads[-1]
    air = 0.08 * (high - low) or 1.0
    least = 100 * float(np.nanmin(known[["share", "lower"]].to_numpy(dtype=float)))
    for i, row in enumerate(grid):
        for j, axes in enumerate(row):
            axes.set(xlim=(low - air, high + air), ylim=(max(10 * (least // 10) - 3, -3), 103))
            blank = not axes.lines
            axes.set_xticks([] if blank else _few(key.n_beads, len(row)))
            axes.locator_params(axis="y", nbins=5)
            below = any(other[j].lines for other in grid[i + 1 :])
            axes.tick_params(labelbottom=not below, labelleft=j == 0, labelsize=12)
            if blank:
                axes.tick_params(left=False)
            elif not below:
                axes.set_xlabel("beads")


def _few(n_beads: Sequence[float], columns: int) -> list[float]:
    """Return the numbers of beads to label: in narrow panels neighbours would overlap."""
    if columns <= 3 or len(n_beads) <= 3:
        return list(n_beads)
    return [n_beads[0], n_beads[len(n_beads) // 2], n_beads[-1]]


def _key_legend(key: _Key) -> Legend:
    legend = Legend()
    for threshold, color in key.colors.items():
        legend.line(color, f"within {threshold:g} um", lw=4)
    for members, style in key.styles.items():
        text = f"{members:g} member{'s' * (members != 1)}"
        legend.add(Line2D([], [], color=MUTED, lw=1.6, ms=6, label=text, **style))
    return legend
