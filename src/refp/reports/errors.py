"""Errors of dZ against the true dZ (Fig. 11 of the paper)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from refp.reports.panels import (
    ExposureRows,
    Limits,
    by_exposure,
    colors_of,
    grid_shape,
    padded_limits,
    panel_grid,
    share_limits,
    span_text,
    unique_in_order,
)
from refp.reports.style import (
    INK,
    MUTED,
    TOLERANCE,
    dot,
    empty_figure,
    exposure_label,
    legend_below,
    look,
    note,
    printable,
)

_MAX_COLUMNS = 3
_ROW_IN = 3.6


@look()
def draw_errors(errors: pd.DataFrame, tolerance_um: float, title: str = "") -> Figure:
    """Draw the error of every image against its true dZ, a panel per data set.

    Parameters
    ----------
    errors
        Columns of ``errors.csv``. Refused images stand as hollow triangles on the lower edge.
    tolerance_um
        Half height of the band; NaN for none.
    title
        Names the model.
    """
    known = errors[errors["delta_z_true_um"].notna()]
    datasets = unique_in_order(known["dataset"])
    if not datasets:
        return empty_figure("no image with a known dZ", title)
    colors = colors_of(known)
    figure, panels = _grid(len(datasets), title)
    parts = [known[known["dataset"].astype(str) == name] for name in datasets]
    x_limits = share_limits([padded_limits(part["delta_z_true_um"]) for part in parts])
    y_limits = _error_limits(known, tolerance_um)
    for axes, name, part, x in zip(panels, datasets, parts, x_limits, strict=True):
        axes.set(xlim=x, ylim=y_limits)
        _draw_band(axes, tolerance_um)
        _draw_images(axes, part, colors)
        axes.set_title(f"{printable(name, 34)}\n{_counts(part)}", fontsize=13)
    _label(panels)
    legend_below(figure, _legend(colors, known, tolerance_um))
    return figure


def _grid(n: int, title: str) -> tuple[Figure, list[Axes]]:
    rows, _ = grid_shape(n, _MAX_COLUMNS)
    return panel_grid(n, _MAX_COLUMNS, rows * _ROW_IN + 1.0, title)


def _error_limits(errors: pd.DataFrame, tolerance_um: float) -> Limits:
    """Return limits about zero that hold all errors, the band and intervals of a common width."""
    largest = np.nanmax(np.abs([*errors["error_um"], tolerance_um, -1.0]))
    ends = np.abs(np.concatenate(_interval_ends(errors)))
    ends = ends[np.isfinite(ends)]
    common = float(np.percentile(ends, 95)) if ends.size else 0.0
    reach = 1.2 * float(max(largest, min(common, 3 * largest)))
    return -reach, reach


def _interval_ends(errors: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    truth = errors["delta_z_true_um"]
    return errors["lower_um"] - truth, errors["upper_um"] - truth


def _draw_band(axes: Axes, tolerance_um: float) -> None:
    if np.isfinite(tolerance_um):
        axes.axhspan(-tolerance_um, tolerance_um, color=TOLERANCE, alpha=0.35, lw=0, zorder=0.5)
    axes.axhline(0, color=INK, lw=1.0, zorder=2)


def _draw_images(axes: Axes, part: pd.DataFrame, colors: dict[float, str]) -> None:
    for i, exposure in enumerate(by_exposure(part, colors)):
        _draw_estimates(axes, exposure)
        _draw_refused(axes, exposure, 0.03 + 0.035 * (i % 3))
    if (part["status"] == "refused").all():
        note(axes, "every image was refused")


def _draw_estimates(axes: Axes, exposure: ExposureRows) -> None:
    rows = exposure.rows[exposure.rows["status"] == "ok"]
    lower, upper = _interval_ends(rows)
    x = rows["delta_z_true_um"]
    axes.vlines(x, lower, upper, color=exposure.color, alpha=0.3, lw=1.6, zorder=3)
    axes.plot(x, rows["error_um"], ls="", marker="o", ms=5, mew=0, color=exposure.color, zorder=4)


def _draw_refused(axes: Axes, exposure: ExposureRows, height: float) -> None:
    rows = exposure.rows[exposure.rows["status"] == "refused"]
    axes.plot(
        rows["delta_z_true_um"],
        np.full(len(rows), height),
        transform=axes.get_xaxis_transform(),
        ls="",
        marker="^",
        ms=8,
        mec=exposure.color,
        mfc="none",
        mew=1.4,
        zorder=5,
    )


def _counts(part: pd.DataFrame) -> str:
    refused = int((part["status"] == "refused").sum())
    images = f"{len(part)} image{'s' * (len(part) != 1)}"
    return f"{images}, {refused} refused" if refused else images


def _label(panels: Sequence[Axes]) -> None:
    _, columns = grid_shape(len(panels), _MAX_COLUMNS)
    for i, axes in enumerate(panels):
        axes.locator_params(axis="x", nbins=12 // columns)
        axes.locator_params(axis="y", nbins=7)
        axes.set_xlabel("dZ (um)")
        axes.tick_params(labelleft=i % columns == 0)
        if i % columns == 0:
            axes.set_ylabel("error of dZ (um)")


def _legend(
    colors: dict[float, str], errors: pd.DataFrame, tolerance_um: float
) -> list[Line2D | Patch]:
    entries: list[Line2D | Patch] = [dot(c, exposure_label(e)) for e, c in colors.items()]
    if (errors["status"] == "ok").any():
        entries.append(Line2D([], [], color=MUTED, alpha=0.5, lw=2, label="interval"))
    if (errors["status"] == "refused").any():
        entries.append(dot(MUTED, "refused", hollow=True, marker="^"))
    if np.isfinite(tolerance_um):
        label = f"tolerance \N{PLUS-MINUS SIGN}{tolerance_um:g} um"
        entries.append(Patch(color=TOLERANCE, alpha=0.5, lw=0, label=label))
    return entries


def describe_errors(errors: pd.DataFrame, members: str) -> str:
    """Return the caption: data sets, images, beads per image, members.

    Parameters
    ----------
    errors
        Columns of ``errors.csv``.
    members
        Number of members in words.
    """
    datasets = ", ".join(unique_in_order(errors["dataset"])) or "no data set"
    known = int(errors["delta_z_true_um"].notna().sum())
    refused = int((errors["status"] == "refused").sum())
    beads = span_text(errors["n_beads_used"], 0) or "no"
    without = f" ({len(errors) - known} without a known dZ not shown)" * (known < len(errors))
    return (
        f"{datasets}: {len(errors)} images{without}, {refused} of them refused; {beads} beads used "
        f"per image; {members}. Points: estimated minus true dZ, positive when the estimate lies "
        "above. Light lines: the interval. Panels share one scale of error."
    )
