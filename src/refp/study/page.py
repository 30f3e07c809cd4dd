"""The page of the study: figures and tables of each item, with the article's results and ours."""

import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from refp.core.files import library_versions
from refp.core.parallel import default_jobs
from refp.models import training_device
from refp.reports import (
    Headline,
    ReportFile,
    ReportSection,
    ReportTable,
    format_table,
    stored_figure,
    write_report,
)
from refp.study.article import ARTICLE
from refp.study.descriptions import count
from refp.study.item import Item, Outcome
from refp.study.study import Study

PAGE = "study.html"
TABLES, FIGURES = "tables", "figures"
SHOWN = {
    "table1": "One row per data set: ranges of the data, the article's plane, ours with its standard "
    "uncertainty, that of the article's recipe (paper), and the truth where data are simulated. The "
    "article's ranges are in table1.csv.",
    "claims": "Claims of the text. resnet: the article's network, with 95 % intervals; profile, lookup: "
    "ours, with intervals in claims.csv.",
    "depths": "Deeper networks, trained alike but for members and steps; RMS errors of images with their "
    "95 % intervals.",
    "ours": "Each family on each test. coverage: of 95 % intervals; skill: against the constant predictor.",
    "ours_limit": "Scatter of single beads within an image beside the Cramer-Rao bound of one bead.",
}
"""Tables on the page, with their captions; all others are in files only."""
COLUMNS = {
    "table1": (
        *("dataset", "z_um", "step_um", "exposures_ms", "n_planes", "n_fov", "n_beads"),
        *("article_refp_um", "refp_um", "refp_u_um", "paper_refp_um", "truth_um"),
    ),
    "claims": (
        *("claim", "article", "unit", "resnet", "resnet_lower", "resnet_upper"),
        *("profile", "lookup"),
    ),
    "ours": (
        *("family", "dataset", "n_images", "n_refused", "rms_um", "bias_um", "largest_um"),
        *("within_7.5_um", "within_10_um", "constant_rms_um", "skill", "coverage"),
    ),
}
"""Columns on the page, of tables that are wider than the page."""


def write_study_page(study: Study, made: Sequence[tuple[Item, Outcome]]) -> Path:
    """Write the page of a study and return its path.

    Parameters
    ----------
    study
        The study, whose folder holds the items' files.
    made
        Every item and its outcome.
    """
    sections = [_conditions(study, made), *(_section(study, *pair) for pair in made)]
    title = f"The study of the article, repeated at scale {study.scale.name}"
    return write_report(study.folder / PAGE, title, sections, _provenance(study))


def _conditions(study: Study, made: Sequence[tuple[Item, Outcome]]) -> ReportSection:
    states = Counter(outcome.state for _, outcome in made)
    text = f"{states['done']} of {count(len(made), 'item')} made"
    rest = [f"{n} {state}" for state, n in states.items() if state != "done"]
    quick = (
        f" Scale quick trains the article's networks by recipe {study.scale.article}, with fewer members "
        "and steps, and has fewer images than the article."
    )
    headline = Headline(
        "good" if not rest else "caution",
        f"{text}{', ' * bool(rest)}{', '.join(rest)}.{quick * (study.scale.name == 'quick')}",
        (
            ("data sets", str(len(study.layout.sets))),
            ("images", str(sum(d.n_frames for d in study.layout.sets.values()))),
            ("seed", str(study.seed)),
        ),
    )
    lacking = [(name, reason) for name, reason in study.layout.left_out.items()]
    absent = ReportTable(
        "Data sets that are left out.", ("data set", "reason"), tuple(lacking), (False, False)
    )
    return ReportSection(
        "Conditions",
        text=f"Every table and figure of {ARTICLE}, on {', '.join(study.layout.sets)}. Figures are drawn "
        f"from the tables, which are in the folder '{TABLES}' beside this page.",
        headlines=(headline,),
        tables=(absent,) if lacking else (),
    )


def _section(study: Study, item: Item, outcome: Outcome) -> ReportSection:
    tables = [
        format_table(_shown(study.folder / TABLES / f"{name}.csv", name), SHOWN[name])
        for name in outcome.tables
        if name in SHOWN
    ]
    figures = tuple(
        stored_figure(study.folder / p.page_png, p.width_in, p.alt, p.caption)
        for p in outcome.pictures
    )
    files = tuple(ReportFile(f"{name}.csv", f"{TABLES}/{name}.csv") for name in outcome.tables)
    return ReportSection(
        item.title,
        statements=(
            ("The article", item.article),
            ("Here", outcome.summary),
            *((("Why they differ", outcome.difference),) if outcome.difference else ()),
        ),
        figures=figures,
        tables=tuple(tables),
        files=files,
    )


def _shown(path: Path, name: str) -> pd.DataFrame:
    """Return the columns of a table for the page; the file has all."""
    table = pd.read_csv(path)
    return table[[c for c in COLUMNS.get(name, tuple(table.columns)) if c in table.columns]]


def _provenance(study: Study) -> dict[str, str]:
    return {
        **library_versions("numpy", "scipy"),
        "scale": study.scale.model_dump_json(),
        "machine": f"{count(default_jobs(), 'core')} of {platform.machine()}, networks on "
        f"{training_device()}",
        "seed": str(study.seed),
    }
