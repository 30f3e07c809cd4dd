"""The study's page: each item's figures and tables, what the article says and what is found here."""

import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from refp.models import training_device
from refp.parallel import default_jobs
from refp.record import library_versions
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
from refp.study.item import Item, Outcome
from refp.study.study import Study
from refp.study.words import count

PAGE = "study.html"
TABLES, FIGURES = "tables", "figures"
SHOWN = {
    "table1": "One row per data set; article_ columns are the article's, paper_ ours with its recipe.",
    "claims": "Claims of the text. resnet: the article's recipe; profile, lookup: ours.",
    "depths": "Deeper networks, recipe paper, all else alike; RMS errors of images.",
    "ours": "Each family on each test. coverage: of 95 % intervals; skill: against a constant answer.",
    "ours_limit": "Scatter of single beads within an image beside the Cramer-Rao bound of one bead.",
}
"""Tables that stand on the page, with their captions; all others lie beside it."""


def write_page(study: Study, made: Sequence[tuple[Item, Outcome]]) -> Path:
    """Write the page of a study and return its path.

    Parameters
    ----------
    study
        The study, whose folder holds the items' files.
    made
        Every item and what became of it.
    """
    sections = [_conditions(study, made), *(_section(study, *pair) for pair in made)]
    title = f"The study of the article, repeated at scale {study.scale.name}"
    return write_report(study.folder / PAGE, title, sections, _provenance(study))


def _conditions(study: Study, made: Sequence[tuple[Item, Outcome]]) -> ReportSection:
    states = Counter(outcome.state for _, outcome in made)
    text = f"{states['done']} of {count(len(made), 'item')} made"
    rest = [f"{n} {state}" for state, n in states.items() if state != "done"]
    quick = (
        " Scale quick trains the article's networks far too briefly to reach its figures: it shows that "
        "every part runs, not what the method can do."
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
        "Data sets that are left out.", ("data set", "why"), tuple(lacking), (False, False)
    )
    return ReportSection(
        "Conditions",
        text=f"Every table and figure of {ARTICLE}, on {', '.join(study.layout.sets)}. Figures are drawn "
        f"from the tables in the folder '{TABLES}'; as files they lie in '{FIGURES}'.",
        headlines=(headline,),
        tables=(absent,) if lacking else (),
    )


def _section(study: Study, item: Item, outcome: Outcome) -> ReportSection:
    said = ReportTable(
        "", ("", "says"), (("the article", item.article), ("here", outcome.here)), (False, False)
    )
    tables = [
        format_table(pd.read_csv(study.folder / TABLES / f"{name}.csv"), SHOWN[name])
        for name in outcome.tables
        if name in SHOWN
    ]
    figures = tuple(
        stored_figure(study.folder / p.page_png, p.width_in, p.alt, p.caption)
        for p in outcome.pictures
    )
    files = [(f"{name}.csv", f"{TABLES}/{name}.csv") for name in outcome.tables]
    for picture in outcome.pictures:
        files += [(f"{picture.name}.{k}", f"{FIGURES}/{picture.name}.{k}") for k in ("svg", "png")]
    return ReportSection(
        item.title,
        figures=figures,
        tables=(said, *tables),
        files=tuple(ReportFile(*file) for file in files),
    )


def _provenance(study: Study) -> dict[str, str]:
    return {
        **library_versions("numpy", "scipy"),
        "scale": study.scale.model_dump_json(),
        "machine": f"{count(default_jobs(), 'core')} of {platform.machine()}, networks on "
        f"{training_device()}",
        "seed": str(study.seed),
    }
