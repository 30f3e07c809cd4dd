"""Tables of a training: learning curves, and errors of held-out images and beads."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from refp.core.arrays import IntArray
from refp.core.labels import Label, Origin, hold_labels
from refp.core.rows import take
from refp.estimate import FocusEstimate, Found, estimate_focus
from refp.models import (
    BeadInputs,
    LearningCurve,
    Lookup,
    ModelCard,
    NoLookup,
    Predictions,
    inputs_of,
    make_lookup,
)
from refp.models.describe import describe_coverage
from refp.models.tiles.label import BEADS_PER_FIELD
from refp.pipeline.assembly import Training
from refp.pipeline.tables import KEY_COLUMNS, error_table, estimate_table, key_row
from refp.reports import TrainingTables
from refp.settings import Recipe

LEARNING_COLUMNS = ("fit", "split", "step", "loss", "train_rms_um", "rms_um")
BEAD_ERROR_COLUMNS = (
    *("split", *KEY_COLUMNS, "z_um", "image", "bead"),
    *("delta_z_true_um", "delta_z_um", "error_um", "sd_um"),
)
SPLIT_COLUMNS = (
    *("split", "held_out", "n_images", "n_beads", "n_tiles", "n_refused"),
    *("rms_um", "bias_um", "largest_um", "coverage_observed", "bead_rms_um", "n_steps"),
)


class _RecordedPredictions:
    """A family that returns the held-out predictions of the beads of one image."""

    sees_pixels = False

    def __init__(self, predictions: Predictions) -> None:
        self._predictions = predictions

    def predict(self, inputs: BeadInputs) -> Predictions:  # noqa: ARG002
        return self._predictions


def training_tables(training: Training, recipe: Recipe) -> TrainingTables:
    """Return the tables behind the report of a training.

    Parameters
    ----------
    training
        From :func:`refp.pipeline.run_training`.
    recipe
        Recipe of the training.
    """
    images = _image_table(training, recipe)
    beads = _bead_table(training)
    return TrainingTables(
        card=training.ensemble.card.model_dump(mode="json"),
        curves=_curve_table(training.trained.curves),
        images=images,
        beads=beads,
        splits=_split_table(training, images, beads),
        coverage=describe_coverage(training.ensemble.card),
    )


def _curve_table(curves: Sequence[LearningCurve]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "fit": curve.fit,
                "split": curve.split + 1,
                "step": curve.step,
                "loss": curve.loss,
                "train_rms_um": curve.train_rms_um,
                "rms_um": curve.rms_um,
            }
        )
        for curve in curves
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=LEARNING_COLUMNS)


def _split_of_rows(training: Training) -> IntArray:
    """Return the number, from 1, of the split that holds each row out."""
    number = np.zeros(len(training.tiles), dtype=np.int64)
    for i, split in enumerate(training.splits):
        number[split.held_out] = i + 1
    return number


def _image_table(training: Training, recipe: Recipe) -> pd.DataFrame:
    """Estimate every held-out image with the networks of its split.

    Where a split holds out beads or tiles, an image has one row for each split, with the beads that the
    split holds out of it.
    """
    tiles, held_out = training.tiles, training.trained.held_out
    split = _split_of_rows(training)
    known = np.isfinite(held_out.dz_um).any(axis=0)
    lookup = make_lookup(training.ensemble.stack, recipe.train.lookup)
    numbers, frames, estimates, labels = [], [], [], []
    for number, frame in np.unique(np.stack([split, tiles.frame])[:, known], axis=1).T:
        rows = np.flatnonzero((tiles.frame == frame) & (split == number) & known)
        estimates.append(_estimate(training, rows, lookup, recipe))
        numbers.append(number)
        frames.append(frame)
        labels.append(_label(training, rows))
    images = [training.frames[frame] for frame in frames]
    names = [image.label for image in images]
    estimated = estimate_table(names, estimates, training.ensemble.card.name)
    table = error_table(images, estimated, labels)
    table.insert(0, "split", numbers)
    return table


def _label(training: Training, rows: IntArray) -> Label:
    """Return the label of the image of the given tiles, on which the networks are trained."""
    tiles, frame = training.tiles, int(training.tiles.frame[rows[0]])
    dz_um = float(np.median(tiles.image_dz_um[rows]))
    nominal_um = training.frames[frame].z_um - training.refp_um[frame]
    origin: Origin = "nominal" if np.isclose(dz_um, nominal_um, 0.0, 1e-9) else "stage-corrected"
    return Label(dz_um, float(training.label_u_um[rows[0]]), origin)


def _estimate(
    training: Training, rows: IntArray, lookup: Lookup | NoLookup, recipe: Recipe
) -> FocusEstimate:
    held_out = training.trained.held_out
    members = np.isfinite(held_out.dz_um[:, rows]).all(axis=1)
    predictions = Predictions(held_out.dz_um[members][:, rows], held_out.sd_um[members][:, rows])
    inputs = inputs_of(take(training.tiles, rows))
    card: ModelCard = training.ensemble.card
    return estimate_focus(
        inputs, Found(len(rows)), card, _RecordedPredictions(predictions), lookup, recipe.estimate
    )


def _bead_table(training: Training) -> pd.DataFrame:
    """Return one row per held-out bead and image, with the mean prediction of its networks."""
    tiles, held_out = training.tiles, training.trained.held_out
    rows = np.flatnonzero(np.isfinite(held_out.dz_um).any(axis=0))
    frames = [training.frames[frame] for frame in tiles.frame[rows]]
    dz_um = np.nanmean(held_out.dz_um[:, rows], axis=0)
    stated = np.isfinite(held_out.sd_um[:, rows]).any(axis=0)
    sd_um = np.full(len(rows), np.nan)
    sd_um[stated] = np.sqrt(np.nanmean(held_out.sd_um[:, rows[stated]] ** 2, axis=0))
    table = pd.DataFrame([key_row(f.key) for f in frames], columns=list(KEY_COLUMNS))
    table["split"] = _split_of_rows(training)[rows]
    table["z_um"] = [frame.z_um for frame in frames]
    table["image"] = [frame.label for frame in frames]
    table["bead"] = tiles.bead[rows] % BEADS_PER_FIELD
    table["delta_z_true_um"], table["delta_z_um"] = tiles.dz_um[rows], dz_um
    table["error_um"], table["sd_um"] = dz_um - tiles.dz_um[rows], sd_um
    return table[list(BEAD_ERROR_COLUMNS)]


def _split_table(training: Training, images: pd.DataFrame, beads: pd.DataFrame) -> pd.DataFrame:
    """Return one row per split: the held-out tiles and their errors."""
    steps = {curve.split: int(curve.step[-1]) for curve in training.trained.curves}
    rows = []
    for i, split in enumerate(training.splits):
        own, tiles = images[images["split"] == i + 1], beads[beads["split"] == i + 1]
        error = own["error_um"].dropna().to_numpy()
        row = {
            "split": i + 1,
            "held_out": _name(training, split.held_out),
            "n_images": len(own),
            "n_beads": len(tiles[[*KEY_COLUMNS[:3], "bead"]].drop_duplicates()),
            "n_tiles": len(tiles),
            "n_refused": int((own["status"] == "refused").sum()),
            "rms_um": _rms(error),
            "bias_um": float(error.mean()) if len(error) else np.nan,
            "largest_um": float(np.abs(error).max()) if len(error) else np.nan,
            "coverage_observed": _coverage(own[own["status"] == "ok"]),
            "bead_rms_um": _rms(tiles["error_um"].to_numpy()),
            "n_steps": steps.get(i, 0),
        }
        rows.append(row)
    return pd.DataFrame(rows, columns=list(SPLIT_COLUMNS))


def _name(training: Training, held_out: IntArray) -> str:
    """Describe the held-out part of a split: whole fields, or tiles of beads."""
    tiles, everything = training.tiles, np.arange(len(training.tiles))
    fields = np.unique(tiles.field[held_out])
    rest = np.setdiff1d(everything, held_out)
    if np.isin(tiles.field[rest], fields).any():
        n = len(np.unique(tiles.bead[held_out]))
        return f"{len(held_out)} tiles of {n} bead{'s' * (n != 1)}"
    keys = {training.frames[f].key.field: None for f in np.unique(tiles.frame[held_out])}
    return "; ".join(f"{name}, exp {experiment}, FOV {fov}" for name, experiment, fov in keys)


def _coverage(images: pd.DataFrame) -> float:
    columns = ("lower_um", "upper_um", "delta_z_true_um", "label_u_um")
    inside = hold_labels(*(images[name] for name in columns))
    return float(inside.mean()) if len(inside) else float("nan")


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2))) if len(error) else float("nan")
