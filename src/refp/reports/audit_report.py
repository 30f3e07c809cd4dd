"""The page of an audit: the fraction outside the tolerance, dZ over time, refusals, images to repeat."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from refp.reports.audit import describe_audit, draw_audit
from refp.reports.page import (
    Headline,
    Level,
    ReportFigure,
    ReportSection,
    raster_figure,
    table_file,
    vector_figure,
    write_report,
)
from refp.reports.tables import ReportTable, fixed, format_table, percent

MAX_VECTOR_POINTS = 1500
"""Largest number of points drawn as SVG; of more a PNG is smaller."""
MAX_FRACTION_OUTSIDE = 0.05
"""Fraction outside the tolerance that is taken as usual."""


@dataclass(frozen=True, slots=True)
class AuditTables:
    """Tables of an audit.

    Attributes
    ----------
    tolerance_um
        Largest tolerated absolute dZ.
    instruments
        A row per instrument: counts, fraction outside the tolerance with its interval, median and spread.
    changes
        A row per step or drift, with its dates.
    points
        Images to draw.
    medians
        Medians by period.
    refused
        Dates of refused images.
    reasons
        A row per reason of refusal.
    again
        Images whose interval is not within the tolerance, farthest first.
    """

    tolerance_um: float
    instruments: pd.DataFrame
    changes: pd.DataFrame
    points: pd.DataFrame
    medians: pd.DataFrame
    refused: pd.DataFrame
    reasons: pd.DataFrame
    again: pd.DataFrame


def write_audit_report(
    path: Path, archive: str, tables: AuditTables, provenance: Mapping[str, str]
) -> None:
    """Write the page of an audit, whole or not at all.

    Parameters
    ----------
    path
        HTML file to write.
    archive
        Name of the archive.
    tables
        Tables of the audit.
    provenance
        Version, recipe, model and archive.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_report(path, f"Audit of {archive}", audit_sections(tables), provenance)


def audit_sections(tables: AuditTables) -> list[ReportSection]:
    """Return the sections of the page."""
    return [
        ReportSection(
            "Focus over time",
            figures=(_figure(tables),),
            tables=(_instruments(tables.instruments),),
            headlines=(audit_headline(tables),),
            files=(table_file(tables.instruments, "instruments.csv"),),
        ),
        _changes(tables.changes),
        _reasons(tables),
        _again(tables),
    ]


def audit_headline(tables: AuditTables) -> Headline:
    """Return the verdict on an archive."""
    own, changes = tables.instruments, tables.changes
    n_ok, n_outside = int(own["n_ok"].sum()), int(own["n_outside"].sum())
    numbers = (
        ("images", str(int(own["n_images"].sum()))),
        ("outside the tolerance", str(n_outside)),
        ("refused", str(int(own["n_refused"].sum()))),
        ("steps and drifts", str(len(changes))),
    )
    if not n_ok:
        return Headline("poor", "Every image was refused.", numbers)
    worst = own.sort_values("fraction_lower", ascending=False).iloc[0]
    whole = f"{n_outside} of {n_ok} estimates ({percent(n_outside / n_ok)}) are outside "
    text = f"{whole}\N{PLUS-MINUS SIGN}{tables.tolerance_um:g} um."
    if len(own) > 1 and n_outside:
        text += f" Most often outside: {worst['instrument']}, {_fraction(worst)}."
    elif n_outside:
        text = f"{text[:-1]} (95 % interval {_interval(worst)})."
    return Headline(_level(own, changes), text, numbers)


def _level(own: pd.DataFrame, changes: pd.DataFrame) -> Level:
    if (own["fraction_lower"] > MAX_FRACTION_OUTSIDE).any():
        return "poor"
    known = own["fraction_upper"].dropna()
    return "good" if changes.empty and (known <= MAX_FRACTION_OUTSIDE).all() else "caution"


def _fraction(row: pd.Series) -> str:
    return f"{percent(row['fraction_outside'])} ({_interval(row)})"


def _interval(row: pd.Series) -> str:
    return f"{percent(row['fraction_lower'])} to {percent(row['fraction_upper'])}"


def _figure(tables: AuditTables) -> ReportFigure:
    make = raster_figure if len(tables.points) > MAX_VECTOR_POINTS else vector_figure
    figure = draw_audit(
        tables.points, tables.medians, tables.refused, tables.changes, tables.tolerance_um
    )
    caption = describe_audit(tables.instruments, tables.points)
    return make(figure, f"dZ of images over time. {caption}", caption)


def _instruments(own: pd.DataFrame) -> ReportTable:
    shown = pd.DataFrame(
        {
            "instrument": own["instrument"],
            "images": own["n_images"],
            "estimated": own["n_ok"],
            "refused": own["n_refused"],
            "unverified": own["n_unverified"],
            "outside": own["n_outside"],
            "outside, fraction (95 % interval)": [
                _fraction(row) if row["n_ok"] else "" for _, row in own.iterrows()
            ],
            "median dZ (um)": [fixed(value, 2, sign=True) for value in own["median_um"]],
            "spread (um)": [fixed(value, 2) for value in own["robust_sd_um"]],
            "from": own["first"].str[:10],
            "to": own["last"].str[:10],
        }
    )
    caption = (
        "Intervals are Wilson's, for independent images. Spread: standard deviation from the median "
        "absolute deviation."
    )
    return format_table(shown, caption, numeric=("median dZ (um)", "spread (um)"))


def _changes(changes: pd.DataFrame) -> ReportSection:
    about = (
        "Steps and drifts of the medians of days (of hours or images where there are fewer than ten "
        "days), each significant at 1 % by Pettitt's or Kendall's test."
    )
    if changes.empty:
        return ReportSection("Steps and drifts", f"{about} None was found.")
    shown = pd.DataFrame(
        {
            "instrument": changes["instrument"],
            "kind": changes["kind"],
            "from": changes["from"].dt.strftime("%Y-%m-%d %H:%M"),
            "to": changes["to"].dt.strftime("%Y-%m-%d %H:%M"),
            "change_um": [fixed(value, 1, sign=True) for value in changes["change_um"]],
            "interval_um": [
                f"{fixed(low, 1, sign=True)} to {fixed(high, 1, sign=True)}"
                for low, high in zip(changes["lower_um"], changes["upper_um"], strict=True)
            ],
            "p": [f"{p:.1g}" for p in np.maximum(changes["p"], 1e-99)],
        }
    )
    caption = "A step is between the two dates; a drift lasts from the first to the second."
    table = format_table(shown, caption, numeric=("change_um", "p"))
    return ReportSection(
        "Steps and drifts", about, tables=(table,), files=(table_file(changes, "changes.csv"),)
    )


def _reasons(tables: AuditTables) -> ReportSection:
    if tables.reasons.empty:
        return ReportSection("Refused images", "No image was refused.")
    return ReportSection("Refused images", tables=(format_table(tables.reasons),))


def _again(tables: AuditTables) -> ReportSection:
    within = f"\N{PLUS-MINUS SIGN}{tables.tolerance_um:g} um"
    if tables.again.empty:
        return ReportSection("Images to look at again", f"Every interval is within {within}.")
    shown = tables.again.assign(acquired=tables.again["acquired"].str.replace("T", " "))
    about = (
        f"Images whose interval is not within {within}, farthest from the plane first, at most "
        f"{len(shown)}; column verdict of audit.csv has all."
    )
    failed = [i for i, verdict in enumerate(shown["verdict"]) if verdict == "fail"]
    return ReportSection(
        "Images to look at again", about, tables=(format_table(shown, marked=failed),)
    )
