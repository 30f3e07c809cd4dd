"""Figures and self-contained HTML pages from tables and arrays.

The only package that imports matplotlib. Figures are drawn by ``draw_*``, saved by ``save_*``, and put
on a page by ``write_*``; computations here only prepare tables for display.
"""

from matplotlib.figure import Figure

from refp.reports.bead_errors import describe_bead_errors, draw_bead_errors, summarise_beads
from refp.reports.budget import describe_budget, draw_budget
from refp.reports.comparison import describe_comparison, draw_comparison
from refp.reports.control import describe_control, draw_control
from refp.reports.control_report import check_chart_name, write_control
from refp.reports.curves import choose_sweeps, describe_curves, draw_feature_curves
from refp.reports.errors import describe_errors, draw_errors
from refp.reports.evaluation_report import (
    evaluation_headline,
    evaluation_sections,
)
from refp.reports.learning import describe_learning, draw_learning_curves
from refp.reports.montage import Montage, draw_bead_montage
from refp.reports.overlay import Overlay, draw_overlay
from refp.reports.page import (
    Headline,
    ReportFigure,
    ReportFile,
    ReportSection,
    raster_figure,
    render_report,
    stored_figure,
    table_file,
    vector_figure,
    write_report,
)
from refp.reports.plan import draw_plan
from refp.reports.plane_report import (
    montage_figure,
    overlay_figure,
    plane_headline,
    plane_sections,
    write_plane_report,
)
from refp.reports.plane_tables import PlaneTables
from refp.reports.refocus import draw_refocus
from refp.reports.search import draw_pair, draw_search, search_headline, search_sections
from refp.reports.slide import describe_bead_planes, draw_bead_planes
from refp.reports.stage import describe_stage_errors, draw_stage_errors
from refp.reports.style import exposure_colors, look, png_bytes, save_png, save_svg, svg_text
from refp.reports.tables import ReportTable, format_table
from refp.reports.training_report import training_headline, training_sections
from refp.reports.training_tables import TrainingTables

__all__ = [
    "Figure",
    "Headline",
    "Montage",
    "Overlay",
    "PlaneTables",
    "ReportFigure",
    "ReportFile",
    "ReportSection",
    "ReportTable",
    "TrainingTables",
    "check_chart_name",
    "choose_sweeps",
    "describe_bead_errors",
    "describe_bead_planes",
    "describe_budget",
    "describe_comparison",
    "describe_control",
    "describe_curves",
    "describe_errors",
    "describe_learning",
    "describe_stage_errors",
    "draw_bead_errors",
    "draw_bead_montage",
    "draw_bead_planes",
    "draw_budget",
    "draw_comparison",
    "draw_control",
    "draw_errors",
    "draw_feature_curves",
    "draw_learning_curves",
    "draw_overlay",
    "draw_pair",
    "draw_plan",
    "draw_refocus",
    "draw_search",
    "draw_stage_errors",
    "evaluation_headline",
    "evaluation_sections",
    "exposure_colors",
    "format_table",
    "look",
    "montage_figure",
    "overlay_figure",
    "plane_headline",
    "plane_sections",
    "png_bytes",
    "raster_figure",
    "render_report",
    "save_png",
    "save_svg",
    "search_headline",
    "search_sections",
    "stored_figure",
    "summarise_beads",
    "svg_text",
    "table_file",
    "training_headline",
    "training_sections",
    "vector_figure",
    "write_control",
    "write_plane_report",
    "write_report",
]
