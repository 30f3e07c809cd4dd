"""Values of a quantity, and their uncertainties, from a table of records."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from refp.core.arrays import FloatArray
from refp.history.baseline import DayArray
from refp.history.history import Quantity

QUANTITY_COLUMNS: Mapping[Quantity, tuple[str, ...]] = {
    "delta_z_um": ("status", "delta_z_um", "u_um", "verdict", "tolerance_um"),
    "slope": ("status", "slope", "slope_u"),
    "t_squared": ("status", "t_squared"),
    "refp_um": ("status", "refp_um", "refp_u_um"),
    "n_beads_used": ("status", "n_beads_used"),
    "background": ("status", "background"),
    "tilt": ("status", "tilt_y_um_per_px", "tilt_x_um_per_px"),
}
"""Columns of a quantity: the status, its values, its standard uncertainty, and tolerance and verdict."""
OF_THREE: frozenset[Quantity] = frozenset({"slope", "t_squared"})
"""Quantities of a daily check of three images, which other estimates do not have."""
DAY_COLUMNS = ("recorded_at", "utc_offset_s")
"""Columns of :func:`days_of`."""
_UNCERTAINTY: Mapping[str, str] = {
    "delta_z_um": "u_um",
    "slope": "slope_u",
    "refp_um": "refp_u_um",
}


def days_of(table: pd.DataFrame) -> DayArray:
    """Return the calendar days of records in the zones that they were recorded in, shape ``(n,)``."""
    offsets = pd.to_timedelta(table["utc_offset_s"], unit="s")
    local = table["recorded_at"].dt.tz_localize(None) + offsets
    return local.to_numpy(dtype="datetime64[D]")


def values_of(table: pd.DataFrame, quantity: Quantity) -> FloatArray:
    """Return the values of a quantity, shape ``(n,)``; NaN where a record is refused or has none.

    The fit of a check is kept where its image is refused, since it may be the reason.
    """
    if quantity == "t_squared":
        return table[quantity].to_numpy(dtype=float)
    if quantity == "tilt":
        values = np.hypot(table["tilt_y_um_per_px"], table["tilt_x_um_per_px"])
    else:
        values = table[quantity]
    return np.where(table["status"] == "ok", np.asarray(values, dtype=float), np.nan)


def uncertainties_of(table: pd.DataFrame, quantity: Quantity) -> FloatArray:
    """Return the standard uncertainties of a quantity, shape ``(n,)``; NaN if it has none."""
    if quantity not in _UNCERTAINTY:
        return np.full(len(table), np.nan)
    return table[_UNCERTAINTY[quantity]].to_numpy(dtype=float)
