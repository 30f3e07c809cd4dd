"""The tables behind the page about a training."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from refp import pipeline
from refp.core.labels import hold_labels
from refp.models import Predictions
from refp.pipeline import Planes
from refp.pipeline.assembly import Training
from refp.pipeline.held_out import SPLIT_COLUMNS, training_tables
from refp.pipeline.tables import ERROR_COLUMNS
from refp.reports import TrainingTables
from refp.settings import Recipe


@pytest.fixture(scope="module")
def recipe(recipe_for: Callable[[str], Recipe]) -> Recipe:
    return recipe_for("lookup")


@pytest.fixture(scope="module")
def training(planes: Planes, recipe: Recipe) -> Training:
    return pipeline.run_training(planes, recipe)


@pytest.fixture(scope="module")
def tables(training: Training, recipe: Recipe) -> TrainingTables:
    return training_tables(training, recipe)


def test_every_held_out_image_has_one_row(tables: TrainingTables, training: Training) -> None:
    assert list(tables.images.columns) == ["split", *ERROR_COLUMNS]
    assert len(tables.images) == len(np.unique(training.tiles.frame)) == 60
    assert tables.images["image"].is_unique
    assert sorted(tables.images["split"].unique()) == [1, 2]
    by_field = tables.images.groupby("fov")["split"].nunique()
    assert (by_field == 1).all()


def test_an_image_is_estimated_as_its_calibration_was(
    tables: TrainingTables, training: Training
) -> None:
    error = tables.images["error_um"].dropna()
    assert np.sqrt((error**2).mean()) == pytest.approx(
        training.ensemble.card.calibration.rms_um, rel=0.2
    )
    refused = tables.images["status"] == "refused"
    assert refused.mean() < 0.2
    assert tables.images.loc[~refused, ["lower_um", "upper_um"]].notna().all(axis=None)


def test_errors_of_beads_are_against_their_labels(
    tables: TrainingTables, training: Training
) -> None:
    assert len(tables.beads) == len(training.tiles)
    np.testing.assert_allclose(tables.beads["delta_z_true_um"], training.tiles.dz_um)
    np.testing.assert_allclose(
        tables.beads["error_um"], training.trained.held_out.dz_um[0] - training.tiles.dz_um
    )
    files = {f.label: f for f in training.frames}
    assert all(
        files[image].key.fov == fov and files[image].z_um == z_um
        for image, fov, z_um in tables.beads[["image", "fov", "z_um"]].itertuples(index=False)
    )


def test_labels_have_their_origin_and_uncertainty(
    tables: TrainingTables, training: Training
) -> None:
    assert set(tables.images["label"]) == {"stage-corrected"}
    # Positions on both sides of the plane have equal uncertainties but for their last digit.
    shown, known = (
        np.unique(np.round(values, 9))
        for values in (tables.images["label_u_um"], training.label_u_um)
    )
    np.testing.assert_array_equal(shown, known)
    assert (training.label_u_um >= training.tiles.label_u_um).all()


def test_nominal_labels_are_said_to_be_so(planes: Planes, recipe: Recipe) -> None:
    settings = recipe.replace({"label.position": "nominal", "label.height": "field"})
    tables = training_tables(pipeline.run_training(planes, settings), settings)
    assert set(tables.images["label"]) == {"nominal"}


def test_coverage_of_the_table_is_that_of_the_card(
    tables: TrainingTables, training: Training
) -> None:
    coverage = training.ensemble.card.calibration.coverage
    assert coverage is not None
    assert coverage.n_images == pytest.approx(len(tables.images), abs=3)
    ok = tables.images[tables.images["status"] == "ok"]
    inside = hold_labels(ok["lower_um"], ok["upper_um"], ok["delta_z_true_um"], ok["label_u_um"])
    assert inside.mean() == pytest.approx(coverage.observed, abs=0.04)
    by_split = np.average(tables.splits["coverage_observed"], weights=tables.splits["n_images"])
    assert by_split == pytest.approx(inside.mean(), abs=0.01)
    assert f"{coverage.n_images} held-out intervals" in tables.coverage


def test_splits_name_their_held_out_part(tables: TrainingTables) -> None:
    splits = tables.splits
    assert tuple(splits.columns) == SPLIT_COLUMNS
    assert sorted(splits["held_out"]) == [f"training, exp 1, FOV {i}" for i in (1, 2)]
    assert (splits["n_images"] == 30).all()
    assert (splits["n_beads"] == 6).all()
    for split, rms in zip(splits["split"], splits["bead_rms_um"], strict=True):
        error = tables.beads.loc[tables.beads["split"] == split, "error_um"]
        assert rms == pytest.approx(np.sqrt((error**2).mean()))


def test_tiles_held_out_at_random_are_named_so(planes: Planes, recipe: Recipe) -> None:
    settings = recipe.replace({"split.by": "random", "split.folds": 2})
    tables = training_tables(pipeline.run_training(planes, settings), settings)
    assert tables.splits["held_out"].str.fullmatch(r"\d+ tiles of 12 beads").all()
    assert len(tables.images) > 60  # both splits hold out some beads of most images


def test_rows_without_a_prediction_are_left_out(
    training: Training, recipe: Recipe, tables: TrainingTables
) -> None:
    held_out = training.trained.held_out
    first = training.splits[0].held_out
    only = Predictions(held_out.dz_um.copy(), held_out.sd_um)
    only.dz_um[:, np.setdiff1d(np.arange(len(training.tiles)), first)] = np.nan
    partly = replace(training, trained=replace(training.trained, held_out=only))
    tables = training_tables(partly, recipe)
    assert set(tables.images["split"]) == {1}
    assert len(tables.beads) == len(first)
    assert tables.splits["n_images"].tolist() == [30, 0]
    assert np.isnan(tables.splits["rms_um"][1])
