"""Numbers in the article's text, beside ours."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from refp.core.arrays import BoolArray
from refp.study.article import CELLS, DEEPER, ON_OTHER_INSTRUMENT, TEST_3, TOLERANCE_UM, WHOLE
from refp.study.descriptions import (
    Interval,
    explain_training,
    needs_tests,
    percent_of,
    preferred,
    rms_of,
    rms_ratio,
)
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.items.fig10 import FEW_BEADS, INTERVAL, fractions_of
from refp.study.items.residuals import residual_rows
from refp.study.layout import label_of
from refp.study.predictions import draw_beads, image_errors
from refp.study.study import FAMILIES, Study

LIMIT_UM = 10.0
ARTICLE_FRACTIONS = {
    "everywhere": "at least 80",
    "on the instruments trained on": "at least 90 in 14 of 15",
}
"""The article's smallest percentage of errors within 10 um, by group of data sets."""
Row = dict[str, object]


def make(study: Study) -> Finding:
    """Make the item."""
    tests = [n for label in study.layout.labels for n in study.layout.tests(label)]
    table = pd.DataFrame([*_errors(study, tests), *_few_beads(study, tests), *_whole(study)])
    depths = _depths(study)
    differs = explain_training(study, *study.layout.labels)
    summary = _summarise(table, depths)
    return Finding({"claims": table, "depths": depths}, _no_picture, summary, differs)


def _row(claim: str, article: str, unit: str, values: dict[str, Interval]) -> Row:
    row: Row = {"claim": claim, "article": article, "unit": unit}
    for family, found in values.items():
        row |= {family: found.value, f"{family}_lower": found.lower, f"{family}_upper": found.upper}
    return row


def _errors(study: Study, tests: list[str]) -> Iterator[Row]:
    """Yield rows on errors of images inside the trained range, without refused ones."""
    table = residual_rows(study, tests)
    table = table[table["in_range"] & (table["status"] == "ok")]
    error = {
        str(family): rows.assign(error=rows["error_um"].abs())
        for family, rows in table.groupby("family")
    }

    def percent(rows: pd.DataFrame) -> Interval:
        return percent_of((rows["error"] <= LIMIT_UM).to_numpy())

    def maximum(rows: pd.DataFrame) -> Interval:
        return Interval(float(rows["error"].max()) if len(rows) else np.nan)

    def of(rows: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
        return rows[rows["dataset"].isin(names)]

    yield _row(
        "images with an error of at most 10 um",
        "98.4",
        "%",
        {f: percent(r) for f, r in error.items()},
    )
    for claim, article, names in (
        ("largest error among cells", "10", CELLS),
        ("largest error of Nikon test 2", "5", ("Nikon test 2",)),
        ("largest error of A2K test 4", "7.5", tuple(ON_OTHER_INSTRUMENT)),
    ):
        yield _row(
            claim, f"below {article}", "um", {f: maximum(of(r, names)) for f, r in error.items()}
        )


def _few_beads(study: Study, tests: list[str]) -> Iterator[Row]:
    groups = _groups(tests)
    for where, names in groups.items():
        within = {family: _within(study, names, family) for family in FAMILIES}
        yield _row(f"predictions from {FEW_BEADS} beads within 7.5 um, {where}", "95", "%", within)
    fractions = fractions_of(study, study.scale.model_copy(update={"n_beads": (FEW_BEADS,)}))
    few = fractions[(fractions["threshold_um"] == LIMIT_UM) & fractions["share"].notna()]
    for where, names in groups.items():
        smallest = {
            str(family): _least(rows[rows["members"] == rows["members"].min()])
            for family, rows in few[few["dataset"].isin(names)].groupby("family")
        }
        claim = f"smallest fraction within 10 um of a data set and exposure, {FEW_BEADS} beads, one member"
        yield _row(f"{claim}, {where}", ARTICLE_FRACTIONS[where], "%", smallest)


def _groups(tests: list[str]) -> dict[str, list[str]]:
    """Return all tests, and those of the instruments that were trained on."""
    own = [name for name in tests if name not in ON_OTHER_INSTRUMENT]
    return dict(zip(ARTICLE_FRACTIONS, (tests, own), strict=True))


def _least(rows: pd.DataFrame) -> Interval:
    """Return the smallest fraction as a percentage, with the interval of its draws."""
    row = rows.iloc[int(rows["share"].to_numpy(dtype=np.float64).argmin())]
    return Interval(*(100 * float(row[name]) for name in ("share", "lower", "upper")))


def _within(study: Study, tests: list[str], family: str) -> Interval:
    """Return the percentage of few-bead predictions within the stage's repeatability.

    The interval is that of the draws of beads and members.
    """
    inside: list[BoolArray] = []
    for name in tests:
        predictions = study.predictions(study.spec_of(label_of(name), family), name)
        n = len(predictions.members)
        drawn = draw_beads(predictions, FEW_BEADS, n, study.scale.resamples, study.seed).error_um
        inside.append((np.abs(drawn) <= TOLERANCE_UM)[:, np.isfinite(drawn).all(axis=0)])
    together = np.concatenate(inside, axis=1) if inside else np.empty((0, 0))
    if not together.size:
        return Interval(float("nan"))
    each = 100 * together.mean(axis=1)
    return Interval(float(each.mean()), *(float(q) for q in np.quantile(each, INTERVAL)))


def _whole(study: Study) -> Iterator[Row]:
    name = preferred(study.layout, TEST_3)
    whole = image_errors(study.predictions(study.variant_of(label_of(name), WHOLE), name))[
        "error_um"
    ]
    values = {}
    for family in FAMILIES:
        errors = study.predictions(study.spec_of(label_of(name), family), name)
        values[family] = rms_ratio(whole, image_errors(errors)["error_um"])
    yield _row(f"RMS error of whole images over that of beads, {name}", "20", "times", values)


def _depths(study: Study) -> pd.DataFrame:
    """Return RMS errors of the deeper networks on the data sets of one instrument."""
    label = label_of(preferred(study.layout, TEST_3))
    rows = []
    deeper = {network: study.variant_of(label, variant) for network, variant in DEEPER.items()}
    for network, spec in {"ResNet-18": study.spec_of(label, "resnet"), **deeper}.items():
        for name in study.layout.tests(label):
            error = image_errors(study.predictions(spec, name))["error_um"]
            settings = study.recipe(spec).train.resnet
            found = rms_of(error)
            interval = (found.value, found.lower, found.upper)
            rows.append(
                (network, name, *interval, len(error), settings.members, settings.max_steps)
            )
    rms_columns = ["rms_um", "rms_lower_um", "rms_upper_um"]
    columns = ["network", "dataset", *rms_columns, "n_images", "n_members", "most_steps"]
    return pd.DataFrame(rows, columns=columns)


def _summarise(table: pd.DataFrame, depths: pd.DataFrame) -> str:
    first = table.iloc[0]
    fractions = ", ".join(f"{f} {first[f]:.3g} %" for f in FAMILIES if f in first)
    deep = depths.groupby("network", sort=False)["rms_um"].median()
    networks = ", ".join(f"{n} {value:.3g} um" for n, value in deep.items())
    return f"Within 10 um: {fractions}. Median RMS error of a data set: {networks}."


def _no_picture(tables: Tables) -> list[Picture]:  # noqa: ARG001
    return []


ITEM = Item(
    "text",
    "Claims of the text",
    "98.4 % of errors within 10 um; 95 % of predictions from six beads within 7.5 um; 80 % within 10 um "
    "everywhere; beads 20 times more accurate than whole images; ResNet-50 and -101 about as good as 18.",
    needs_tests,
    make,
)
