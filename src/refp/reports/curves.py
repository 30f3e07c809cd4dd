"""Feature curves of Z sweeps with the pooled profile and the planes (Fig. 7 of the paper)."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
    label_left,
    note,
    panel_matrix,
)
from refp.reports.style import MUTED, look, printable

MAX_SWEEPS = 6
_MAX_COLUMNS = 4
_NOTE_ROOM = 0.4
_COVERAGE_FACTOR = 2.0  # the band is the expanded uncertainty, about 95 %


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
    """Draw steepest slope and centre intensity against Z, a pair of panels per experiment and FOV.

    Parameters
    ----------
    curves
        A row per frame: ``dataset, experiment, fov, exposure_ms, z_um, steepest_slope,
        center_intensity, ss_saturated, ci_saturated, n_beads, ss_fitted, ci_fitted``. Rows with a
        fitted value alone make the fitted line finer.
    planes
        Columns of ``planes.csv``; a NaN plane is one that was not determined.
    title
        Name of the data set.

    Notes
    -----
    At most :data:`MAX_SWEEPS` sweeps are drawn (:func:`choose_sweeps`).
    """
    sweeps = _sweeps(curves, planes)
    if not sweeps:
        return empty_figure("no sweep to show", title)
    colors = colors_of(curves, planes)
    blocks, columns = grid_shape(len(sweeps), _MAX_COLUMNS if len(sweeps) <= _MAX_COLUMNS else 3)
    figure, grid = panel_matrix(2 * blocks, columns, 5.2 * blocks + 1.6, title)
    z_limits = share_limits([padded_limits(s.curves["z_um"], _planes_z(s)) for s in sweeps])
    one_dataset = len({str(d) for d in planes["dataset"]}) == 1
    for i, sweep in enumerate(sweeps):
        pair = grid[2 * (i // columns)][i % columns], grid[2 * (i // columns) + 1][i % columns]
        _draw_sweep(pair, sweep, colors)
        _title_sweep(pair[0], sweep, 80 // columns, short=one_dataset)
        _note_undetermined(pair[0], sweep, 88 // columns)
        _scale_pair(pair, sweeps, z_limits[i])
    for i in range(len(sweeps), blocks * columns):
        grid[2 * (i // columns)][i % columns].remove()
        grid[2 * (i // columns) + 1][i % columns].remove()
    _curve_legend(colors, curves).draw(figure)
    return figure


def _sweeps(curves: pd.DataFrame, planes: pd.DataFrame) -> list[_Sweep]:
    curve_names, plane_names = sweep_names(curves), sweep_names(planes)
    return [
        _Sweep(name, curves[curve_names == name], planes[plane_names == name])
        for name in choose_sweeps(planes)
    ]


def _planes_z(sweep: _Sweep) -> pd.DataFrame:
    return sweep.planes[[_SS.plane, _CI.plane]]


def _draw_sweep(pair: tuple[Axes, Axes], sweep: _Sweep, colors: dict[float, str]) -> None:
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
    rows = exposure.rows.sort_values("z_um")
    hollow = rows[feature.saturated].fillna(value=False).astype(bool)
    axes.plot(rows["z_um"], rows[feature.fitted], color=exposure.color, lw=1.6, zorder=3)
    for mask, face in ((~hollow, exposure.color), (hollow, "white")):
        axes.plot(
            rows["z_um"][mask],
            rows[feature.value][mask],
            ls="",
            marker="o",
            ms=4.5,
            mec=exposure.color,
            mfc=face,
            mew=1.1,
            zorder=4,
        )


def _note_undetermined(axes: Axes, sweep: _Sweep, width: int) -> None:
    missing = sweep.planes[sweep.planes["refp_um"].isna()]
    if missing.empty:
        return
    exposures = ", ".join(f"{e:g}" for e in missing["exposure_ms"])
    reasons = "; ".join(unique_in_order([_flag_words(flags) for flags in missing["flags"]]))
    text = f"not determined at {exposures} ms: {reasons}"
    note(axes, fill(printable(text), width, max_lines=3, placeholder=" ..."), y=0, size=11)


def _flag_words(flags: object) -> str:
    text = str(flags).replace("_", " ").replace("|", ", ")
    return text if isinstance(flags, str) and text else "no reason given"


def _title_sweep(axes: Axes, sweep: _Sweep, width: int, *, short: bool) -> None:
    name = ", ".join(sweep.name.rsplit(", ", 2)[-2:]) if short else sweep.name
    found = span_text(sweep.planes["refp_um"], 1)
    found = f"REFP {found} um" if found else "no REFP"
    axes.set_title(f"{fill(printable(name), width)}\n{fill(found, width)}", fontsize=13)


def _scale_pair(pair: tuple[Axes, Axes], sweeps: Sequence[_Sweep], z_limits: Limits) -> None:
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
    legend = Legend().exposures(colors, curves["exposure_ms"])
    legend.dot(MUTED, "saturated, left out", hollow=True, when=bool(saturated.any()))
    legend.line(MUTED, "pooled profile", lw=1.8)
    return legend.line(MUTED, "plane \N{PLUS-MINUS SIGN} 2 u", lw=1.6, ls=DASHED)


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
        "independent of any model. Points: the median bead of an image; hollow: saturated and left "
        "out. Lines: the pooled profile shifted and scaled to the points, at the fitted Z of each "
        "frame, so that it follows the stage's errors. Dashed: the plane of each feature; band: two "
        "standard uncertainties to both sides."
    )
