"""Errors of dZ against the true dZ (Fig. 11 of the paper)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from refp.reports.panels import (
    ExposureRows,
    Limits,
    by_exposure,
    colors_of,
    padded_limits,
    share_limits,
    span_text,
    unique_in_order,
)
from refp.reports.residuals import (
    beyond_entry,
    draw_band,
    draw_dots,
    n_beyond,
    shade_untrained,
    untrained_entry,
)
from refp.reports.sheet import Legend, empty_figure, label_panels, note, panel_grid
from refp.reports.style import MUTED, TOLERANCE, look, printable

_MAX_COLUMNS = 3


@look()
def draw_errors(
    errors: pd.DataFrame,
    tolerance_um: float,
    title: str = "",
    *,
    trained_um: Limits | None = None,
    reach_um: float = np.nan,
) -> Figure:
    """Draw the error of every image against its true dZ, a panel per data set.

    Parameters
    ----------
    errors
        Columns of ``errors.csv``. Refused images are hollow triangles on the lower edge.
    tolerance_um
        Half height of the band; NaN for none.
    title
        Name of the model.
    trained_um
        Lowest and highest dZ trained on; the range outside is hatched.
    reach_um
        Half height of the scale of error in um; errors beyond it are triangles on its edge, and
        are counted. NaN for the largest error.
    """
    known = errors[errors["delta_z_true_um"].notna()]
    datasets = unique_in_order(known["dataset"])
    if not datasets:
        return empty_figure("no image with a known dZ", title)
    colors = colors_of(known)
    figure, panels = panel_grid(len(datasets), _MAX_COLUMNS, 3.6, title)
    parts = [known[known["dataset"].astype(str) == name] for name in datasets]
    x_limits = share_limits([padded_limits(part["delta_z_true_um"]) for part in parts])
    reach = (
        reach_um if np.isfinite(reach_um) else error_reach(known, tolerance_um, known["error_um"])
    )
    untrained = False
    for axes, name, part, x in zip(panels, datasets, parts, x_limits, strict=True):
        axes.set(xlim=x, ylim=(-reach, reach))
        untrained |= shade_untrained(axes, trained_um)
        draw_band(axes, tolerance_um)
        _draw_images(axes, part, colors)
        axes.set_title(f"{printable(name, 34)}\n{_counts(part, reach)}", fontsize=13)
    label_panels(panels, "dZ (um)", "error of dZ (um)")
    legend = _error_legend(colors, known, tolerance_um)
    legend.add(beyond_entry(), when=n_beyond(known["error_um"], reach) > 0)
    legend.add(untrained_entry(), when=untrained).draw(figure)
    return figure


def error_reach(errors: pd.DataFrame, tolerance_um: float, largest_um: ArrayLike) -> float:
    """Return the half height in um of a scale of errors about zero.

    Parameters
    ----------
    errors
        Columns of ``errors.csv``.
    tolerance_um
        Half height of the band, which the scale contains; NaN for none.
    largest_um
        Errors that the scale contains. It contains intervals of a common width too.
    """
    largest = np.nanmax(np.abs([*np.ravel(largest_um), tolerance_um, -1.0]))
    ends = np.abs(np.concatenate(_interval_ends(errors)))
    ends = ends[np.isfinite(ends)]
    common = float(np.percentile(ends, 95)) if ends.size else 0.0
    return 1.2 * float(max(largest, min(common, 3 * largest)))


def _interval_ends(errors: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    truth = errors["delta_z_true_um"]
    return errors["lower_um"] - truth, errors["upper_um"] - truth


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
    axes.vlines(x, lower, upper, color=exposure.color, alpha=0.45, lw=1.8, zorder=3)
    draw_dots(axes, ExposureRows(exposure.label, exposure.color, rows))


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


def _counts(part: pd.DataFrame, reach_um: float) -> str:
    refused = int((part["status"] == "refused").sum())
    images = f"{len(part)} image{'s' * (len(part) != 1)}"
    beyond = n_beyond(part["error_um"], reach_um)
    lacking = int((part["error_um"].isna() & (part["status"] != "refused")).sum())
    lines = [f"{images}, {refused} refused" if refused else images]
    lines += [f"{beyond} beyond the scale"] * bool(beyond)
    lines += [f"{lacking} without an error"] * bool(lacking)
    return "\n".join(lines)


def _error_legend(colors: dict[float, str], errors: pd.DataFrame, tolerance_um: float) -> Legend:
    known = errors[["lower_um", "upper_um"]].notna().all(axis=1)
    has_interval = bool((known & (errors["status"] == "ok")).any())
    refused = bool((errors["status"] == "refused").any())
    band = f"tolerance \N{PLUS-MINUS SIGN}{tolerance_um:g} um"
    legend = Legend().exposures(colors, errors["exposure_ms"])
    legend.line(MUTED, "interval", alpha=0.5, when=has_interval)
    legend.dot(MUTED, "refused", hollow=True, marker="^", when=refused)
    return legend.band(TOLERANCE, band, when=bool(np.isfinite(tolerance_um)))


def describe_errors(errors: pd.DataFrame, members: str) -> str:
    """Return the caption: data sets, images, beads per image, members.

    Parameters
    ----------
    errors
        Columns of ``errors.csv``.
    members
        Number of members, as text.
    """
    datasets = ", ".join(unique_in_order(errors["dataset"])) or "no data set"
    known = int(errors["delta_z_true_um"].notna().sum())
    refused = int((errors["status"] == "refused").sum())
    beads = span_text(errors["n_beads_used"], 0) or "no"
    without = f" ({len(errors) - known} without a known dZ not shown)" * (known < len(errors))
    return (
        f"{datasets}: {len(errors)} images{without}, {refused} of them refused; {beads} beads used "
        f"per image; {members}. Points: estimated minus true dZ, positive when the estimate is "
        "too high. Light lines: the interval. Panels share one scale of error."
    )
