"""Tables of the output files: column names, order and types.

An experiment or FOV is a whole number where every name in the table is one, otherwise text. An exposure
that is not known is missing: NaN here, empty in CSV, null in parquet and JSON.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from refp.core.flags import BeadFlag, describe
from refp.core.labels import Label
from refp.estimate.focus_estimate import FocusEstimate
from refp.estimate.rows import DETAIL_COLUMNS, ESTIMATE_COLUMNS, estimate_rows
from refp.measure.features.features import FeatureCurve, SweepMeasurement
from refp.plane.budget import COVERAGE, TERMS, stage_sigma
from refp.plane.compare import Difference
from refp.plane.plane import BeadPlanes, FieldAxis, ReferencePlane
from refp.sweeps.frame import Frame, Name, SweepKey

KEY_COLUMNS = ("dataset", "experiment", "fov", "exposure_ms")
PLANE_COLUMNS = (
    *KEY_COLUMNS,
    *("refp_um", "refp_u_um", "refp_ss_um", "refp_ss_u_um", "refp_ci_um", "refp_ci_u_um"),
    *("n_frames", "n_frames_used", "n_beads", "flags"),
)
ERROR_COLUMNS = (
    *(*ESTIMATE_COLUMNS, *KEY_COLUMNS, "z_um", "delta_z_true_um", "error_um"),
    *("label_u_um", "label"),
)
BEAD_COLUMNS = (
    *KEY_COLUMNS,
    *("z_um", "image", "bead", "y_px", "x_px", "area_px", "circularity", "contrast"),
    *("center_y_px", "center_x_px", "steepest_slope", "center_intensity", "background"),
    *("n_saturated_px", "confidence", "flags"),
)
CURVE_COLUMNS = (
    *KEY_COLUMNS,
    *("z_um", "steepest_slope", "center_intensity", "ss_saturated", "ci_saturated", "n_beads"),
    *("ss_fitted", "ci_fitted", "stage_error_um", "stage_error_u_um", "trusted"),
)
BUDGET_COLUMNS = (*KEY_COLUMNS, "term", "source", "u_um", "dof", "meaning")
INTERVAL_COLUMNS = (*KEY_COLUMNS, "refp_um", "u_um", "dof", "lower_um", "upper_um", "coverage")
FIELD_COLUMNS = (
    *KEY_COLUMNS[:3],
    *("n_frames", "n_frames_trusted", "stage_sigma_um", "stage_sigma_u_um", "n_beads"),
    *("n_off_plane", "spread_um", "tilt_y_um_per_px", "tilt_y_u_um_per_px", "tilt_x_um_per_px"),
    *("tilt_x_u_um_per_px", "bend_um_per_px2", "bend_u_um_per_px2", "residual_um"),
)
BEAD_PLANE_COLUMNS = (
    *KEY_COLUMNS[:3],
    *("bead", "y_px", "x_px", "height_um", "height_u_um", "size", "n_frames", "slide_um"),
    "off_plane",
)
COMPARISON_COLUMNS = (
    *("kind", "within", "first", "second", "difference_um", "u_um", "lower_um", "upper_um"),
    *("coverage", "n_first", "n_second"),
)
TEXT_COLUMNS = ("dataset", "image", "flags")


def plane_table(planes: Iterable[ReferencePlane]) -> pd.DataFrame:
    """Return one row per experiment, FOV and exposure (``planes.csv``)."""
    rows = [
        (
            *key_row(p.key),
            *(p.refp_um, p.refp_u_um, p.ss.z_um, p.ss.u_um, p.ci.z_um, p.ci.u_um),
            *(p.n_frames, p.n_frames_used, p.n_beads, describe(p.flags)),
        )
        for p in planes
    ]
    return _names(pd.DataFrame(rows, columns=list(PLANE_COLUMNS)))


def read_plane_table(path: Path) -> pd.DataFrame:
    """Read ``planes.csv`` with the types of :func:`plane_table`; an unknown exposure is NaN."""
    texts = dict.fromkeys(TEXT_COLUMNS, str)
    # Only quantities can be missing: a field of view may be called "NA", and flags may be empty.
    missing = {name: [""] for name in PLANE_COLUMNS if name.endswith("_um")}
    missing["exposure_ms"] = ["", "0"]  # 0: older tables
    return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=missing)


def curve_table(
    curves: Sequence[FeatureCurve],
    planes: Sequence[ReferencePlane],
    axes: Sequence[FieldAxis] = (),
) -> pd.DataFrame:
    """Return one row per frame of each sweep: features, fitted pooled profiles, stage error."""
    parts = [_curve(*pair) for pair in zip(curves, planes, strict=True)]
    for axis in axes:
        frames = axis.profiles
        for number in axis.shift_um:
            own = frames.sweep == number
            rows = frames.frame[own]
            parts[number].loc[rows, "stage_error_um"] = axis.stage_error_um[own]
            parts[number].loc[rows, "stage_error_u_um"] = axis.u_um[own]
            parts[number].loc[rows, "trusted"] = axis.trusted[own]
    return _concat(parts, CURVE_COLUMNS)


def _curve(c: FeatureCurve, p: ReferencePlane) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **dict(zip(KEY_COLUMNS, key_row(c.key), strict=True)),
            "z_um": c.z_um,
            "steepest_slope": c.steepest_slope,
            "center_intensity": c.center_intensity,
            "ss_saturated": c.ss_saturated,
            "ci_saturated": c.ci_saturated,
            "n_beads": c.n_beads,
            "ss_fitted": p.ss.fitted,
            "ci_fitted": p.ci.fitted,
            "stage_error_um": float("nan"),
            "stage_error_u_um": float("nan"),
            "trusted": False,
        }
    )


def budget_table(planes: Iterable[ReferencePlane]) -> pd.DataFrame:
    """Return one row per plane and source of its uncertainty."""
    rows = [
        (*key_row(p.key), part.term, part.source, part.u_um, part.dof, TERMS[part.term])
        for p in planes
        for part in p.budget
    ]
    return _names(pd.DataFrame(rows, columns=list(BUDGET_COLUMNS)))


def interval_table(planes: Iterable[ReferencePlane]) -> pd.DataFrame:
    """Return one row per plane with its expanded uncertainty."""
    rows = [
        (*key_row(p.key), p.refp_um, p.refp_u_um, p.dof, p.lower_um, p.upper_um, COVERAGE)
        for p in planes
    ]
    return _names(pd.DataFrame(rows, columns=list(INTERVAL_COLUMNS)))


def field_table(axes: Sequence[FieldAxis], beads: Sequence[BeadPlanes]) -> pd.DataFrame:
    """Return one row per field of view: its stage errors, its beads, its slide."""
    rows = [_field(axis, planes) for axis, planes in zip(axes, beads, strict=True)]
    return _names(pd.DataFrame(rows, columns=list(FIELD_COLUMNS)))


def _field(axis: FieldAxis, beads: BeadPlanes) -> tuple[object, ...]:
    slide = beads.slide
    (tilt_y, tilt_x), (u_y, u_x) = slide.tilt_um_per_px, slide.tilt_u_um_per_px
    sigma, dof = stage_sigma(axis, 0.0)
    return (
        *beads.field,
        *(len(axis.profiles), axis.n_trusted, sigma, sigma / np.sqrt(2 * dof)),
        *(len(beads), int(beads.off_plane.sum()), beads.spread_um),
        *(tilt_y, u_y, tilt_x, u_x, slide.bend_um_per_px2, slide.bend_u_um_per_px2),
        slide.residual_um,
    )


def bead_plane_table(beads: Iterable[BeadPlanes]) -> pd.DataFrame:
    """Return one row per bead of each field with its own plane (``bead_planes.csv``)."""
    parts = [
        pd.DataFrame(
            {
                **dict(zip(KEY_COLUMNS[:3], planes.field, strict=True)),
                "bead": planes.bead,
                "y_px": planes.center_px[:, 0],
                "x_px": planes.center_px[:, 1],
                "height_um": planes.height_um,
                "height_u_um": planes.height_u_um,
                "size": planes.size,
                "n_frames": planes.n_frames,
                "slide_um": planes.slide.height_at(planes.center_px),
                "off_plane": planes.off_plane,
            }
        )
        for planes in beads
    ]
    return _concat(parts, BEAD_PLANE_COLUMNS)


def comparison_table(differences: Iterable[Difference]) -> pd.DataFrame:
    """Return one row per difference between planes (``comparison.csv``)."""
    rows = [{**asdict(difference), "coverage": COVERAGE} for difference in differences]
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def bead_table(measurements: Iterable[SweepMeasurement]) -> pd.DataFrame:
    """Return one row per bead per frame (``beads.parquet``)."""
    return _concat([_beads_of_sweep(m) for m in measurements], BEAD_COLUMNS)


def _beads_of_sweep(m: SweepMeasurement) -> pd.DataFrame:
    frame = m.frame_index
    return pd.DataFrame(
        {
            **dict(zip(KEY_COLUMNS, key_row(m.key), strict=True)),
            "z_um": np.array([f.z_um for f in m.frames])[frame],
            "image": np.array([f.label for f in m.frames], dtype=object)[frame],
            "bead": m.bead_number,
            "y_px": m.beads.center_px[:, 0],
            "x_px": m.beads.center_px[:, 1],
            "area_px": m.beads.area_px,
            "circularity": m.beads.circularity,
            "contrast": m.beads.contrast,
            "center_y_px": m.profiles.center_px[:, 0],
            "center_x_px": m.profiles.center_px[:, 1],
            "steepest_slope": m.features.steepest_slope,
            "center_intensity": m.features.center_intensity,
            "background": m.profiles.background,
            "n_saturated_px": m.profiles.n_saturated_px,
            "confidence": m.beads.confidence,
            "flags": [describe(BeadFlag(int(flag))) for flag in m.beads.flags],
        }
    )


def estimate_table(
    images: Sequence[str], estimates: Sequence[FocusEstimate], model: str
) -> pd.DataFrame:
    """Return one row per image (``estimates.csv``)."""
    rows = estimate_rows(images, estimates, model)
    return pd.DataFrame(rows, columns=[*ESTIMATE_COLUMNS, *DETAIL_COLUMNS])


def error_table(
    frames: Sequence[Frame], estimates: pd.DataFrame, labels: Sequence[Label]
) -> pd.DataFrame:
    """Return estimates with the label of each frame (``errors.csv``)."""
    keys = pd.DataFrame([key_row(f.key) for f in frames], columns=list(KEY_COLUMNS))
    table = pd.concat([estimates.reset_index(drop=True), keys], axis=1)
    table["z_um"] = [f.z_um for f in frames]
    table["delta_z_true_um"] = np.array([label.dz_um for label in labels], dtype=np.float64)
    table["error_um"] = table["delta_z_um"] - table["delta_z_true_um"]
    table["label_u_um"] = np.array([label.u_um for label in labels], dtype=np.float64)
    table["label"] = np.array([label.origin for label in labels], dtype=str)
    return _names(table[list(ERROR_COLUMNS)])


def key_row(key: SweepKey) -> tuple[str, Name, Name, float]:
    """Return the values of :data:`KEY_COLUMNS`."""
    return (key.dataset, key.experiment, key.fov, key.known_exposure_ms)


def keys_of(table: pd.DataFrame) -> list[tuple[object, ...]]:
    """Return the key of each row, with ``None`` for a missing exposure, since NaN equals no NaN."""
    keys = table[list(KEY_COLUMNS)].astype(object)
    return list(keys.where(keys.notna(), None).itertuples(index=False, name=None))


def _concat(parts: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame(columns=list(columns))
    table = pd.concat(parts, ignore_index=True)[list(columns)]
    # The columns of a sweep without beads have no type.
    text = {column: "str" for column in TEXT_COLUMNS if column in columns}
    return _names(table.astype(text))


def _names(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with experiment and FOV as integers where all are, else as text."""
    named: dict[str, Any] = {}
    for column in ("experiment", "fov"):
        values = table[column].tolist()
        whole = all(isinstance(value, int | np.integer) for value in values)
        named[column] = pd.array(values, dtype="int64") if whole else [str(v) for v in values]
    return table.assign(**named)
