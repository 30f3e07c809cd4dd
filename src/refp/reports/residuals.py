"""Parts of figures of errors against labelled dZ: scale, dots, band, untrained range."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from refp.core.labels import hold_labels
from refp.reports.panels import ExposureRows, Limits
from refp.reports.sheet import dot
from refp.reports.style import FLAGGED, INK, MUTED, TOLERANCE

FAR = 4.0
"""Errors beyond this many times the 95th percentile do not stretch a scale."""
_EDGE = 0.955
"""Height of errors beyond the scale, as a fraction of it."""
_RING: dict[str, Any] = {
    "ls": "",
    "marker": "o",
    "ms": 12,
    "mec": FLAGGED,
    "mfc": "none",
    "mew": 2.0,
}
_UNTRAINED: dict[str, Any] = {
    "facecolor": "#eceef1",
    "edgecolor": "#cdd2d9",
    "hatch": "///",
    "lw": 0.0,
}


def largest_near(errors: ArrayLike) -> float:
    """Return the largest absolute error without outliers; NaN if there is none."""
    sizes = np.abs(np.ravel(np.asarray(errors, dtype=float)))
    sizes = sizes[np.isfinite(sizes)]
    if not sizes.size:
        return float("nan")
    return float(sizes[sizes <= FAR * np.percentile(sizes, 95)].max(initial=0.0))


def n_beyond(errors: ArrayLike, reach_um: float) -> int:
    """Return the number of errors beyond the scale."""
    return int((np.abs(np.asarray(errors, dtype=float)) > reach_um).sum())


def rms_text(errors: ArrayLike) -> str:
    """Return the RMS of the known errors as text."""
    values = np.asarray(errors, dtype=float)
    values = values[np.isfinite(values)]
    if not values.size:
        return "no known error"
    rms = float(np.sqrt(np.mean(values**2)))
    return f"RMS {rms:.0f} um" if rms >= 100 else f"RMS {rms:.3g} um"


def draw_dots(axes: Axes, exposure: ExposureRows, size: float = 5.0) -> None:
    """Draw the errors of an exposure; those beyond the scale are triangles on its edge.

    Parameters
    ----------
    axes
        Panel with its limits set, symmetric about zero.
    exposure
        Rows with ``delta_z_true_um, error_um``.
    size
        Diameter of a dot in points.
    """
    rows, reach = exposure.rows, axes.get_ylim()[1]
    error = rows["error_um"].astype(float)
    groups = (
        (error.abs() <= reach, "o", size),
        (error > reach, "^", size + 2),
        (error < -reach, "v", size + 2),
    )
    for mask, marker, points in groups:
        if mask.any():
            heights = error[mask].clip(-_EDGE * reach, _EDGE * reach)
            axes.plot(
                rows["delta_z_true_um"][mask], heights, ls="", marker=marker, ms=points, mew=0,
                color=exposure.color, zorder=4,
            )  # fmt: skip


def miss_labels(errors: pd.DataFrame) -> pd.Series:
    """Return, per row of ``errors.csv``, whether the interval of an estimate misses its label.

    The uncertainty of the label is included (:func:`refp.core.labels.hold_labels`).
    """
    ends = (errors["lower_um"], errors["upper_um"])
    inside = hold_labels(*ends, errors["delta_z_true_um"], errors["label_u_um"])
    return (errors["status"] == "ok") & errors["lower_um"].notna() & ~inside


def draw_band(axes: Axes, tolerance_um: float) -> None:
    """Draw the zero line, and the band of the tolerance unless it is NaN."""
    if np.isfinite(tolerance_um):
        axes.axhspan(-tolerance_um, tolerance_um, color=TOLERANCE, alpha=0.35, lw=0, zorder=0.5)
    axes.axhline(0, color=INK, lw=1.0, zorder=2)


def draw_rings(axes: Axes, missed: pd.DataFrame) -> None:
    """Draw a ring round the error of each image whose interval misses its label."""
    reach = axes.get_ylim()[1]
    heights = missed["error_um"].clip(-_EDGE * reach, _EDGE * reach)
    axes.plot(missed["delta_z_true_um"], heights, zorder=5, **_RING)


def ring_entry() -> Line2D:
    """Return the legend entry of :func:`draw_rings`."""
    return Line2D([], [], label="interval misses the label", **_RING)


def shade_untrained(axes: Axes, trained_um: Limits | None) -> bool:
    """Hatch the part of a panel outside the trained range; return whether there is any.

    Parameters
    ----------
    axes
        Panel with its limits set.
    trained_um
        Lowest and highest dZ trained on; NaN for an unknown end.
    """
    low, high = axes.get_xlim()
    trained_low, trained_high = trained_um or (np.nan, np.nan)
    spans = [(low, min(trained_low, high))] * bool(trained_low > low)
    spans += [(max(trained_high, low), high)] * bool(trained_high < high)
    for start, stop in spans:
        axes.axvspan(start, stop, zorder=0.3, **_UNTRAINED)
    return bool(spans)


def untrained_entry() -> Patch:
    """Return the legend entry of :func:`shade_untrained`."""
    return Patch(label="outside the trained range", **_UNTRAINED)


def beyond_entry() -> Line2D:
    """Return the legend entry of errors beyond the scale."""
    return dot(MUTED, "beyond the scale", marker="^")
