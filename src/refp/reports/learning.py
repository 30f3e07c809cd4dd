"""Learning curves: errors of training beads and of held-out beads against steps."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from refp.reports.panels import padded_limits, unique_in_order
from refp.reports.sheet import Legend, empty_figure, panel_grid, plain_log_axis
from refp.reports.style import INK, VIRIDIS_END, look, printable

_MARKERS = "osD^vP*X<>"


@look()
def draw_learning_curves(curves: pd.DataFrame, title: str = "") -> Figure:
    """Draw the RMS errors of each fit against gradient steps.

    Parameters
    ----------
    curves
        Columns ``fit, split, step, train_rms_um, rms_um``; split 0 held out nothing.
    title
        Name of the model.
    """
    if curves.empty:
        return empty_figure("this family is not trained in steps", title)
    fits = unique_in_order(curves["fit"])
    colors = fit_colors(curves)
    judged = bool(curves["rms_um"].notna().any())
    figure, panels = panel_grid(1 + judged, 2, 3.2, title)
    for i, fit in enumerate(fits):
        rows = curves[curves["fit"] == fit]
        for axes, column in zip(panels, ("train_rms_um", "rms_um"), strict=False):
            if rows[column].notna().any():
                axes.add_line(_line(rows["step"].tolist(), rows[column].tolist(), colors[fit], i))
    limits = padded_limits(*(np.log10(curves[c]) for c in ("train_rms_um", "rms_um")))
    for axes, name in zip(panels, ("Trained on", "Held out"), strict=False):
        axes.set(title=name, xlabel="gradient steps", xlim=(0, 1.04 * curves["step"].max()))
        ends = 10 ** limits[0], 10 ** limits[1]
        axes.set(yscale="log", ylim=ends)
        plain_log_axis(axes.yaxis, *ends)
    panels[0].set_ylabel("RMS error of one bead (um)")
    legend = Legend([_line([], [], colors[fit], i, fit) for i, fit in enumerate(fits)])
    legend.draw(figure)
    return figure


def fit_colors(curves: pd.DataFrame) -> Mapping[str, str]:
    """Return the colour of each fit: ink without held-out beads, else viridis by split."""
    splits = sorted(set(curves.loc[curves["split"] > 0, "split"]))
    step = VIRIDIS_END / max(len(splits) - 1, 1)
    viridis = colormaps["viridis"]
    known = {split: to_hex(viridis(i * step)) for i, split in enumerate(splits)}
    pairs = curves.drop_duplicates("fit")[["fit", "split"]].itertuples(index=False)
    return {str(fit): known.get(split, INK) for fit, split in pairs}


def _line(
    x: Sequence[float], y: Sequence[float], color: str, number: int, label: str = ""
) -> Line2D:
    """Return a curve with a few marks, offset from those of its neighbours."""
    sparse = max(len(x) // 8, 1)
    marker = _MARKERS[number % len(_MARKERS)]
    return Line2D(
        x, y, color=color, lw=1.8, marker=marker, ms=5, markevery=(number % sparse, sparse),
        label=printable(label, 30),
    )  # fmt: skip


def describe_learning(curves: pd.DataFrame, family: str) -> str:
    """Return the caption of the learning curves."""
    n = curves["fit"].nunique()
    return (
        f"Family {family}, {n} fit{'s' * (n != 1)}. Left: RMS error of one augmented bead of the "
        "training by one member, over the steps since the previous point. Right: of one held-out bead; "
        "an image averages over beads and members, so its error is smaller. "
        "A fit without a curve there held out nothing."
    )
