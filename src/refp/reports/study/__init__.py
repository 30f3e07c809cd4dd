"""Figures of the article's study, each drawn from tables that are saved beside it.

Nothing is computed here but scales. NaN is an unknown value; a table without rows gives a figure with a
message.
"""

from refp.reports.study.assay import draw_assay
from refp.reports.study.centers import draw_centers
from refp.reports.study.errors import draw_study_errors
from refp.reports.study.families import draw_families
from refp.reports.study.fraction_within import draw_fraction_within
from refp.reports.study.normalisations import draw_normalisations
from refp.reports.study.pipelines import draw_pipelines

__all__ = [
    "draw_assay",
    "draw_centers",
    "draw_families",
    "draw_fraction_within",
    "draw_normalisations",
    "draw_pipelines",
    "draw_study_errors",
]
