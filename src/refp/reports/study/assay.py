"""Result of an assay against dZ, and the dZ that it tolerates (Fig. 1A of the article)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refp.reports.panels import Limits, padded_limits, share_limits, unique_in_order
from refp.reports.sheet import DASHED, Legend, empty_figure, label_left, limit_ticks, panel_grid
from refp.reports.style import FLAGGED, MUTED, TOLERANCE, USED, look, printable
from refp.reports.tables import decimals_for, fixed

_MAX_COLUMNS = 3
NO_CURVE = pd.DataFrame(columns=["dataset", "delta_z_um", "result", "lower", "upper"], dtype=float)
_SLOPE_PART = 0.16
"""Half length of the line of the slope, as a fraction of the panel's width."""


@dataclass(frozen=True, slots=True)
class _Assay:
    """One panel: the results of a data set, the row of the fit to them, and its curve."""

    name: str
    points: pd.DataFrame
    fit: pd.Series
    curve: pd.DataFrame

    def number(self, column: str) -> float:
        """Return a fitted number, NaN where there is none."""
        return float(self.fit.get(column, np.nan))

    @property
    def quantity(self) -> str:
        """Name of the result with its unit."""
        name = self.fit.get("result_name", "")
        words = "result" if pd.isna(name) or not name else printable(name, 30)
        return f"{words} ({self.unit})" if self.unit else words

    @property
    def unit(self) -> str:
        """Unit of the result; empty where it has none."""
        unit = self.fit.get("unit", "")
        return "" if pd.isna(unit) else printable(unit, 8)

    @property
    def band(self) -> Limits:
        """Allowed results about the one at the plane."""
        middle, half = self.number("result_at_plane"), self.number("allowed_bias")
        return middle - half, middle + half

    @property
    def tolerated(self) -> Limits:
        """Lowest and highest dZ that the assay tolerates, in um."""
        return self.number("tolerance_low_um"), self.number("tolerance_high_um")


@look()
def draw_assay(
    points: pd.DataFrame,
    fit: pd.DataFrame,
    title: str = "",
    curves: pd.DataFrame = NO_CURVE,
) -> Figure:
    """Draw the result of an assay against dZ, a panel per data set.

    Parameters
    ----------
    points
        A row per image: ``dataset, delta_z_um, result``.
    fit
        A row per data set: ``dataset, result_name, unit, result_at_plane, slope_per_um,
        slope_u_per_um, allowed_bias, tolerance_low_um, tolerance_high_um``. The horizontal band is
        ``allowed_bias`` about ``result_at_plane``, the vertical one the tolerated dZ.
    title
        Name of the assay.
    curves
        Fitted curves with their intervals: ``dataset, delta_z_um, result, lower, upper``.

    Notes
    -----
    Panels of the same result share one scale.
    """
    assays = _assays(points, fit, curves)
    if not assays:
        return empty_figure("no result with a known dZ", title)
    figure, panels = panel_grid(len(assays), _MAX_COLUMNS, 3.9, title)
    x_limits = share_limits([padded_limits(a.points["delta_z_um"], 0.0) for a in assays])
    y_limits = _result_limits(assays)
    for i, (axes, assay) in enumerate(zip(panels, assays, strict=True)):
        axes.set(xlim=x_limits[i], ylim=y_limits[i], xlabel="dZ (um)")
        _draw_assay(axes, assay)
        axes.set_title("\n".join([printable(assay.name, 34), *_fit_lines(assay)]), fontsize=13)
        _label_result(axes, assay, shared=len(set(y_limits)) == 1)
    _assay_legend(assays).draw(figure)
    return figure


def _assays(points: pd.DataFrame, fit: pd.DataFrame, curves: pd.DataFrame) -> list[_Assay]:
    known = points[points[["delta_z_um", "result"]].notna().all(axis=1)]
    fitted = fit[fit["result_at_plane"].notna()]
    fits = {str(row["dataset"]): row for _, row in fitted.iterrows()}
    names = unique_in_order([*known["dataset"], *fitted["dataset"]])
    datasets = known["dataset"].astype(str)
    # A data set without a fit has the quantity of the others, where these have only one.
    shown = fit[["result_name", "unit"]].drop_duplicates()
    other = shown.iloc[0] if len(shown) == 1 else pd.Series(dtype="object")
    return [
        _Assay(
            name,
            known[datasets == name],
            fits.get(name, other),
            curves[curves["dataset"].astype(str) == name],
        )
        for name in names
    ]


def _result_limits(assays: Sequence[_Assay]) -> list[Limits]:
    """Return one scale per quantity."""
    by_quantity = {
        quantity: padded_limits(
            *([*a.points["result"], *a.band] for a in assays if a.quantity == quantity)
        )
        for quantity in {a.quantity for a in assays}
    }
    return [by_quantity[a.quantity] for a in assays]


def _draw_assay(axes: Axes, assay: _Assay) -> None:
    if np.isfinite(assay.tolerated).all():
        axes.axvspan(*assay.tolerated, color=MUTED, alpha=0.16, lw=0, zorder=0.4)
    for end in assay.tolerated:
        if np.isfinite(end):
            axes.axvline(end, color=MUTED, lw=1.2, ls=DASHED, zorder=2)
    if np.isfinite(assay.band).all():
        axes.axhspan(*assay.band, color=TOLERANCE, alpha=0.45, lw=0, zorder=0.5)
    x, y = assay.points["delta_z_um"], assay.points["result"]
    axes.plot(x, y, ls="", marker="o", ms=5, mew=0, color=USED, alpha=0.8, zorder=3)
    curve = assay.curve
    axes.fill_between(
        curve["delta_z_um"],
        curve["lower"],
        curve["upper"],
        color=USED,
        alpha=0.18,
        lw=0,
        zorder=1.5,
    )
    if len(curve):
        axes.plot(curve["delta_z_um"], curve["result"], color=USED, lw=1.8, zorder=2.5)
    reach = _SLOPE_PART * float(np.ptp(axes.get_xlim()))
    ends = np.array([-reach, reach])
    heights = assay.number("result_at_plane") + assay.number("slope_per_um") * ends
    if np.isfinite(heights).all():
        axes.plot(ends, heights, color=FLAGGED, lw=2.6, zorder=4)


def _fit_lines(assay: _Assay) -> list[str]:
    """Return the lines of a panel's title about the fit."""
    return [line for line in (_slope_text(assay), _tolerated_text(assay)) if line]


def _slope_text(assay: _Assay) -> str:
    slope, u = assay.number("slope_per_um"), assay.number("slope_u_per_um")
    if not np.isfinite(slope):
        return ""
    decimals = decimals_for(u if np.isfinite(u) else slope / 10)
    number = fixed(slope, decimals, sign=True)
    spread = f" \N{PLUS-MINUS SIGN} {fixed(u, decimals)}" if np.isfinite(u) else ""
    return f"slope {number}{spread} {f'{assay.unit}/um' if assay.unit else 'per um'}"


def _tolerated_text(assay: _Assay) -> str:
    low, high = (fixed(end, 1, sign=True) for end in assay.tolerated)
    known_low, known_high = np.isfinite(assay.tolerated)
    if known_low and known_high:
        return f"tolerated {low} to {high} um"
    if known_low or known_high:
        return f"tolerated from {low} um" if known_low else f"tolerated up to {high} um"
    return ""


def _label_result(axes: Axes, assay: _Assay, *, shared: bool) -> None:
    limit_ticks(axes)
    if shared:
        label_left(axes, assay.quantity)
    else:
        axes.set_ylabel(assay.quantity)


def _assay_legend(assays: Sequence[_Assay]) -> Legend:
    sloped = any(np.isfinite(a.number("slope_per_um")) for a in assays)
    banded = any(np.isfinite(a.band).all() for a in assays)
    tolerated = any(np.isfinite(a.tolerated).all() for a in assays)
    fitted = any(len(a.curve) for a in assays)
    legend = Legend().dot(USED, "an image").line(USED, "fit, 95 % interval", when=fitted)
    legend.line(FLAGGED, "slope at the plane", lw=2.6, when=sloped)
    legend.band(TOLERANCE, "allowed result", alpha=0.6, when=banded)
    return legend.band(MUTED, "tolerated dZ", alpha=0.3, when=tolerated)
