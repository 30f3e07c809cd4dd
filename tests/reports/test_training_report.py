"""The page about a training."""

import base64
import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from refp.core.labels import ORIGINS
from refp.reports import (
    TrainingTables,
    draw_bead_errors,
    draw_learning_curves,
    render_report,
    summarise_beads,
    training_headline,
    training_sections,
)
from refp.reports.bead_errors import MAX_BEADS, choose_beads
from refp.reports.learning import fit_colors

N_FIELDS, N_BEADS, N_FRAMES = 3, 4, 20


def make_curves(n_splits: int = N_FIELDS, n: int = 5) -> pd.DataFrame:
    """Errors that fall from 100 um to 10 um, those of the second split twice as large."""
    step = 200 * np.arange(1, n + 1)
    parts = []
    for split in (*range(1, n_splits + 1), 0):
        train = np.geomspace(100, 10, n)
        held_out = train * (2 if split == 2 else 1.2) if split else np.full(n, np.nan)
        name = f"hold-out {split} of {n_splits}" if split else "all members"
        columns = {"step": step, "loss": -train, "train_rms_um": train, "rms_um": held_out}
        parts.append(pd.DataFrame({"fit": name, "split": split, **columns}))
    return pd.concat(parts, ignore_index=True)


def make_beads() -> pd.DataFrame:
    """Each bead errs by a bias of its own: none but the last of each field, which errs by 5 um."""
    rng = np.random.default_rng(3)
    fov, bead, frame = (a.ravel() for a in np.indices((N_FIELDS, N_BEADS, N_FRAMES)))
    error = rng.normal(0, 0.5, fov.size) + 5.0 * (bead == N_BEADS - 1)
    dz = np.linspace(-80, 80, N_FRAMES)[frame]
    return pd.DataFrame(
        {
            "split": fov + 1,
            "dataset": "A2K training",
            "experiment": 1,
            "fov": fov + 1,
            "exposure_ms": 12.0,
            "z_um": 1500 + dz,
            "image": "z.tif",
            "bead": 10_000 * fov + bead,
            "delta_z_true_um": dz,
            "delta_z_um": dz + error,
            "error_um": error,
            "sd_um": 0.5,
        }
    )


def make_images(beads: pd.DataFrame) -> pd.DataFrame:
    keys = ["split", "dataset", "experiment", "fov", "exposure_ms", "z_um"]
    images = beads.groupby(keys, as_index=False)[["delta_z_true_um", "error_um"]].mean()
    images["delta_z_um"] = images["delta_z_true_um"] + images["error_um"]
    images["lower_um"], images["upper_um"] = images["delta_z_um"] - 3, images["delta_z_um"] + 3
    images["status"], images["reason"], images["image"] = "ok", "", "z.tif"
    images["n_beads_used"] = N_BEADS
    images["label_u_um"], images["label"] = 0.5, "stage-corrected"
    return images


def make_splits(images: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "split": split,
            "held_out": f"FOV {split}",
            "n_images": len(part),
            "n_beads": 4,
            "n_tiles": 80,
            "n_refused": 0,
            "rms_um": 3.0 if split == 2 else 1.25,
            "bias_um": 1.25,
            "largest_um": 2.0,
            "coverage_observed": 0.97,
            "bead_rms_um": 2.5,
            "n_steps": 1000,
        }
        for split, part in images.groupby("split")
    ]
    return pd.DataFrame(rows)


CARD: dict[str, Any] = {
    "name": "profile-a2k-0123abcd",
    "family": "profile",
    "dz_range_um": [-80.0, 80.0],
    "instrument": {"name": "a2k", "optics": {"pixel_size_um": 1.5}},
    "recipe": {"name": "default", "train": {"steps": 6000}},
    "calibration": {"held_out": "field", "rms_um": 1.25},
}


COVERAGE = "nominally 95 %; 91 % of 60 held-out intervals contain the labelled dZ"


@pytest.fixture(scope="module")
def tables() -> TrainingTables:
    beads = make_beads()
    images = make_images(beads)
    return TrainingTables(CARD, make_curves(), images, beads, make_splits(images), COVERAGE)


def test_every_number_of_the_page_can_be_saved_from_it(tables: TrainingTables) -> None:
    page = render_report("t", training_sections(tables), {})
    found = re.findall(r'href="data:text/csv;base64,([^"]+)" download="([^"]+)"', page)
    saved = {name: pd.read_csv(io.BytesIO(base64.b64decode(data))) for data, name in found}
    expected = {
        "held-out-images.csv": tables.images,
        "held-out-beads.csv": tables.beads,
        "splits.csv": tables.splits,
        "curves.csv": tables.curves,
    }
    assert saved.keys() == expected.keys()
    for name, table in expected.items():
        assert list(saved[name].columns) == list(table.columns)
        numbers = table.select_dtypes("number")
        np.testing.assert_allclose(saved[name][numbers.columns], numbers, rtol=1e-5)


def test_the_page_fetches_nothing(tables: TrainingTables) -> None:
    page = render_report("t", training_sections(tables), {})
    addresses = re.findall(r'(?:src|href)="([^"]{1,12})', page)
    assert all(a.startswith(("data:", "#section-", "./")) for a in addresses)


def test_the_card_is_told_without_its_recipe(tables: TrainingTables) -> None:
    card = training_sections(tables)[2].tables[0]
    rows = dict(card.rows)
    assert rows["dz range (um)"] == "\N{MINUS SIGN}80.00, 80.00"
    assert rows["instrument: optics: pixel size (um)"] == "1.50"
    assert rows["recipe"] == "default"


def test_long_lists_of_the_card_are_cut(tables: TrainingTables) -> None:
    many = {**CARD, "files_sha256": [f"digest{k}" for k in range(164)]}
    rows = dict(training_sections(replace(tables, card=many))[2].tables[0].rows)
    assert rows["files sha256"] == "digest0, digest1, digest2, … (164 values)"


def test_a_split_that_stands_out_is_tinted(tables: TrainingTables) -> None:
    table = training_sections(tables)[0].tables[0]
    assert table.marked == {1}
    assert table.headers[3:5] == ("beads", "tiles")


def change(tables: TrainingTables, rows: slice, **columns: object) -> TrainingTables:
    images = tables.images.copy()
    for name, value in columns.items():
        images.loc[rows, name] = value
    return replace(tables, images=images)


REFUSED = {"status": "refused", "error_um": np.nan, "delta_z_um": np.nan}


@pytest.mark.parametrize(
    ("rows", "columns", "level", "told"),
    [
        pytest.param(slice(0, 0), {}, "good", "60 of 60 images", id="good"),
        pytest.param(slice(None), {"error_um": 99.0}, "poor", "RMS error 99.00 um", id="no better"),
        pytest.param(
            slice(0, 4), REFUSED | {"reason": "outside_range: "}, "good", "5 refused", id="ends"
        ),
        pytest.param(
            slice(0, 4), REFUSED | {"reason": "unlike_training: "}, "caution", "55 of", id="refused"
        ),
        pytest.param(slice(None), REFUSED, "poor", "None of 60", id="nothing"),
    ],
)
def test_headline(
    tables: TrainingTables, rows: slice, columns: dict[str, object], level: str, told: str
) -> None:
    headline = training_headline(change(tables, rows, **columns))
    assert headline.level == level
    assert told in headline.text


def test_the_coverage_is_that_observed_beside_the_nominal_one(tables: TrainingTables) -> None:
    coverage = {"nominal": 0.95, "observed": 0.91, "n_images": 60}
    known = {**CARD["calibration"], "coverage": coverage, "widening": 1.0}
    headline = training_headline(replace(tables, card={**CARD, "calibration": known}))
    assert headline.level == "good"
    assert COVERAGE in headline.text
    assert ("observed coverage, 60 images", "91 %") in headline.numbers
    assert ("nominal coverage", "95 %") in headline.numbers
    widened = {**CARD, "calibration": {**known, "widening": 1.3}}
    assert training_headline(replace(tables, card=widened)).level == "caution"


def test_labels_are_named_by_their_origin(tables: TrainingTables) -> None:
    section = training_sections(tables)[0]
    assert ORIGINS["stage-corrected"] in section.text
    assert ORIGINS["stage-corrected"] in section.figures[0].caption
    assert "nominal Z" not in section.text + section.headlines[0].text


def test_beads_held_out_within_a_field_ask_for_caution(tables: TrainingTables) -> None:
    card = {**CARD, "calibration": {"held_out": "bead", "rms_um": 1.0}}
    assert training_headline(replace(tables, card=card)).level == "caution"


def test_beads_are_summarised_and_ordered_by_field(tables: TrainingTables) -> None:
    summary = summarise_beads(tables.beads)
    assert list(summary["field"].unique()) == [f"exp 1, FOV {i}" for i in (1, 2, 3)]
    for _, rows in summary.groupby("field"):
        assert rows["median_um"].is_monotonic_increasing
    last = summary[summary["bead"] % 10_000 == N_BEADS - 1]
    np.testing.assert_allclose(last["median_um"], 5.0, atol=0.5)
    assert (last["low_um"] > 3).all()
    assert (summary["n"] == N_FRAMES).all()


def test_a_figure_shows_the_beads_that_err_most() -> None:
    rms = np.arange(MAX_BEADS + 40, dtype=float)
    shown = choose_beads(pd.DataFrame({"rms_um": rms[::-1]}))
    assert sorted(shown["rms_um"]) == list(rms[-MAX_BEADS:])
    assert list(shown.index) == sorted(shown.index)


def test_bead_figure_marks_those_that_err_to_one_side(tables: TrainingTables) -> None:
    figure = draw_bead_errors(summarise_beads(tables.beads))
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "errors of one sign" in words
    numbers = [label.get_text() for label in figure.axes[0].get_xticklabels(minor=True)]
    assert numbers == [str(number) for number in summarise_beads(tables.beads)["bead"]]
    even = tables.beads[tables.beads["bead"] % 10_000 < N_BEADS - 1]
    figure = draw_bead_errors(summarise_beads(even))
    assert "errors of one sign" not in [text.get_text() for text in figure.legends[0].get_texts()]


def test_learning_curves_share_one_scale(tables: TrainingTables) -> None:
    trained, held_out = draw_learning_curves(tables.curves).axes
    assert trained.get_ylim() == held_out.get_ylim()
    assert len(trained.lines) == N_FIELDS + 1
    assert len(held_out.lines) == N_FIELDS
    np.testing.assert_allclose(held_out.lines[1].get_ydata()[-1], 20.0)


def test_learning_curves_of_fits_that_held_out_nothing() -> None:
    curves = make_curves(n_splits=0)
    assert len(draw_learning_curves(curves).axes) == 1
    assert fit_colors(curves) == {"all members": "#222222"}


def test_a_family_without_steps_has_no_curves(tables: TrainingTables) -> None:
    sections = training_sections(replace(tables, curves=tables.curves.iloc[:0]))
    assert sections[1].figures == ()
    assert "not trained in steps" in sections[1].text


def test_many_fields_are_shown_by_split(tables: TrainingTables) -> None:
    fields = range(len(tables.images))
    images = tables.images.assign(fov=list(fields))
    (figure, _) = training_sections(replace(tables, images=images))[0].figures
    assert figure.caption.startswith("split 1, split 2, split 3: 60 images")
