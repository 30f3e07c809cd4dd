"""Rows that a panel shows: by exposure or sweep, their names, and limits of scales."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from refp.reports.style import MUTED, exposure_colors, exposure_label

Limits = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ExposureRows:
    """The rows of one exposure, their label and their colour."""

    label: str
    color: str
    rows: pd.DataFrame


def by_exposure(table: pd.DataFrame, colors: dict[float, str]) -> Iterator[ExposureRows]:
    """Iterate over the exposures of a table, short to long, unknown ones last."""
    for key, rows in table.groupby("exposure_ms", dropna=False, sort=True):
        exposure = float(key)  # type: ignore[arg-type]
        yield ExposureRows(exposure_label(exposure), colors.get(exposure, MUTED), rows)


def colors_of(*tables: pd.DataFrame) -> dict[float, str]:
    """Return one colour per exposure over all tables."""
    return exposure_colors(e for table in tables for e in table["exposure_ms"])


def sweep_names(table: pd.DataFrame) -> pd.Series:
    """Return the name of the sweep of each row: data set, experiment and FOV."""
    words = [
        f"{dataset}, exp {experiment}, FOV {fov}"
        for dataset, experiment, fov in zip(
            table["dataset"], table["experiment"], table["fov"], strict=True
        )
    ]
    return pd.Series(words, index=table.index, dtype="object")


def plane_names(table: pd.DataFrame) -> pd.Series:
    """Return the name of the plane of each row: its sweep and exposure."""
    exposures = table["exposure_ms"].astype(float).map(exposure_label)
    return sweep_names(table) + ", " + exposures.astype("object")


def short_name(name: str, datasets: Collection[str]) -> str:
    """Return the name of a sweep or plane, without its data set where there is only one."""
    return name.removeprefix(f"{next(iter(datasets))}, ") if len(datasets) == 1 else name


def pick(names: Sequence[str], urgent: Collection[str], limit: int) -> list[str]:
    """Choose names to show, spread evenly, a third of them (more where there is room) urgent.

    Parameters
    ----------
    names
        All names, in order.
    urgent
        Names that need attention.
    limit
        Largest number of names.

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
    """Return limits that contain all finite values with a margin of ``pad`` of their range."""
    joined = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in values])
    finite = joined[np.isfinite(joined)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    air = pad * (high - low) or pad * abs(high) or 1.0
    return low - air, high + air


def share_limits(limits: Sequence[Limits]) -> list[Limits]:
    """Return one range for all panels, or their own where one range would squeeze them.

    Sweeps of one instrument are at about the same Z; those of two may be far apart.
    """
    if not limits:
        return []
    low, high = min(a for a, _ in limits), max(b for _, b in limits)
    narrowest = min(b - a for a, b in limits)
    return [(low, high)] * len(limits) if high - low <= 2.5 * narrowest else list(limits)


def span_text(values: Sequence[float] | pd.Series, digits: int) -> str:
    """Return ``a`` or ``a to b``; empty where nothing is finite."""
    numbers = np.asarray(values, dtype=float)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return ""
    low, high = f"{finite.min():.{digits}f}", f"{finite.max():.{digits}f}"
    return low if low == high else f"{low} to {high}"
