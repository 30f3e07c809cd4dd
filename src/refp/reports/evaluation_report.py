"""Report on the errors of a model against labelled images."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from refp.core.labels import SIGNIFICANT, describe_origins, name_labels
from refp.reports.errors import describe_errors, draw_errors
from refp.reports.page import (
    Headline,
    Level,
    ReportFigure,
    ReportSection,
    vector_figure,
)
from refp.reports.residuals import miss_labels
from refp.reports.tables import ReportTable, format_table, format_value, header, percent

MAX_ROWS = 15
_KEYS = (
    "n_images", "n_ok", "n_refused", "rms_um", "bias_um", "largest_um", "within_2.5_um",
    "within_5_um", "within_7.5_um", "within_10_um", "constant_rms_um", "skill",
    "coverage_nominal", "coverage_observed", "coverage_p_value", "label_u_um", "known_dz",
    "n_training",
    "model", "family", "n_members", "conditions",
)  # fmt: skip
_WORST = (
    "image", "dataset", "experiment", "fov", "exposure_ms", "delta_z_true_um", "delta_z_um",
    "label_u_um", "error_um", "lower_um", "upper_um", "n_beads_used",
)  # fmt: skip


def evaluation_sections(
    errors: pd.DataFrame, summary: Mapping[str, Any], tolerance_um: float
) -> list[ReportSection]:
    """Return the sections about the errors of a model.

    Parameters
    ----------
    errors
        Columns of ``errors.csv``.
    summary
        Key figures; missing ones are left out.
    tolerance_um
        Largest acceptable error in um.
    """
    sections = [_errors_section(errors, summary, tolerance_um), _images_section(errors)]
    return [s for s in sections if s.figures or s.tables]


def evaluation_headline(summary: Mapping[str, Any], tolerance_um: float) -> Headline:
    """Return the verdict on a summary: good only if no error exceeds the tolerance."""
    level = _error_level(summary, tolerance_um)
    return Headline(level, _sentence(summary, tolerance_um), _numbers(summary, tolerance_um))


def _error_level(summary: Mapping[str, Any], tolerance_um: float) -> Level:
    if not summary.get("n_ok", 0) or not _at_most(summary, "rms_um", tolerance_um):
        return "poor"
    doubts = (
        not _at_most(summary, "largest_um", tolerance_um),
        _is_narrow(summary),
        summary.get("skill", 1.0) <= 0,
        summary.get("n_training", 0) > 0,
    )
    return "caution" if any(doubts) else "good"


def _is_narrow(summary: Mapping[str, Any]) -> bool:
    """Return whether the observed coverage is significantly below the nominal one."""
    return bool(summary.get("coverage_p_value", 1.0) < SIGNIFICANT)


def _at_most(summary: Mapping[str, Any], key: str, limit: float) -> bool:
    return not np.isfinite(limit) or float(summary.get(key, np.nan)) <= limit


def _sentence(summary: Mapping[str, Any], tolerance_um: float) -> str:
    n, ok = summary.get("n_images", 0), summary.get("n_ok", 0)
    if not ok:
        return f"No dZ was estimated: {summary.get('n_refused', n)} of {n} images were refused."
    return " ".join([_error_sentence(summary, tolerance_um), *_doubts(summary)])


def _error_sentence(summary: Mapping[str, Any], tolerance_um: float) -> str:
    n, ok = summary.get("n_images", 0), summary["n_ok"]
    rms, largest = (format_value(key, summary.get(key)) for key in ("rms_um", "largest_um"))
    against = f" against a tolerance of {tolerance_um:g} um" if np.isfinite(tolerance_um) else ""
    return (
        f"dZ of {ok} of {n} images: RMS error {rms} um, largest error {largest} um{against}; "
        f"{summary.get('n_refused', 0)} refused."
    )


def _doubts(summary: Mapping[str, Any]) -> list[str]:
    doubts = []
    if _is_narrow(summary):
        observed, nominal = (
            percent(summary[key]) for key in ("coverage_observed", "coverage_nominal")
        )
        doubts.append(
            f"The intervals are too narrow: observed coverage {observed}, nominal {nominal}."
        )
    if summary.get("skill", 1.0) <= 0:
        doubts.append("It is no better than the constant predictor.")
    if summary.get("n_training", 0):
        doubts.append(describe_training(summary["n_training"]))
    return doubts


def describe_training(n: int) -> str:
    """Return the remark on ``n`` evaluated images of the model's training."""
    return f"{n} of these images were in the model's training; errors on new images are larger."


def _numbers(summary: Mapping[str, Any], tolerance_um: float) -> tuple[tuple[str, str], ...]:
    keys = ("rms_um", "bias_um", "largest_um", f"within_{tolerance_um:g}_um", "skill", "n_refused")
    numbers = [(header(k), format_value(k, summary[k])) for k in keys if k in summary]
    if summary.get("n_ok") and {"coverage_observed", "coverage_nominal"} <= summary.keys():
        observed, nominal = (
            percent(summary[key]) for key in ("coverage_observed", "coverage_nominal")
        )
        numbers.append((f"observed coverage, nominal {nominal}", observed))
    return tuple(numbers)


def _errors_section(
    errors: pd.DataFrame, summary: Mapping[str, Any], tolerance_um: float
) -> ReportSection:
    return ReportSection(
        "Errors",
        text="dZ is positive when the focal plane is above the reference plane. Skill is 1 minus the "
        "ratio of the RMS error to that of the constant predictor, the mean dZ.",
        figures=(_errors_figure(errors, summary, tolerance_um),),
        tables=(_summary_table(summary),),
        headlines=(evaluation_headline(summary, tolerance_um),),
    )


def _errors_figure(
    errors: pd.DataFrame, summary: Mapping[str, Any], tolerance_um: float
) -> ReportFigure:
    members = _members_text(summary)
    title = ", ".join(str(summary[k]) for k in ("model", "family") if summary.get(k))
    figure = draw_errors(errors, tolerance_um, f"{title}, {members}" if title else "")
    name = name_labels(errors["label"])
    alt = f"Error of dZ against {name}, per data set. {_sentence(summary, tolerance_um)}"
    return vector_figure(figure, alt, describe_errors(errors, members))


def _members_text(summary: Mapping[str, Any]) -> str:
    n = summary.get("n_members")
    return "members not stated" if n is None else f"{n} member{'s' * (n != 1)}"


def _summary_table(summary: Mapping[str, Any]) -> ReportTable:
    keys = [*(k for k in _KEYS if k in summary), *(k for k in summary if k not in _KEYS)]
    rows = [(header(k), format_value(k, summary[k])) for k in keys]
    return ReportTable("Key figures.", ("figure", "value"), tuple(rows), (False, False))


def _images_section(errors: pd.DataFrame) -> ReportSection:
    estimated = errors[(errors["status"] == "ok") & errors["error_um"].notna()]
    refused = errors[errors["status"] == "refused"]
    tables = []
    if len(estimated):
        tables.append(_worst(estimated))
    if len(refused):
        tables.append(_reasons(refused))
    return ReportSection("Images to look at", tables=tuple(tables))


def _worst(estimated: pd.DataFrame) -> ReportTable:
    order = estimated["error_um"].abs().sort_values(ascending=False, kind="stable").index
    worst = estimated.loc[order[:MAX_ROWS]]
    missed = miss_labels(worst)
    caption = (
        f"The {len(worst)} largest errors of {len(estimated)} estimated images; all are in "
        f"errors.csv. Labelled dZ: {describe_origins(estimated['label'])}. Tinted: the interval misses "
        f"the labelled dZ, its uncertainty included ({int(miss_labels(estimated).sum())} of all "
        f"{len(estimated)})."
    )
    return format_table(worst[list(_WORST)], caption, np.flatnonzero(missed).tolist())


def _reasons(refused: pd.DataFrame) -> ReportTable:
    counts = refused.groupby(["dataset", "reason"], dropna=False, sort=False).agg(
        n_images=("image", "size"),
        lowest_dz_um=("delta_z_true_um", "min"),
        highest_dz_um=("delta_z_true_um", "max"),
    )
    return format_table(counts.reset_index(), f"Reasons for the refusal of {len(refused)} images.")
