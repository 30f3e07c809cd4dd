"""Feature curves of Z sweeps with the pooled profile and the planes (Fig. 7 of the paper)."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.interpolate import PchipInterpolator

from refp.core.arrays import FloatArray
from refp.core.positions import found_z_um
from refp.reports.panels import (
    ExposureRows,
    Limits,
    by_exposure,
    colors_of,
    padded_limits,
    pick,
    share_limits,
    span_text,
    sweep_names,
    unique_in_order,
)
from refp.reports.sheet import (
    DASHED,
    Legend,
    empty_figure,
    grid_shape,
    hide_y_axis,
    is_leftmost,
    label_left,
    note,
    panel_matrix,
)
from refp.reports.style import MUTED, exposure_label, look, printable

MAX_SWEEPS = 6
_MAX_COLUMNS = 3
_NOTE_ROOM = 0.4
_COVERAGE_FACTOR = 2.0  # the band is the expanded uncertainty, about 95 %
_FINE = 400
"""Points of a pooled profile over a sweep."""


@dataclass(frozen=True, slots=True)
class _Feature:
    """Columns of the feature that one row of panels shows."""

    value: str
    saturated: str
    fitted: str
    plane: str
    plane_u: str
    label: str


_SS = _Feature(
    "steepest_slope", "ss_saturated", "ss_fitted", "refp_ss_um", "refp_ss_u_um",
    "steepest slope\n(1/px)",
)  # fmt: skip
_CI = _Feature(
    "center_intensity", "ci_saturated", "ci_fitted", "refp_ci_um", "refp_ci_u_um",
    "centre intensity\n(of background)",
)  # fmt: skip
_ROWS = {
    "SS": (_SS.plane, _SS.plane_u),
    "CI": (_CI.plane, _CI.plane_u),
    "REFP": ("refp_um", "refp_u_um"),
}
"""Planes in the lowest panel, with their standard uncertainties."""
_ROW_HEIGHT = 0.75
_HEIGHTS_IN = (2.6, 2.6, 1.5)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One column of panels."""

    name: str
    curves: pd.DataFrame
    planes: pd.DataFrame


def choose_sweeps(planes: pd.DataFrame, limit: int = MAX_SWEEPS) -> list[str]:
    """Choose the sweeps to draw: some without a plane, the others spread evenly.

    Parameters
    ----------
    planes
        Columns of ``planes.csv``; the exposures of an experiment and FOV count as one sweep.
    limit
        Largest number of sweeps.

    Returns
    -------
    list of str
        Names of the sweeps in the order of the table.
    """
    planes_by_name = planes["refp_um"].groupby(sweep_names(planes), sort=False)
    names = [str(name) for name in planes_by_name.groups]
    return pick(names, {str(name) for name, refp in planes_by_name if refp.isna().any()}, limit)


@look()
def draw_feature_curves(curves: pd.DataFrame, planes: pd.DataFrame, title: str = "") -> Figure:
    """Draw steepest slope and centre intensity against Z, and the planes, for each sweep.

    A sweep, an experiment and FOV, has three panels one below the other. Points are at the found positions
    of their frames, so that the pooled profile is a smooth curve through them.

    Parameters
    ----------
    curves
        A row per frame: ``dataset, experiment, fov, exposure_ms, z_um, steepest_slope,
        center_intensity, ss_saturated, ci_saturated, n_beads, ss_fitted, ci_fitted`` and, where frames
        were positioned, ``stage_error_um, trusted``; those without are at nominal Z.
    planes
        Columns of ``planes.csv``; a NaN plane is one that was not determined.
    title
        Name of the data set.

    Notes
    -----
    At most :data:`MAX_SWEEPS` sweeps are drawn (:func:`choose_sweeps`).
    """
    sweeps = _sweeps(_positioned(curves), planes)
    if not sweeps:
        return empty_figure("no sweep to show", title)
    colors = colors_of(curves, planes)
    blocks, columns = grid_shape(len(sweeps), _MAX_COLUMNS)
    heights = [*_HEIGHTS_IN] * blocks
    figure, grid = panel_matrix(
        len(heights), columns, sum(heights) + 1.6, title, height_ratios=heights
    )
    z_limits = share_limits([padded_limits(s.curves["found_um"], _planes_z(s)) for s in sweeps])
    half = 1.1 * max(_half_width(sweep.planes) for sweep in sweeps)
    one_dataset = len({str(d) for d in planes["dataset"]}) == 1
    for i, sweep in enumerate(sweeps):
        *pair, lowest = _panels_of(grid, i, columns)
        _draw_sweep(pair, sweep, colors)
        _draw_planes(lowest, sweep.planes, colors, half)
        _title_sweep(pair[0], sweep, 80 // columns, short=one_dataset)
        _note_undetermined(pair[0], sweep, 88 // columns)
        _scale_pair(pair, sweeps, z_limits[i])
    for i in range(len(sweeps), blocks * columns):
        for axes in _panels_of(grid, i, columns):
            axes.remove()
    _curve_legend(colors, pd.concat([sweep.curves for sweep in sweeps])).draw(figure)
    return figure


def _panels_of(grid: list[list[Axes]], number: int, columns: int) -> list[Axes]:
    """Return the panels of a sweep from above."""
    block, column = divmod(number, columns)
    n = len(_HEIGHTS_IN)
    return [grid[n * block + row][column] for row in range(n)]


def _sweeps(curves: pd.DataFrame, planes: pd.DataFrame) -> list[_Sweep]:
    curve_names, plane_names = sweep_names(curves), sweep_names(planes)
    return [
        _Sweep(name, curves[curve_names == name], planes[plane_names == name])
        for name in choose_sweeps(planes)
    ]


def _positioned(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the curves with the found Z of each frame, and whether it was left out."""
    error = curves.get("stage_error_um", pd.Series(np.nan, index=curves.index))
    trusted = curves.get("trusted", pd.Series(data=False, index=curves.index))
    trusted = trusted.fillna(value=False).astype(bool)
    found_um = found_z_um(curves["z_um"], error, trusted)
    return curves.assign(found_um=found_um, apart=error.notna() & ~trusted)


def _planes_z(sweep: _Sweep) -> pd.DataFrame:
    return sweep.planes[[_SS.plane, _CI.plane]]


def _draw_sweep(pair: Sequence[Axes], sweep: _Sweep, colors: dict[float, str]) -> None:
    for axes, feature in zip(pair, (_SS, _CI), strict=True):
        for exposure in by_exposure(sweep.planes, colors):
            _draw_plane(axes, exposure, feature)
        for exposure in by_exposure(sweep.curves, colors):
            _draw_curve(axes, exposure, feature)


def _draw_plane(axes: Axes, exposure: ExposureRows, feature: _Feature) -> None:
    located = exposure.rows[exposure.rows[feature.plane].notna()]
    for z, u in zip(located[feature.plane], located[feature.plane_u], strict=True):
        reach = _COVERAGE_FACTOR * (u if np.isfinite(u) else 0.0)
        axes.axvspan(z - reach, z + reach, color=exposure.color, alpha=0.2, lw=0, zorder=1)
        axes.axvline(z, color=exposure.color, ls=DASHED, lw=1.4, zorder=2)


def _draw_curve(axes: Axes, exposure: ExposureRows, feature: _Feature) -> None:
    rows = exposure.rows
    hollow = rows[feature.saturated].fillna(value=False).astype(bool) | rows["apart"]
    axes.plot(*smooth_profile(rows, feature.fitted), color=exposure.color, lw=1.6, zorder=3)
    for mask, face in ((~hollow, exposure.color), (hollow, "white")):
        axes.plot(
            rows["found_um"][mask],
            rows[feature.value][mask],
            ls="",
            marker="o",
            ms=4.5,
            mec=exposure.color,
            mfc=face,
            mew=1.1,
            zorder=4,
        )


def smooth_profile(rows: pd.DataFrame, fitted: str) -> tuple[FloatArray, FloatArray]:
    """Return found Z and value of a pooled profile, finely; the table has it at the frames.

    Parameters
    ----------
    rows
        Frames of one sweep: ``found_um``, ``apart`` and the column ``fitted``.
    fitted
        Column of the pooled profile.
    """
    known = rows[rows[fitted].notna() & ~rows["apart"]]
    value = known.groupby("found_um")[fitted].mean()  # rising and distinct
    z_um, height = value.index.to_numpy(dtype=float), value.to_numpy(dtype=float)
    if len(z_um) < 2:
        return z_um, height
    fine = np.linspace(z_um[0], z_um[-1], _FINE)
    return fine, PchipInterpolator(z_um, height)(fine)


def _draw_planes(axes: Axes, planes: pd.DataFrame, colors: dict[float, str], half: float) -> None:
    """Draw the planes of both features and the REFP with their bands, a row each, enlarged."""
    axes.set(ylim=(len(_ROWS) - 0.5, -0.5), yticks=range(len(_ROWS)), yticklabels=list(_ROWS))
    hide_y_axis(axes)
    exposures = list(by_exposure(planes, colors))
    for row, (z, u) in enumerate(_ROWS.values()):
        for k, exposure in enumerate(exposures):
            at = row + _ROW_HEIGHT * ((k + 0.5) / len(exposures) - 0.5)
            reach = _COVERAGE_FACTOR * exposure.rows[u].fillna(0.0)
            ends = exposure.rows[z] - reach, exposure.rows[z] + reach
            axes.hlines(np.full(len(reach), at), *ends, color=exposure.color, lw=2.6, alpha=0.6)
            axes.plot(
                exposure.rows[z],
                np.full(len(reach), at),
                ls="",
                marker="o",
                ms=6,
                color=exposure.color,
            )
    middle = _middle(planes)
    if np.isfinite(middle):
        axes.set(xlim=(middle - half, middle + half), xlabel="planes \N{PLUS-MINUS SIGN} 2 u (um)")
        axes.locator_params(axis="x", nbins=4)
    axes.tick_params(axis="y", labelleft=is_leftmost(axes))


def _middle(planes: pd.DataFrame) -> float:
    columns = [z for z, _ in _ROWS.values()]
    known = planes[columns].to_numpy(dtype=float)
    known = known[np.isfinite(known)]
    return float((known.min() + known.max()) / 2) if known.size else float("nan")


def _half_width(planes: pd.DataFrame) -> float:
    """Return half the range of Z that contains the bands of all planes of a sweep; NaN without any."""
    ends = [
        (planes[z] - _middle(planes)).abs() + _COVERAGE_FACTOR * planes[u].fillna(0.0)
        for z, u in _ROWS.values()
    ]
    return float(np.nanmax([1.0, *(end.max() for end in ends)]))


def _note_undetermined(axes: Axes, sweep: _Sweep, width: int) -> None:
    missing = sweep.planes[sweep.planes["refp_um"].isna()]
    if missing.empty:
        return
    exposures = ", ".join(exposure_label(exposure) for exposure in missing["exposure_ms"])
    reasons = "; ".join(unique_in_order([_flag_words(flags) for flags in missing["flags"]]))
    text = f"not determined ({exposures}): {reasons}"
    note(axes, fill(printable(text), width, max_lines=3, placeholder=" ..."), y=0, size=11)


def _flag_words(flags: object) -> str:
    text = str(flags).replace("_", " ").replace("|", ", ")
    return text if isinstance(flags, str) and text else "no reason given"


def _title_sweep(axes: Axes, sweep: _Sweep, width: int, *, short: bool) -> None:
    name = ", ".join(sweep.name.rsplit(", ", 2)[-2:]) if short else sweep.name
    found = span_text(sweep.planes["refp_um"], 1)
    found = f"REFP {found} um" if found else "no REFP"
    axes.set_title(f"{fill(printable(name), width)}\n{fill(found, width)}", fontsize=13)


def _scale_pair(pair: Sequence[Axes], sweeps: Sequence[_Sweep], z_limits: Limits) -> None:
    for axes, feature in zip(pair, (_SS, _CI), strict=True):
        axes.set(xlim=z_limits, ylim=_feature_limits(sweeps, feature))
        axes.locator_params(axis="x", nbins=4)
        axes.locator_params(axis="y", nbins=5)
        label_left(axes, feature.label)
    pair[0].tick_params(labelbottom=False)
    pair[1].set_xlabel("Z (um)")


def _feature_limits(sweeps: Sequence[_Sweep], feature: _Feature) -> Limits:
    """Return the scale of a feature, with room for a note below the steepest slope."""
    values = [s.curves[column] for s in sweeps for column in (feature.value, feature.fitted)]
    low, high = padded_limits(*values)
    noted = feature is _SS and any(s.planes["refp_um"].isna().any() for s in sweeps)
    return low - _NOTE_ROOM * (high - low) * noted, high


def _curve_legend(colors: dict[float, str], curves: pd.DataFrame) -> Legend:
    saturated = curves[[_SS.saturated, _CI.saturated]].fillna(value=False).to_numpy(dtype=bool)
    hollow = bool(saturated.any() or curves["apart"].any())
    legend = Legend().exposures(colors, curves["exposure_ms"])
    legend.dot(MUTED, "left out", hollow=True, when=hollow)
    legend.line(MUTED, "pooled profile", lw=1.8)
    return legend.line(MUTED, "plane of the feature", lw=1.6, ls=DASHED)


def describe_curves(curves: pd.DataFrame, planes: pd.DataFrame) -> str:
    """Return the caption: data sets, how many sweeps of how many, images, beads per image."""
    names = unique_in_order(sweep_names(planes))
    shown = choose_sweeps(planes)
    used = curves[sweep_names(curves).isin(shown)]
    used = used[used["n_beads"].notna()]
    datasets = ", ".join(unique_in_order(planes["dataset"])) or "no data set"
    return (
        f"{datasets}: {len(shown)} of {len(names)} fields of view shown, exposures together, "
        f"{len(used)} images, {span_text(used['n_beads'], 0) or 'no'} beads per image; "
        "independent of any model. Points: the median bead of an image, at the Z found for it from its "
        "beads' profiles; hollow: saturated or far from its nominal Z, and left out. Lines: the pooled "
        "profile, shifted and scaled to the points. Dashed: the plane of each feature. Lowest row: the "
        "planes of both features and the REFP, enlarged; bars: two standard uncertainties to both sides."
    )
