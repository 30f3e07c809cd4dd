"""Results that the article does not report: skill, intervals, refusals, and the Cramer-Rao bound."""

import numpy as np
import pandas as pd

from refp.core.arrays import FloatArray
from refp.core.errors import DataError, RecipeError
from refp.estimate.evaluation import summarise
from refp.pipeline.tables import KEY_COLUMNS
from refp.reports.study import draw_families
from refp.settings import Instrument
from refp.study.descriptions import describe_model, needs_tests
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.predictions import MemberPredictions
from refp.study.study import FAMILIES, ModelSpec, Study
from refp.synthetic import dz_bound

BOUND_POINTS = 9
MIN_BEADS = 3


def make(study: Study) -> Finding:
    """Make the item."""
    tests = [(label, n) for label in study.layout.labels for n in study.layout.tests(label)]
    table = pd.DataFrame(
        [_row(study, study.spec_of(label, f), f, name) for f in FAMILIES for label, name in tests]
    )
    limit = pd.DataFrame(
        [
            row
            for f in FAMILIES
            for label, name in tests
            for row in _limits(study, study.spec_of(label, f), f, name)
        ]
    )

    def draw(tables: Tables) -> list[Picture]:
        pictures = []
        for label in study.layout.labels:
            shown = tables["ours"][tables["ours"]["dataset"].str.startswith(f"{label} test ")]
            if shown.empty:
                continue
            models = "; ".join(describe_model(study, study.spec_of(label, f)) for f in FAMILIES)
            caption = (
                f"{', '.join(dict.fromkeys(shown['dataset']))}, {int(shown['n_images'].max())} images at "
                f"most, all beads, refusals allowed. {models}. Tick: the constant predictor. Coverage of "
                "95 % intervals, label uncertainty included."
            )
            alt = f"RMS error, coverage and refusals of each family on the tests of {label}."
            pictures.append(
                Picture(f"ours-{label}".lower(), alt, caption, draw_families(shown, label))
            )
        return pictures

    return Finding({"ours": table, "ours_limit": limit}, draw, _summarise(table))


def _row(study: Study, spec: ModelSpec, family: str, name: str) -> dict[str, object]:
    predictions = study.predictions(spec, name)
    summary = summarise(predictions.errors)
    row = {k: v for k, v in summary.as_dict().items() if k != "coverage_observed"}
    n = max(summary.n_images, 1)
    return {
        "family": family,
        "dataset": name,
        **row,
        "coverage": summary.coverage_observed,
        "refused_share": summary.n_refused / n if summary.n_images else np.nan,
    }


def _limits(study: Study, spec: ModelSpec, family: str, name: str) -> list[dict[str, object]]:
    """Return the scatter of single beads in an image and the bound, per exposure.

    The scatter is about the mean of the image and therefore includes the beads' heights besides noise;
    the bound is that of one bead for the instrument of the recipe.
    """
    predictions, instrument = study.predictions(spec, name), study.layout.sets[name].instrument
    rows: list[dict[str, object]] = []
    for exposure, beads in predictions.beads.groupby("exposure_ms", dropna=False):
        scatter_um = _scatter(predictions, beads)
        low, high = beads["delta_z_true_um"].min(), beads["delta_z_true_um"].max()
        dz_um = np.linspace(low, high, BOUND_POINTS)
        bound_um = _bound(instrument, dz_um, float(str(exposure)))
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


def _bound(instrument: Instrument, dz_um: FloatArray, exposure_ms: float) -> float:
    """Return the bound of a range of dZ; NaN where it cannot be computed."""
    if np.isnan(exposure_ms):
        return float("nan")
    try:
        return float(np.median(dz_bound(instrument, dz_um, exposure_ms).sd_um))
    except (DataError, RecipeError):  # outside the simulated range, or optics not simulated
        return float("nan")


def _scatter(predictions: MemberPredictions, beads: pd.DataFrame) -> float:
    """Return the typical standard deviation of the beads of one image about their mean."""
    means = beads.assign(mean_um=beads[predictions.members].mean(axis=1))
    groups = means.groupby([*KEY_COLUMNS, "z_um"], dropna=False)["mean_um"]
    spread = groups.std()[groups.size() >= MIN_BEADS]
    return float(spread.median()) if len(spread) else float("nan")


def _summarise(table: pd.DataFrame) -> str:
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
    "Not reported. A constant predictor is within 10 um on most frames of the Nikon.",
    needs_tests,
    make,
)
