"""Errors of dZ on each test, on a scale that outliers do not stretch (Figs 11, 12, 14)."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from refp.reports.errors import draw_errors, error_reach
from refp.reports.panels import Limits
from refp.reports.residuals import largest_near

_OPTIONAL: dict[str, Any] = {
    "status": "ok",
    "lower_um": np.nan,
    "upper_um": np.nan,
    "label_u_um": 0.0,
    "label": "nominal",
}


def draw_study_errors(
    errors: pd.DataFrame, trained_um: Limits, tolerance_um: float, title: str = ""
) -> Figure:
    """Draw the error of every image against its labelled dZ, a panel per data set.

    Parameters
    ----------
    errors
        A row per image: ``dataset, exposure_ms, delta_z_true_um, error_um`` and, where
        known, ``status, lower_um, upper_um, label_u_um, label``. Images beyond the scale
        are triangles on its edge, refused ones hollow triangles.
    trained_um
        Lowest and highest dZ trained on, NaN where not known; the range outside is hatched.
    tolerance_um
        Half height of the band; NaN for none.
    title
        Names of the data sets.
    """
    lacking = {name: value for name, value in _OPTIONAL.items() if name not in errors.columns}
    rows = errors.assign(**lacking)
    rows["status"] = rows["status"].fillna("ok")
    rows.loc[rows["status"] == "refused", "error_um"] = np.nan
    reach = error_reach(rows, tolerance_um, largest_near(rows["error_um"]))
    return draw_errors(rows, tolerance_um, title, trained_um=trained_um, reach_um=reach)
