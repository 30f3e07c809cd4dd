"""Look of all figures, and their output as SVG or PNG.

Nothing here touches pyplot or leaves a global setting behind: :func:`look` sets matplotlib's
settings while a figure is drawn or saved and restores the previous ones.
"""

import io
import math
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from refp.core.files import write_bytes

WIDTH_IN = 10.0
"""Width of every figure; a page shows it at about 1000 CSS pixels."""
MAX_PNG_WIDTH_PX = 1600
VIRIDIS_END = 0.75
"""Part of viridis in use: the rest is too light for points on a white ground."""

USED = "#0072b2"
FLAGGED = "#d55e00"
TOLERANCE = "#9ccfb4"
INK = "#222222"
MUTED = "#5f6672"

_FONT = "DejaVu Sans"  # comes with matplotlib, so that it is the same on every machine
_LOOK: Any = {
    "font.family": [_FONT],
    "font.size": 14.0,
    "axes.titlesize": 14.0,
    "axes.labelsize": 14.0,
    "xtick.labelsize": 13.0,
    "ytick.labelsize": 13.0,
    "legend.fontsize": 13.0,
    "figure.titlesize": 16.0,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#8a9099",
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": "#8a9099",
    "ytick.color": "#8a9099",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e7eb",
    "grid.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a file name is a dollar sign
    "svg.fonttype": "path",  # letters as outlines: alike where DejaVu Sans is not installed
    "svg.hashsalt": "refp",
}
_lock = threading.RLock()  # matplotlib's settings belong to the process, not to the thread


@contextmanager
def look() -> Iterator[None]:
    """Apply the look of all figures; also a decorator of functions that draw."""
    with _lock, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_LOOK)
        yield


def exposure_colors(exposures_ms: Iterable[float]) -> dict[float, str]:
    """Return a colour per exposure: viridis, short to long, without its light end.

    Parameters
    ----------
    exposures_ms
        Exposures in any order, repeated or not; those that are not finite are left out.

    Returns
    -------
    dict
        Hexadecimal colour of each exposure, rising.
    """
    levels = sorted({float(e) for e in exposures_ms if math.isfinite(e)})
    step = VIRIDIS_END / max(len(levels) - 1, 1)
    viridis = colormaps["viridis"]
    start = 0.0 if len(levels) > 1 else VIRIDIS_END / 2
    return {level: to_hex(viridis(start + i * step)) for i, level in enumerate(levels)}


def exposure_label(exposure_ms: float) -> str:
    """Return the text of an exposure in legends."""
    known = math.isfinite(exposure_ms) and exposure_ms > 0
    return f"{exposure_ms:g} ms" if known else "exposure not known"


def luminance(color: str) -> float:
    """Return the relative luminance of a colour, 0 to 1 (WCAG's, in linear light)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ink_on(color: str) -> str:
    """Return the colour of legible text on a ground of the given colour."""
    return "white" if luminance(color) < 0.3 else INK


def printable(text: object, limit: int = 120) -> str:
    """Return text shortened in its middle, with ``?`` for characters that the font lacks."""
    known = _characters()
    clean = "".join(c if ord(c) in known else "?" for c in " ".join(str(text).split()))
    if len(clean) <= limit:
        return clean
    half = (limit - 3) // 2
    return f"{clean[:half]}...{clean[-half:]}"


@cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(_FONT)).get_charmap())


@look()
def svg_text(figure: Figure) -> str:
    """Return a figure as SVG; equal figures give equal text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "refp"})
    return buffer.getvalue()


@look()
def png_bytes(figure: Figure, max_width_px: int = MAX_PNG_WIDTH_PX) -> bytes:
    """Return a figure as PNG of at most ``max_width_px`` pixels across."""
    buffer = io.BytesIO()
    dpi = max_width_px / float(figure.get_figwidth())
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": "refp"})
    return buffer.getvalue()


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_bytes(svg_text(figure).encode(), path)


def save_png(figure: Figure, path: Path, max_width_px: int = MAX_PNG_WIDTH_PX) -> None:
    """Write a figure as PNG of at most ``max_width_px`` pixels across, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_bytes(png_bytes(figure, max_width_px), path)
