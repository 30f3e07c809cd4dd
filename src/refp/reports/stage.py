"""Stage errors of Z sweeps: where each frame truly lay against where the stage said."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from refp.reports.panels import (
    ExposureRows,
    by_exposure,
    colors_of,
    grid_shape,
    padded_limits,
    panel_grid,
    pick,
    share_limits,
    short_name,
    span_text,
    sweep_names,
    unique_in_order,
)
from refp.reports.style import (
    INK,
    MUTED,
    dot,
    empty_figure,
    exposure_label,
    legend_below,
    look,
    printable,
)
from refp.reports.tables import with_uncertainty

MAX_FIELDS = 6
_MAX_COLUMNS = 2
_ROW_IN = 3.5
_ERROR, _ERROR_U = "stage_error_um", "stage_error_u_um"


@dataclass(frozen=True, slots=True)
class _Field:
    """One panel: the placed frames of a field, and what was found there."""

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
        band is one ``stage_sigma_um`` to both sides. One without a row has no band.
    title
        Names the data set.

    Notes
    -----
    At most :data:`MAX_FIELDS` fields are drawn. Frames that are left out do not stretch the scale:
    those beyond it stand as triangles on its edge.
    """
    shown = _fields(curves, fields)
    if not shown:
        return empty_figure("no frame was placed by its profile", title)
    frames = pd.concat([field.frames for field in shown])
    colors = colors_of(frames)
    figure, panels = _grid(len(shown), title)
    reach = _reach(frames, shown)
    z_limits = share_limits([padded_limits(field.frames["z_um"]) for field in shown])
    for axes, field, limits in zip(panels, shown, z_limits, strict=True):
        axes.set(xlim=limits, ylim=(-reach, reach))
        _draw_field(axes, field, colors, reach)
        axes.set_title(f"{printable(field.label, 46)}\n{_found(field)}", fontsize=13)
    _label(panels)
    legend_below(figure, _legend(colors, frames, shown, reach))
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
    """Return the names of the fields that are drawn, some of them with a frame left out."""
    names = sweep_names(placed)
    return pick(unique_in_order(names), set(names[~placed["trusted"]]), MAX_FIELDS)


def _grid(n: int, title: str) -> tuple[Figure, list[Axes]]:
    rows, _ = grid_shape(n, _MAX_COLUMNS)
    return panel_grid(n, _MAX_COLUMNS, rows * _ROW_IN + 0.9, title)


def _reach(frames: pd.DataFrame, shown: Sequence[_Field]) -> float:
    """Return how far the scale goes to both sides: all trusted frames with their bars, the bands."""
    trusted = frames[frames["trusted"]] if frames["trusted"].any() else frames
    ends = trusted[_ERROR].abs() + trusted[_ERROR_U].fillna(0.0)
    bands = [field.sigma_um for field in shown if np.isfinite(field.sigma_um)]
    return 1.12 * float(max([ends.max(), *bands])) or 1.0


def _draw_field(axes: Axes, field: _Field, colors: dict[float, str], reach: float) -> None:
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


def _found(field: _Field) -> str:
    trusted, n = int(field.frames["trusted"].sum()), len(field.frames)
    frames = f"{n} frames" if trusted == n else f"{trusted} of {n} frames"
    if not np.isfinite(field.sigma_um):
        return frames
    (sigma,) = with_uncertainty(pd.Series([field.sigma_um]), pd.Series([field.sigma_u_um]))
    return f"repeatability {sigma} um\n{frames}"


def _label(panels: Sequence[Axes]) -> None:
    _, columns = grid_shape(len(panels), _MAX_COLUMNS)
    for i, axes in enumerate(panels):
        axes.locator_params(axis="x", nbins=12 // columns)
        axes.locator_params(axis="y", nbins=7)
        axes.tick_params(labelleft=i % columns == 0)
        axes.set_xlabel("nominal Z (um)")
        if i % columns == 0:
            axes.set_ylabel("true minus nominal Z (um)")


def _legend(
    colors: dict[float, str], frames: pd.DataFrame, shown: Sequence[_Field], reach: float
) -> list[Line2D | Patch]:
    entries: list[Line2D | Patch] = [dot(c, exposure_label(e)) for e, c in colors.items()]
    left_out = ~frames["trusted"]
    if left_out.any():
        entries.append(dot(MUTED, "left out", hollow=True))
    if (left_out & (frames[_ERROR].abs() > reach)).any():
        entries.append(dot(MUTED, "left out, beyond the scale", hollow=True, marker="^"))
    if any(np.isfinite(field.sigma_um) for field in shown):
        label = "\N{PLUS-MINUS SIGN} repeatability"
        entries.append(Patch(color=MUTED, alpha=0.3, lw=0, label=label))
    return entries


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
        f"{span_text(used['n_beads'], 0) or 'no'} beads per image; no network takes part. Points: "
        "true minus nominal Z of a frame about the mean of its sweep, as the profiles of its beads "
        "tell; thin bars: one standard uncertainty. Band: the repeatability found, one standard "
        "deviation to both sides. Panels share one scale."
    )
