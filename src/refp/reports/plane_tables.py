"""Tables of the report on reference planes beside the planes themselves."""

from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True, slots=True)
class PlaneTables:
    """Tables about a set of reference planes; sections of empty ones are left out.

    Every table begins with the columns ``dataset, experiment, fov``, and ``exposure_ms`` where a row
    belongs to one exposure; ``comparison`` names its planes in words instead.

    Attributes
    ----------
    by_features
        Columns of ``planes.csv``: by the article's method, two feature curves against nominal Z.
    budget
        A row per plane and source of uncertainty: ``term, u_um, dof, meaning``.
    intervals
        A row per plane: ``refp_um, u_um, dof, lower_um, upper_um, coverage``.
    fields
        A row per field of view: ``n_frames, n_frames_trusted, stage_sigma_um, stage_sigma_u_um,
        n_beads, n_off_plane, spread_um, residual_um`` and, each with its ``_u_``,
        ``tilt_y_um_per_px, tilt_x_um_per_px, bend_um_per_px2``.
    beads
        A row per bead of a field: ``bead, y_px, x_px, height_um, height_u_um, size, n_frames,
        slide_um, off_plane``.
    comparison
        A row per difference: ``kind, within, first, second, difference_um, u_um, lower_um, upper_um,
        coverage, n_first, n_second``; second minus first.
    """

    by_features: pd.DataFrame = field(default_factory=pd.DataFrame)
    budget: pd.DataFrame = field(default_factory=pd.DataFrame)
    intervals: pd.DataFrame = field(default_factory=pd.DataFrame)
    fields: pd.DataFrame = field(default_factory=pd.DataFrame)
    beads: pd.DataFrame = field(default_factory=pd.DataFrame)
    comparison: pd.DataFrame = field(default_factory=pd.DataFrame)


ONLY_PLANES = PlaneTables()
"""No table beside the planes."""
