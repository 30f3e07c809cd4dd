r"""The whole method on one screen.

::

    open_dataset -> measure_dataset -> define_planes            define the REFP
                          \-> label, split -> train_model       train
    list_images  -> measure_frame -> estimate_images            one image -> dZ
                                 \-> evaluate_model             errors against known dZ
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from refp.arrays import FloatArray, Image
from refp.assemble import Training, assemble, checkpoint_folder, digest_training
from refp.checks import (
    check_determined,
    check_different_instruments,
    check_different_names,
    check_enough_frames,
    check_instrument,
    check_same_instrument,
)
from refp.errors import DataError
from refp.estimate import calibrate, tilt_um_per_px
from refp.estimating import estimate_each
from refp.estimator import Estimator, ImageEstimate, recipe_of
from refp.evaluation import Summary, summarise
from refp.features import FeatureCurve, SweepMeasurement, feature_curve
from refp.measure import FrameMeasurement, Measurement, explain_no_beads, measure_dataset
from refp.models import (
    Calibration,
    Ensemble,
    SearchPlan,
    Trained,
    TrainingJob,
    TrialResult,
    Watch,
    make_family,
    match_held_out,
    search_settings,
    unwatched,
)
from refp.parallel import HERE, Progress, Workers, no_progress
from refp.plane import (
    BeadPlanes,
    FieldAxis,
    PlaneResult,
    Pool,
    flag_off_plane,
    locate_planes,
    place_beads,
    place_fields,
)
from refp.recipe import Recipe
from refp.store import FrameStore
from refp.sweeps import DataSet, Frame, Instrument, SingleImage
from refp.tables import error_table, estimate_table
from refp.tiles import (
    LabelledTiles,
    Split,
    crop_tiles,
    estimate_label_errors,
    label_grid,
    label_tiles,
    plane_of_sweeps,
    split_name,
    split_tiles,
)


@dataclass(frozen=True, slots=True)
class Planes:
    """Reference planes of measured data sets, and the curves that they were read off."""

    measurements: tuple[Measurement, ...]
    curves: tuple[FeatureCurve, ...]
    result: PlaneResult


def define_planes(
    datasets: Sequence[DataSet],
    recipe: Recipe,
    *,
    pool: Pool | None = None,
    workers: Workers = HERE,
    store: FrameStore[FrameMeasurement] | None = None,
    progress: Progress = no_progress,
    black_level: float = 0.0,
) -> Planes:
    """Define the reference plane of every sweep of one instrument.

    Parameters
    ----------
    datasets
        Opened data sets of one instrument; their sweeps share the pooled profiles.
    recipe
        Settings.
    pool
        What earlier sweeps of the instrument share, to locate with.
    workers, progress
        Who measures, and who is told how far the work is.
    store
        Where measured frames are kept, and taken from where they are there already.
    black_level
        Of the camera, where neither recipe, pool nor exposures tell it.

    Raises
    ------
    DataError
        If the data sets are of different instruments or share a name, if no sweep has the frames
        that a plane needs, or no bead is found anywhere.
    WorkersError
        If the workers are lost.
    """
    check_same_instrument(datasets)
    check_different_names(datasets)
    check_enough_frames(datasets, recipe.plane.minimum_frames)
    black = pool.black_level if pool is not None else black_level
    measurements = tuple(
        measure_dataset(
            d, recipe, workers=workers, store=store, progress=progress, black_level=black
        )
        for d in datasets
    )
    if not any(len(sweep.beads) for m in measurements for sweep in m.sweeps):
        raise DataError(explain_no_beads(datasets))
    # Small linear algebra: on a busy machine threads that wait for each other cost fifteen times more.
    with threadpool_limits(1):
        return _locate(measurements, recipe, pool)


def define_planes_of_all(
    datasets: Sequence[DataSet],
    recipe: Recipe,
    *,
    pool: Pool | None = None,
    workers: Workers = HERE,
    store: FrameStore[FrameMeasurement] | None = None,
    progress: Progress = no_progress,
) -> list[Planes]:
    """Define the reference planes of data sets of any number of instruments, each by itself.

    Parameters and errors are those of :func:`define_planes`; a pool is of one instrument.

    Raises
    ------
    DataError
        If two instruments have one name, or a pool is given with data of several instruments.
    """
    check_different_names(datasets)
    groups: dict[Instrument, list[DataSet]] = {}
    for dataset in datasets:
        groups.setdefault(dataset.instrument, []).append(dataset)
    check_different_instruments(groups)
    if pool is not None and len(groups) > 1:
        names = ", ".join(instrument.name for instrument in groups)
        raise DataError(f"--pool: is of one instrument, the data are of {names}; run one at a time")
    return [
        define_planes(group, recipe, pool=pool, workers=workers, store=store, progress=progress)
        for group in groups.values()
    ]


def _locate(measurements: Sequence[Measurement], recipe: Recipe, pool: Pool | None) -> Planes:
    """Place frames and beads, flag beads off the plane, and locate the plane of every sweep."""
    instrument, settings = measurements[0].instrument, recipe.plane
    sweeps = [sweep for m in measurements for sweep in m.sweeps]
    curves = [feature_curve(sweep, recipe.feature) for sweep in sweeps]
    axes: list[FieldAxis] = []
    beads: list[BeadPlanes] = []
    if settings.method == "profiles":
        axes = place_fields(sweeps, curves, settings, instrument, pool)
        beads = place_beads(sweeps, curves, axes, settings, instrument)
        sweeps = flag_off_plane(sweeps, beads)
        curves = [feature_curve(sweep, recipe.feature) for sweep in sweeps]
    result = locate_planes(curves, axes, beads, settings, instrument, pool)
    return Planes(_with_sweeps(measurements, sweeps), tuple(curves), result)


def _with_sweeps(
    measurements: Sequence[Measurement], sweeps: Sequence[SweepMeasurement]
) -> tuple[Measurement, ...]:
    """Deal sweeps out to the data sets that they are from."""
    rest = iter(sweeps)
    return tuple(replace(m, sweeps=tuple(next(rest) for _ in m.sweeps)) for m in measurements)


def train_model(
    planes: Planes,
    recipe: Recipe,
    *,
    seed: int = 0,
    checkpoints: Path | None = None,
    workers: Workers = HERE,
    progress: Progress = no_progress,
) -> Ensemble:
    """Train and calibrate an ensemble on sweeps with a known plane; see :func:`run_training`."""
    training = run_training(
        planes, recipe, seed=seed, checkpoints=checkpoints, workers=workers, progress=progress
    )
    return training.ensemble


def run_training(
    planes: Planes,
    recipe: Recipe,
    *,
    seed: int = 0,
    checkpoints: Path | None = None,
    workers: Workers = HERE,
    progress: Progress = no_progress,
    watch: Watch = unwatched,
) -> Training:
    """Train and calibrate an ensemble, and keep what that showed.

    Parameters
    ----------
    planes
        From :func:`define_planes`.
    recipe
        Family and its settings.
    seed
        Start of the networks, batches and splits.
    checkpoints
        Folder in which long training keeps what it needs to resume; only the same training, that
        is data, recipe and seed, resumes from it. Without it an interrupted training is lost.
    workers, progress
        Who trains, and who is told how far it is.
    watch
        Who sees the learning curves grow.

    Raises
    ------
    DataError
        If no sweep has a determined plane with usable beads.
    MissingExtraError
        If the family needs the extra ``train``.
    """
    family = make_family(recipe.train)
    material = _label(planes, recipe, seed)
    tiles, splits = material.tiles, material.splits
    with checkpoint_folder(checkpoints, tiles, recipe, seed) as folder:
        job = TrainingJob(
            tiles, splits, material.ring_pixels, seed, folder, progress, watch, workers
        )
        trained = family.train(job)
    instrument = planes.measurements[0].instrument
    calibration = _calibrate(tiles, splits, trained, planes, recipe)
    files = [f.path for m in planes.measurements for sweep in m.sweeps for f in sweep.frames]
    ensemble = assemble(tiles, trained, calibration, recipe, instrument, files)
    return Training(ensemble, tiles, splits, trained, material.frames, material.refp_um)


def tune_model(
    planes: Planes,
    recipe: Recipe,
    plan: SearchPlan,
    folder: Path,
    *,
    workers: Workers = HERE,
    progress: Progress = no_progress,
) -> list[TrialResult]:
    """Search for settings of the recipe's family.

    Parameters
    ----------
    planes, recipe
        As for :func:`run_training`.
    plan
        What is searched.
    folder
        Of the study; a search that lies in it goes on.
    workers, progress
        Who trains, and who is told how many trials are done.

    Raises
    ------
    DataError
        If no sweep has a determined plane with usable beads.
    RecipeError
        If the family is not trained in steps.
    OutputError
        If the folder holds a search of something else.
    """
    material = _label(planes, recipe, plan.seed)
    tiles, splits, rings = material.tiles, material.splits, material.ring_pixels
    job = TrainingJob(tiles, splits, rings, plan.seed, folder, progress, workers=workers)
    digest = digest_training(tiles, recipe, plan.seed)
    varied = " ".join(plan.varied)
    return search_settings(
        plan, recipe.train, job, f"{digest} {plan.sampler} {plan.budget} {varied}"
    )


@dataclass(frozen=True, slots=True)
class _Material:
    """What training sees: labelled tiles, what of them is held out, and where they come from."""

    tiles: LabelledTiles
    splits: tuple[Split, ...]
    ring_pixels: FloatArray
    frames: tuple[Frame, ...]
    refp_um: tuple[float, ...]


def _label(planes: Planes, recipe: Recipe, seed: int) -> _Material:
    instrument = planes.measurements[0].instrument
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    check_determined(labels, planes.measurements[0].dataset.root, "train on")
    axes = planes.result.axes if recipe.label.position == "frame" else ()
    sigma_um = instrument.stage.repeatability_um
    if recipe.tile.cut == "grid":
        side_px = recipe.tile.grid_side_px
        tiles = label_grid(sweeps, labels, side_px, axes=axes, stage_sigma_um=sigma_um)
    else:
        sees_pixels = make_family(recipe.train).sees_pixels
        crop = partial(_crop, side_px=instrument.tile_side_px) if sees_pixels else None
        beads = planes.result.beads if recipe.label.height == "bead" else ()
        tiles = label_tiles(sweeps, labels, crop, axes=axes, beads=beads, stage_sigma_um=sigma_um)
    rings = _ring_pixels(tiles.radius_radii, instrument.bead_radius_px)
    frames = tuple(f for sweep in sweeps if sweep.key in labels for f in sweep.frames)
    refp_um = tuple(labels[frame.key][0] for frame in frames)
    return _Material(tiles, split_tiles(tiles, recipe.split, seed), rings, frames, refp_um)


def _ring_pixels(radius_radii: FloatArray, bead_radius_px: float) -> FloatArray:
    """Return how many pixels each ring has, at least one."""
    spacing = radius_radii[1] - radius_radii[0] if len(radius_radii) > 1 else 0.0
    return np.maximum(2 * np.pi * radius_radii * spacing * bead_radius_px**2, 1.0)


def _crop(image: Image, center_px: FloatArray, *, side_px: int) -> FloatArray:
    return crop_tiles(image, center_px, side_px)


def _calibrate(
    tiles: LabelledTiles,
    splits: tuple[Split, ...],
    trained: Trained,
    planes: Planes,
    recipe: Recipe,
) -> Calibration:
    instrument, result = planes.measurements[0].instrument, planes.result
    return calibrate(
        tiles,
        trained.held_out,
        match_held_out(tiles, splits, recipe.train.lookup),
        recipe.estimate,
        estimate_label_errors(result.axes, result.beads, len(np.unique(tiles.frame)), instrument),
        tilt_um_per_px=tilt_um_per_px(recipe.estimate, instrument),
        split=split_name(tiles, recipe.split),
    )


def estimate_images(
    estimator: Estimator,
    images: Sequence[SingleImage | Frame],
    *,
    workers: Workers = HERE,
    progress: Progress = no_progress,
) -> tuple[pd.DataFrame, list[ImageEstimate]]:
    """Estimate dZ of single images; one row each, in their order.

    Of very many images, :func:`refp.estimating.estimate_each` holds on to less.
    """
    results: list[ImageEstimate] = []
    estimate_each(
        estimator,
        images,
        workers=workers,
        progress=progress,
        each=lambda _, result: results.append(result),
    )
    names = [result.image for result in results]
    return estimate_table(names, [r.estimate for r in results], estimator.card.name), results


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Estimates of whole data sets against their reference planes."""

    errors: pd.DataFrame
    summary: Summary
    planes: Planes


def evaluate_model(
    estimator: Estimator,
    datasets: Sequence[DataSet],
    *,
    workers: Workers = HERE,
    progress: Progress = no_progress,
) -> Evaluation:
    """Estimate every frame of labelled data sets and compare with their own planes.

    Raises
    ------
    DataError
        If no sweep has a determined plane to compare with.
    ModelError
        If the data are of another instrument.
    """
    for dataset in datasets:
        check_instrument(estimator.card, dataset.instrument, dataset.root)
    recipe = recipe_of(estimator.card)
    black = estimator.card.instrument.optics.black_level or 0.0
    planes = define_planes(datasets, recipe, workers=workers, progress=progress, black_level=black)
    known = known_frames(planes, recipe)
    check_determined(known, datasets[0].root, "compare with")
    frames = list(known)
    table, _ = estimate_images(estimator, frames, workers=workers, progress=progress)
    errors = error_table(frames, table, [refp_um for refp_um, _ in known.values()])
    label_u_um = np.hypot(
        datasets[0].instrument.stage.repeatability_um,
        np.sqrt(np.mean([u_um**2 for _, u_um in known.values()])),
    )
    return Evaluation(errors, summarise(errors, float(label_u_um)), planes)


def known_frames(planes: Planes, recipe: Recipe) -> dict[Frame, tuple[float, float]]:
    """Return the frames that have a plane, each with that and its standard uncertainty, um."""
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    frames = [f for m in planes.measurements for sweep in m.sweeps for f in sweep.frames]
    return {frame: labels[frame.key] for frame in frames if frame.key in labels}
