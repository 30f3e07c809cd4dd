"""Differences between planes with their intervals."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refp.core.arrays import FloatArray
from refp.reports.panels import Limits, pick, share_limits, unique_in_order
from refp.reports.sheet import Legend, empty_figure, hide_y_axis, panel_matrix
from refp.reports.style import FLAGGED, INK, MUTED, look, printable
from refp.reports.tables import decimals_for, fixed, percent

MAX_ROWS = 24
KINDS = {
    "exposure": "between exposures",
    "fov": "between fields of view",
    "experiment": "between experiments",
    "dataset": "between data sets",
    "instrument": "between instruments",
}
_LABEL = 46
_HEADING = 86
_MINUS = "\N{MINUS SIGN}"
_APART = "D"
"""Marker of a difference that excludes zero, for readers without colours."""


@dataclass(frozen=True, slots=True)
class _Group:
    """One panel: the differences of a kind, and the words common to their labels."""

    title: str
    labels: list[str]
    rows: pd.DataFrame


@look()
def draw_comparison(comparison: pd.DataFrame, title: str = "") -> Figure:
    """Draw differences between planes as points with intervals, a panel per kind of difference.

    Parameters
    ----------
    comparison
        A row per difference: ``kind, within, first, second, difference_um, u_um, lower_um,
        upper_um, coverage``.
    title
        Name of the data set.

    Notes
    -----
    At most :data:`MAX_ROWS` differences are drawn, those whose interval excludes zero preferred.
    Panels share one scale unless it would squeeze one of them.
    """
    shown = choose_differences(comparison)
    if shown.empty:
        return empty_figure("no planes to compare", title)
    groups = _groups(shown, title)
    figure, panels = _kind_panels([len(g.rows) for g in groups], title)
    limits = share_limits([_difference_limits(g.rows) for g in groups])
    decimals = decimals_for(shown["u_um"])
    # Headings begin where the longest label ends.
    room = _HEADING - max(len(label) for group in groups for label in group.labels)
    for axes, group, x in zip(panels, groups, limits, strict=True):
        axes.set_xlim(x)
        _draw_group(axes, group, decimals)
        heading = printable(group.title, room)
        axes.set_title(heading, loc="left", fontsize=13, fontweight="bold")
    panels[-1].set_xlabel("difference of the reference planes, second minus first (um)")
    differs = excludes_zero(shown)
    coverage = " and ".join(unique_in_order(shown["coverage"].map(percent)))
    legend = Legend().line(MUTED, f"{coverage} interval", lw=2.4)
    legend.dot(FLAGGED, "interval excludes 0", marker=_APART, when=bool(differs.any()))
    legend.dot(MUTED, "interval contains 0", when=not differs.all()).draw(figure)
    return figure


def excludes_zero(comparison: pd.DataFrame) -> pd.Series:
    """Return, for every difference, whether its interval excludes zero."""
    return (comparison["lower_um"] > 0) | (comparison["upper_um"] < 0)


def choose_differences(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the rows to draw: some of every kind, those that exclude zero first."""
    if comparison.empty:
        return comparison
    known = comparison[comparison["difference_um"].notna()].reset_index(drop=True)
    rooms = known["kind"].value_counts(sort=False).to_dict()
    while sum(rooms.values()) > MAX_ROWS:
        rooms[max(rooms, key=lambda kind: rooms[kind])] -= 1
    parts = [
        _choose(rows, rooms[kind], excludes_zero(rows))
        for kind, rows in known.groupby("kind", sort=False)
    ]
    return pd.concat(parts) if parts else known


def _choose(rows: pd.DataFrame, room: int, urgent: pd.Series) -> pd.DataFrame:
    names = [str(i) for i in rows.index]
    chosen = pick(names, {str(i) for i in rows.index[urgent]}, room)
    return rows.loc[[int(name) for name in chosen]]


def _groups(shown: pd.DataFrame, title: str) -> list[_Group]:
    kinds = unique_in_order(shown["kind"])
    ordered = [k for k in KINDS if k in kinds] + [k for k in kinds if k not in KINDS]
    return [_group(kind, shown[shown["kind"].astype(str) == kind], title) for kind in ordered]


def _group(kind: str, rows: pd.DataFrame, title: str) -> _Group:
    texts = ["" if pd.isna(text) else str(text) for text in rows["within"]]
    within = [[part for part in text.split(", ") if part] for text in texts]
    shared = [column[0] for column in takewhile(_all_equal, zip(*within, strict=False))]
    where = ", ".join(shared).removeprefix(title).removeprefix(", ")
    heading = ", ".join(filter(None, [KINDS.get(kind, kind), where]))
    labels = [
        _row_label(", ".join(parts[len(shared) :]), str(first), str(second))
        for parts, first, second in zip(within, rows["first"], rows["second"], strict=True)
    ]
    return _Group(heading, labels, rows)


def _all_equal(values: Collection[str]) -> bool:
    return len(set(values)) == 1


def _row_label(within: str, first: str, second: str) -> str:
    room = max(_LABEL - len(within) - 2, _LABEL // 2) // 2 - 1
    difference = f"{printable(second, room)} {_MINUS} {printable(first, room)}"
    where = printable(within, _LABEL - len(difference) - 2)
    return f"{where}: {difference}" if within else difference


def _kind_panels(counts: Sequence[int], title: str) -> tuple[Figure, list[Axes]]:
    height = 0.36 * sum(counts) + 0.75 * len(counts) + 1.3
    ratios = [count + 0.6 for count in counts]
    figure, grid = panel_matrix(len(counts), 1, height, title, height_ratios=ratios)
    return figure, [row[0] for row in grid]


def _difference_limits(rows: pd.DataFrame) -> Limits:
    """Return limits about zero that contain all differences and intervals of a common width.

    A difference of few degrees of freedom can have an interval so wide that the others would be dots.
    """
    largest = float(rows["difference_um"].abs().max())
    ends = rows[["lower_um", "upper_um"]].abs().to_numpy(dtype=float)
    ends = ends[np.isfinite(ends)]
    widest = min(float(ends.max()), 4 * float(np.median(ends))) if ends.size else 0.0
    reach = 1.1 * max(largest, widest) or 1.0
    return -reach, reach


def _draw_group(axes: Axes, group: _Group, decimals: int) -> None:
    axes.set_ylim(len(group.rows) - 0.4, -0.6)
    hide_y_axis(axes)
    axes.axvline(0, color=INK, lw=1.2, zorder=2)
    axes.set_yticks(range(len(group.labels)), group.labels)
    values = group.rows[["difference_um", "lower_um", "upper_um"]].to_numpy(dtype=float)
    for i, (row, apart) in enumerate(zip(values, excludes_zero(group.rows), strict=True)):
        _draw_difference(axes, i, row, apart=bool(apart))
        axes.annotate(
            f"{fixed(row[0], decimals, sign=True)} um",
            (1, i),
            xycoords=axes.get_yaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=13,
            color=INK if apart else MUTED,
            annotation_clip=False,
        )


def _draw_difference(axes: Axes, i: int, row: FloatArray, *, apart: bool) -> None:
    difference, lower, upper = row
    color, marker = (FLAGGED, _APART) if apart else (MUTED, "o")
    axes.hlines(i, lower, upper, color=color, lw=2.4, alpha=0.75, zorder=3)
    axes.plot(difference, i, marker, ms=9 if apart else 6, mew=0, color=color, zorder=4)


def describe_comparison(comparison: pd.DataFrame) -> str:
    """Return the caption: how many differences of how many are drawn."""
    shown = choose_differences(comparison)
    some = len(shown) < len(comparison)
    which = ", those whose interval excludes 0 preferred; the table has all" * some
    return (
        f"{len(shown)} of {len(comparison)} differences shown{which}; independent of any model. Points: "
        "second minus first reference plane, in um at the right; lines: the interval, without errors "
        "common to both planes. One panel per kind of difference."
    )
