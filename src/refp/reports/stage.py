"""Stage errors of Z sweeps: found minus nominal Z of each frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refp.reports.panels import (
    ExposureRows,
    by_exposure,
    colors_of,
    padded_limits,
    pick,
    share_limits,
    short_name,
    span_text,
    sweep_names,
    unique_in_order,
)
from refp.reports.sheet import Legend, empty_figure, label_panels, panel_grid
from refp.reports.style import INK, MUTED, look, printable
from refp.reports.tables import with_uncertainty

MAX_FIELDS = 6
_MAX_COLUMNS = 2
_ERROR, _ERROR_U = "stage_error_um", "stage_error_u_um"


@dataclass(frozen=True, slots=True)
class _Field:
    """One panel: the placed frames of a field, and the repeatability of its stage."""

    label: str
    frames: pd.DataFrame
    sigma_um: float
    sigma_u_um: float


@look()
def draw_stage_errors(curves: pd.DataFrame, fields: pd.DataFrame, title: str = "") -> Figure:
    """Draw the stage error of every frame against its nominal Z, a panel per field of view.

    Parameters
    ----------
    curves
        A row per frame: ``dataset, experiment, fov, exposure_ms, z_um, stage_error_um,
        stage_error_u_um, trusted``. Frames without a stage error are not drawn.
    fields
        A row per field: ``dataset, experiment, fov, stage_sigma_um, stage_sigma_u_um``; the shaded
        band is one ``stage_sigma_um`` to both sides. A field without a row has no band.
    title
        Name of the data set.

    Notes
    -----
    At most :data:`MAX_FIELDS` fields are drawn. Frames that are left out do not stretch the scale:
    those beyond it are triangles on its edge.
    """
    shown = _fields(curves, fields)
    if not shown:
        return empty_figure("no frame was placed by its profile", title)
    frames = pd.concat([field.frames for field in shown])
    colors = colors_of(frames)
    figure, panels = panel_grid(len(shown), _MAX_COLUMNS, 3.5, title)
    reach = _error_reach(frames, shown)
    z_limits = share_limits([padded_limits(field.frames["z_um"]) for field in shown])
    for axes, field, limits in zip(panels, shown, z_limits, strict=True):
        axes.set(xlim=limits, ylim=(-reach, reach))
        _draw_sweep_errors(axes, field, colors, reach)
        axes.set_title(f"{printable(field.label, 46)}\n{_repeatability_text(field)}", fontsize=13)
    label_panels(panels, "nominal Z (um)", "found minus nominal Z (um)")
    _stage_legend(colors, frames, shown, reach).draw(figure)
    return figure


def placed_frames(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the frames that have a stage error, ``trusted`` as a boolean."""
    if _ERROR not in curves.columns:
        return curves.iloc[:0].assign(**{_ERROR: np.nan, _ERROR_U: np.nan, "trusted": False})
    placed = curves[curves[_ERROR].notna()]
    return placed.assign(trusted=placed["trusted"].eq(other=True))


def _fields(curves: pd.DataFrame, fields: pd.DataFrame) -> list[_Field]:
    placed = placed_frames(curves)
    datasets = unique_in_order(placed["dataset"])
    names = sweep_names(placed)
    found: dict[str, tuple[float, float]] = {}
    if len(fields):
        pairs = zip(fields["stage_sigma_um"], fields["stage_sigma_u_um"], strict=True)
        found = dict(zip(sweep_names(fields), pairs, strict=True))
    return [
        _Field(
            short_name(name, datasets),
            placed[names == name],
            *found.get(name, (float("nan"), float("nan"))),
        )
        for name in choose_fields(placed)
    ]


def choose_fields(placed: pd.DataFrame) -> list[str]:
    """Return the names of the fields to draw, some of them with a frame left out."""
    names = sweep_names(placed)
    return pick(unique_in_order(names), set(names[~placed["trusted"]]), MAX_FIELDS)


def _error_reach(frames: pd.DataFrame, shown: Sequence[_Field]) -> float:
    """Return the half height of a scale that contains all trusted frames, their bars and the bands."""
    trusted = frames[frames["trusted"]] if frames["trusted"].any() else frames
    ends = trusted[_ERROR].abs() + trusted[_ERROR_U].fillna(0.0)
    bands = [field.sigma_um for field in shown if np.isfinite(field.sigma_um)]
    return 1.12 * float(max([ends.max(), *bands])) or 1.0


def _draw_sweep_errors(axes: Axes, field: _Field, colors: dict[float, str], reach: float) -> None:
    if np.isfinite(field.sigma_um):
        axes.axhspan(-field.sigma_um, field.sigma_um, color=MUTED, alpha=0.16, lw=0, zorder=0.5)
    axes.axhline(0, color=INK, lw=1.0, zorder=2)
    for exposure in by_exposure(field.frames, colors):
        _draw_frames(axes, exposure, reach)


def _draw_frames(axes: Axes, exposure: ExposureRows, reach: float) -> None:
    rows, color = exposure.rows, exposure.color
    error, u = rows[_ERROR], rows[_ERROR_U]
    axes.vlines(rows["z_um"], error - u, error + u, color=color, alpha=0.4, lw=1.0, zorder=3)
    inside = error.abs() <= reach
    groups = (
        (rows["trusted"], "o", color),
        (~rows["trusted"] & inside, "o", "white"),
        (~rows["trusted"] & (error > reach), "^", "white"),
        (~rows["trusted"] & (error < -reach), "v", "white"),
    )
    for mask, marker, face in groups:
        heights = error[mask].clip(-0.95 * reach, 0.95 * reach)
        axes.plot(
            rows["z_um"][mask], heights, ls="", marker=marker, ms=4.5 if marker == "o" else 7,
            mec=color, mfc=face, mew=1.1, zorder=4,
        )  # fmt: skip


def _repeatability_text(field: _Field) -> str:
    trusted, n = int(field.frames["trusted"].sum()), len(field.frames)
    frames = f"{n} frames" if trusted == n else f"{trusted} of {n} frames"
    if not np.isfinite(field.sigma_um):
        return frames
    (sigma,) = with_uncertainty(pd.Series([field.sigma_um]), pd.Series([field.sigma_u_um]))
    return f"repeatability {sigma} um\n{frames}"


def _stage_legend(
    colors: dict[float, str], frames: pd.DataFrame, shown: Sequence[_Field], reach: float
) -> Legend:
    left_out = ~frames["trusted"]
    beyond = bool((left_out & (frames[_ERROR].abs() > reach)).any())
    banded = any(np.isfinite(field.sigma_um) for field in shown)
    legend = Legend().exposures(colors, frames["exposure_ms"])
    legend.dot(MUTED, "left out", hollow=True, when=bool(left_out.any()))
    legend.dot(MUTED, "left out, beyond the scale", hollow=True, marker="^", when=beyond)
    return legend.band(MUTED, "\N{PLUS-MINUS SIGN} repeatability", alpha=0.3, when=banded)


def describe_stage_errors(curves: pd.DataFrame) -> str:
    """Return the caption: data sets, fields shown of how many, images, those left out, beads."""
    placed = placed_frames(curves)
    names = sweep_names(placed)
    chosen = choose_fields(placed)
    used = placed[names.isin(chosen)]
    datasets = ", ".join(unique_in_order(placed["dataset"])) or "no data set"
    return (
        f"{datasets}: {len(chosen)} of {names.nunique()} fields of view shown, exposures together, "
        f"{len(used)} images, {int((~used['trusted']).sum())} of them left out, "
        f"{span_text(used['n_beads'], 0) or 'no'} beads per image; independent of any model. Points: "
        "found minus nominal Z of a frame about the mean of its sweep, from the profiles of its beads; "
        "thin bars: one standard uncertainty. Band: the repeatability found, one standard deviation "
        "to both sides. Panels share one scale."
    )
