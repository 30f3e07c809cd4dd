"""Fig. 10: the fraction of images within thresholds by number of beads and members."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from refp.estimate.evaluation import THRESHOLDS_UM
from refp.reports.study import draw_fraction_within
from refp.study.article import CELLS
from refp.study.descriptions import (
    count,
    describe_model,
    explain_training,
    format_percent,
    needs_tests,
)
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.predictions import Draws, MemberPredictions, draw_beads
from refp.study.settings import StudyScale
from refp.study.study import FAMILIES, Study

INTERVAL = (0.025, 0.975)
MIN_IMAGES = 0.5
"""Smallest fraction of images with enough beads; images with many beads are near the plane."""
FEW_BEADS = 6
"""Number of beads that the article finds sufficient."""


def make(study: Study) -> Finding:
    """Make the item."""
    fractions = fractions_of(study, study.scale)
    labels = study.layout.labels

    def draw(tables: Tables) -> list[Picture]:
        return [
            picture
            for family in FAMILIES
            for label in labels
            for picture in _picture(study, tables["fig10"], family, label)
        ]

    differs = explain_training(study, *labels)
    return Finding({"fig10": fractions}, draw, _summarise(fractions), differs)


def fractions_of(study: Study, scale: StudyScale) -> pd.DataFrame:
    """Return the fractions for all families, data sets, exposures, members and beads of a scale."""
    parts = [
        _fractions(study.predictions(study.spec_of(label, family), name), scale, study.seed).assign(
            family=family, dataset=name
        )
        for family in FAMILIES
        for label in study.layout.labels
        for name in study.layout.tests(label)
        if name not in CELLS
    ]
    columns = ["family", "dataset", "exposure_ms", "members", "n_beads", "threshold_um"]
    return pd.concat(parts, ignore_index=True)[[*columns, "share", "lower", "upper", "n_images"]]


def _fractions(predictions: MemberPredictions, scale: StudyScale, seed: int) -> pd.DataFrame:
    rows = [
        row
        for members in sorted({min(m, len(predictions.members)) for m in scale.members})
        for n_beads in scale.n_beads
        for row in _count(
            draw_beads(predictions, n_beads, members, scale.resamples, seed), members, n_beads
        )
    ]
    columns = [
        "exposure_ms",
        "members",
        "n_beads",
        "threshold_um",
        "share",
        "lower",
        "upper",
        "n_images",
    ]
    return pd.DataFrame(rows, columns=columns)


def _count(draws: Draws, members: int, n_beads: int) -> Iterator[tuple[float, ...]]:
    """Yield the mean fraction over draws of beads, and its interval."""
    exposures, number = np.unique(draws.exposure_ms, return_inverse=True)
    for k, exposure in enumerate(exposures):
        error = np.abs(draws.error_um[:, number == k])
        enough = np.isfinite(error).all(axis=0)
        error = error[:, enough]
        for threshold in THRESHOLDS_UM:
            fraction = np.full(3, np.nan)
            if enough.mean() >= MIN_IMAGES:
                within = (error <= threshold).mean(axis=1)
                fraction = np.array([within.mean(), *np.quantile(within, INTERVAL)])
            yield (exposure, members, n_beads, threshold, *fraction, error.shape[1])


def _picture(study: Study, fractions: pd.DataFrame, family: str, label: str) -> Iterator[Picture]:
    own = fractions["dataset"].str.startswith(f"{label} test ") & (fractions["family"] == family)
    if not own.any():
        return
    shown = fractions[own]
    few = shown[shown["share"].isna()]["n_beads"]
    lacking = f" Fewer than half of some set's images show {few.min():g} beads." if len(few) else ""
    caption = (
        f"{', '.join(dict.fromkeys(shown['dataset']))}; "
        f"{describe_model(study, study.spec_of(label, family))}. "
        f"Beads of a field and members drawn {count(study.scale.resamples, 'time')}: mean fraction of "
        "images, bars from the 2.5th to the 97.5th percentile of the draws. Per bead the median of the "
        f"members, over beads the mean without outliers; nothing is refused.{lacking}"
    )
    figure = draw_fraction_within(shown, f"{label}, family {family}")
    alt = f"Fraction of images within 2.5 to 10 um against the number of beads, {label}, {family}."
    yield Picture(f"fig10-{label}-{family}".lower(), alt, caption, figure)


def _summarise(fractions: pd.DataFrame) -> str:
    texts = []
    for family in FAMILIES:
        own = fractions[
            (fractions["family"] == family) & (fractions["n_beads"] == FEW_BEADS)
        ].dropna(subset=["share"])
        if own.empty:
            continue
        few = own[own["members"] == own["members"].min()]
        ten, five = (few.loc[few["threshold_um"] == t, "share"] for t in (10.0, 5.0))
        texts.append(
            f"{family}: one member and {FEW_BEADS} beads, at least "
            f"{format_percent(float(ten.min()))} within 10 um "
            f"and {format_percent(float(five.min()))} within 5 um in any of {len(ten)} combinations"
        )
    return "; ".join(texts) + "."


ITEM = Item(
    "fig10",
    "Fig. 10: how many beads and members",
    "Little changes above six beads. With one member and six beads at least 50 % of predictions are "
    "within 5 um and 80 % within 10 um in every scenario, 90 % in 14 of 15 on the training's microscope.",
    needs_tests,
    make,
)
