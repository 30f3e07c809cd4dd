"""Errors of dZ against labelled dZ (Fig. 11 of the paper): bars of few images, quantiles of many."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from refp.core.labels import describe_origins, name_labels
from refp.core.labels import reach_um as reach_um_of
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
    draw_rings,
    miss_labels,
    n_beyond,
    ring_entry,
    shade_untrained,
    untrained_entry,
)
from refp.reports.sheet import DASHED, Legend, empty_figure, label_panels, note, panel_grid
from refp.reports.style import INK, MUTED, TOLERANCE, USED, look, printable

MAX_BARS = 40
"""Estimates of a panel; bars of more would overlap."""
_MAX_COLUMNS = 3
_PER_ROW, _MAX_ROWS = 12, 16
"""Images of a row of quantiles, and number of rows."""


@look()
def draw_errors(
    errors: pd.DataFrame,
    tolerance_um: float,
    title: str = "",
    *,
    trained_um: Limits | None = None,
    reach_um: float = np.nan,
) -> Figure:
    """Draw the errors of images against their labelled dZ, a panel per data set.

    Parameters
    ----------
    errors
        Columns of ``errors.csv``. Refused images are hollow triangles on the lower edge; images whose
        interval misses the label, its uncertainty included, have a ring.
    tolerance_um
        Half height of the band; NaN for none.
    title
        Name of the model.
    trained_um
        Lowest and highest dZ trained on; the range outside is hatched.
    reach_um
        Half height of the scale of error in um; errors beyond it are triangles on its edge, and
        are counted. NaN for the largest error.

    Notes
    -----
    A panel of at most :data:`MAX_BARS` estimates has a bar for each interval, thin where the label's
    uncertainty makes it longer. Bars of more would overlap: the panel has the quantiles of errors and
    the typical interval by dZ.
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
    label_panels(panels, f"{name_labels(known['label'])} (um)", "error of dZ (um)")
    legend = _error_legend(colors, parts, tolerance_um)
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
    """Return the ends of the intervals about the label, lengthened by the label's uncertainty."""
    middle = (errors["lower_um"] + errors["upper_um"]) / 2 - errors["delta_z_true_um"]
    half = _half_widths(errors)
    return middle - half, middle + half


def _half_widths(errors: pd.DataFrame) -> pd.Series:
    """Return half the interval of each image, the uncertainty of its label included."""
    half = (errors["upper_um"] - errors["lower_um"]) / 2
    return pd.Series(reach_um_of(half, errors["label_u_um"]), index=errors.index)


def _draw_images(axes: Axes, part: pd.DataFrame, colors: dict[float, str]) -> None:
    ok = part[part["status"] == "ok"]
    if _is_many(part):
        _draw_quantiles(axes, quantiles_by_dz(ok))
    for i, exposure in enumerate(by_exposure(part, colors)):
        _draw_estimates(axes, exposure, many=_is_many(part))
        _draw_refused(axes, exposure, 0.03 + 0.035 * (i % 3))
    draw_rings(axes, ok[miss_labels(ok)])
    if (part["status"] == "refused").all():
        note(axes, "every image was refused")


def _is_many(part: pd.DataFrame) -> bool:
    return int((part["status"] == "ok").sum()) > MAX_BARS


def quantiles_by_dz(ok: pd.DataFrame) -> pd.DataFrame:
    """Return quantiles of errors by labelled dZ, about twelve images a row, and one more at each end.

    Parameters
    ----------
    ok
        Estimated images, columns of ``errors.csv``.

    Returns
    -------
    pandas.DataFrame
        ``dz_um``, the 5 %, 50 % and 95 % quantiles ``low_um, median_um, high_um`` of the error, and
        ``half_um``, half the median interval with the uncertainty of the label.
    """
    known = ok[ok["error_um"].notna()].sort_values("delta_z_true_um", kind="stable")
    n_rows = int(np.clip(len(known) // _PER_ROW, 2, _MAX_ROWS))
    number = np.arange(len(known)) * n_rows // max(len(known), 1)
    grouped = known.assign(half_um=_half_widths(known)).groupby(number)
    error = grouped["error_um"]
    table = pd.DataFrame(
        {
            "dz_um": grouped["delta_z_true_um"].median(),
            "low_um": error.quantile(0.05),
            "median_um": error.median(),
            "high_um": error.quantile(0.95),
            "half_um": grouped["half_um"].median(),
        }
    )
    ends = table.iloc[[0, -1]].assign(dz_um=known["delta_z_true_um"].iloc[[0, -1]].to_numpy())
    return pd.concat([ends[:1], table, ends[1:]], ignore_index=True)


def _draw_quantiles(axes: Axes, table: pd.DataFrame) -> None:
    x = table["dz_um"]
    axes.fill_between(x, table["low_um"], table["high_um"], color=MUTED, alpha=0.28, lw=0, zorder=1)
    axes.plot(x, table["median_um"], color=INK, lw=2.0, zorder=4.5)
    for sign in (-1, 1):
        axes.plot(x, sign * table["half_um"], color=USED, lw=1.8, ls=DASHED, zorder=3)


def _draw_estimates(axes: Axes, exposure: ExposureRows, *, many: bool) -> None:
    rows = exposure.rows[exposure.rows["status"] == "ok"]
    if not many:
        x, label = rows["delta_z_true_um"], rows["delta_z_true_um"]
        style: Any = {"color": exposure.color, "zorder": 3}
        axes.vlines(x, *_interval_ends(rows), lw=0.9, **style)
        axes.vlines(x, rows["lower_um"] - label, rows["upper_um"] - label, lw=3.4, **style)
    dots = ExposureRows(exposure.label, exposure.color, rows)
    draw_dots(axes, dots, 3.5 if many else 6.5)


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
    missed = int(miss_labels(part).sum())
    lines = [f"{images}, {refused} refused" if refused else images]
    lines += [f"{missed} interval{'s' * (missed != 1)} miss{'es' * (missed == 1)}"] * bool(missed)
    lines += [f"{beyond} beyond the scale"] * bool(beyond)
    lines += [f"{lacking} without an error"] * bool(lacking)
    return "\n".join(lines)


def _error_legend(
    colors: dict[float, str], parts: Sequence[pd.DataFrame], tolerance_um: float
) -> Legend:
    known = pd.concat(parts)
    estimated = known[(known["status"] == "ok") & known["lower_um"].notna()]
    many = any(_is_many(part) for part in parts)
    few = len(estimated) > 0 and not all(_is_many(part) for part in parts)
    labelled = bool((estimated["label_u_um"] > 0).any())
    of_label = " with u of the label" * labelled
    refused = bool((known["status"] == "refused").any())
    band = f"tolerance \N{PLUS-MINUS SIGN}{tolerance_um:g} um"
    legend = Legend().exposures(colors, known["exposure_ms"])
    legend.line(MUTED, "interval", lw=3.4, when=few)
    legend.line(MUTED, "with u of the label", lw=0.9, when=few and labelled)
    legend.line(INK, "median error", when=many)
    legend.band(MUTED, "90 % of errors", alpha=0.28, when=many)
    has_interval = many and len(estimated) > 0
    legend.line(USED, f"typical interval{of_label}", lw=1.8, ls=DASHED, when=has_interval)
    legend.add(ring_entry(), when=bool(miss_labels(known).any()))
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
    name, u = name_labels(errors["label"]), span_text(errors["label_u_um"], 2)
    u = "" if u in {"", "0.00"} else f", with a standard uncertainty of {u} um"
    bars = (
        "Many images: the middle 90 % of errors and their median by dZ, and half the typical interval "
        "to both sides of 0."
        if any(_is_many(part) for _, part in errors.groupby("dataset"))
        else "Bars: the interval, thin with the uncertainty of the label."
    )
    without = f" ({len(errors) - known} without a known dZ not shown)" * (known < len(errors))
    return (
        f"{datasets}: {len(errors)} images{without}, {refused} of them refused; {beads} beads used "
        f"per image; {members}. Points: estimated minus {name}, positive when the estimate is too "
        f"high. {name[0].upper()}{name[1:]}: {describe_origins(errors['label'])}{u}. Ring: the interval "
        f"misses it, its uncertainty included. {bars} Panels share one scale of error."
    )
