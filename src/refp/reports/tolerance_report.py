"""The page of a tolerance: the result of an assay against dZ, and the dZ that an allowed bias permits."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from refp.reports.page import Headline, ReportSection, table_file, vector_figure, write_report
from refp.reports.study.assay import draw_assay
from refp.reports.tables import ReportTable, fixed, format_table, percent

SQUARE_UM = "um\N{SUPERSCRIPT TWO}"


def write_tolerance_report(
    path: Path,
    points: pd.DataFrame,
    fit: pd.DataFrame,
    curves: pd.DataFrame,
    provenance: Mapping[str, str],
) -> None:
    """Write the page of a tolerance, whole or not at all.

    Parameters
    ----------
    path
        HTML file to write.
    points
        A row per result: ``dataset, delta_z_um, result``.
    fit
        A row per data set, as ``tolerance.csv``; with the columns of the archive where an audit is given.
    curves
        Fitted curves with their intervals.
    provenance
        Version and table.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    title = f"Focus tolerance of {fit['result_name'].iloc[0]}"
    write_report(path, title, tolerance_sections(points, fit, curves), provenance)


def tolerance_sections(
    points: pd.DataFrame, fit: pd.DataFrame, curves: pd.DataFrame
) -> list[ReportSection]:
    """Return the sections of the page."""
    fitted = fit[fit["result_at_plane"].notna()]
    name = str(fit["result_name"].iloc[0])
    caption = (
        f"{len(points)} results of {len(fit)} data sets. Curve: penalised cubic spline with its 95 % "
        "interval; line: slope at the plane; horizontal band: allowed result; vertical band: tolerated dZ."
    )
    figure = vector_figure(
        draw_assay(points, fit, curves=curves), f"{name} against dZ. {caption}", caption
    )
    sections = [
        ReportSection(
            f"{name} against dZ",
            figures=(figure,),
            tables=(_slopes(fitted), _tolerances(fitted)),
            headlines=tuple(_headline(row) for _, row in fitted.iterrows()),
            files=(table_file(fit, "tolerance.csv"), table_file(curves, "curve.csv")),
        )
    ]
    return [*sections, _archive(fitted)] if "n_images" in fit.columns else sections


def _headline(row: pd.Series) -> Headline:
    within = f"{row['allowed_bias']:g} {row['unit']}".strip()
    known = np.isfinite(row[["guarded_low_um", "guarded_high_um"]].to_numpy(dtype=float)).all()
    text = (
        f"{row['dataset']}: {row['result_name']} differs by at most {within} from that at the plane for dZ "
        f"{_range(row, 'guarded')}."
    )
    numbers = (
        ("the same without the uncertainty of the fit", _range(row, "tolerance")),
        ("slope at the plane", _slope(row)),
    )
    return Headline("good" if known else "caution", text, numbers)


def _range(row: pd.Series, kind: str) -> str:
    """Return a range of dZ as text; an end beyond the measured range is named as that."""
    low, high = row[f"{kind}_low_um"], row[f"{kind}_high_um"]
    lowest = f"the lowest measured, {fixed(row['lowest_um'], 1, sign=True)}"
    highest = f"the highest measured, {fixed(row['highest_um'], 1, sign=True)}"
    below = fixed(low, 1, sign=True) if np.isfinite(low) else lowest
    above = fixed(high, 1, sign=True) if np.isfinite(high) else highest
    return f"{below} to {above} um"


def _slope(row: pd.Series) -> str:
    digits = f"{row['slope_per_um']:+.3g} ({row['slope_lower']:+.3g} to {row['slope_upper']:+.3g})"
    return f"{digits} {_per(row, 'um')}".replace("-", "\N{MINUS SIGN}")


def _per(row: pd.Series, unit: str) -> str:
    return f"{row['unit']}/{unit}" if row["unit"] else f"per {unit}"


def _slopes(fitted: pd.DataFrame) -> ReportTable:
    rows = [
        {
            "dataset": row["dataset"],
            "results": row["n_results"],
            "Z positions": int(row["n_positions"]),
            "fields": int(row["n_fields"]),
            "result at the plane": f"{row['result_at_plane']:.4g} {row['unit']}".strip(),
            "slope at the plane (95 % interval)": _slope(row),
            "curvature (95 % interval)": (
                f"{row['curvature_per_um2']:+.2g} ({row['curvature_lower']:+.2g} to "
                f"{row['curvature_upper']:+.2g}) {_per(row, SQUARE_UM)}"
            ).replace("-", "\N{MINUS SIGN}"),
        }
        for _, row in fitted.iterrows()
    ]
    return format_table(pd.DataFrame(rows), "The fit at the plane")


def _tolerances(fitted: pd.DataFrame) -> ReportTable:
    rows = [
        {
            "dataset": row["dataset"],
            "allowed bias": f"{row['allowed_bias']:g} {row['unit']}".strip(),
            "tolerated dZ, fitted": _range(row, "tolerance"),
            "tolerated dZ, guarded": _range(row, "guarded"),
        }
        for _, row in fitted.iterrows()
    ]
    caption = (
        "Guarded: the bias with its uncertainty is within the allowed bias, at 97.5 % confidence for each "
        "dZ. Beyond the measured dZ nothing is known."
    )
    return format_table(pd.DataFrame(rows), caption)


def _archive(fitted: pd.DataFrame) -> ReportSection:
    rows = [
        {
            "dataset": row["dataset"],
            "images": int(row["n_images"]),
            "changed": int(row["n_changed"]),
            "beyond the measured dZ": int(row["n_beyond"]),
            "changed, fraction (95 % interval)": (
                f"{percent(row['n_changed'] / row['n_images'])} "
                f"({percent(row['fraction_lower'])} to {percent(row['fraction_upper'])})"
            ),
        }
        for _, row in fitted.iterrows()
    ]
    text = (
        "Images of the archive whose result would differ by more than the allowed bias from that at the "
        "plane. Images beyond the measured dZ are not judged; the interval allows for either."
    )
    return ReportSection("The archive", text, tables=(format_table(pd.DataFrame(rows)),))
