"""A frame with a circle round every bead, coloured and dashed by its most telling flag."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from refp.core.arrays import BoolArray, FloatArray, Image
from refp.reports.style import (
    FLAGGED,
    MUTED,
    USED,
    WIDTH_IN,
    legend_below,
    look,
    set_title,
)

_FRAME_IN = (0.9, 1.3)  # room beside and, for title, axis and legend, above and below
_CONTRAST = (0.1, 99.9)  # percentiles; beads are a small part of a frame
_CIRCLE_RADII = 1.25
"""The circle leaves the bead's rim to be seen."""
_LETTERS_PT = (7.0, 12.0)
_LINE_PT = (1.0, 2.4)


class _Kind(NamedTuple):
    """How a flag is drawn: its letter, and the colour and dashes of the circle."""

    letter: str
    color: str
    dashes: tuple[float, ...] = ()


# Wong 2011, "Points of view: Color blindness"; dashes tell them apart without colour.
_KINDS = {
    "border": _Kind("B", "#cc79a7", (1, 1)),
    "touching": _Kind("T", FLAGGED, (3, 1.2)),
    "odd_shape": _Kind("S", "#e69f00", (4, 1, 1, 1)),
    "no_center": _Kind("C", "#7a3e9d", (4, 1, 1, 1)),
    "off_plane": _Kind("P", "#009e73", (3, 1.2)),
    "low_confidence": _Kind("?", "#111111", (1, 1)),
    "outlier": _Kind("O", "#56b4e9", (3, 1.2)),
}
"""The first one that a bead has makes its circle."""
_USED = _Kind("", USED)
_NOT_USED = _Kind("", MUTED, (1, 1))
_MARKS = {"saturated": "w", "cut_tile": "e", "placed": "+"}
"""These keep no bead from measuring: a letter, no circle of their own."""


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
        The names of each bead's flags, joined by ``|``; empty for none.
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
    """Draw the frame with a circle round every bead and the letters of its flags.

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
        The names of each bead's flags, joined by ``|``; empty for none.
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
    radii = _CIRCLE_RADII * radii
    flags = [label.split("|") if label else [] for label in labels]
    kinds = [_kind(names, good) for names, good in zip(flags, used, strict=True)]
    pt_per_px = 72 * (WIDTH_IN - _FRAME_IN[0]) / max(image.shape[1], 1)
    for kind in (_USED, _NOT_USED, *_KINDS.values()):
        of_kind = np.array([k is kind for k in kinds], dtype=bool)
        if of_kind.any():
            _circles(axes, centers[of_kind], radii[of_kind], kind, pt_per_px)
    _letters(axes, centers, radii, flags, pt_per_px)
    _legend(figure, kinds, flags)
    return figure


def _kind(names: Sequence[str], used: bool) -> _Kind:
    """What is drawn of a bead's flags: its first, of a used bead too where it is an outlier, say."""
    first = next((kind for name, kind in _KINDS.items() if name in names), None)
    return first or (_USED if used else _NOT_USED)


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


def _circles(
    axes: Axes, centers: FloatArray, radii: FloatArray, kind: _Kind, pt_per_px: float
) -> None:
    patches = [Circle((x, y), r) for (y, x), r in zip(centers, radii, strict=True)]
    width = float(np.clip(0.15 * np.median(radii) * pt_per_px, *_LINE_PT))
    solid: tuple[float, tuple[float, ...] | None] = (0.0, None)
    for edge, points, style in (
        ("white", 1.8 * width, solid),
        (kind.color, width, (0.0, kind.dashes or None)),
    ):
        axes.add_collection(
            PatchCollection(
                patches, facecolor="none", edgecolor=edge, linewidth=points, linestyle=[style]
            ),
            autolim=False,
        )


def _letters(
    axes: Axes,
    centers: FloatArray,
    radii: FloatArray,
    flags: Sequence[Sequence[str]],
    pt_per_px: float,
) -> None:
    """Write the letters of each bead's flags at the upper right of its circle."""
    if not len(radii):
        return
    size = float(np.clip(0.6 * np.median(radii) * pt_per_px, *_LETTERS_PT))
    last = axes.get_xlim()[1]
    for (y, x), radius, names in zip(centers, radii, flags, strict=True):
        shown = [kind for name, kind in _KINDS.items() if name in names]
        text = "".join([k.letter for k in shown] + [m for n, m in _MARKS.items() if n in names])
        if text:
            inwards = x + radius > 0.96 * last
            axes.annotate(
                text,
                (x + (-0.7 if inwards else 0.7) * radius, max(y - 0.7 * radius, 0.5 * radius)),
                ha="right" if inwards else "left",
                va="bottom" if y > 2 * radius else "top",
                color=shown[0].color if shown else USED,
                fontsize=size,
                fontweight="bold",
                annotation_clip=True,
                path_effects=[withStroke(linewidth=size / 4, foreground="white")],
            )


def _legend(figure: Figure, kinds: Sequence[_Kind], flags: Sequence[Sequence[str]]) -> None:
    """Count the beads by circle, and those with each mark."""
    drawn = Counter(kinds)
    names = {kind: name.replace("_", " ") for name, kind in _KINDS.items()}
    entries = [_entry(_USED, f"used: {drawn[_USED]}")]
    entries += [
        _entry(kind, f"{kind.letter}  {names[kind]}: {drawn[kind]}")
        for kind in _KINDS.values()
        if drawn[kind]
    ]
    if drawn[_NOT_USED]:
        entries.append(_entry(_NOT_USED, f"not used: {drawn[_NOT_USED]}"))
    for name, letter in _MARKS.items():
        n = sum(name in names_of_bead for names_of_bead in flags)
        if n:
            text = f"{letter}  {name.replace('_', ' ')}: {n}"
            entries.append(Line2D([], [], ls="", label=text))
    legend_below(figure, entries)


def _entry(kind: _Kind, text: str) -> Line2D:
    """Return a legend entry in a circle's colour and dashes."""
    style = (0, kind.dashes) if kind.dashes else "solid"
    return Line2D([], [], color=kind.color, lw=2.2, ls=style, label=text)
