"""A frame with a circle round every bead, in the colour and dashes of its first flag."""

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
from matplotlib.typing import LineStyleType

from refp.core.arrays import BoolArray, FloatArray, Image
from refp.reports.sheet import Legend, panel_matrix
from refp.reports.style import FLAGGED, INK, MUTED, USED, WIDTH_IN, look

_FRAME_IN = (0.9, 0.9)  # room beside, and below for axis and legend
_CONTRAST = (0.1, 99.9)  # percentiles; beads are a small part of a frame
_CIRCLE_RADII = 1.25
"""Radius of the circle in bead radii, so that the rim of the bead is visible."""
MAX_NUMBERED = 60
"""Beads of a frame; numbers of more would hide it."""
_LETTERS_PT = (7.0, 12.0)
_LINE_PT = (1.0, 2.4)


class _Kind(NamedTuple):
    """Letter of a flag, and colour and dashes of its circle."""

    letter: str
    color: str
    dashes: tuple[float, ...] = ()


# Wong 2011, "Points of view: Color blindness"; dashes differ, for readers without colour vision.
_KINDS = {
    "border": _Kind("B", "#cc79a7", (1, 1)),
    "touching": _Kind("T", FLAGGED, (3, 1.2)),
    "odd_shape": _Kind("S", "#e69f00", (4, 1, 1, 1)),
    "no_center": _Kind("C", "#7a3e9d", (4, 1, 1, 1)),
    "off_plane": _Kind("P", "#009e73", (3, 1.2)),
    "static": _Kind("D", "#8c564b", (4, 1, 1, 1)),
    "low_confidence": _Kind("?", "#111111", (1, 1)),
    "outlier": _Kind("O", "#56b4e9", (3, 1.2)),
}
"""In order: the first flag of a bead sets its circle."""
_USED = _Kind("", USED)
_NOT_USED = _Kind("", MUTED, (1, 1))
_MARKS = {"saturated": "w", "cut_tile": "e", "placed": "+"}
"""Letters of flags that leave a bead usable; they set no circle."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """A frame and its beads for :func:`draw_overlay`.

    Attributes
    ----------
    title
        Name of the file.
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
    numbers
        The number of each bead.
    """

    title: str
    image: Image
    center_px: FloatArray
    radius_px: float | FloatArray
    usable: BoolArray
    labels: Sequence[str]
    numbers: Sequence[int]


@look()
def draw_overlay(overlay: Overlay) -> Figure:
    """Draw the frame with a circle round every bead, its number and the letters of its flags.

    The frame is shown between its 0.1th and 99.9th percentile.

    Raises
    ------
    ValueError
        If the arrays are not of the same number of beads.
    """
    centers = np.reshape(np.asarray(overlay.center_px, dtype=float), (-1, 2))
    used = np.asarray(overlay.usable, dtype=bool)
    counts = {len(centers), len(used), len(overlay.labels), len(overlay.numbers)}
    if len(counts) > 1:
        raise ValueError(
            f"{len(centers)} centres, {len(used)} usable, {len(overlay.labels)} labels and "
            f"{len(overlay.numbers)} numbers: give one per bead"
        )
    image = overlay.image
    radii = np.broadcast_to(np.asarray(overlay.radius_px, dtype=float), (len(centers),))
    figure, axes = _image_panel(image, overlay.title)
    radii = _CIRCLE_RADII * radii
    flags = [label.split("|") if label else [] for label in overlay.labels]
    kinds = [_circle_kind(names, good) for names, good in zip(flags, used, strict=True)]
    pt_per_px = 72 * (WIDTH_IN - _FRAME_IN[0]) / max(image.shape[1], 1)
    for kind in (_USED, _NOT_USED, *_KINDS.values()):
        of_kind = np.array([k is kind for k in kinds], dtype=bool)
        if of_kind.any():
            _circles(axes, centers[of_kind], radii[of_kind], kind, pt_per_px)
    _letters(axes, centers, radii, flags, pt_per_px)
    if len(centers) <= MAX_NUMBERED:
        _numbers(axes, centers, radii, overlay.numbers, pt_per_px)
    _flag_legend(kinds, flags).draw(figure)
    return figure


def _circle_kind(names: Sequence[str], used: bool) -> _Kind:
    """Return the kind of a bead's first flag, else that of a used or unused bead."""
    first = next((kind for name, kind in _KINDS.items() if name in names), None)
    return first or (_USED if used else _NOT_USED)


def _image_panel(image: Image, title: str) -> tuple[Figure, Axes]:
    ny, nx = image.shape
    beside, below = _FRAME_IN
    height = float(np.clip((WIDTH_IN - beside) * ny / nx, 2.5, 1.3 * WIDTH_IN)) + below
    figure, [[axes]] = panel_matrix(1, 1, height, title)
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


def _numbers(
    axes: Axes,
    centers: FloatArray,
    radii: FloatArray,
    numbers: Sequence[int],
    pt_per_px: float,
) -> None:
    """Write the number of each bead at the lower left of its circle."""
    if not len(radii):
        return
    size = float(np.clip(0.6 * np.median(radii) * pt_per_px, *_LETTERS_PT))
    last = axes.get_ylim()[0]
    for (y, x), radius, number in zip(centers, radii, numbers, strict=True):
        axes.annotate(
            str(number),
            (max(x - 0.8 * radius, radius), min(y + 0.8 * radius, last - radius)),
            ha="right" if x > 2 * radius else "left",
            va="top",
            color=INK,
            fontsize=size,
            annotation_clip=True,
            path_effects=[withStroke(linewidth=size / 4, foreground="white")],
        )


def _flag_legend(kinds: Sequence[_Kind], flags: Sequence[Sequence[str]]) -> Legend:
    """Return the numbers of beads used and unused, and of those with each flag, each once per flag."""
    drawn = Counter(kinds)
    counts = Counter(name for names in flags for name in names)
    legend = Legend().line(USED, f"used: {drawn[_USED]}", lw=2.2)
    for name, kind in _KINDS.items():
        text = f"{kind.letter}  {name.replace('_', ' ')}: {counts[name]}"
        legend.line(kind.color, text, lw=2.2, ls=_dashes(kind), when=counts[name] > 0)
    plain = f"not used: {drawn[_NOT_USED]}"
    legend.line(MUTED, plain, lw=2.2, ls=_dashes(_NOT_USED), when=drawn[_NOT_USED] > 0)
    for name, letter in _MARKS.items():
        text = f"{letter}  {name.replace('_', ' ')}: {counts[name]}"
        legend.add(Line2D([], [], ls="", label=text), when=counts[name] > 0)
    return legend


def _dashes(kind: _Kind) -> LineStyleType:
    return (0, kind.dashes) if kind.dashes else "-"
