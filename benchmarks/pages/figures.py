"""Figures of docs/models.md: errors against dZ, and what the intervals hold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from benchmarks.pages.text import load_any
from refp.reports.panels import panel_grid
from refp.reports.style import (
    FLAGGED,
    INK,
    MUTED,
    TOLERANCE,
    USED,
    dot,
    legend_below,
    look,
    save_svg,
)

ERRORS, COVERAGE = "models-errors.svg", "models-coverage.svg"
COLORS = {"profile": USED, "lookup": FLAGGED}
BAR_UM = {"A2K": 1.0, "Nikon": 0.15}
"""What an RMS error of six beads should at most be."""
STATED, GOOD = 0.95, (0.93, 0.97)
Rows = Sequence[dict[str, Any]]


def draw_figures(folder: Path) -> None:
    """Write the figures that there are numbers for."""
    intervals = load_any("accuracy/intervals.json")
    if intervals:
        folder.mkdir(parents=True, exist_ok=True)
        save_svg(draw_errors(intervals["images"]), folder / ERRORS)
        save_svg(draw_coverage(intervals["simulated"]["by_fifth"]), folder / COVERAGE)


@look()
def draw_errors(images: Rows) -> Figure:
    """Draw the error of every twin image against its true dZ, a row a family."""
    families = list(dict.fromkeys(row["family"] for row in images))
    panels = [(family, kind) for family in families for kind in BAR_UM]
    figure, axes = panel_grid(len(panels), 2, 6.6, "")
    for ax, (family, kind) in zip(axes, panels, strict=True):
        rows = [r for r in images if r["family"] == family and _kind(r) == kind]
        _draw_panel(ax, rows, family, kind)
    for first, second in ((0, 2), (1, 3)) if len(panels) == 4 else ():
        reach = max(abs(v) for i in (first, second) for v in axes[i].get_ylim())
        for i in (first, second):
            axes[i].set_ylim(-reach, reach)
    handles = [dot(COLORS[family], family) for family in families]
    handles += [
        Line2D([], [], color=MUTED, alpha=0.5, lw=2, label="95 % interval"),
        dot(MUTED, "refused", hollow=True, marker="^"),
        Patch(color=TOLERANCE, alpha=0.5, lw=0, label="RMS asked for: 1 um A2K, 0.15 um Nikon"),
    ]
    legend_below(figure, handles)
    return figure


def _kind(row: dict[str, Any]) -> str:
    return "Nikon" if row["test"].startswith("nikon") else "A2K"


def _draw_panel(ax: Axes, rows: Rows, family: str, kind: str) -> None:
    spoken = [r for r in rows if not r["reason"]]
    x = np.array([r["dz_true_um"] for r in spoken], dtype=float)
    error = np.array([r["error_um"] for r in spoken], dtype=float)
    half = np.array([r["half_width_um"] for r in spoken], dtype=float)
    ax.axhspan(-BAR_UM[kind], BAR_UM[kind], color=TOLERANCE, alpha=0.5, lw=0, zorder=0.5)
    ax.axhline(0, color=INK, lw=1.0, zorder=2)
    ax.vlines(x, error - half, error + half, color=COLORS[family], alpha=0.22, lw=1.6, zorder=3)
    ax.plot(x, error, ls="", marker="o", ms=5, mew=0, color=COLORS[family], zorder=4)
    refused = [r["dz_true_um"] for r in rows if r["reason"]]
    ax.plot(
        *(refused, np.full(len(refused), 0.05)),
        transform=ax.get_xaxis_transform(),
        ls="",
        marker="^",
        ms=8,
        mec=MUTED,
        mfc="none",
        mew=1.4,
        zorder=5,
    )
    refusals = f", {len(refused)} refused" if refused else ""
    rms = f", RMS {np.sqrt(np.mean(error**2)):.2f} um" if len(error) else ""
    ax.set_title(f"{kind}, {family}: {len(rows)} images{refusals}{rms}", fontsize=12)
    ax.set_xlabel("true dZ (um)")
    ax.set_ylabel("error of dZ (um)")


@look()
def draw_coverage(rows: Rows) -> Figure:
    """Draw the share of intervals that hold the truth in each fifth of the dZ range, a panel a family."""
    families = list(dict.fromkeys(row["family"] for row in rows))
    figure, axes = panel_grid(len(families), 2, 4.0, "")
    beads = list(dict.fromkeys(row["beads"] for row in rows))
    for ax, family in zip(axes, families, strict=True):
        ax.axhspan(*(100 * share for share in GOOD), color=TOLERANCE, alpha=0.5, lw=0, zorder=0.5)
        ax.axhline(100 * STATED, color=INK, lw=1.0, zorder=1)
        for n in beads:
            _draw_line(ax, [r for r in rows if r["family"] == family and r["beads"] == n], n, beads)
        ax.set_title(family, fontsize=13)
        ax.set(xlabel="fifth of the trained range, low to high", ylabel="intervals that hold (%)")
        ax.set_xticks(range(1, 6))
    low = min(ax.get_ylim()[0] for ax in axes)
    for ax in axes:
        ax.set_ylim(low, 101.5)
    handles = [
        Line2D([], [], color=_shade(n, beads), marker="o", label=_beads_label(n)) for n in beads
    ]
    band = "asked for: 93 to 97 %"
    legend_below(figure, [*handles, Patch(color=TOLERANCE, alpha=0.5, lw=0, label=band)])
    return figure


def _draw_line(ax: Axes, rows: Rows, beads: int | str, all_beads: Sequence[int | str]) -> None:
    known = [r for r in rows if r["within_interval"] is not None]
    if not known:
        return
    offset = 0.06 * (all_beads.index(beads) - (len(all_beads) - 1) / 2)
    ax.errorbar(
        [r["of"] + offset for r in known],
        [100 * r["within_interval"] for r in known],
        yerr=[100 * (r["within_interval_u"] or 0.0) for r in known],
        color=_shade(beads, all_beads),
        marker="o",
        ms=6,
        lw=1.4,
        elinewidth=1.4,
        zorder=3,
    )


def _shade(beads: int | str, all_beads: Sequence[int | str]) -> str:
    return ("#9ecae1", USED, "#08306b", MUTED)[list(all_beads).index(beads) % 4]


def _beads_label(beads: int | str) -> str:
    return f"{beads} beads"
