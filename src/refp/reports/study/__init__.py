"""Figures of the article's study, each drawn from tables that are saved beside it.

Nothing is computed here but scales; NaN stands where a value is not known, and a table without a row
gives a figure that says so.
"""

from refp.reports.study.assay import draw_assay
from refp.reports.study.centers import draw_centers
from refp.reports.study.errors import draw_study_errors
from refp.reports.study.families import draw_families
from refp.reports.study.normalisations import draw_normalisations
from refp.reports.study.pipelines import draw_pipelines
from refp.reports.study.shares import draw_shares

__all__ = [
    "draw_assay",
    "draw_centers",
    "draw_families",
    "draw_normalisations",
    "draw_pipelines",
    "draw_shares",
    "draw_study_errors",
]
