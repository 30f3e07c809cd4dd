"""A frame with a circle round every bead."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from refp.arrays import BoolArray, FloatArray, Image
from refp.reports.style import (
    FLAGGED,
    USED,
    WIDTH_IN,
    dot,
    legend_below,
    look,
    printable,
    set_title,
)

_FRAME_IN = (0.9, 1.3)  # room beside and, for title, axis and legend, above and below
_MANY_LABELS = 40
_CONTRAST = (0.1, 99.9)  # percentiles; beads are a small part of a frame


@dataclass(frozen=True, slots=True)
class Overlay:
    """What :func:`draw_overlay` draws.

    Attributes
    ----------
    title
        Names the file.
    image
        Shape ``(y, x)``.
    center_px
        Shape ``(n, 2)``, ``(y, x)``.
    radius_px
        One for all beads, or shape ``(n,)``.
    usable
        Shape ``(n,)``.
    labels
        A short text per bead, its flags; empty for none.
    """

    title: str
    image: Image
    center_px: FloatArray
    radius_px: float | FloatArray
    usable: BoolArray
    labels: Sequence[str]


@look()
def draw_overlay(
    image: Image,
    center_px: FloatArray,
    radius_px: float | FloatArray,
    usable: BoolArray,
    labels: Sequence[str],
    title: str = "",
) -> Figure:
    """Draw the frame with a solid circle round beads that are used and a dashed one round others.

    Parameters
    ----------
    image
        Shape ``(y, x)``; shown between its 0.1th and 99.9th percentile.
    center_px
        Shape ``(n, 2)``, ``(y, x)``.
    radius_px
        One for all beads, or shape ``(n,)``.
    usable
        Shape ``(n,)``.
    labels
        A short text per bead, written below its circle; empty for none.
    title
        Names the file.

    Raises
    ------
    ValueError
        If the arrays are not of the same number of beads.
    """
    centers = np.reshape(np.asarray(center_px, dtype=float), (-1, 2))
    used = np.asarray(usable, dtype=bool)
    if not len(centers) == len(used) == len(labels):
        raise ValueError(
            f"{len(centers)} centres, {len(used)} usable and {len(labels)} labels: give one per bead"
        )
    radii = np.broadcast_to(np.asarray(radius_px, dtype=float), (len(centers),))
    figure, axes = _frame(image, title)
    _circles(axes, centers[used], radii[used], USED, "solid")
    _circles(axes, centers[~used], radii[~used], FLAGGED, "dashed")
    _texts(axes, centers, radii, used, labels)
    _legend(figure, used)
    return figure


def _frame(image: Image, title: str) -> tuple[Figure, Axes]:
    ny, nx = image.shape
    beside, above = _FRAME_IN
    height = float(np.clip((WIDTH_IN - beside) * ny / nx, 2.5, 1.3 * WIDTH_IN)) + above
    figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
    set_title(figure, title)
    axes = figure.subplots()
    low, high = np.percentile(image[:: ny // 1000 + 1, :: nx // 1000 + 1], _CONTRAST)
    axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1))
    axes.set(xlabel="x (px)", ylabel="y (px)")
    axes.grid(visible=False)
    return figure, axes


def _circles(axes: Axes, centers: FloatArray, radii: FloatArray, color: str, style: str) -> None:
    patches = [Circle((x, y), r) for (y, x), r in zip(centers, radii, strict=True)]
    for edge, width in (("white", 4.0), (color, 2.2)):
        axes.add_collection(
            PatchCollection(
                patches, facecolor="none", edgecolor=edge, linewidth=width, linestyle=style
            ),
            autolim=False,
        )


def _texts(
    axes: Axes,
    centers: FloatArray,
    radii: FloatArray,
    used: BoolArray,
    labels: Sequence[str],
) -> None:
    size = 12 if sum(map(bool, labels)) <= _MANY_LABELS else 8
    for (y, x), radius, good, label in zip(centers, radii, used, labels, strict=True):
        if label:
            text = printable(label.replace("_", " ").replace("|", ", "), 40)
            _text(axes, (y, x), radius, text, size, USED if good else FLAGGED)


def _text(
    axes: Axes, center: tuple[float, float], radius: float, text: str, size: int, color: str
) -> None:
    """Write below the circle, above it at the bottom, and inwards at the sides."""
    y, x = center
    nx, ny = axes.get_xlim()[1], axes.get_ylim()[0]
    below = y + radius < 0.93 * ny
    axes.annotate(
        text,
        (x, y + radius if below else y - radius),
        xytext=(0, -3 if below else 3),
        textcoords="offset points",
        ha="left" if x < 0.1 * nx else "right" if x > 0.9 * nx else "center",
        va="top" if below else "bottom",
        color=color,
        fontsize=size,
        fontweight="bold",
        annotation_clip=True,
        path_effects=[withStroke(linewidth=3.5, foreground="white")],
    )


def _legend(figure: Figure, used: BoolArray) -> None:
    n_used, n_flagged = int(used.sum()), int((~used).sum())
    entries = [dot(USED, f"used: {n_used}", hollow=True)]
    if n_flagged:
        entries.append(dot(FLAGGED, f"flagged, not used: {n_flagged}", hollow=True))
    legend_below(figure, entries)
