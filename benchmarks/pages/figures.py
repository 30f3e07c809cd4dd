"""Figures of docs/models.md: errors against dZ, coverage of the intervals, and learning curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.pages.render import load
from refp.reports.sheet import DASHED, Legend, dot, panel_grid
from refp.reports.style import (
    FLAGGED,
    INK,
    MUTED,
    USED,
    look,
    save_svg,
)

ERRORS, COVERAGE, LEARNING = "models-errors.svg", "models-coverage.svg", "models-learning.svg"
COLORS = {"profile": USED, "lookup": FLAGGED}
INSTRUMENTS = ("A2K", "Nikon")
STATED = 0.95
CURVES = (USED, FLAGGED, "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Colours of learning curves."""
Rows = Sequence[dict[str, Any]]


def draw_figures(folder: Path) -> None:
    """Write the figures whose benchmark file exists."""
    intervals = load("accuracy/intervals.json")
    if intervals:
        folder.mkdir(parents=True, exist_ok=True)
        save_svg(draw_twin_errors(intervals["images"]), folder / ERRORS)
        save_svg(draw_coverage(intervals["simulated"]["by_fifth"]), folder / COVERAGE)
    resnet = load("accuracy/resnet.json")
    if resnet:
        save_svg(draw_learning(resnet), folder / LEARNING)


@look()
def draw_twin_errors(images: Rows) -> Figure:
    """Draw the error of every twin image against its true dZ, a row per family."""
    families = list(dict.fromkeys(row["family"] for row in images))
    panels = [(family, kind) for family in families for kind in INSTRUMENTS]
    figure, axes = panel_grid(len(panels), len(INSTRUMENTS), 2.8)
    for ax, (family, kind) in zip(axes, panels, strict=True):
        rows = [r for r in images if r["family"] == family and _instrument(r) == kind]
        _draw_twin(ax, rows, family, kind)
    for i in range(len(INSTRUMENTS)):
        column = axes[i :: len(INSTRUMENTS)]
        reach = max(abs(v) for ax in column for v in ax.get_ylim())
        for ax in column:
            ax.set_ylim(-reach, reach)
    legend = Legend([dot(COLORS[family], family) for family in families])
    legend.line(MUTED, "95 % interval", alpha=0.5)
    refused = any(row["reason"] for row in images)
    legend.dot(MUTED, "refused", hollow=True, marker="^", when=refused).draw(figure)
    return figure


@look()
def draw_learning(resnet: dict[str, Any]) -> Figure:
    """Draw the held-out error of the article's network against steps, of trainings and of short arms."""
    figure, axes = panel_grid(2, 2, 4.6)
    runs = {
        f"{run['training']}, ResNet-{run['depth']}, {run['steps']:,} steps": run["curves"]
        for run in resnet.get("runs", {}).values()
    }
    arms = {row["arm"]: row["curves"] for row in resnet.get("arms", {}).get("rows", [])}
    panels = zip(axes, (runs, arms), ("Trainings", "Arms, one member each"), strict=True)
    for ax, curves, title in panels:
        for color, (name, members) in zip(CURVES, curves.items(), strict=False):
            for i, curve in enumerate(members):
                ax.plot(
                    *(curve["step"], curve["held_out_rms_um"]),
                    color=color, marker="o", ms=3, label=name if i == 0 else None,
                )  # fmt: skip
        ax.set(title=title, xlabel="gradient steps", yscale="log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.legend(loc="upper left", bbox_to_anchor=(0.0, -0.22), frameon=False, fontsize=11)
    axes[0].set_ylabel("RMS error of held-out beads (um)")
    return figure


def _instrument(row: dict[str, Any]) -> str:
    return "Nikon" if row["test"].startswith("nikon") else "A2K"


def _draw_twin(ax: Axes, rows: Rows, family: str, kind: str) -> None:
    estimated = [r for r in rows if not r["reason"]]
    x = np.array([r["dz_true_um"] for r in estimated], dtype=float)
    error = np.array([r["error_um"] for r in estimated], dtype=float)
    half = np.array([r["half_width_um"] for r in estimated], dtype=float)
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
    """Draw the observed coverage in each fifth of the dZ range, a panel per family."""
    families = list(dict.fromkeys(row["family"] for row in rows))
    figure, axes = panel_grid(len(families), 2, 3.0)
    beads = list(dict.fromkeys(row["beads"] for row in rows))
    for ax, family in zip(axes, families, strict=True):
        ax.axhline(100 * STATED, color=INK, lw=1.0, ls=DASHED, zorder=1)
        for n in beads:
            of_it = [r for r in rows if r["family"] == family and r["beads"] == n]
            _draw_fifths(ax, of_it, n, beads)
        ax.set_title(family, fontsize=13)
        ax.set(xlabel="fifth of the trained range, low to high", ylabel="observed coverage (%)")
        ax.set_xticks(range(1, 6))
    low = min(ax.get_ylim()[0] for ax in axes)
    for ax in axes:
        ax.set_ylim(low, 101.5)
    legend = Legend()
    for n in beads:
        legend.add(Line2D([], [], color=_shade(n, beads), marker="o", label=f"{n} beads"))
    legend.line(INK, f"{100 * STATED:g} % stated", lw=1.0, ls=DASHED).draw(figure)
    return figure


def _draw_fifths(ax: Axes, rows: Rows, beads: int | str, all_beads: Sequence[int | str]) -> None:
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
