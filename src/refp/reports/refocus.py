"""Refocus runs: position of the stage, dZ and U of every image."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from refp.reports.sheet import Legend, panel_matrix
from refp.reports.style import FLAGGED, INK, MUTED, TOLERANCE, USED, look

_ROW_IN = 2.3
TRUTH = "true_delta_z_um"


@look()
def draw_refocus(steps: pd.DataFrame, tolerance_um: float, title: str = "") -> Figure:
    """Draw Z, dZ with its interval, and U against the number of the image.

    Parameters
    ----------
    steps
        A row per image: ``z_um, delta_z_um, lower_um, upper_um, move_um, status``; of a simulation also
        ``true_delta_z_um``.
    tolerance_um
        Tolerance of abs(dZ) + U, um.
    title
        Title of the figure.
    """
    figure, grid = panel_matrix(3, 1, 3 * _ROW_IN + 0.8, title, sharex=True)
    z, dz, u = (row[0] for row in grid)
    image = steps.index.to_numpy() + 1
    _draw_stage(z, steps)
    dz.axhspan(-tolerance_um, tolerance_um, color=TOLERANCE, alpha=0.5, lw=0)
    bars = [steps["delta_z_um"] - steps["lower_um"], steps["upper_um"] - steps["delta_z_um"]]
    dz.errorbar(
        image, steps["delta_z_um"], yerr=bars, color=USED, marker="o", ms=8, lw=1.2, capsize=5
    )
    truth = TRUTH in steps
    if truth:
        dz.plot(image, steps[TRUTH], ls="", marker="o", ms=14, mfc="none", mec=INK)
    refused = steps["delta_z_um"].isna().to_numpy()
    z.plot(
        image[refused], steps["z_um"][refused], ls="", marker="X", ms=13, color=FLAGGED, zorder=3
    )
    _scale_dz(dz, steps, tolerance_um)
    u.axhspan(0, tolerance_um, color=TOLERANCE, alpha=0.5, lw=0)
    u.plot(image, (steps["upper_um"] - steps["lower_um"]) / 2, color=USED, marker="o", ms=8, lw=1.2)
    u.set(ylabel="U (um)", xlabel="image", xlim=(0.6, len(steps) + 1.4), ylim=(0, None))
    every = max(len(steps) // 12, 1)
    shown = [str(k) if not (k - 1) % every else "" for k in image]
    u.set_xticks([*image, len(steps) + 1], labels=[*shown, "end"])
    legend = Legend().dot(USED, "estimate, bar: 95 % interval")
    legend.dot(INK, "true dZ", hollow=True, when=truth)
    legend.dot(FLAGGED, "no dZ: image refused or missing", marker="X", when=bool(refused.any()))
    legend.dot(MUTED, "stage at the end", marker="s")
    legend.band(TOLERANCE, f"within {tolerance_um:g} um").draw(figure)
    return figure


def _scale_dz(axes: Axes, steps: pd.DataFrame, tolerance_um: float) -> None:
    """Make the axis of dZ linear within the tolerance and logarithmic beyond."""
    own = [name for name in ("delta_z_um", TRUTH) if name in steps]
    farthest_um = float(steps[own].abs().fillna(0.0).to_numpy().max(initial=0.0))
    largest_um = 2 * max(tolerance_um, farthest_um)
    axes.set_yscale("symlog", linthresh=tolerance_um, linscale=0.6)
    decades = [m * 10.0**k for k in range(-2, 5) for m in (1, 3)]
    outside = [value for value in decades if 2 * tolerance_um < value <= largest_um]
    positive = [tolerance_um, *outside]
    ticks = [-value for value in positive] + [0.0, *positive]
    axes.set_yticks(ticks, labels=[f"{value:g}" for value in ticks], minor=False)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set(ylim=(-largest_um, largest_um), ylabel="dZ (um)")


def _draw_stage(axes: Axes, steps: pd.DataFrame) -> None:
    """Draw the position of the stage at each image, and at the end."""
    z_um = steps["z_um"].to_numpy()
    end_um = z_um[-1:] + steps["move_um"].to_numpy()[-1:]
    image = steps.index.to_numpy() + 1
    axes.plot(image, z_um, color=USED, marker="o", ms=8, lw=1.2)
    axes.plot([len(steps), len(steps) + 1], [*z_um[-1:], *end_um], color=MUTED, ls=":", lw=1.5)
    axes.plot([len(steps) + 1], end_um, marker="s", ms=9, color=MUTED)
    axes.set_ylabel("Z of the stage (um)")
