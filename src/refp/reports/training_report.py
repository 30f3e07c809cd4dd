"""Report on a training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from refp.core.labels import describe_origins, name_labels
from refp.reports.bead_errors import describe_bead_errors, draw_bead_errors, summarise_beads
from refp.reports.errors import describe_errors, draw_errors
from refp.reports.learning import describe_learning, draw_learning_curves
from refp.reports.page import (
    Headline,
    Level,
    ReportSection,
    table_file,
    vector_figure,
)
from refp.reports.panels import short_name, sweep_names, unique_in_order
from refp.reports.tables import ReportTable, format_table, format_value, percent
from refp.reports.training_tables import TrainingTables

MAX_PANELS = 6
_MAX_VALUES, _FIRST_VALUES = 12, 3
"""Of a longer list of the card only the first values are shown; the model file has all."""
_MAX_REFUSED = 0.01
"""Largest acceptable fraction of refused images inside the range."""


def training_sections(tables: TrainingTables) -> list[ReportSection]:
    """Return the sections about a training: held-out errors, learning curves, card."""
    return [_held_out_section(tables), _learning_section(tables), _card_section(tables)]


def training_headline(tables: TrainingTables) -> Headline:
    """Return the verdict on a training: poor if no better than the constant predictor."""
    images, known = tables.images, tables.card["calibration"]
    ok = images[images["status"] == "ok"]
    if ok.empty:
        return Headline("poor", f"None of {len(images)} held-out images was estimated.")
    error = ok["error_um"].to_numpy(dtype=float)
    rms, constant = float(np.sqrt(np.mean(error**2))), float(ok["delta_z_true_um"].std(ddof=0))
    refused = len(images) - len(ok)
    text = (
        f"Held out by {known['held_out']}, dZ of {len(ok)} of {len(images)} images: RMS error "
        f"{rms:.2f} um against labelled dZ ({describe_origins(ok['label'])}); {refused} refused. "
        f"Interval: {tables.coverage}."
    )
    coverage = known.get("coverage")
    numbers = (
        ("RMS error (um)", f"{rms:.2f}"),
        ("largest error (um)", f"{np.abs(error).max():.2f}"),
        ("RMS of the constant predictor (um)", f"{constant:.1f}"),
        ("refused", str(refused)),
        *(_coverage_numbers(coverage) if coverage else ()),
    )
    within = images[~images["reason"].str.startswith("outside_range")]
    lost = float((within["status"] == "refused").mean())
    doubts = (lost > _MAX_REFUSED, known["held_out"] != "field", known.get("widening", 1.0) > 1.0)
    level: Level = "poor" if rms >= constant else "caution" if any(doubts) else "good"
    return Headline(level, text, numbers)


def _coverage_numbers(coverage: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return observed and nominal coverage of a model's held-out intervals."""
    return (
        (f"observed coverage, {coverage['n_images']} images", percent(coverage["observed"])),
        ("nominal coverage", percent(coverage["nominal"])),
    )


def _held_out_section(tables: TrainingTables) -> ReportSection:
    images, members = tables.images, _models_text(tables)
    panels = _as_panels(images)
    figure = draw_errors(panels, np.nan, str(tables.card["name"]))
    alt = f"Error of held-out images against {name_labels(images['label'])}, per split."
    beads = summarise_beads(tables.beads)
    return ReportSection(
        "Held out",
        text="Images of a split are estimated by models trained on the other splits; their errors "
        f"calibrate the interval. Labelled dZ: {describe_origins(images['label'])}. Errors include that "
        "of the label, which the interval leaves out.",
        figures=(
            vector_figure(figure, alt, describe_errors(panels, members)),
            vector_figure(
                draw_bead_errors(beads),
                "Errors of each held-out bead.",
                describe_bead_errors(beads, members),
            ),
        ),
        tables=(_split_table(tables.splits),),
        headlines=(training_headline(tables),),
        files=(
            table_file(images, "held-out-images.csv"),
            table_file(tables.beads, "held-out-beads.csv"),
            table_file(tables.splits, "splits.csv"),
        ),
    )


def _as_panels(images: pd.DataFrame) -> pd.DataFrame:
    """Name a panel per field of view, or per split where there are more fields than fit."""
    datasets = unique_in_order(images["dataset"])
    names = [short_name(name, datasets) for name in sweep_names(images)]
    if len(set(names)) <= MAX_PANELS:
        return images.assign(dataset=names)
    return images.assign(dataset=[f"split {split}" for split in images["split"]])


def _split_table(splits: pd.DataFrame) -> ReportTable:
    caption = (
        "Held-out images and errors of each split. RMS, bias and largest error are of images; the RMS "
        "of a bead is of one bead by the split's models. Tinted: RMS at least twice the smallest."
    )
    rms = splits["rms_um"].to_numpy(dtype=float)
    worse = rms > 2 * np.nanmin(rms) if np.isfinite(rms).any() else np.zeros(len(rms), dtype=bool)
    named = splits.rename(columns={"n_beads": "beads"})
    return format_table(named, caption, np.flatnonzero(worse).tolist())


def _learning_section(tables: TrainingTables) -> ReportSection:
    if tables.curves.empty:
        return ReportSection("Learning curves", "This family is not trained in steps.")
    family = str(tables.card["family"])
    figure = draw_learning_curves(tables.curves)
    alt = "Errors of beads trained on and of held-out beads against gradient steps."
    return ReportSection(
        "Learning curves",
        figures=(vector_figure(figure, alt, describe_learning(tables.curves, family)),),
        files=(table_file(tables.curves, "curves.csv"),),
    )


def _card_section(tables: TrainingTables) -> ReportSection:
    rows = list(_card_rows(tables.card))
    table = ReportTable("", ("of the model", "value"), tuple(rows), (False, False))
    return ReportSection("Card", tables=(table,))


def _card_rows(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten a card to lines; of the recipe only its name."""
    rows: list[tuple[str, str]] = []
    for key, value in card.items():
        if key == "recipe":
            rows.append(("recipe", str(value.get("name", ""))))
        elif isinstance(value, Mapping):
            rows += [(f"{key}: {name}", text) for name, text in _card_rows(value)]
        else:
            rows.append((_card_words(key), _text(key, value)))
    return rows


def _card_words(key: str) -> str:
    stem, _, unit = key.replace("_", " ").rpartition(" ")
    return f"{stem} (um)" if stem and unit == "um" else f"{stem} {unit}".strip()


def _text(key: str, value: object) -> str:
    if isinstance(value, list | tuple):
        texts = [_text(key, item) for item in value]
        if len(texts) <= _MAX_VALUES:
            return ", ".join(texts)
        return f"{', '.join(texts[:_FIRST_VALUES])}, \N{HORIZONTAL ELLIPSIS} ({len(texts)} values)"
    return format_value(key, value)


def _models_text(tables: TrainingTables) -> str:
    """Return the text of the models that estimated the held-out images."""
    return f"models of family {tables.card['family']}"
