"""Report on reference planes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from refp.reports.curves import describe_curves, draw_feature_curves
from refp.reports.montage import Montage, draw_bead_montage
from refp.reports.overlay import Overlay, draw_overlay
from refp.reports.page import (
    Headline,
    Level,
    ReportFigure,
    ReportSection,
    raster_figure,
    vector_figure,
    write_report,
)
from refp.reports.panels import span_text, unique_in_order
from refp.reports.plane_details import detail_sections
from refp.reports.plane_tables import ONLY_PLANES, PlaneTables
from refp.reports.tables import NOTHING, ReportTable, format_table, with_uncertainty

_ABOUT = (
    "The reference plane (REFP) is the mean of the planes at which the steepest slope (SS) of the "
    "beads' radial profile is lowest and their centre intensity (CI) highest. u is a standard "
    "uncertainty."
)


def write_plane_report(
    path: Path,
    *,
    planes: pd.DataFrame,
    curves: pd.DataFrame,
    more: PlaneTables = ONLY_PLANES,
    overlays: Sequence[Overlay] = (),
    montages: Sequence[Montage] = (),
    provenance: Mapping[str, str],
    beside: Sequence[str] = (),
) -> Path:
    """Write the page about the planes of a data set and return its path.

    Parameters
    ----------
    path
        File to write.
    planes
        Columns of ``planes.csv``.
    curves
        Columns as for :func:`refp.reports.draw_feature_curves`, and optionally those for
        :func:`refp.reports.draw_stage_errors`.
    more
        Budgets, stage, beads and comparisons; sections of empty tables are left out.
    overlays, montages
        Pictures; without any, their section is left out.
    provenance
        Version, recipe hash, input hashes and the like.
    beside
        Files beside the page, as of :func:`refp.reports.write_report`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    sections = plane_sections(planes, curves, overlays, montages, more)
    datasets = ", ".join(unique_in_order(planes["dataset"]))
    title = f"Reference planes: {datasets}" if datasets else "Reference planes"
    return write_report(path, title, sections, provenance, beside)


def plane_sections(
    planes: pd.DataFrame,
    curves: pd.DataFrame,
    overlays: Sequence[Overlay] = (),
    montages: Sequence[Montage] = (),
    more: PlaneTables = ONLY_PLANES,
) -> list[ReportSection]:
    """Return the sections about planes; parameters as in :func:`write_plane_report`."""
    sections = [
        _planes_section(planes, curves),
        *detail_sections(planes, curves, more),
        ReportSection("A bead against dZ", figures=tuple(montage_figure(m) for m in montages)),
        ReportSection("Beads found", figures=tuple(overlay_figure(o) for o in overlays)),
    ]
    return [s for s in sections if s.figures or s.tables]


def plane_headline(planes: pd.DataFrame) -> Headline:
    """Return the verdict on a table of planes."""
    n, found = len(planes), int(planes["refp_um"].notna().sum())
    level: Level = "good" if n and found == n else "caution" if found else "poor"
    sweeps = f"{n} sweep{'s' * (n != 1)}"
    text = {
        "good": f"The reference plane was determined for all {sweeps}.",
        "caution": f"The reference plane was determined for {found} of {sweeps}.",
        "poor": f"No reference plane was determined in {sweeps}.",
    }[level]
    numbers = (
        ("determined", f"{found} of {n}"),
        ("REFP (um)", span_text(planes["refp_um"], 1) or NOTHING),
        ("u of REFP (um)", span_text(planes["refp_u_um"], 2) or NOTHING),
        ("beads per image", span_text(planes["n_beads"], 0) or NOTHING),
    )
    return Headline(level, text, numbers)


def _planes_section(planes: pd.DataFrame, curves: pd.DataFrame) -> ReportSection:
    return ReportSection(
        "Reference planes",
        text=_ABOUT,
        figures=(_curves_figure(planes, curves),) if len(planes) else (),
        tables=(_planes_table(planes),),
        headlines=(plane_headline(planes),),
    )


def _planes_table(planes: pd.DataFrame) -> ReportTable:
    pairs = {
        "refp_with_u": with_uncertainty(planes["refp_um"], planes["refp_u_um"]),
        "ss_with_u": with_uncertainty(planes["refp_ss_um"], planes["refp_ss_u_um"]),
        "ci_with_u": with_uncertainty(planes["refp_ci_um"], planes["refp_ci_u_um"]),
    }
    shown = planes[["dataset", "experiment", "fov", "exposure_ms"]].assign(
        **pairs,
        n_frames=planes["n_frames"],
        n_frames_used=planes["n_frames_used"],
        n_beads=planes["n_beads"],
        flags=_readable(planes["flags"]),
    )
    missing = np.flatnonzero(planes["refp_um"].isna()).tolist()
    caption = "Every sweep; a dash: not determined, for the reason under flags."
    return format_table(shown, caption, missing, numeric=tuple(pairs))


def _readable(flags: pd.Series) -> pd.Series:
    text = flags.fillna("").astype(str)
    return text.str.replace("_", " ", regex=False).str.replace("|", ", ", regex=False)


def _curves_figure(planes: pd.DataFrame, curves: pd.DataFrame) -> ReportFigure:
    title = ", ".join(unique_in_order(planes["dataset"]))
    alt = (
        "Steepest slope and centre intensity against Z for each sweep, with the fitted pooled "
        f"profile and the planes found. {plane_headline(planes).text}"
    )
    figure = draw_feature_curves(curves, planes, title)
    return vector_figure(figure, alt, describe_curves(curves, planes))


def overlay_figure(overlay: Overlay) -> ReportFigure:
    """Return a frame with its beads for a page."""
    used = int(np.sum(overlay.usable))
    counts = f"{used} of {len(overlay.usable)} beads used"
    figure = draw_overlay(overlay)
    alt = f"Frame {overlay.title} with a circle round every bead: {counts}."
    caption = (
        f"{overlay.title}: 1 image, {counts}; solid blue circle: used. Numbers are those of the map of "
        "beads and of bead_planes.csv."
    )
    return raster_figure(figure, alt, caption)


def montage_figure(montage: Montage) -> ReportFigure:
    """Return a bead against dZ for a page."""
    figure = draw_bead_montage(montage.tiles, montage.dz_um, montage.pixel_size_um, montage.title)
    span = span_text(montage.dz_um, 1) or "none"
    alt = f"One bead at {len(montage.tiles)} focal planes, dZ from {span} um."
    caption = (
        f"{montage.title}: 1 bead in {len(montage.tiles)} images. Tiles are divided by their "
        "background and share one grey scale; dZ is positive above the reference plane."
    )
    return raster_figure(figure, alt, caption)
