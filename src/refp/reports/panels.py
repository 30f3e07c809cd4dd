"""Panels of one figure: their grid, the scales they share, and names of what they show."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from refp.reports.style import MUTED, WIDTH_IN, exposure_colors, exposure_label, set_title

Limits = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ExposureRows:
    """The rows of one exposure and how they are drawn."""

    label: str
    color: str
    rows: pd.DataFrame


def by_exposure(table: pd.DataFrame, colors: dict[float, str]) -> Iterator[ExposureRows]:
    """Go through the exposures of a table, short to long, one not known last."""
    for key, rows in table.groupby("exposure_ms", dropna=False, sort=True):
        exposure = float(key)  # type: ignore[arg-type]
        yield ExposureRows(exposure_label(exposure), colors.get(exposure, MUTED), rows)


def colors_of(*tables: pd.DataFrame) -> dict[float, str]:
    """Return one colour per exposure over all tables."""
    return exposure_colors(e for table in tables for e in table["exposure_ms"])


def sweep_names(table: pd.DataFrame) -> pd.Series:
    """Return, for every row, data set, experiment and FOV in words."""
    words = [
        f"{dataset}, exp {experiment}, FOV {fov}"
        for dataset, experiment, fov in zip(
            table["dataset"], table["experiment"], table["fov"], strict=True
        )
    ]
    return pd.Series(words, index=table.index, dtype="object")


def plane_names(table: pd.DataFrame) -> pd.Series:
    """Return, for every row, the name of its sweep with the exposure."""
    exposures = table["exposure_ms"].astype(float).map(exposure_label)
    return sweep_names(table) + ", " + exposures.astype("object")


def short_name(name: str, datasets: Collection[str]) -> str:
    """Return the name of a sweep or plane without its data set, where there is but one."""
    return name.removeprefix(f"{next(iter(datasets))}, ") if len(datasets) == 1 else name


def pick(names: Sequence[str], urgent: Collection[str], limit: int) -> list[str]:
    """Choose what a figure shows: a third of it urgent (more where there is room), all spread evenly.

    Parameters
    ----------
    names
        All there is, in order.
    urgent
        Those of them that ask for attention.
    limit
        At most so many.

    Returns
    -------
    list of str
        In the order of ``names``.
    """
    if len(names) <= limit:
        return list(names)
    others = [n for n in names if n not in urgent]
    picked = _spread([n for n in names if n in urgent], max(limit // 3, limit - len(others)))
    picked |= _spread(others, limit - len(picked))
    return [n for n in names if n in picked]


def _spread(names: Sequence[str], n: int) -> set[str]:
    if len(names) <= n:
        return set(names)
    return {names[i] for i in np.linspace(0, len(names) - 1, n).round().astype(int)}


def unique_in_order(values: Sequence[str] | pd.Series) -> list[str]:
    """Return each value once, in order of appearance."""
    return list(dict.fromkeys(str(v) for v in values))


def padded_limits(*values: ArrayLike, pad: float = 0.06) -> Limits:
    """Return limits that hold all finite values with some air about them."""
    joined = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in values])
    finite = joined[np.isfinite(joined)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    air = pad * (high - low) or pad * abs(high) or 1.0
    return low - air, high + air


def share_limits(limits: Sequence[Limits]) -> list[Limits]:
    """Return one range for all panels, or their own where one range would squeeze them.

    Sweeps of one instrument stand at about the same Z; those of two may be far apart.
    """
    if not limits:
        return []
    low, high = min(a for a, _ in limits), max(b for _, b in limits)
    narrowest = min(b - a for a, b in limits)
    return [(low, high)] * len(limits) if high - low <= 2.5 * narrowest else list(limits)


def grid_shape(n: int, max_columns: int) -> tuple[int, int]:
    """Return rows and columns for ``n`` panels, rows filled evenly."""
    rows = max(math.ceil(n / max_columns), 1)
    return rows, max(math.ceil(n / rows), 1)


def panel_grid(n: int, max_columns: int, height_in: float, title: str) -> tuple[Figure, list[Axes]]:
    """Return a figure of the common width with ``n`` panels, rows filled evenly."""
    rows, columns = grid_shape(n, max_columns)
    figure = Figure(figsize=(WIDTH_IN, height_in + 0.4 * bool(title)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)  # type: ignore[union-attr,call-arg]
    set_title(figure, title)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[n:]:
        axes.remove()
    return figure, panels[:n]


def span_text(values: Sequence[float] | pd.Series, digits: int) -> str:
    """Return ``a`` or ``a to b``; empty where nothing is finite."""
    numbers = np.asarray(values, dtype=float)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return ""
    low, high = f"{finite.min():.{digits}f}", f"{finite.max():.{digits}f}"
    return low if low == high else f"{low} to {high}"
