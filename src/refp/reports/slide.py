"""Maps of the beads' own planes over the field of view, with the fitted slide."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from refp.core.arrays import FloatArray
from refp.reports.panels import Limits, pick, short_name, span_text, sweep_names, unique_in_order
from refp.reports.sheet import Legend, empty_figure, grid_shape, label_panels, panel_grid
from refp.reports.style import FLAGGED, INK, MUTED, WIDTH_IN, ink_on, look, printable
from refp.reports.tables import fixed, with_uncertainty

MAX_FIELDS = 6
PER_PX = 1000.0
"""Tilts are written in um per so many pixels, about the width of a frame."""
_MAX_COLUMNS = 2
_MAP = "RdBu_r"  # diverging and safe for colour-blind eyes
_MANY_BEADS = 40
_FEW_BEADS = 15  # heights of more would overlap
_MIN_SCALE_UM = 0.1
_LEVEL_UM = 1e-3  # a slide that rises by less than a nanometre over the field has no lines
_HALO = (withStroke(linewidth=3.0, foreground="white"),)


@dataclass(frozen=True, slots=True)
class _Map:
    """One panel: the beads of a field, the tilt of its slide, and the text of its title."""

    label: str
    beads: pd.DataFrame
    tilt_um_per_px: FloatArray
    found: str


@look()
def draw_bead_planes(beads: pd.DataFrame, fields: pd.DataFrame, title: str = "") -> Figure:
    """Draw each field of view as a map of its beads, coloured by the height of their own planes.

    Parameters
    ----------
    beads
        A row per bead: ``dataset, experiment, fov, bead, y_px, x_px, height_um, height_u_um,
        slide_um, off_plane``.
    fields
        A row per field: ``dataset, experiment, fov, tilt_y_um_per_px, tilt_y_u_um_per_px,
        tilt_x_um_per_px, tilt_x_u_um_per_px``; the slide's plane is drawn as lines of equal height
        where both tilts are known.
    title
        Name of the data set.

    Notes
    -----
    At most :data:`MAX_FIELDS` fields are drawn. All share one scale of colour, which beads off the
    plane do not stretch.
    """
    maps = _maps(beads, fields)
    if not maps:
        return empty_figure("no bead has a plane of its own", title)
    shown = pd.concat([m.beads for m in maps])
    limits = _map_limits(shown)
    figure, panels = panel_grid(
        len(maps), _MAX_COLUMNS, _map_height(len(maps), limits) + 1.3, title
    )
    colors = ScalarMappable(_height_scale(shown), colormaps[_MAP])
    for axes, field in zip(panels, maps, strict=True):
        axes.set(xlim=limits[1], ylim=limits[0][::-1], aspect="equal")
        _draw_slide(axes, field, limits)
        axes.grid(visible=False)
        _draw_beads(axes, field.beads, colors)
        axes.set_title(f"{printable(field.label, 46)}\n{field.found}", fontsize=13)
    label_panels(panels, "x (px)", "y (px)", y_ticks=5)
    figure.colorbar(colors, ax=panels, label="height above the field's plane (um)", aspect=30)
    _map_legend(shown, maps).draw(figure)
    return figure


def choose_maps(beads: pd.DataFrame) -> list[str]:
    """Return the names of the fields to draw, some of them with a bead off the plane."""
    names = sweep_names(beads)
    return pick(unique_in_order(names), set(names[_off_plane(beads)]), MAX_FIELDS)


def _off_plane(beads: pd.DataFrame) -> pd.Series:
    return beads["off_plane"].eq(other=True)


def _maps(beads: pd.DataFrame, fields: pd.DataFrame) -> list[_Map]:
    if beads.empty:
        return []
    placed = beads[beads[["y_px", "x_px"]].notna().all(axis=1)]
    bead_names = sweep_names(placed)
    field_names = sweep_names(fields) if len(fields) else pd.Series(dtype="object")
    datasets = unique_in_order(placed["dataset"])
    return [
        _map(short_name(name, datasets), placed[bead_names == name], fields[field_names == name])
        for name in choose_maps(placed)
    ]


def _map(label: str, beads: pd.DataFrame, field: pd.DataFrame) -> _Map:
    if field.empty:
        return _Map(label, beads, np.full(2, np.nan), "slide not fitted")
    row = field.iloc[0]
    tilt = np.array([row["tilt_y_um_per_px"], row["tilt_x_um_per_px"]], dtype=float)
    if not np.isfinite(tilt).all():
        return _Map(label, beads, tilt, "too few beads for a tilt")
    u = PER_PX * row[["tilt_y_u_um_per_px", "tilt_x_u_um_per_px"]].astype(float)
    y, x = with_uncertainty(pd.Series(PER_PX * tilt), u)
    found = f"rise along y {y} um / {PER_PX:g} px\nalong x {x} um / {PER_PX:g} px"
    return _Map(label, beads, tilt, found)


def _map_limits(beads: pd.DataFrame) -> tuple[Limits, Limits]:
    """Return limits in y and x that contain all beads with their circles and numbers."""
    low = beads[["y_px", "x_px"]].min().to_numpy(dtype=float)
    high = beads[["y_px", "x_px"]].max().to_numpy(dtype=float)
    air = max(0.09 * float((high - low).max()), 30.0)
    # Beads in a row would make a strip too flat for its axis.
    more = np.maximum(0.35 * float((high - low).max()) - (high - low), 0.0) / 2
    (y0, x0), (y1, x1) = low - air - more, high + air + more
    return (float(y0), float(y1)), (float(x0), float(x1))


def _height_scale(beads: pd.DataFrame) -> Normalize:
    """Return a scale about zero up to the highest bead in the plane."""
    heights = beads["height_um"][~_off_plane(beads)].abs()
    reach = max(float(heights.max()) if heights.notna().any() else 0.0, _MIN_SCALE_UM)
    return Normalize(-reach, reach)


def _map_height(n: int, limits: tuple[Limits, Limits]) -> float:
    """Return the height in inches of one of ``n`` maps of equal scales."""
    _, columns = grid_shape(n, _MAX_COLUMNS)
    (y0, y1), (x0, x1) = limits
    width = (WIDTH_IN - 1.6) / columns - 0.6
    return float(np.clip(width * (y1 - y0) / (x1 - x0), 1.5, 6.5))


def _draw_slide(axes: Axes, field: _Map, limits: tuple[Limits, Limits]) -> None:
    """Draw lines of equal height of the slide's plane, labelled in um."""
    places = field.beads[["y_px", "x_px"]].to_numpy(dtype=float)
    levels = field.beads["slide_um"].to_numpy(dtype=float) - places @ field.tilt_um_per_px
    levels = levels[np.isfinite(levels)]
    if not levels.size:
        return
    (y, x), (tilt_y, tilt_x) = limits, field.tilt_um_per_px
    height = levels.mean() + tilt_y * np.array(y)[:, None] + tilt_x * np.array(x)[None, :]
    if np.ptp(height) < _LEVEL_UM:
        return
    lines = axes.contour(
        x, y, height, levels=6, colors=MUTED, linewidths=1.1, linestyles="dotted", zorder=1.5
    )
    # Down the slope through the middle of the panel, where a label is not cut by the edge.
    steps = (np.asarray(lines.levels) - height.mean()) / float(np.sum(field.tilt_um_per_px**2))
    spots = [(float(np.mean(x) + s * tilt_x), float(np.mean(y) + s * tilt_y)) for s in steps]
    inside = [spot for spot in spots if _well_inside(spot, x, y)]
    if inside and len(field.beads) > _FEW_BEADS:  # heights of few beads are written in their place
        axes.clabel(lines, fmt=_line_label, fontsize=11, colors=MUTED, manual=inside, zorder=2)


def _well_inside(place: tuple[float, float], x: Limits, y: Limits) -> bool:
    return all(
        abs(at - (low + high) / 2) < 0.45 * (high - low)
        for at, (low, high) in zip(place, (x, y), strict=True)
    )


def _line_label(height_um: float) -> str:
    return f"{height_um:+.3g} um".replace("-", "\N{MINUS SIGN}") if height_um else "0 um"


def _draw_beads(axes: Axes, beads: pd.DataFrame, colors: ScalarMappable) -> None:
    numbered = len(beads) <= _MANY_BEADS
    heights = beads["height_um"].to_numpy(dtype=float)
    columns = (
        *(beads["x_px"].astype(float), beads["y_px"].astype(float), beads["bead"].astype(str)),
        *(heights, colors.to_rgba(heights), _off_plane(beads)),
    )
    for x, y, number, height, rgba, off in zip(*columns, strict=True):
        face = "white" if off or np.isnan(height) else to_hex(rgba)
        _draw_bead(axes, (x, y), face, off=off, size=16 if numbered else 9)
        if numbered:
            _number(axes, (x, y), number, ink_on(face))
        if (off or len(beads) <= _FEW_BEADS) and np.isfinite(height):
            _height(axes, (x, y), height, off=bool(off))


def _draw_bead(
    axes: Axes, place: tuple[float, float], face: str, *, off: bool, size: float
) -> None:
    edge, width = (FLAGGED, 2.0) if off else (INK, 0.8)
    axes.plot(*place, ls="", marker="o", ms=size, mfc=face, mec=edge, mew=width, zorder=3)


def _number(axes: Axes, place: tuple[float, float], text: str, color: str) -> None:
    axes.annotate(
        text, place, color=color, fontsize=11 if len(text) < 3 else 8.5, ha="center",
        va="center_baseline", zorder=4,
    )  # fmt: skip


def _height(axes: Axes, place: tuple[float, float], height_um: float, *, off: bool) -> None:
    """Write the height of a bead towards the middle of the panel, with its unit if it is off the plane."""
    left = place[0] < sum(axes.get_xlim()) / 2
    axes.annotate(
        fixed(height_um, 1, sign=True) + " um" * off, place, xytext=(11 if left else -11, 0),
        textcoords="offset points", ha="left" if left else "right", va="center",
        color=FLAGGED if off else INK, fontsize=12 if off else 11,
        fontweight="bold" if off else "normal", path_effects=_HALO, zorder=5,
    )  # fmt: skip


def _map_legend(beads: pd.DataFrame, maps: Sequence[_Map]) -> Legend:
    numbered = any(len(m.beads) <= _MANY_BEADS for m in maps)
    tilted = any(np.isfinite(m.tilt_um_per_px).all() for m in maps)
    legend = Legend().dot(INK, "bead" + ", with its number" * numbered, hollow=True)
    off = bool(_off_plane(beads).any())
    legend.dot(FLAGGED, "off the plane, left out", hollow=True, when=off)
    return legend.line(MUTED, "height of the slide", ls="dotted", lw=1.6, when=tilted)


def describe_bead_planes(beads: pd.DataFrame) -> str:
    """Return the caption: data sets, fields shown of how many, beads, frames, uncertainty."""
    if beads.empty:
        return "No bead has a plane of its own."
    shown = choose_maps(beads)
    used = beads[sweep_names(beads).isin(shown)]
    u = span_text(used["height_u_um"], 2)
    return (
        f"{', '.join(unique_in_order(beads['dataset']))}: {len(shown)} of "
        f"{sweep_names(beads).nunique()} fields of view shown, {len(used)} beads, "
        f"{int(_off_plane(used).sum())} of them off the plane, each measured in "
        f"{span_text(used['n_frames'], 0) or 'no'} images; independent of any model. Colour: the bead's "
        "own plane above that of its field; standard uncertainty "
        f"{f'{u} um' if u else 'not known'}. Dotted: lines of equal height of the plane through the "
        "beads. Hollow: off the plane and left out, with its height; heights of "
        "the others are written where there are few."
    )
