"""Montage of one bead at several dZ."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from refp.core.arrays import FloatArray, Image
from refp.reports.sheet import blank_sheet, empty_figure, grid_shape
from refp.reports.style import WIDTH_IN, look

MAX_COLUMNS = 9


@dataclass(frozen=True, slots=True)
class Montage:
    """Tiles of one bead for :func:`draw_bead_montage`.

    Attributes
    ----------
    title
        Data set, bead and exposure.
    tiles
        Each ``(y, x)`` with the bead in its middle.
    dz_um
        dZ of each tile.
    pixel_size_um
        Side of a pixel in object space.
    """

    title: str
    tiles: Sequence[Image]
    dz_um: Sequence[float]
    pixel_size_um: float


@look()
def draw_bead_montage(
    tiles: Sequence[Image], dz_um: Sequence[float], pixel_size_um: float, title: str = ""
) -> Figure:
    """Draw one bead at several dZ, all tiles divided by background on one grey scale.

    Parameters
    ----------
    tiles
        Each ``(y, x)`` with the bead in its middle; drawn in the order given.
    dz_um
        dZ of each tile, written under it.
    pixel_size_um
        Side of a pixel in object space, for the scale bar.
    title
        Data set, bead and exposure.

    Raises
    ------
    ValueError
        If there is not one dZ per tile.
    """
    if len(tiles) != len(dz_um):
        raise ValueError(f"{len(tiles)} tiles and {len(dz_um)} dZ: give one per tile")
    if not tiles:
        return empty_figure("no tile to show", title)
    shown = [_over_background(tile) for tile in tiles]
    rows, columns = grid_shape(len(tiles), MAX_COLUMNS)
    figure, panels = _tile_panels(rows, columns, title)
    low, high = _shared_range(shown)
    side_um = max(max(tile.shape) for tile in shown) * pixel_size_um
    for axes, tile, dz in zip(panels, shown, dz_um, strict=False):
        _tile(axes, tile, (low, high), pixel_size_um, side_um)
        axes.set_title(_dz_text(dz), y=0, va="top", pad=-5, fontsize=13)
    for axes in panels[len(tiles) :]:
        axes.remove()
    _scale_bar(panels[0], side_um)
    figure.supxlabel("dZ (um)", fontsize=14)
    return figure


def _over_background(tile: Image) -> FloatArray:
    """Divide by the median of the tile's rim."""
    values = np.asarray(tile, dtype=float)
    rim = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    return values / max(float(np.median(rim)), 1e-9)


def _shared_range(tiles: Sequence[FloatArray]) -> tuple[float, float]:
    low, high = np.percentile(np.concatenate([t.ravel() for t in tiles]), (0.3, 99.7))
    return float(low), float(max(high, low + 1e-6))


def _tile_panels(rows: int, columns: int, title: str) -> tuple[Figure, list[Axes]]:
    width = WIDTH_IN if columns > 4 else max(1.8 * columns, 5.0)
    height = rows * (width / columns + 0.35) + 0.3
    figure = blank_sheet(height, title, width_in=width, pad_in=(0.03, 0.03))
    figure.get_layout_engine().set(wspace=0.01)  # type: ignore[union-attr,call-arg]
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def _tile(
    axes: Axes, tile: FloatArray, limits: tuple[float, float], pixel_size_um: float, side_um: float
) -> None:
    ny, nx = (n * pixel_size_um / 2 for n in tile.shape)
    low, high = limits
    axes.imshow(tile, cmap="gray", vmin=low, vmax=high, extent=(-nx, nx, ny, -ny))
    axes.set(xlim=(-side_um / 2, side_um / 2), ylim=(side_um / 2, -side_um / 2))
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _dz_text(dz: float) -> str:
    rounded = round(float(dz), 1)
    return f"{rounded:+g}".replace("-", "\N{MINUS SIGN}") if rounded else "0"


def _scale_bar(axes: Axes, side_um: float) -> None:
    length = nice_length(side_um / 3)
    left, y = -0.45 * side_um, 0.43 * side_um
    halo = [withStroke(linewidth=3, foreground="white")]
    axes.plot(
        [left, left + length], [y, y], color="black", lw=3, solid_capstyle="butt",
        path_effects=[withStroke(linewidth=5, foreground="white")],
    )  # fmt: skip
    axes.text(
        left, y - 0.03 * side_um, f"{length:g} um", fontsize=11, va="bottom", path_effects=halo
    )


def nice_length(about: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is at most ``about``."""
    power = 10.0 ** math.floor(math.log10(about))
    return max(m * power for m in (1, 2, 5) if m * power <= about * (1 + 1e-9))
