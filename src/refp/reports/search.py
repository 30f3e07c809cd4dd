"""Search for settings: the error of each trial against each setting (Fig. 4 of the paper)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from refp.reports.page import (
    Headline,
    ReportFigure,
    ReportSection,
    table_file,
    vector_figure,
)
from refp.reports.panels import padded_limits
from refp.reports.sheet import (
    Legend,
    blank_sheet,
    empty_figure,
    label_left,
    panel_grid,
    plain_log_axis,
)
from refp.reports.style import FLAGGED, MUTED, USED, WIDTH_IN, ink_on, look
from refp.reports.tables import format_table

PAIR = ("learning_rate", "weight_decay")
"""Settings of the article's Fig. 4: initial learning rate and L2 regularisation."""
MAX_ROWS = 15
_NOT_SETTINGS = ("trial", "state", "n_steps", "rms_um")
_LOG_RATIO = 20.0
"""A setting that spans more than this is drawn on a logarithmic axis."""
_FEW_LEVELS = 5
_WORDS = {
    "learning_rate": "learning rate",
    "weight_decay": "L2 regularisation",
    "drop_epochs": "epochs between drops",
    "drop_factor": "factor of a drop",
    "batch": "batch",
    "validate_steps": "steps between validations",
}


def search_sections(trials: pd.DataFrame, about: Mapping[str, str]) -> list[ReportSection]:
    """Return the sections about a search.

    Parameters
    ----------
    trials
        Columns of ``trials.csv``.
    about
        Family, sampler, trials, steps of a fit and the like, as text.
    """
    caption = ", ".join(f"{name} {value}" for name, value in about.items())
    done = trials[trials["state"] == "done"]
    best = done.sort_values("rms_um", kind="stable").head(MAX_ROWS)
    table = format_table(best, f"The {len(best)} best of {len(done)} completed trials.", [0])
    return [
        ReportSection(
            "Trials",
            text="The error is the RMS of one held-out bead by one network, after the given number "
            "of steps; a model averages over beads and networks.",
            figures=tuple(_figures(trials, caption)),
            tables=(table,) if len(best) else (),
            headlines=(search_headline(trials),),
            files=(table_file(trials, "trials.csv"),),
        )
    ]


def search_headline(trials: pd.DataFrame) -> Headline:
    """Return the verdict on a search: its best trial."""
    done = trials[trials["state"] == "done"]
    if done.empty:
        return Headline("poor", f"None of {len(trials)} trials was completed.")
    best = done.sort_values("rms_um", kind="stable").iloc[0]
    text = f"Trial {best['trial']} is the best of {len(trials)}: {best['rms_um']:.2f} um RMS."
    middle = f"{done['rms_um'].median():.2f}"
    numbers = (("best (um)", f"{best['rms_um']:.2f}"), ("median of completed trials (um)", middle))
    return Headline("good", text, numbers)


def _figures(trials: pd.DataFrame, caption: str) -> list[ReportFigure]:
    shown = vector_figure(
        draw_search(trials),
        "Error of each trial against each setting that was varied.",
        f"{caption}. Points: trials; line: the best trial at each level.",
    )
    if not set(PAIR).issubset(trials.columns):
        return [shown]
    pair = vector_figure(
        draw_pair(trials),
        "Error of the trials in the plane of learning rate and L2 regularisation.",
        f"{caption}. The article's Fig. 4: the best trial at each point, over all other settings.",
    )
    return [shown, pair]


@look()
def draw_search(trials: pd.DataFrame) -> Figure:
    """Draw the error of every trial against each setting that was varied, a panel each."""
    names = [name for name in trials.columns if name not in _NOT_SETTINGS]
    known = trials[trials["rms_um"].notna()]
    if known.empty or not names:
        return empty_figure("no trial with a known error")
    figure, panels = panel_grid(len(names), 3, 2.8)
    low, high = (10**end for end in padded_limits(np.log10(known["rms_um"])))
    for axes, name in zip(panels, names, strict=True):
        _draw_setting(axes, known, name)
        axes.set(yscale="log", ylim=(low, high), xlabel=_setting_label(name))
        plain_log_axis(axes.yaxis, low, high)
        label_left(axes, "RMS error (um)")
    best = Line2D([], [], ls="", marker="*", ms=13, mfc=FLAGGED, mec="white", label="best")
    stopped = bool((known["state"] != "done").any())
    legend = Legend().dot(USED, "completed").dot(USED, "stopped early", hollow=True, when=stopped)
    legend.add(best).line(MUTED, "best at each level", lw=1.4).draw(figure)
    return figure


def _setting_label(name: str) -> str:
    return _WORDS.get(name, name.replace("_", " "))


def _draw_setting(axes: Axes, known: pd.DataFrame, name: str) -> None:
    x = _positions(axes, known[name])
    done = (known["state"] == "done").to_numpy()
    y = known["rms_um"].to_numpy(dtype=float)
    style = {"ls": "", "marker": "o", "ms": 6, "mec": USED, "mew": 1.2, "alpha": 0.75}
    axes.add_line(Line2D(x[~done], y[~done], mfc="white", **style))  # type: ignore[arg-type]
    axes.add_line(Line2D(x[done], y[done], mfc=USED, **style))  # type: ignore[arg-type]
    if done.any():
        _draw_best(axes, x[done], y[done])
    low, high = padded_limits(np.log10(x) if axes.get_xscale() == "log" else x, pad=0.1)
    axes.set_xlim((10**low, 10**high) if axes.get_xscale() == "log" else (low, high))


def _draw_best(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Mark the best trial, and join the best of each level where there are few levels."""
    levels = np.unique(x)
    if 1 < len(levels) <= max(len(x) // 2, 2):
        least = [y[x == level].min() for level in levels]
        axes.plot(levels, least, color=MUTED, lw=1.4, zorder=2)
    best = int(np.argmin(y))
    axes.plot(x[best], y[best], ls="", marker="*", ms=15, mfc=FLAGGED, mec="white", zorder=5)


def _positions(axes: Axes, values: pd.Series) -> np.ndarray:
    """Return X positions of values: of few levels evenly spaced, of more their own values."""
    levels = sorted(set(values))
    if len(levels) <= _FEW_LEVELS or not pd.api.types.is_numeric_dtype(values):
        _label_levels(axes.set_xticks, levels)
        return values.map({level: i for i, level in enumerate(levels)}).to_numpy(dtype=float)
    if levels[0] > 0 and levels[-1] / levels[0] > _LOG_RATIO:
        axes.set_xscale("log")
        plain_log_axis(axes.xaxis, levels[0], levels[-1])
    else:
        axes.locator_params(axis="x", nbins=4)
    return values.to_numpy(dtype=float)


def _label_levels(set_ticks: Callable[..., object], levels: Sequence[object]) -> None:
    words = [f"{level:g}" if isinstance(level, int | float) else str(level) for level in levels]
    small = sum(len(word) for word in words) > 22
    set_ticks(range(len(levels)), words, fontsize=10 if small else 13)


@look()
def draw_pair(
    trials: pd.DataFrame, pair: tuple[str, str] = PAIR, *, mark_best: bool = True
) -> Figure:
    """Draw the error of the best trial at each point in the plane of two settings."""
    known = trials[(trials["state"] == "done") & trials["rms_um"].notna()]
    if known.empty:
        return empty_figure("no trial was completed")
    least = known.sort_values("rms_um", kind="stable").drop_duplicates(list(pair))
    figure = blank_sheet(4.6, width_in=0.75 * WIDTH_IN)
    axes = figure.subplots()
    x, y = (_pair_positions(axes, least[name], side) for name, side in zip(pair, "xy", strict=True))
    error = least["rms_um"].to_numpy(dtype=float)
    few = len(least) <= _FEW_LEVELS**2
    look_of: dict[str, Any] = {"s": 1500 if few else 140, "marker": "s" if few else "o"}
    norm = LogNorm(error.min(), max(error.max(), 1.01 * error.min()))
    points = axes.scatter(x, y, c=error, cmap="viridis_r", norm=norm, lw=0, zorder=3, **look_of)
    if mark_best:
        axes.scatter(x[:1], y[:1], facecolor="none", edgecolor=FLAGGED, lw=3, zorder=5, **look_of)
        Legend().dot(FLAGGED, "best", hollow=True, marker="s" if few else "o").draw(figure)
    if few:
        for at_x, at_y, value, color in zip(x, y, error, points.to_rgba(error), strict=True):
            text: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 12, "zorder": 6}
            axes.text(at_x, at_y, f"{value:.3g}", color=ink_on(to_hex(color)), **text)
    bar = figure.colorbar(points, ax=axes, label="RMS error (um)")
    bar.set_ticks(np.geomspace(norm.vmin or 1.0, norm.vmax or 1.0, 5).tolist(), minor=False)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    return figure


def _pair_positions(axes: Axes, values: pd.Series, side: str) -> np.ndarray:
    """Return positions of values along one side of the plane, and label that side."""
    axis, limit = (axes.xaxis, axes.set_xlim) if side == "x" else (axes.yaxis, axes.set_ylim)
    axis.set_label_text(_setting_label(str(values.name)))
    levels = sorted(set(values))
    if len(levels) <= _FEW_LEVELS:
        _label_levels(axes.set_xticks if side == "x" else axes.set_yticks, levels)
        limit(-0.6, len(levels) - 0.4)
        return values.map({level: i for i, level in enumerate(levels)}).to_numpy(dtype=float)
    (axes.set_xscale if side == "x" else axes.set_yscale)("log")
    low, high = (10**end for end in padded_limits(np.log10(values)))
    limit(low, high)
    plain_log_axis(axis, low, high)
    return values.to_numpy(dtype=float)
