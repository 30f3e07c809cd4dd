"""Figs 11, 12 and 14: errors against dZ, per exposure."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from refp.pipeline.tables import KEY_COLUMNS
from refp.reports.study import draw_study_errors
from refp.study.article import CELLS, TOLERANCE_UM
from refp.study.descriptions import (
    Missing,
    describe_images,
    describe_model,
    explain_training,
    largest,
    percent_of,
    rms_of,
    um,
)
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.layout import DataLayout, label_of
from refp.study.predictions import MemberPredictions, image_errors, inside_range
from refp.study.study import FAMILIES, Study

Choose = Callable[[DataLayout], list[str]]


def make_of(stem: str, choose: Choose) -> Callable[[Study], Finding]:
    """Return a function that makes the figure of the chosen data sets."""

    def make(study: Study) -> Finding:
        names = choose(study.layout)
        table = residual_rows(study, names)

        def draw(tables: Tables) -> list[Picture]:
            return list(_pictures(study, tables[stem], stem, names))

        differs = explain_training(study, *dict.fromkeys(label_of(name) for name in names))
        return Finding({stem: table}, draw, _summarise(table), differs)

    return make


def residual_rows(study: Study, names: Sequence[str]) -> pd.DataFrame:
    """Return the error of every image by every family.

    The article's family refuses no image, as in the article; ours may refuse, and gives intervals.
    """
    parts = []
    for family in FAMILIES:
        for name in names:
            spec = study.spec_of(label_of(name), family)
            predictions = study.predictions(spec, name)
            table = _without_intervals(predictions) if family == "resnet" else predictions.errors
            low_um, high_um = study.card(spec).dz_range_um
            inside = inside_range(table, (low_um, high_um))
            parts.append(
                table.assign(
                    family=family, trained_low_um=low_um, trained_high_um=high_um, in_range=inside
                )
            )
    columns = [
        *("family", "dataset", "experiment", "fov", "exposure_ms", "z_um", "delta_z_true_um"),
        *("label_u_um", "label"),
        *("delta_z_um", "error_um", "lower_um", "upper_um", "status", "n_beads_used"),
        *("trained_low_um", "trained_high_um", "in_range"),
    ]
    return pd.concat(parts, ignore_index=True)[columns]


def _without_intervals(predictions: MemberPredictions) -> pd.DataFrame:
    """Return the errors of images as combined in the article, with the labels of the images."""
    keys = [*KEY_COLUMNS, "z_um"]
    labels = predictions.errors[[*keys, "label_u_um", "label"]]
    errors = image_errors(predictions)
    errors = errors.astype(labels[keys].dtypes.to_dict())  # an empty table has none of its own
    errors = errors.merge(labels, on=keys, how="left")
    return errors.assign(status="ok", lower_um=np.nan, upper_um=np.nan)


def _pictures(
    study: Study, table: pd.DataFrame, stem: str, names: Sequence[str]
) -> Iterator[Picture]:
    for family, rows in table.groupby("family", sort=False):
        models = {study.spec_of(label_of(name), str(family)) for name in names}
        described = "; ".join(sorted(describe_model(study, model) for model in models))
        trained_um = (float(rows["trained_low_um"].min()), float(rows["trained_high_um"].max()))
        refused = int((rows["status"] == "refused").sum())
        how = "nothing is refused" if family == "resnet" else f"{refused} refused (triangles below)"
        caption = (
            f"{describe_images(rows)}; {described}; {how}. Hatched: outside the trained range."
        )
        alt = f"Error against dZ per exposure, family {family}."
        figure = draw_study_errors(rows, trained_um, TOLERANCE_UM, f"Family {family}")
        yield Picture(f"{stem}-{family}", alt, caption, figure)


def _summarise(table: pd.DataFrame) -> str:
    texts = []
    for family, rows in table.groupby("family", sort=False):
        estimated = rows[rows["in_range"] & (rows["status"] == "ok")]
        refused = int((rows["in_range"] & (rows["status"] == "refused")).sum())
        error = estimated["error_um"].to_numpy(dtype=np.float64)
        within = percent_of(np.abs(error) <= TOLERANCE_UM)
        texts.append(
            f"{family}: largest {um(largest(estimated))}, RMS {rms_of(estimated['error_um']).text('um')}, "
            f"{within.text('%')} within {TOLERANCE_UM:g} um of {len(estimated)} images in the trained range"
            + (f", {refused} refused" if refused else "")
        )
    return "; ".join(texts) + "."


def _tests(label_is: Callable[[str], bool]) -> Choose:
    def choose(layout: DataLayout) -> list[str]:
        labels = [label for label in layout.labels if label_is(label)]
        return [n for label in labels for n in layout.tests(label) if n not in CELLS]

    return choose


def _cells(layout: DataLayout) -> list[str]:
    return [name for name in CELLS if name in layout.sets and label_of(name) in layout.labels]


def _needs(choose: Choose, needed: str) -> Missing:
    def missing(layout: DataLayout) -> str:
        return "" if choose(layout) else needed

    return missing


def _is_nikon(label: str) -> bool:
    return label == "Nikon"


def _is_no_nikon(label: str) -> bool:
    return not _is_nikon(label)


A2K, NIKON = _tests(_is_no_nikon), _tests(_is_nikon)
FIG11 = Item(
    "fig11",
    "Fig. 11: error against dZ, A2K tests 1 to 4",
    "Inside the trained range errors are below 7.5 um, the stage's uncertainty; test 4, of another "
    "laboratory, is slightly biased.",
    _needs(A2K, "training and tests of the A2K"),
    make_of("fig11", A2K),
)
FIG12 = Item(
    "fig12",
    "Fig. 12: error against dZ, Nikon tests 1 and 2",
    "Inside the trained range below 10 um, on test 2 below 5 um; test 1 reaches beyond the trained "
    "range, from -22 um.",
    _needs(NIKON, "training and tests of the Nikon"),
    make_of("fig12", NIKON),
)
FIG14 = Item(
    "fig14",
    "Fig. 14: error against dZ among cells, A2K tests 5 and 6",
    "With cells errors are below 10 um; six beads are enough, below the tolerance of 7.5 um.",
    _needs(_cells, "A2K training with tests 5 or 6"),
    make_of("fig14", _cells),
)
