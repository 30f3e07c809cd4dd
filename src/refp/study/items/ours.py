"""What the article does not report: skill, intervals, refusals, and the limit that physics sets."""

import numpy as np
import pandas as pd

from refp.core.errors import DataError, RecipeError
from refp.estimate.evaluation import summarise
from refp.pipeline.tables import KEY_COLUMNS
from refp.reports.study import draw_families
from refp.study.answers import Answers
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.study import FAMILIES, Study, Wanted, wanted_of
from refp.study.words import describe_wanted, needs_tests
from refp.synthetic import dz_bound

BOUND_POINTS = 9
MIN_BEADS = 3


def make(study: Study) -> Finding:
    """Make the item."""
    tests = [(label, n) for label in study.layout.labels for n in study.layout.tests(label)]
    table = pd.DataFrame(
        [_row(study, wanted_of(label, f), f, name) for f in FAMILIES for label, name in tests]
    )
    limit = pd.DataFrame(
        [
            row
            for f in FAMILIES
            for label, name in tests
            for row in _limits(study, wanted_of(label, f), f, name)
        ]
    )

    def draw(tables: Tables) -> list[Picture]:
        pictures = []
        for label in study.layout.labels:
            shown = tables["ours"][tables["ours"]["dataset"].str.startswith(f"{label} test ")]
            if shown.empty:
                continue
            models = "; ".join(describe_wanted(study, wanted_of(label, f)) for f in FAMILIES)
            caption = (
                f"{', '.join(dict.fromkeys(shown['dataset']))}, {int(shown['n_images'].max())} images at "
                f"most, all beads, refusals allowed. {models}. Tick: always answering the mean. Intervals "
                "of 95 %, the known dZ's own uncertainty allowed for."
            )
            alt = f"RMS error, coverage and refusals of each family on the tests of {label}."
            pictures.append(
                Picture(f"ours-{label}".lower(), alt, caption, draw_families(shown, label))
            )
        return pictures

    return Finding({"ours": table, "ours_limit": limit}, draw, _here(table))


def _row(study: Study, wanted: Wanted, family: str, name: str) -> dict[str, object]:
    answers = study.answers(wanted, name)
    summary = summarise(answers.errors, study.label_u_um(name, study.recipe(wanted)))
    row = {k: v for k, v in summary.as_dict().items() if k != "coverage_observed"}
    n = max(summary.n_images, 1)
    return {
        "family": family,
        "dataset": name,
        **row,
        "coverage": summary.coverage_observed,
        "refused_share": summary.n_refused / n if summary.n_images else np.nan,
    }


def _limits(study: Study, wanted: Wanted, family: str, name: str) -> list[dict[str, object]]:
    """Return how far single beads scatter in an image, beside the bound, per exposure.

    The scatter is about the image's own mean, so it has the beads' heights in it besides noise; the
    bound is that of the instrument as its recipe states it, for one bead.
    """
    answers, instrument = study.answers(wanted, name), study.layout.sets[name].instrument
    rows: list[dict[str, object]] = []
    for exposure, beads in answers.beads.groupby("exposure_ms"):
        scatter_um = _scatter(answers, beads)
        low, high = beads["delta_z_true_um"].min(), beads["delta_z_true_um"].max()
        try:
            bound = dz_bound(instrument, np.linspace(low, high, BOUND_POINTS), float(str(exposure)))
            bound_um = float(np.median(bound.sd_um))
        except (DataError, RecipeError):  # beyond what is simulated, or of optics that are not
            bound_um = float("nan")
        rows.append(
            {
                "family": family,
                "dataset": name,
                "exposure_ms": exposure,
                "scatter_um": scatter_um,
                "bound_um": bound_um,
                "scatter_over_bound": scatter_um / bound_um,
            }
        )
    return rows


def _scatter(answers: Answers, beads: pd.DataFrame) -> float:
    """Return the typical standard deviation of the beads of one image about their mean."""
    said = beads.assign(said=beads[answers.members].mean(axis=1))
    groups = said.groupby([*KEY_COLUMNS, "z_um"])["said"]
    spread = groups.std()[groups.size() >= MIN_BEADS]
    return float(spread.median()) if len(spread) else float("nan")


def _here(table: pd.DataFrame) -> str:
    texts = []
    for family, rows in table.groupby("family", sort=False):
        texts.append(
            f"{family}: skill {rows['skill'].min():.2f} to {rows['skill'].max():.2f}, coverage "
            f"{100 * rows['coverage'].min():.0f} to {100 * rows['coverage'].max():.0f} %, refused "
            f"{int(rows['n_refused'].sum())} of {int(rows['n_images'].sum())} images"
        )
    return "; ".join(texts) + "."


ITEM = Item(
    "ours",
    "Beyond the article: skill, intervals, refusals, limit",
    "Not reported. A constant answer is within 10 um on most planes of the Nikon.",
    needs_tests,
    make,
)
