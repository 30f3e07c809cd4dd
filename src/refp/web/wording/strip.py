"""Positions of the newest estimates in the strip of the page Live, in percent of its width and height."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from refp.web.messages import Row

N_PLACES = 50
MIN_REACH_UM = 5.0
REACH_TOLERANCES = 2.5
"""Largest absolute dZ of the axis, in tolerances, so that the band of the tolerance stays wide."""
MARGIN_PERCENT = 12.0
"""Above and below the axis of dZ; refused images are in the lower margin, clear of the axis's end."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An estimate in the strip.

    Attributes
    ----------
    x, y
        Position, percent.
    top, bottom
        Ends of the interval, percent; equal without one.
    shape
        The outcome, or ``above`` and ``below`` for a dZ beyond the axis.
    outcome, text
        Outcome, and text of the tooltip.
    """

    x: float
    y: float
    top: float
    bottom: float
    shape: str
    outcome: str
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Marks from the oldest to the newest, lines of the axis with their labels, and the tolerance band.

    ``band`` holds top and height, percent; both are 0 without a tolerance.
    """

    marks: tuple[Mark, ...]
    lines: tuple[tuple[float, str], ...]
    band: tuple[float, float]

    @property
    def is_clipped(self) -> bool:
        """Whether a dZ is beyond the axis."""
        return any(mark.shape in ("above", "below") for mark in self.marks)


def draw_strip(rows: Sequence[Row], tolerance_um: float | None) -> Strip:
    """Return the strip of estimates, the newest of which is at the right.

    Parameters
    ----------
    rows
        Rows of :class:`refp.web.messages.LiveView`, the newest first.
    tolerance_um
        Tolerance, um; ``None``: no band.
    """
    reach_um = _reach_um(rows, tolerance_um)
    shown = rows[:N_PLACES]
    marks = [_mark(row, k, reach_um) for k, row in enumerate(shown)]
    steps_um = (-1, 0, 1)
    unit_um = tolerance_um or _round_down(0.8 * reach_um)
    lines = tuple((_y(step * unit_um, reach_um), _label(step * unit_um)) for step in steps_um)
    band = (0.0, 0.0)
    if tolerance_um is not None:
        top = _y(tolerance_um, reach_um)
        band = top, _y(-tolerance_um, reach_um) - top
    return Strip(tuple(reversed(marks)), lines, band)


def _reach_um(rows: Sequence[Row], tolerance_um: float | None) -> float:
    """Return the largest absolute dZ of the axis: that of all intervals, as far as they fit."""
    ends = [abs(value) for row in rows for value in _ends(row)]
    needed_um = max([*ends, 0.0])
    if tolerance_um is None:
        return max(MIN_REACH_UM, 1.1 * needed_um)
    return min(max(1.5 * tolerance_um, 1.1 * needed_um), REACH_TOLERANCES * tolerance_um)


def _ends(row: Row) -> list[float]:
    values = (row["delta_z_um"], row["lower_um"], row["upper_um"])
    return [float(value) for value in values if isinstance(value, int | float)]


def _mark(row: Row, age: int, reach_um: float) -> Mark:
    x = 100 * (N_PLACES - age - 0.5) / N_PLACES
    outcome, time = str(row["outcome"]), str(row["recorded_at"])[11:19]
    ends, dz_um = _ends(row), row["delta_z_um"]
    if not isinstance(dz_um, int | float):
        y = 100 - MARGIN_PERCENT / 3
        return Mark(x, y, y, y, "refused", outcome, f"{time} refused: {row['image']}")
    y, top, bottom = (_y(value, reach_um) for value in (dz_um, max(ends), min(ends)))
    shape = outcome if abs(dz_um) <= reach_um else "above" if dz_um > 0 else "below"
    text = f"{time} {_label(dz_um, 1)} {outcome}: {row['image']}"
    return Mark(x, y, top, bottom, shape, outcome, text)


def _y(dz_um: float, reach_um: float) -> float:
    """Return the height of a dZ, percent from the top; values beyond the axis are at its end."""
    clipped = max(-1.0, min(1.0, dz_um / reach_um))
    return round(50 - (50 - MARGIN_PERCENT) * clipped, 2)


def _label(dz_um: float, digits: int | None = None) -> str:
    text = f"{abs(dz_um):g}" if digits is None else f"{abs(dz_um):.{digits}f}"
    sign = "+" if dz_um > 0 else "\N{MINUS SIGN}" if dz_um < 0 else ""
    return f"{sign}{text} \N{MICRO SIGN}m"


def _round_down(value_um: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20, ... that is not above a value."""
    power = 10.0 ** math.floor(math.log10(value_um))
    return power * max(step for step in (1, 2, 5) if step * power <= value_um)
