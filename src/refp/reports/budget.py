"""Uncertainty budget of each reference plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from refp.reports.panels import pick, plane_names, short_name, unique_in_order
from refp.reports.sheet import Legend, empty_figure, hide_y_axis, panel_matrix
from refp.reports.style import MUTED, ink_on, look, printable
from refp.reports.tables import decimals_for, fixed

MAX_PLANES = 12
TERM_COLORS = {
    # Okabe and Ito's colours; terms of one origin share a hue and differ in lightness, so that
    # they also differ for colour-blind readers.
    "stage repeatability": "#0072b2",
    "stage errors near the plane": "#8ccbee",
    "bead heights": "#e69f00",
    "fit of SS and CI": "#007a5a",
    "reading of the extremes": "#cc79a7",
    "pooled profile": "#4d5561",
    "feature curves": "#d55e00",
}
"""Order and colour of the terms; other terms come last, in grey."""
_HATCHES = {"bead heights": "//", "reading of the extremes": "\\\\", "feature curves": "xx"}
"""Hatches of terms that have nearly the lightness of their neighbours, for readers without colours."""
_OTHER = "#c3c8cf"
_BAR = 0.72
_MIN_WRITTEN = 0.09  # a narrower part has no room for its percentage
_MIN_SEEN = 0.005  # a narrower part is thinner than its border


@look()
def draw_budget(budget: pd.DataFrame, title: str = "") -> Figure:
    """Draw a bar per plane: each term's fraction of the variance, and the combined u beside it.

    Parameters
    ----------
    budget
        A row per plane and term: ``dataset, experiment, fov, exposure_ms, term, u_um``.
    title
        Name of the data set.

    Notes
    -----
    At most :data:`MAX_PLANES` planes are drawn, the most uncertain ones among them.
    """
    terms = budget_matrix(budget)
    if terms.empty:
        return empty_figure("no uncertainty to show", title)
    terms = terms.loc[choose_planes(terms)]
    variances = terms.to_numpy(dtype=float) ** 2
    combined = np.sqrt(variances.sum(axis=1))
    fractions = variances / np.where(combined > 0, combined, 1.0)[:, None] ** 2
    figure, (parts, sizes) = _bar_panels(len(terms), title)
    _draw_contributions(parts, fractions, list(terms.columns))
    _draw_sizes(sizes, combined)
    _name_rows(parts, list(terms.index), unique_in_order(budget["dataset"]))
    legend = Legend()
    for term, largest in zip(terms.columns, fractions.max(axis=0), strict=True):
        style: Any = {"fc": _color(term), "ec": "white", "lw": 0.0, "hatch": _HATCHES.get(term)}
        legend.add(Patch(label=printable(term), **style), when=bool(largest >= _MIN_SEEN))
    legend.draw(figure)
    return figure


def budget_matrix(budget: pd.DataFrame) -> pd.DataFrame:
    """Return the standard uncertainty in um of each term (column) of each plane (row).

    Parameters
    ----------
    budget
        A row per plane and term; a term that a plane has twice is combined in quadrature.

    Returns
    -------
    pandas.DataFrame
        Planes by name in the order of the table, terms in the order of :data:`TERM_COLORS`; 0 where
        a plane lacks a term. Planes with no finite term are left out.
    """
    if budget.empty:
        return pd.DataFrame()
    squares = pd.DataFrame(
        {
            "plane": plane_names(budget),
            "term": budget["term"].astype(str),
            "square": budget["u_um"].astype(float) ** 2,
        }
    ).dropna()
    summed = squares.pivot_table(
        index="plane", columns="term", values="square", aggfunc="sum", fill_value=0, sort=False
    )
    terms = [t for t in TERM_COLORS if t in summed.columns]
    terms += [t for t in summed.columns if t not in TERM_COLORS]
    return summed[terms] ** 0.5


def choose_planes(terms: pd.DataFrame) -> list[str]:
    """Return the planes that are drawn: the most uncertain ones, and others spread evenly."""
    combined = (terms**2).sum(axis=1).nlargest(MAX_PLANES // 3)
    return pick(list(terms.index), set(combined.index), MAX_PLANES)


def _bar_panels(n: int, title: str) -> tuple[Figure, tuple[Axes, Axes]]:
    height = 0.44 * n + 1.9
    figure, grid = panel_matrix(1, 2, height, title, sharey=True, width_ratios=(3.2, 1))
    parts, sizes = grid[0]
    hide_y_axis(parts)
    hide_y_axis(sizes)
    parts.set(xlim=(0, 100), xlabel="fraction of the variance (%)", ylim=(n - 0.4, -0.6))
    parts.set_title("contributions", fontsize=13)
    sizes.set(xlabel="u (um)")
    sizes.set_title("combined", fontsize=13)
    sizes.tick_params(axis="y", labelleft=False)
    return figure, (parts, sizes)


def _draw_contributions(axes: Axes, fractions: np.ndarray, terms: Sequence[str]) -> None:
    left = np.zeros(len(fractions))
    for percents, term in zip(100 * fractions.T, terms, strict=True):
        color = _color(term)
        axes.barh(
            np.arange(len(left)),
            percents,
            _BAR,
            left=left,
            color=color,
            hatch=_HATCHES.get(term),
            ec="white",
            lw=0.8,
            zorder=3,
        )
        for i in np.flatnonzero(percents > 100 * _MIN_WRITTEN):
            middle, text = left[i] + percents[i] / 2, f"{percents[i]:.0f}"
            style: Any = {"color": ink_on(color), "fontsize": 12, "zorder": 4}
            if term in _HATCHES:
                style["bbox"] = {"fc": color, "ec": "none", "pad": 2.0}
            axes.text(middle, float(i), text, ha="center", va="center", **style)
        left = left + percents


def _draw_sizes(axes: Axes, combined: np.ndarray) -> None:
    axes.barh(np.arange(len(combined)), combined, _BAR, color=MUTED, lw=0, zorder=3)
    largest = float(combined.max()) or 1.0
    decimals = decimals_for(combined)
    axes.set_xlim(0, 1.6 * largest)
    axes.locator_params(axis="x", nbins=3)
    for i, u in enumerate(combined):
        axes.text(u + 0.05 * largest, i, fixed(u, decimals), fontsize=13, va="center", zorder=4)


def _name_rows(axes: Axes, names: Sequence[str], datasets: Sequence[str]) -> None:
    labels = [printable(short_name(name, datasets), 40) for name in names]
    axes.set_yticks(range(len(labels)), labels)


def _color(term: str) -> str:
    return TERM_COLORS.get(term, _OTHER)


def describe_budget(budget: pd.DataFrame, planes: pd.DataFrame) -> str:
    """Return the caption: data sets, how many planes of how many, images.

    Parameters
    ----------
    budget
        A row per plane and term.
    planes
        Columns of ``planes.csv``.
    """
    terms = budget_matrix(budget)
    shown = choose_planes(terms)
    used = planes[plane_names(planes).isin(shown)]
    datasets = ", ".join(unique_in_order(used["dataset"])) or "no data set"
    most = ", the most uncertain ones among them" * (len(shown) < len(terms))
    return (
        f"{datasets}: {len(shown)} of {len(terms)} planes shown{most}, from "
        f"{int(used['n_frames_used'].sum())} images; independent of any model. Left: fraction of "
        "the variance per term, in per cent; terms below 0.5 % are in the table "
        "only. Right: the combined standard uncertainty u of the reference plane, the root of the sum "
        "of squares."
    )
