"""Learning curves: error of what is trained on, and of what is held out, against steps."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from refp.reports.panels import padded_limits, panel_grid, unique_in_order
from refp.reports.style import INK, VIRIDIS_END, empty_figure, legend_below, look, printable

_HEIGHT_IN = 4.2
_MARKERS = "osD^vP*X<>"


@look()
def draw_learning_curves(curves: pd.DataFrame, title: str = "") -> Figure:
    """Draw how each fit went.

    Parameters
    ----------
    curves
        Columns ``fit, split, step, train_rms_um, rms_um``; split 0 held out nothing.
    title
        Names the model.
    """
    if curves.empty:
        return empty_figure("this family is not trained in steps", title)
    fits = unique_in_order(curves["fit"])
    colors = fit_colors(curves)
    judged = bool(curves["rms_um"].notna().any())
    figure, panels = panel_grid(1 + judged, 2, _HEIGHT_IN, title)
    for i, fit in enumerate(fits):
        rows = curves[curves["fit"] == fit]
        for axes, column in zip(panels, ("train_rms_um", "rms_um"), strict=False):
            if rows[column].notna().any():
                axes.add_line(_line(rows["step"].tolist(), rows[column].tolist(), colors[fit], i))
    limits = padded_limits(*(np.log10(curves[c]) for c in ("train_rms_um", "rms_um")))
    for axes, name in zip(panels, ("Trained on", "Held out"), strict=False):
        axes.set(title=name, xlabel="gradient steps", xlim=(0, 1.04 * curves["step"].max()))
        _log_scale(axes, 10 ** limits[0], 10 ** limits[1])
    panels[0].set_ylabel("RMS error of one bead (um)")
    legend_below(figure, _legend(fits, colors))
    return figure


def fit_colors(curves: pd.DataFrame) -> Mapping[str, str]:
    """Return the colour of each fit: ink where nothing was held out, else viridis by split."""
    splits = sorted(set(curves.loc[curves["split"] > 0, "split"]))
    step = VIRIDIS_END / max(len(splits) - 1, 1)
    viridis = colormaps["viridis"]
    known = {split: to_hex(viridis(i * step)) for i, split in enumerate(splits)}
    pairs = curves.drop_duplicates("fit")[["fit", "split"]].itertuples(index=False)
    return {str(fit): known.get(split, INK) for fit, split in pairs}


def _log_scale(axes: Axes, low: float, high: float) -> None:
    """Logarithmic, with plain numbers also where the axis spans less than a decade."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    narrow = high / low < 20
    axes.yaxis.set_minor_formatter(_some_digits() if narrow else NullFormatter())
    axes.tick_params(axis="y", which="minor", labelsize=12)


def _some_digits() -> FuncFormatter:
    """Label 2, 3 and 5 of a decade: neighbours of these would run into each other."""

    def label(value: float, _: object) -> str:
        digit = round(value / 10 ** np.floor(np.log10(value)))
        return f"{value:.3g}" if digit in (2, 3, 5) else ""

    return FuncFormatter(label)


def _line(x: Sequence[float], y: Sequence[float], color: str, number: int) -> Line2D:
    """Return a curve with a few marks, at other points than its neighbours'."""
    sparse = max(len(x) // 8, 1)
    marker = _MARKERS[number % len(_MARKERS)]
    return Line2D(
        x, y, color=color, lw=1.8, marker=marker, ms=5, markevery=(number % sparse, sparse)
    )


def _legend(fits: Sequence[str], colors: Mapping[str, str]) -> list[Line2D]:
    lines = [_line([], [], colors[fit], i) for i, fit in enumerate(fits)]
    for line, fit in zip(lines, fits, strict=True):
        line.set_label(printable(fit, 30))
    return lines


def describe_learning(curves: pd.DataFrame, family: str) -> str:
    """Return the caption of the learning curves."""
    n = curves["fit"].nunique()
    return (
        f"Family {family}, {n} fit{'s' * (n != 1)}. Left: RMS error of one augmented bead of the "
        "training by one member, over the steps since the point before. Right: of one held-out bead, "
        "which the fit has not seen; an image averages over beads and members, so it comes out better. "
        "A fit without a curve there held out nothing."
    )
