"""Train and calibrate an ensemble on sweeps with a known plane."""

from pathlib import Path

import numpy as np

from refp.core.parallel import SERIAL, Execution
from refp.estimate import calibrate, image_label_u_um, tilt_um_per_px
from refp.measure.limits import with_seen_limits
from refp.models import (
    Calibration,
    Ensemble,
    Trained,
    TrainingJob,
    Watch,
    ignore_curve,
    make_family,
    match_held_out,
)
from refp.models.tiles import (
    LabelErrors,
    LabelledTiles,
    Split,
    estimate_label_errors,
    split_name,
)
from refp.pipeline.assembly import Training, assemble, checkpoint_folder
from refp.pipeline.material import label
from refp.pipeline.planes import Planes
from refp.settings import Instrument, Recipe


def train_model(
    planes: Planes,
    recipe: Recipe,
    *,
    seed: int = 0,
    checkpoints: Path | None = None,
    execution: Execution = SERIAL,
) -> Ensemble:
    """Train and calibrate an ensemble on sweeps with a known plane.

    Parameters and errors are those of :func:`run_training`.

    Examples
    --------
    With ``planes`` from :func:`define_planes`:

    >>> import refp
    >>> ensemble = refp.train_model(planes, refp.load_recipe(), seed=1)
    >>> ensemble.card.family, ensemble.card.calibration.rms_um < 5
    ('lookup', True)
    """
    training = run_training(planes, recipe, seed=seed, checkpoints=checkpoints, execution=execution)
    return training.ensemble


def run_training(
    planes: Planes,
    recipe: Recipe,
    *,
    seed: int = 0,
    checkpoints: Path | None = None,
    execution: Execution = SERIAL,
    watch: Watch = ignore_curve,
) -> Training:
    """Train and calibrate an ensemble, and return it with the results of the training.

    Parameters
    ----------
    planes
        Planes from :func:`define_planes`.
    recipe
        Family and its settings.
    seed
        Seed of the networks, batches and splits.
    checkpoints
        Folder of checkpoints; only a training with the same data, recipe and seed resumes from it.
        Without it an interrupted training is lost.
    execution
        Executor for the work, and callback for progress.
    watch
        Callback for the learning curves.

    Raises
    ------
    DataError
        If no sweep has a determined plane with usable beads.
    MissingExtraError
        If a library of extra ``train`` that the family needs is not installed.
    """
    instrument = planes.measurements[0].instrument
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    recipe = with_seen_limits(recipe, sweeps, instrument)
    family = make_family(recipe.train)
    material = label(planes, recipe, seed)
    tiles, splits = material.tiles, material.splits
    with checkpoint_folder(checkpoints, material, recipe, seed) as folder:
        job = TrainingJob(tiles, splits, material.ring_pixels, seed, folder, execution, watch)
        trained = family.train(job)
    errors = _label_errors(tiles, planes, recipe)
    calibration = _calibrate(tiles, splits, trained, errors, instrument, recipe)
    ensemble = assemble(tiles, trained, calibration, recipe, planes.measurements)
    u_um = image_label_u_um(tiles, errors)
    return Training(ensemble, tiles, splits, trained, material.frames, material.refp_um, u_um)


def _label_errors(tiles: LabelledTiles, planes: Planes, recipe: Recipe) -> LabelErrors:
    """Return the standard uncertainties of the labels of a training."""
    return estimate_label_errors(
        planes.result,
        tiles.sweeps,
        len(np.unique(tiles.frame)),
        planes.measurements[0].instrument,
        on_axes=recipe.label.position == "frame",
    )


def _calibrate(
    tiles: LabelledTiles,
    splits: tuple[Split, ...],
    trained: Trained,
    errors: LabelErrors,
    instrument: Instrument,
    recipe: Recipe,
) -> Calibration:
    return calibrate(
        tiles,
        trained.held_out,
        match_held_out(tiles, splits, recipe.train.lookup),
        recipe.estimate,
        errors,
        tilt_um_per_px=tilt_um_per_px(recipe.estimate, instrument),
        split=split_name(tiles, recipe.split),
    )
