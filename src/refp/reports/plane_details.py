"""Sections of the report on planes about their uncertainty: budget, stage, beads, comparison."""

import numpy as np
import pandas as pd

from refp.reports.budget import budget_matrix, describe_budget, draw_budget
from refp.reports.comparison import KINDS, describe_comparison, draw_comparison, excludes_zero
from refp.reports.page import ReportFigure, ReportSection, vector_figure
from refp.reports.panels import plane_names, span_text, unique_in_order
from refp.reports.plane_tables import PlaneTables
from refp.reports.slide import PER_PX, describe_bead_planes, draw_bead_planes
from refp.reports.stage import describe_stage_errors, draw_stage_errors, placed_frames
from refp.reports.tables import (
    NOTHING,
    ReportTable,
    decimals_for,
    fixed,
    format_table,
    percent,
    with_uncertainty,
)

_KEYS = ["dataset", "experiment", "fov", "exposure_ms"]
_FIELD_KEYS = ["dataset", "experiment", "fov"]
_FEATURES = (
    "The article determines the plane from two curves, the steepest slope (SS) and the centre "
    "intensity (CI) of the median bead against the Z that the stage reports. The planes above are the "
    "robust mean of the planes of single beads, with the sweeps of a field aligned by whole radial "
    "profiles. Where the two agree, the plane does not depend on the method; where they differ, check "
    "the stage of that sweep first."
)
_UNCERTAINTY = (
    "Sources of uncertainty of the plane. Standard uncertainties combine in quadrature, so the widest "
    "part of a bar is the one to improve: more frames against the "
    "stage, more beads against their heights, more light against the fits."
)
_STAGE = (
    "Distance of each frame from the Z that the stage reported. A stage that only scatters "
    "fills the band evenly; steps or a pattern along Z are errors that repeat. An error as "
    "smooth along Z as the profiles' own change shows only in part, since the pooled profiles follow "
    "it. Frames far from their nominal Z or unlike the others are left out of the plane."
)
_BEADS = (
    "Each bead has its own plane. Heights that rise evenly over the field are a tilted slide, which "
    "shifts the plane of an image with the position of its beads; heights without order are those of "
    "the beads themselves. A bead far off is not on the slide and is left out."
)
_COMPARISON = (
    "Differences between planes. An interval that excludes 0 is a difference that the "
    "uncertainties do not explain; of intervals of 95 %, one in twenty does so by chance."
)


def detail_sections(
    planes: pd.DataFrame, curves: pd.DataFrame, more: PlaneTables
) -> list[ReportSection]:
    """Return the sections after the planes; sections without a table are left out.

    Parameters
    ----------
    planes
        Columns of ``planes.csv``.
    curves
        A row per frame; with ``stage_error_um, stage_error_u_um, trusted`` where frames were placed.
    more
        Tables beside the planes.
    """
    sections = [
        _features_section(planes, more.by_features),
        _uncertainty_section(planes, more),
        _stage_section(curves, more.fields),
        _beads_section(more),
        _comparison_section(planes, more.comparison),
    ]
    return [s for s in sections if s.figures or s.tables]


def _title(table: pd.DataFrame) -> str:
    return ", ".join(unique_in_order(table["dataset"]))


def _features_section(planes: pd.DataFrame, by_features: pd.DataFrame) -> ReportSection:
    tables = () if by_features.empty or planes.empty else (_features_table(planes, by_features),)
    return ReportSection("The article's two features beside it", text=_FEATURES, tables=tables)


def _features_table(planes: pd.DataFrame, by_features: pd.DataFrame) -> ReportTable:
    other = _by_plane(by_features).reindex(plane_names(planes)).set_axis(planes.index)
    refp, u = planes["refp_um"], planes["refp_u_um"]
    difference = refp - other["refp_um"]
    shown = planes[_KEYS].assign(
        refp_with_u=with_uncertainty(refp, u),
        features_with_u=with_uncertainty(other["refp_um"], other["refp_u_um"]),
        difference_um=difference,
    )
    apart = difference.abs() > 2 * np.fmax(u, other["refp_u_um"])
    caption = (
        "REFP by single beads, by the features of the median bead, and the first minus the second. Tinted: "
        "differences of more than twice the larger u."
    )
    numeric = ("refp_with_u", "features_with_u")
    return format_table(shown, caption, np.flatnonzero(apart).tolist(), numeric)


def _by_plane(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the name of the plane as index, each plane once."""
    named = table.set_axis(pd.Index(plane_names(table)))
    return named[~named.index.duplicated()]


def _uncertainty_section(planes: pd.DataFrame, more: PlaneTables) -> ReportSection:
    terms = budget_matrix(more.budget)
    figures: tuple[ReportFigure, ...] = ()
    tables: list[ReportTable] = []
    if not terms.empty:
        figures = (_budget_figure(planes, more.budget, terms),)
        tables = [_budget_table(planes, terms, more.intervals), _meaning_table(more.budget, terms)]
    return ReportSection("Uncertainty", text=_UNCERTAINTY, figures=figures, tables=tuple(tables))


def _budget_figure(planes: pd.DataFrame, budget: pd.DataFrame, terms: pd.DataFrame) -> ReportFigure:
    fraction = (terms**2).sum() / (terms**2).to_numpy().sum()
    alt = (
        "For each plane the fraction of each source in the variance, and the combined uncertainty. "
        f"Over all planes the largest is {fraction.idxmax()} with {percent(float(fraction.max()))}."
    )
    return vector_figure(draw_budget(budget, _title(budget)), alt, describe_budget(budget, planes))


def _budget_table(
    planes: pd.DataFrame, terms: pd.DataFrame, intervals: pd.DataFrame
) -> ReportTable:
    combined = np.sqrt((terms**2).sum(axis=1))
    decimals = decimals_for(combined)
    cells = {f"{term}_um": [_small(u, decimals) for u in terms[term]] for term in terms.columns}
    cells["u_um"] = [fixed(u, decimals) for u in combined]
    shown = _named(list(terms.index), planes).assign(**cells)
    caption = (
        "Standard uncertainty of each term, their combination u with its degrees of freedom, and the "
        "interval of the plane. A dash: the plane has no such term."
    )
    if not intervals.empty:
        stated = _by_plane(intervals).reindex(terms.index)
        shown = shown.assign(dof=stated["dof"].to_numpy(), interval_um=_ranges(stated, decimals))
        coverage = " and ".join(unique_in_order(intervals["coverage"].map(percent)))
        caption = f"{caption} Coverage of the interval: {coverage}."
    return format_table(shown, caption, numeric=(*cells, "interval_um"))


def _named(names: list[str], planes: pd.DataFrame) -> pd.DataFrame:
    """Return the names of planes as columns, without the data set where there is but one."""
    datasets = unique_in_order(planes["dataset"])
    dataset = dict(zip(plane_names(planes), planes["dataset"].astype(str), strict=True))
    shown = pd.DataFrame({"dataset": [dataset.get(name, "") for name in names]})
    shown["plane"] = [name.removeprefix(f"{dataset.get(name, '')}, ") for name in names]
    return shown if len(datasets) > 1 else shown[["plane"]]


def _small(u_um: float, decimals: int) -> str:
    if not u_um > 0:
        return NOTHING
    least = 10.0**-decimals
    return fixed(u_um, decimals) if u_um >= least / 2 else f"< {fixed(least, decimals)}"


def _ranges(intervals: pd.DataFrame, decimals: int) -> list[str]:
    pairs = zip(intervals["lower_um"], intervals["upper_um"], strict=True)
    return [
        f"{fixed(low, decimals)} to {fixed(high, decimals)}" if low <= high else NOTHING
        for low, high in pairs
    ]


def _meaning_table(budget: pd.DataFrame, terms: pd.DataFrame) -> ReportTable:
    meanings = dict(zip(budget["term"].astype(str), budget["meaning"].astype(str), strict=True))
    rows = tuple((term, meanings[term]) for term in terms.columns)
    return ReportTable("Meaning of the terms.", ("term", "meaning"), rows, (False, False))


def _stage_section(curves: pd.DataFrame, fields: pd.DataFrame) -> ReportSection:
    placed = placed_frames(curves)
    if placed.empty:
        return ReportSection("Stage")
    figure = draw_stage_errors(curves, fields, _title(placed))
    found = "" if fields.empty else span_text(fields["stage_sigma_um"], 2)
    repeatability = f" The repeatability found is {found} um." if found else ""
    alt = f"Found minus nominal Z of every frame against its nominal Z.{repeatability}"
    tables = () if fields.empty else (_stage_table(fields),)
    pictures = (vector_figure(figure, alt, describe_stage_errors(curves)),)
    return ReportSection("Stage", text=_STAGE + repeatability, figures=pictures, tables=tables)


def _stage_table(fields: pd.DataFrame) -> ReportTable:
    sigma = with_uncertainty(fields["stage_sigma_um"], fields["stage_sigma_u_um"])
    shown = fields[[*_FIELD_KEYS, "n_frames", "n_frames_trusted"]].assign(stage_sigma_with_u=sigma)
    caption = "Every field of view; repeatability: the standard deviation of the stage errors."
    return format_table(shown, caption, numeric=("stage_sigma_with_u",))


def _beads_section(more: PlaneTables) -> ReportSection:
    figures: tuple[ReportFigure, ...] = ()
    if not more.beads.empty:
        figure = draw_bead_planes(more.beads, more.fields, _title(more.beads))
        spread = "" if more.fields.empty else span_text(more.fields["spread_um"], 2)
        alt = (
            "Map of the beads of each field of view, coloured by the height of their own planes. "
            f"The heights spread by {spread or NOTHING} um."
        )
        figures = (vector_figure(figure, alt, describe_bead_planes(more.beads)),)
    tables = () if more.fields.empty else (_slide_table(more.fields),)
    return ReportSection("Beads and slide", text=_BEADS, figures=figures, tables=tables)


def _slide_table(fields: pd.DataFrame) -> ReportTable:
    pairs = {
        f"tilt_{axis}_with_u": with_uncertainty(
            PER_PX * fields[f"tilt_{axis}_um_per_px"], PER_PX * fields[f"tilt_{axis}_u_um_per_px"]
        )
        for axis in ("y", "x")
    }
    bend, bend_u = fields["bend_um_per_px2"], fields["bend_u_um_per_px2"]
    pairs["bend_with_u"] = with_uncertainty(PER_PX**2 * bend, PER_PX**2 * bend_u)
    shown = fields[_FIELD_KEYS].assign(
        n_beads_followed=fields["n_beads"],
        n_off_plane=fields["n_off_plane"],
        spread_um=fields["spread_um"],
        **pairs,
        residual_um=fields["residual_um"],
    )
    caption = (
        "Every field of view. Tilt: rise towards larger y and x. Bend: how much the field rises "
        f"{PER_PX:g} px from its middle beyond the tilt. Spread and tilt are of the beads in the "
        "plane. A dash: too few beads."
    )
    return format_table(shown, caption, numeric=tuple(pairs))


def _comparison_section(planes: pd.DataFrame, comparison: pd.DataFrame) -> ReportSection:
    if comparison.empty:
        return ReportSection("Comparison")
    apart = excludes_zero(comparison)
    verdict = f" Here {int(apart.sum())} of {len(comparison)} intervals exclude 0."
    figure = draw_comparison(comparison, _title(planes))
    alt = f"Differences between reference planes with their intervals.{verdict}"
    return ReportSection(
        "Comparison",
        text=_COMPARISON + verdict,
        figures=(vector_figure(figure, alt, describe_comparison(comparison)),),
        tables=(_comparison_table(comparison, apart),),
    )


def _comparison_table(comparison: pd.DataFrame, apart: pd.Series) -> ReportTable:
    decimals = decimals_for(comparison["u_um"])
    signed = {
        column: [fixed(value, decimals, sign=True) for value in comparison[column]]
        for column in ("difference_um", "lower_um", "upper_um")
    }
    columns = [
        *("kind", "within", "first", "second", "difference_um", "u_um", "lower_um", "upper_um"),
        *("n_first", "n_second"),
    ]
    shown = comparison[columns].assign(
        kind=comparison["kind"].map(lambda kind: KINDS.get(kind, kind)),
        u_um=[fixed(u, decimals) for u in comparison["u_um"]],
        **signed,
    )
    coverage = " and ".join(unique_in_order(comparison["coverage"].map(percent)))
    caption = (
        f"Every difference, second minus first, with its {coverage} interval. Tinted: the interval "
        "excludes 0."
    )
    return format_table(shown, caption, np.flatnonzero(apart).tolist(), ("u_um", *signed))
