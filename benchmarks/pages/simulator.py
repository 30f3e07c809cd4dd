"""Figures of docs/simulator.md: one bead through Z, simulator beside twin, and the bound of dZ."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.pages.render import NAMES, load
from refp.reports import draw_bead_montage, exposure_colors, look, save_png, save_svg
from refp.reports.sheet import Legend, panel_matrix
from refp.reports.style import FLAGGED, INK, MUTED, USED, exposure_label
from refp.synthetic import as_instrument, render_single_bead

MONTAGES = {"a2k": np.arange(-4, 5) * 37.5, "nikon-ti2": np.arange(-4, 5) * 6.0}
"""dZ of the tiles, um: the article's Fig. 1B shows +-75 um on the A2K and +-12 um on the Nikon."""
COLORS = {"profile": USED, "lookup": FLAGGED, "resnet": "#009e73"}
TWIN_COLOR, OUR_COLOR = MUTED, USED


def draw_simulator_figures(folder: Path) -> None:
    """Write the figures whose benchmark file exists."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, dz_um in MONTAGES.items():
        instrument = as_instrument(name)
        tiles = [render_single_bead(float(dz), instrument, noise=True) for dz in dz_um]
        figure = draw_bead_montage(
            tiles, list(dz_um), instrument.optics.pixel_size_um, f"{NAMES[name]}, simulated bead"
        )
        save_png(figure, folder / f"simulator-bead-{name}.png")
    simulator, limit = load("accuracy/simulator.json"), load("accuracy/limit.json")
    if simulator:
        save_svg(draw_curves(simulator["beside"]), folder / "simulator-curves.svg")
        save_png(draw_stacks(simulator["beside"]), folder / "simulator-stacks.png")
    if limit:
        save_svg(draw_limit(limit), folder / "simulator-limit.svg")


@look()
def draw_curves(beside: list[dict[str, Any]]) -> Figure:
    """Draw both features' pooled curves of simulator and twin, a row per instrument."""
    figure, grid = panel_matrix(len(beside), 2, 6.4)
    for row, axes in zip(beside, grid, strict=True):
        for ax, feature, label in zip(
            axes, ("ss", "ci"), ("steepest slope (1/px)", "centre intensity"), strict=True
        ):
            curve = row[feature]
            ax.plot(curve["dz_um"], curve["twin"], color=TWIN_COLOR, lw=4, alpha=0.7)
            ax.plot(curve["dz_um"], curve["simulator"], color=OUR_COLOR, lw=2)
            ax.axvline(0, color=INK, lw=0.8)
            ax.set(xlabel="dZ (um)", ylabel=label, title=NAMES[row["instrument"]])
    legend = Legend().line(OUR_COLOR, "simulator")
    legend.line(TWIN_COLOR, "twin, other code", lw=4, alpha=0.7).draw(figure)
    return figure


@look()
def draw_stacks(beside: list[dict[str, Any]]) -> Figure:
    """Draw both pooled stacks I(dZ, r) side by side, a row per instrument, on one grey scale."""
    figure, grid = panel_matrix(len(beside), 2, 7.0)
    for row, axes in zip(beside, grid, strict=True):
        stack = row["stack"]
        extent = (
            stack["radius_radii"][0],
            stack["radius_radii"][-1],
            stack["dz_um"][0],
            stack["dz_um"][-1],
        )
        for ax, which in zip(axes, ("simulator", "twin"), strict=True):
            shown = ax.imshow(
                stack[which],
                extent=extent,
                origin="lower",
                aspect="auto",
                cmap="gray",
                vmin=0,
                vmax=2,
            )
            ax.grid(visible=False)
            ax.set(
                xlabel="radius (bead radii)",
                ylabel="dZ (um)",
                title=f"{NAMES[row['instrument']]}, {which}",
            )
        figure.colorbar(shown, ax=axes, label="over background", shrink=0.8)
    return figure


@look()
def draw_limit(limit: dict[str, Any]) -> Figure:
    """Draw the bound against dZ for each exposure, and the families' scatter above it."""
    names = list(dict.fromkeys(row["instrument"] for row in limit["bounds"]))
    families = list(dict.fromkeys(row["family"] for row in limit["rows"]))
    figure, [panels] = panel_matrix(1, len(names), 4.6)
    legend = Legend()
    for ax, name in zip(panels, names, strict=True):
        bounds = [row for row in limit["bounds"] if row["instrument"] == name]
        colors = exposure_colors(row["exposure_ms"] for row in bounds)
        for row in bounds:
            color = colors[row["exposure_ms"]]
            label = f"{NAMES[name]}, bound, {exposure_label(row['exposure_ms'])}"
            legend.add(*ax.plot(row["dz_um"], row["sd_um"], color=color, lw=2, label=label))
        exposure_ms = sorted(colors)[len(colors) // 2]
        for family in families:
            _draw_scatter(ax, limit["rows"], name, family, exposure_ms)
        ax.set(
            xlabel="dZ (um)",
            ylabel="standard deviation\nof one bead (um)",
            yscale="log",
            title=f"{NAMES[name]}; families at {exposure_label(exposure_ms)}",
        )
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for family in families:
        style = {"color": COLORS[family], "marker": "o", "ls": "--"}
        legend.add(Line2D([], [], label=f"{family}, scatter", **style))
    legend.draw(figure)
    return figure


def _draw_scatter(
    ax: Axes, rows: list[dict[str, Any]], name: str, family: str, exposure_ms: float
) -> None:
    chosen = [
        row
        for row in rows
        if (row["instrument"], row["family"], row["exposure_ms"]) == (name, family, exposure_ms)
        and row["from_um"] != "all"
    ]
    if not chosen:
        return
    starts = np.array([float(row["from_um"]) for row in chosen])
    middles = starts + np.diff(starts).mean() / 2
    scatter = [row["scatter_um"] for row in chosen]
    ax.plot(middles, scatter, color=COLORS[family], marker="o", ls="--", lw=1.4)
