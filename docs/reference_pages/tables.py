"""Columns of the files that commands write."""

import inspect
import re
from collections.abc import Iterable

from reference_pages.markdown import cell, code, page, table
from refp.estimate.rows import DETAIL_COLUMNS, ESTIMATE_COLUMNS, VERDICT_COLUMN
from refp.history import HistoryRecord
from refp.history.rows import COLUMNS as RECORD_COLUMNS
from refp.pipeline.held_out import BEAD_ERROR_COLUMNS, LEARNING_COLUMNS, SPLIT_COLUMNS
from refp.pipeline.tables import (
    BEAD_COLUMNS,
    BEAD_PLANE_COLUMNS,
    BUDGET_COLUMNS,
    COMPARISON_COLUMNS,
    CURVE_COLUMNS,
    ERROR_COLUMNS,
    FIELD_COLUMNS,
    INTERVAL_COLUMNS,
    PLANE_COLUMNS,
)
from refp.web.schemas.common import EstimateRow
from refp.web.schemas.history import RecordRow

INTRO = """
Names, types and order of columns are a contract that tests check. `--json` prints the same columns. A missing number is
empty in CSV, NaN in Parquet and `null` in JSON. `flags` joins the names of [flags](flags.md) by `|`.
"""
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "planes.csv": ("`refp plane`: a row for each experiment, FOV and exposure", PLANE_COLUMNS),
    "estimates.csv": (
        "`refp estimate`: a row for each image, and each time point of a file of several",
        (*ESTIMATE_COLUMNS, *DETAIL_COLUMNS, VERDICT_COLUMN),
    ),
    "errors.csv": ("`refp evaluate`: a row for each image of labelled sweeps", ERROR_COLUMNS),
    "beads.parquet": ("`refp plane`: a row for each bead and frame", BEAD_COLUMNS),
    "curves.parquet": ("`refp plane`: a row for each frame of a sweep", CURVE_COLUMNS),
    "bead_planes.csv": ("`refp plane`: a row for each bead of a field", BEAD_PLANE_COLUMNS),
    "comparison.csv": ("`refp plane`: a row for each difference of two planes", COMPARISON_COLUMNS),
    "Intervals in planes.json": ("`refp plane`: a row for each plane", INTERVAL_COLUMNS),
    "Budget in planes.json": (
        "`refp plane`: a row for each contribution to the uncertainty of a plane",
        BUDGET_COLUMNS,
    ),
    "Fields in planes.json": ("`refp plane`: a row for each field", FIELD_COLUMNS),
    "Held-out beads": ("report of `refp train`: a row for each held-out bead", BEAD_ERROR_COLUMNS),
    "Splits": ("report of `refp train`: a row for each split", SPLIT_COLUMNS),
    "Learning curves": ("report of `refp train`: a row for each validation", LEARNING_COLUMNS),
    "Records of the history": (
        "`refp history list` and `export`, `GET /api/v1/history`: a row for each record",
        RECORD_COLUMNS,
    ),
}
"""Heading, condition and columns of each table."""
MEANINGS = {
    "area_px": "area inside the edge, px",
    "background": "mean intensity of the ring outside the bead, grey levels",
    "bead": "number of the bead in its field, the same in all frames and exposures",
    "bead_rms_um": "RMS error of single held-out beads, um",
    "bend_u_um_per_px2": "its standard uncertainty",
    "bend_um_per_px2": "bend of the slide, um/px²",
    "bias_um": "mean error, um",
    "center_intensity": "centre intensity over background",
    "center_x_px": "column of the fitted centre, px",
    "center_y_px": "row of the fitted centre, px",
    "ci_fitted": "pooled profile of the centre intensity at this frame",
    "ci_saturated": "whether a bead in the midmean has a saturated pixel",
    "circularity": "4π area over squared perimeter",
    "confidence": "0 to 1; below 0.5 the bead is not used",
    "contrast": "mean of |1 - I / background| over the disc",
    "coverage": "probability that the interval holds the value",
    "dataset": "name of the data set",
    "delta_z_true_um": "true or nominal dZ, um",
    "delta_z_um": "dZ, positive above the reference plane, um",
    "difference_um": "second less first plane, um",
    "dof": "effective degrees of freedom",
    "error_um": "estimate less true dZ, um",
    "experiment": "repetition with the same sample",
    "coverage_observed": "fraction of intervals that hold the label, its uncertainty included",
    "exposure_ms": "exposure time, ms; missing where no file, name or manifest states it",
    "first": "first plane of the difference",
    "fit": "network or group of networks",
    "flags": "[flags](flags.md), joined by |",
    "fov": "field of view",
    "height_u_um": "its standard uncertainty, um",
    "height_um": "height of the bead's own plane above that of the field, um",
    "held_out": "part that training did not use",
    "image": "file name, with #page for a further page",
    "kind": "kind of the difference: exposure, field, experiment, data set or instrument",
    "label": "origin of the known dZ: nominal, stage-corrected or simulated",
    "label_u_um": "standard uncertainty of the known dZ, um",
    "largest_um": "largest absolute error, um",
    "loss": "value of the loss function",
    "lower_um": "lower end of the interval, um",
    "meaning": "contribution in words",
    "n_beads": "beads found",
    "n_beads_used": "beads with weight in the result",
    "n_first": "planes on the first side",
    "n_frames": "frames",
    "n_frames_trusted": "frames whose position is used",
    "n_frames_used": "frames that are not saturated or left out",
    "n_images": "images",
    "n_off_plane": "beads off the plane",
    "n_refused": "refused images",
    "n_saturated_px": "pixels of the tile at the white level",
    "n_second": "planes on the second side",
    "n_steps": "steps of training",
    "n_tiles": "tiles",
    "off_plane": "whether the bead is left out as off the plane",
    "refp_ci_u_um": "its standard uncertainty, um",
    "refp_ci_um": "plane of the centre intensity, um",
    "refp_ss_u_um": "its standard uncertainty, um",
    "refp_ss_um": "plane of the steepest slope, um",
    "refp_u_um": "standard uncertainty of the reference plane, um",
    "refp_um": "reference plane, um",
    "residual_um": "scatter of beads about the fitted slide, um",
    "rms_um": "RMS error of held-out beads or images, um",
    "sd_um": "standard deviation that the family states, um",
    "second": "second plane of the difference",
    "size": "bead radius over that of the typical bead",
    "slide_um": "fitted slide at the bead, um",
    "source": "origin of the contribution",
    "split": "split of the training data",
    "spread_um": "standard deviation of the beads' own planes, um",
    "ss_fitted": "pooled profile of the steepest slope at this frame",
    "ss_saturated": "whether a bead in the midmean has a saturated pixel",
    "stage_error_u_um": "its standard uncertainty, um",
    "stage_error_um": "position less nominal Z, um",
    "stage_sigma_u_um": "its standard uncertainty, um",
    "stage_sigma_um": "repeatability of the stage, um",
    "steepest_slope": "steepest slope over background, 1/px",
    "step": "steps since the start",
    "term": "key of the contribution",
    "tilt_x_u_um_per_px": "its standard uncertainty",
    "tilt_x_um_per_px": "rise of the slide to the right, um/px",
    "tilt_y_u_um_per_px": "its standard uncertainty",
    "tilt_y_um_per_px": "rise of the slide downwards in the image, um/px",
    "train_rms_um": "RMS error of training beads, um",
    "trusted": "whether the position of the frame is used",
    "u_um": "standard uncertainty, um",
    "upper_um": "upper end of the interval, um",
    "within": "planes that are compared have this in common",
    "x_px": "column of the bead, px",
    "y_px": "row of the bead, px",
    "z_um": "nominal Z, um",
}
"""Meanings of the columns that the schemas of the API do not describe."""

SCHEMAS: dict[str, tuple[type[EstimateRow | RecordRow], ...]] = {
    "estimates.csv": (EstimateRow,),
    "errors.csv": (EstimateRow,),
    "Records of the history": (RecordRow,),
}
"""Schemas of the API that describe the columns of a table."""


def meaning(column: str, schemas: Iterable[type[EstimateRow | RecordRow]]) -> str:
    """Return the meaning of a column: that of a schema, else of :data:`MEANINGS`.

    Raises
    ------
    KeyError
        If a column is described nowhere.
    """
    for schema in schemas:
        field = schema.model_fields.get(column)
        if field is not None and field.description:
            return cell(field.description)
    found = attributes(HistoryRecord) if RecordRow in schemas else {}
    return cell(found.get(column) or MEANINGS[column])


def attributes(kind: type) -> dict[str, str]:
    """Return the description of each attribute in the docstring of a class."""
    _, _, section = inspect.cleandoc(kind.__doc__ or "").partition("Attributes\n----------\n")
    entries = re.findall(r"^(\w.*)\n((?: +.*\n?)+)", section, re.MULTILINE)
    return {name: inspect.cleandoc(text) for names, text in entries for name in names.split(", ")}


def render() -> str:
    """Return the page of the tables."""
    parts = [page("Tables", INTRO)]
    for name, (condition, columns) in TABLES.items():
        rows = [(code(one), meaning(one, SCHEMAS.get(name, ()))) for one in columns]
        parts.append(f"## {name}\n\n{condition}.\n\n{table(('column', 'meaning'), rows)}")
    return "\n".join(parts)
