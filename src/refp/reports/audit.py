"""DZ of an archive's images over time, a panel per instrument."""

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refp.reports.sheet import DASHED, Legend, empty_figure, panel_matrix
from refp.reports.style import FLAGGED, INK, TOLERANCE, USED, look, printable

MAX_PANELS = 6
"""Largest number of instruments drawn, those of most images."""
_ROW_IN = 2.9
_LEGEND_IN = 0.9
_MOST, _FAR = 98.0, 1.6
"""The scale includes the tolerance, and this many times the range of most images, in percent."""
_MIN_DAYS = 1.0


@look()
def draw_audit(
    points: pd.DataFrame,
    medians: pd.DataFrame,
    refused: pd.DataFrame,
    changes: pd.DataFrame,
    tolerance_um: float,
    title: str = "",
) -> Figure:
    """Draw dZ over time: images, medians of periods, tolerance band, steps and drifts.

    Parameters
    ----------
    points
        A row per image: ``instrument, at, delta_z_um``, instruments in the order of the panels.
    medians
        A row per period: ``instrument, at, median_um``.
    refused
        A row per refused image: ``instrument, at``.
    changes
        A row per step or drift: ``instrument, kind, from, to, change_um``.
    tolerance_um
        Largest tolerated absolute dZ.
    title
        Title of the figure.

    Notes
    -----
    Panels share both scales. Images beyond the scale of dZ are drawn as triangles at its edge.
    """
    names = list(dict.fromkeys([*points["instrument"], *refused["instrument"]]))[:MAX_PANELS]
    if not names:
        return empty_figure("no image with a date", title)
    figure, grid = panel_matrix(
        len(names), 1, len(names) * _ROW_IN + _LEGEND_IN, title, sharex=True, sharey=True
    )
    panels = [row[0] for row in grid]
    reach_um = _reach(points["delta_z_um"], tolerance_um)
    for axes, name in zip(panels, names, strict=True):
        axes.set(ylim=(-reach_um, reach_um), ylabel="dZ (um)")
        axes.set_title(printable(name, 60), loc="left")
        axes.axhspan(-tolerance_um, tolerance_um, color=TOLERANCE, alpha=0.45, lw=0, zorder=0.5)
        axes.axhline(0.0, color=INK, lw=1.0, zorder=1)
        _draw_images(axes, _own(points, name), reach_um)
        own = _own(medians, name)
        axes.plot(own["at"], own["median_um"], color=INK, lw=1.3, zorder=4)
        _draw_refused(axes, _own(refused, name))
        _draw_changes(axes, _own(changes, name), own, reach_um)
    _set_dates(panels[-1], [points["at"], refused["at"]])
    _legend(points, refused, changes, tolerance_um, reach_um).draw(figure)
    return figure


def _own(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["instrument"] == name]


def _reach(dz_um: pd.Series, tolerance_um: float) -> float:
    """Return half the height of the scale, um."""
    far = np.abs(dz_um.to_numpy(dtype=float))
    most = _FAR * float(np.percentile(far, _MOST)) if len(far) else 0.0
    return 1.15 * max(1.2 * tolerance_um, min(most, float(far.max(initial=0.0))))


def _draw_images(axes: Axes, own: pd.DataFrame, reach_um: float) -> None:
    dz_um = own["delta_z_um"].to_numpy(dtype=float)
    beyond = np.abs(dz_um) > reach_um
    axes.plot(
        own["at"][~beyond], dz_um[~beyond], ls="", marker="o", ms=4, mew=0, color=USED, alpha=0.55,
        zorder=3,
    )  # fmt: skip
    for side, marker in ((1, "^"), (-1, "v")):
        far = beyond & (np.sign(dz_um) == side)
        edge = np.full(int(far.sum()), side * 0.95 * reach_um)
        axes.plot(own["at"][far], edge, ls="", marker=marker, ms=7, color=USED, zorder=3)


def _draw_refused(axes: Axes, own: pd.DataFrame) -> None:
    height = np.full(len(own), 0.05)
    axes.plot(
        own["at"], height, ls="", marker="x", ms=6, mew=1.5, color=FLAGGED, zorder=3.5,
        transform=axes.get_xaxis_transform(),
    )  # fmt: skip


def _draw_changes(axes: Axes, own: pd.DataFrame, medians: pd.DataFrame, reach_um: float) -> None:
    for change in own.to_dict("records"):
        start, end, change_um = change["from"], change["to"], change["change_um"]
        at = start + (end - start) / 2
        is_drift = change["kind"] == "drift"
        if is_drift:
            middle = float(medians.loc[medians["at"].between(start, end), "median_um"].median())
            ends = [middle - change_um / 2, middle + change_um / 2]
            axes.plot([start, end], ends, color=FLAGGED, lw=2.6, zorder=5)
        else:
            axes.axvline(at, color=FLAGGED, lw=1.8, ls=DASHED, zorder=3.8)
        size = f"{change_um:+.1f} um".replace("-", "\N{MINUS SIGN}")
        text = f"drift {size}" if is_drift else f"{size}\n{end:%Y-%m-%d}"
        axes.annotate(
            text, (_day(at), (-0.7 if is_drift else 0.95) * reach_um), xytext=(5, 0),
            color=FLAGGED, textcoords="offset points", va="top", fontsize=12, fontweight="bold", zorder=6,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85},
        )  # fmt: skip


def _day(at: pd.Timestamp) -> float:
    return float(mdates.date2num(at))  # type: ignore[no-untyped-call]


def _set_dates(axes: Axes, dates: list[pd.Series]) -> None:
    known = pd.concat(dates).dropna()
    first, last = _day(known.min()), _day(known.max())
    pad = max(0.02 * (last - first), _MIN_DAYS / 2 if last == first else 0.0)
    axes.set_xlim(first - pad, last + pad)
    locator = mdates.AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_xlabel("date of acquisition")


def _legend(
    points: pd.DataFrame,
    refused: pd.DataFrame,
    changes: pd.DataFrame,
    tolerance_um: float,
    reach_um: float,
) -> Legend:
    kinds = set(changes["kind"])
    beyond = bool((points["delta_z_um"].abs() > reach_um).any())
    legend = Legend().dot(USED, "an image").line(INK, "median of a period", lw=1.3)
    legend.dot(USED, "beyond the scale", marker="^", when=beyond)
    legend.dot(FLAGGED, "refused", marker="x", when=len(refused) > 0)
    legend.band(TOLERANCE, f"tolerance \N{PLUS-MINUS SIGN}{tolerance_um:g} um", alpha=0.6)
    legend.line(FLAGGED, "step", ls=DASHED, lw=1.8, when="step" in kinds)
    return legend.line(FLAGGED, "drift", lw=2.6, when="drift" in kinds)


def describe_audit(instruments: pd.DataFrame, points: pd.DataFrame) -> str:
    """Return the caption: numbers of images, of those drawn, and of those without a date."""
    n_ok, n_undated = int(instruments["n_ok"].sum()), int(instruments["n_undated"].sum())
    text = f"{n_ok} estimated images of {len(instruments)} instruments"
    text = text.removesuffix("s") if len(instruments) == 1 else text
    thinned = n_ok - n_undated > len(points)
    drawn = f", {len(points)} drawn, those farthest from the plane among them" if thinned else ""
    undated = f" {n_undated} images have no date and are not drawn." if n_undated else ""
    more = len(instruments) - MAX_PANELS
    others = f" {more} instruments of fewer images are only in the table." if more > 0 else ""
    return f"{text}{drawn}. Line: medians of periods.{undated}{others}"
