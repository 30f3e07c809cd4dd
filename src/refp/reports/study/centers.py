"""Profile of a bead about the centre of its tile and about its own (Fig. 6 of the article)."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from refp.core.arrays import Image
from refp.reports.panels import padded_limits, unique_in_order
from refp.reports.sheet import Legend, dot, empty_figure, panel_matrix
from refp.reports.style import FLAGGED, INK, MUTED, USED, look, printable
from refp.reports.tables import fixed

ABOUT: Mapping[str, str] = {"tile": FLAGGED, "bead": USED}
"""Colour of each centre."""
_ZOOM = 4
"""Enlargement of the middle of the tile: the centres are less than a pixel apart."""
_WIDTHS = (1.0, 1.0, 1.75, 1.75)


@dataclass(frozen=True, slots=True)
class _Case:
    """One row of panels."""

    name: str
    pixels: pd.DataFrame
    offset_px: tuple[float, float]
    ci: Mapping[str, float]


@look()
def draw_centers(
    pixels: pd.DataFrame, summary: pd.DataFrame, tiles: Mapping[str, Image], title: str = ""
) -> Figure:
    """Draw tiles with both centres, and their pixels against the distance from each.

    Parameters
    ----------
    pixels
        A row per case, centre and pixel: ``case, about ("tile" or "bead"), distance_px, grey,
        fitted``, the last on the spline.
    summary
        A row per case: ``case, offset_y_px, offset_x_px, ci_tile, ci_bead``; the offset is from the
        tile's centre to the bead's.
    tiles
        Tile ``(side, side)`` of each case, its centre on pixel ``(side / 2, side / 2)``. A case
        without a tile has only profiles.
    title
        Name of the data set.
    """
    cases = [_case(name, pixels, summary) for name in _case_names(pixels, summary)]
    if not cases:
        return empty_figure("no bead to show", title)
    n, height = len(cases), 2.5 * len(cases) + 1.0
    figure, grid = panel_matrix(n, len(_WIDTHS), height, title, width_ratios=_WIDTHS)
    for panels, case in zip(grid, cases, strict=True):
        if case.name in tiles:
            _draw_tile(panels[0], case, tiles[case.name], 1)
            _draw_tile(panels[1], case, tiles[case.name], _ZOOM)
        else:
            panels[0].set_axis_off()
            panels[1].set_axis_off()
        panels[0].set_title(_name_text(case), fontsize=13)
        panels[1].set_title(_offset_text(case), fontsize=13)
        _draw_profiles((panels[2], panels[3]), case)
    for axes in grid[-1][2:]:
        axes.set_xlabel("distance (px)")
    legend = Legend([dot(color, f"about the {about}'s centre") for about, color in ABOUT.items()])
    legend.line(INK, "spline", lw=1.6).draw(figure)
    return figure


def _case_names(pixels: pd.DataFrame, summary: pd.DataFrame) -> list[str]:
    known = pixels[pixels[["distance_px", "grey"]].notna().all(axis=1)]
    return unique_in_order([*summary["case"], *known["case"]])


def _case(name: str, pixels: pd.DataFrame, summary: pd.DataFrame) -> _Case:
    rows = summary[summary["case"].astype(str) == name]
    row = rows.iloc[0] if len(rows) else pd.Series(dtype="float64")
    y, x = (float(row.get(column, np.nan)) for column in ("offset_y_px", "offset_x_px"))
    ci = {about: float(row.get(f"ci_{about}", np.nan)) for about in ABOUT}
    return _Case(name, pixels[pixels["case"].astype(str) == name], (y, x), ci)


def _draw_tile(axes: Axes, case: _Case, tile: Image, zoom: int) -> None:
    side = tile.shape[0]
    middle, half = side / 2, side / 2 / zoom
    axes.imshow(tile, cmap="gray", interpolation="nearest")
    axes.grid(visible=False)
    axes.set(xticks=[], yticks=[])
    if zoom == 1:
        part = side / _ZOOM
        corner = middle - part / 2, middle - part / 2
        axes.add_patch(Rectangle(corner, part, part, fill=False, ec="white", lw=1.0))
    else:
        axes.set(xlim=(middle - half, middle + half), ylim=(middle + half, middle - half))
    y, x = middle + case.offset_px[0], middle + case.offset_px[1]
    size = 9 if zoom == 1 else 16
    marks = ("+", middle, middle, ABOUT["tile"]), ("x", x, y, ABOUT["bead"])
    for marker, at_x, at_y, color in marks:
        # White beneath: tiles have dark and light rings.
        axes.plot(at_x, at_y, marker, ms=size + 2, mew=4.5, color="white", zorder=4)
        axes.plot(at_x, at_y, marker, ms=size, mew=2.2, color=color, zorder=5)


def _name_text(case: _Case) -> str:
    return fill(printable(case.name, 40), 16)


def _offset_text(case: _Case) -> str:
    if not np.isfinite(case.offset_px).all():
        return "offset not known"
    y, x = (fixed(v, 2, sign=True) for v in case.offset_px)
    return f"offset (y, x)\n{y}, {x} px"


def _draw_profiles(pair: tuple[Axes, Axes], case: _Case) -> None:
    limits = padded_limits(case.pixels["grey"], case.pixels["fitted"])
    reach = padded_limits(case.pixels["distance_px"], 0.0, pad=0.03)[1]
    for axes, (about, color) in zip(pair, ABOUT.items(), strict=True):
        rows = case.pixels[case.pixels["about"] == about].sort_values("distance_px", kind="stable")
        x = rows["distance_px"]
        axes.plot(x, rows["grey"], ls="", marker="o", ms=3, mew=0, color=color, alpha=0.45)
        axes.plot(x, rows["fitted"], color=INK, lw=1.6, zorder=3)
        axes.set(xlim=(0, reach), ylim=limits)
        axes.locator_params(axis="both", nbins=5)
        ci = case.ci[about]
        found = f"CI {ci:.3f}" if np.isfinite(ci) else "CI not known"
        axes.set_title(f"{about}'s centre: {found}", fontsize=13)
    pair[0].set_ylabel("grey level")
    pair[1].tick_params(labelleft=False)
    if case.pixels.empty:
        pair[0].text(0.5, 0.5, "no pixel", transform=pair[0].transAxes, ha="center", color=MUTED)
