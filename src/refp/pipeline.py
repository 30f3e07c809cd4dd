r"""The whole method on one screen.

::

    open_dataset -> measure_dataset -> define_planes            define the REFP
                          \-> label, split -> train_model       train
    list_images  -> measure_frame -> estimate_images            one image -> dZ
                                 \-> evaluate_model             errors against known dZ
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from pydantic import ValidationError

from refp.arrays import BoolArray, FloatArray, Image, IntArray
from refp.errors import DataError, ModelError
from refp.estimate import FocusEstimate, calibrate, estimate_focus, refused
from refp.evaluation import Summary, summarise
from refp.features import FeatureCurve, feature_curve
from refp.flags import UNUSABLE_BEAD, BeadFlag
from refp.measure import (
    FrameMeasurement,
    Measurement,
    explain_no_beads,
    measure_dataset,
    measure_frame,
)
from refp.models import (
    BeadInputs,
    Calibration,
    Ensemble,
    Lookup,
    ModelCard,
    Predictor,
    Trained,
    TrainingJob,
    TrainSettings,
    in_plane_rows,
    make_family,
    make_predictor,
    stack_of,
)
from refp.parallel import Progress, map_ordered, no_progress
from refp.plane import PlaneResult, PooledProfile, locate_planes
from refp.recipe import Recipe
from refp.record import hash_files, library_versions
from refp.rows import take
from refp.sweeps import (
    DataSet,
    Frame,
    Instrument,
    SingleImage,
    declared_instrument,
    declared_pixel_size_um,
    make_instrument,
    read_instrument,
)
from refp.sweeps.optics import one_line
from refp.tables import error_table, estimate_table
from refp.tiles import (
    LabelledTiles,
    crop_tiles,
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
    pooled: tuple[PooledProfile, PooledProfile] | None = None,
    jobs: int = 1,
    progress: Progress = no_progress,
) -> Planes:
    """Define the reference plane of every sweep of one instrument.

    Parameters
    ----------
    datasets
        Opened data sets of one instrument; their sweeps share the pooled profiles.
    recipe
        Settings.
    pooled
        Pooled profiles (SS, CI) of earlier data.
    jobs, progress
        Processes, and who is told how far the work is.

    Raises
    ------
    DataError
        If the data sets are of different instruments or share a name, if no sweep has the frames
        that a plane needs, or no bead is found anywhere.
    """
    _same_instrument(datasets)
    _different_names(datasets)
    _enough_frames(datasets, recipe.plane.minimum_frames)
    measurements = tuple(measure_dataset(d, recipe, jobs=jobs, progress=progress) for d in datasets)
    sweeps = [sweep for m in measurements for sweep in m.sweeps]
    if not any(len(sweep.beads) for sweep in sweeps):
        raise DataError(explain_no_beads(datasets))
    curves = tuple(feature_curve(sweep, recipe.feature) for sweep in sweeps)
    result = locate_planes(
        curves,
        recipe.plane,
        bead_diameter_um=datasets[0].instrument.bead.diameter_um,
        stage_sigma_um=datasets[0].instrument.stage.repeatability_um,
        pooled=pooled,
    )
    return Planes(measurements, curves, result)


def _same_instrument(datasets: Sequence[DataSet]) -> None:
    first = datasets[0]
    for other in datasets[1:]:
        if other.instrument != first.instrument:
            raise DataError(
                f"{other.root}: instrument {other.instrument.name!r} differs from "
                f"{first.instrument.name!r} of {first.root}; run one instrument at a time"
            )


def _different_names(datasets: Sequence[DataSet]) -> None:
    """Refuse data sets of one name: their fields of view would be taken for the same."""
    roots: dict[str, Path] = {}
    for dataset in datasets:
        first = roots.setdefault(dataset.name, dataset.root)
        if first is not dataset.root:
            raise DataError(
                f"{dataset.root}: data set {dataset.name!r} has the name of {first}; "
                'give each its own: dataset = "..." in its sweep.toml'
            )


def _enough_frames(datasets: Sequence[DataSet], least: int) -> None:
    """Refuse data without a single sweep that a plane could be read off."""
    most = max(len(sweep.frames) for dataset in datasets for sweep in dataset.sweeps)
    if most < least:
        found = f"{most} plane{'s' if most > 1 else ''}"
        raise DataError(
            f"{datasets[0].root}: no sweep has more than {found}, a reference plane needs at least "
            f"{least}; record a Z sweep across the plane, or check --pattern if the files are one"
        )


def train_model(
    planes: Planes,
    recipe: Recipe,
    *,
    seed: int = 0,
    checkpoints: Path | None = None,
    progress: Progress = no_progress,
) -> Ensemble:
    """Train and calibrate an ensemble on sweeps with a known plane.

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
    progress
        Told how far training is.

    Raises
    ------
    DataError
        If no sweep has a determined plane with usable beads.
    MissingExtraError
        If the family needs the extra ``train``.
    """
    family = make_family(recipe.train)
    instrument = planes.measurements[0].instrument
    crop = partial(_crop, side_px=instrument.tile_side_px) if family.sees_pixels else None
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    tiles = label_tiles(sweeps, labels, crop)
    tiles = take(tiles, in_plane_rows(tiles, recipe.train.lookup))
    splits = split_tiles(tiles, recipe.split, seed)
    radius, spacing = instrument.bead_radius_px, tiles.radius_radii[1]
    rings = np.maximum(2 * np.pi * tiles.radius_radii * spacing * radius**2, 1.0)
    with _checkpoint_folder(checkpoints, tiles, recipe, seed) as folder:
        trained = family.train(TrainingJob(tiles, splits, rings, seed, folder, progress))
    calibration = _calibrate(tiles, trained, instrument, recipe)
    return _assemble(planes, tiles, trained, calibration, recipe)


def _crop(image: Image, center_px: FloatArray, *, side_px: int) -> FloatArray:
    return crop_tiles(image, center_px, side_px)


@contextmanager
def _checkpoint_folder(
    parent: Path | None, tiles: LabelledTiles, recipe: Recipe, seed: int
) -> Iterator[Path]:
    """Yield the folder of this training and of no other: one that differs must not resume from it."""
    if parent is None:
        with TemporaryDirectory(prefix="refp-") as folder:
            yield Path(folder)
        return
    digest = hashlib.sha256(f"{recipe.digest} {seed}".encode())
    for array in (tiles.dz_um, tiles.profile, tiles.pixels):
        digest.update(array.tobytes())
    yield parent / digest.hexdigest()[:12]


def _calibrate(
    tiles: LabelledTiles, trained: Trained, instrument: Instrument, recipe: Recipe
) -> Calibration:
    match = Lookup(stack_of(tiles), recipe.train.lookup).match(tiles.profile, tiles.saturated)
    return calibrate(
        tiles,
        trained.held_out,
        match,
        recipe.estimate,
        stage_sigma_um=instrument.stage.repeatability_um,
        split=split_name(tiles, recipe.split),
    )


def _assemble(
    planes: Planes,
    tiles: LabelledTiles,
    trained: Trained,
    calibration: Calibration,
    recipe: Recipe,
) -> Ensemble:
    """Make the card and put everything that prediction needs together."""
    instrument = planes.measurements[0].instrument
    family = recipe.train.family
    stack = stack_of(tiles)
    content = hashlib.sha256(trained.graph + stack.mean.tobytes() + stack.sd.tobytes()).hexdigest()
    per_image = np.unique(tiles.frame, return_counts=True)[1]
    frames = [f.path for m in planes.measurements for s in m.sweeps for f in s.frames]
    libraries = ("numpy",) if family == "lookup" else ("numpy", "torch", "onnx")
    card = ModelCard(
        name=f"{family}-{instrument.name}-{content[:8]}",
        family=family,
        members=trained.members,
        instrument=instrument,
        dz_range_um=(float(tiles.dz_um.min()), float(tiles.dz_um.max())),
        minimum_beads=int(min(recipe.estimate.minimum_beads, np.median(per_image))),
        n_tiles=len(tiles),
        n_beads=len(np.unique(tiles.bead)),
        sweeps=tuple(str(key) for key in tiles.sweeps),
        conditions=_conditions(tiles, len(per_image)),
        recipe=recipe.model_dump(mode="json"),
        versions=library_versions(*libraries),
        data_sha256=hash_files(frames),
        calibration=calibration,
    )
    return Ensemble(card, stack, trained.graph)


def _conditions(tiles: LabelledTiles, n_images: int) -> str:
    exposures = sorted({key.exposure_ms for key in tiles.sweeps})
    return (
        f"{n_images} images, {len(tiles)} tiles of {len(np.unique(tiles.bead))} beads, "
        f"{len(np.unique(tiles.field))} fields of view, exposures "
        f"{', '.join(f'{e:g}' for e in exposures)} ms, dZ {tiles.dz_um.min():.1f} to "
        f"{tiles.dz_um.max():.1f} um"
    )


def recipe_of(card: ModelCard) -> Recipe:
    """Return the recipe that a model was made with.

    Raises
    ------
    ModelError
        If this version of refp does not know one of its settings.
    """
    try:
        return Recipe.model_validate(card.recipe)
    except ValidationError as error:
        raise ModelError(
            f"{one_line(error, f'model {card.name}: recipe')}; use the refp that trained it "
            f"({card.versions.get('refp', 'version not stated')}) or train again"
        ) from error


@dataclass(frozen=True, slots=True)
class ImageEstimate:
    """The estimate of one image, and the beads that it was made from.

    ``used`` marks the beads that the estimate rests on, shape ``(n_beads,)``.
    """

    image: str
    estimate: FocusEstimate
    measured: FrameMeasurement | None
    used: BoolArray


class Estimator:
    """A model ready to estimate: load once, ask often.

    Parameters
    ----------
    ensemble
        From :func:`refp.models.load_model` or :func:`train_model`.
    max_beads
        Use at most this many usable beads of an image, the surest first.

    Raises
    ------
    ModelError
        If this version of refp cannot run the model.
    """

    def __init__(self, ensemble: Ensemble, max_beads: int | None = None) -> None:
        self.card = ensemble.card
        self._recipe = recipe_of(ensemble.card)
        self._predictor: Predictor = make_predictor(ensemble, self._train_settings)
        self._lookup = Lookup(ensemble.stack, self._train_settings.lookup)
        self._max_beads = max_beads

    @property
    def _train_settings(self) -> TrainSettings:
        return self._recipe.train

    def estimate(self, image: Image, name: str = "") -> ImageEstimate:
        """Estimate dZ of one image, shape ``(y, x)``."""
        measured = measure_frame(image, self.card.instrument, self._recipe)
        rows = self._usable(measured)
        inputs = self._inputs(image, measured, rows)
        estimate = estimate_focus(
            inputs,
            len(measured),
            self.card,
            self._predictor,
            self._lookup,
            self._recipe.estimate,
        )
        used = np.zeros(len(measured), dtype=np.bool_)
        used[rows[estimate.used]] = estimate.status == "ok"
        return ImageEstimate(name, estimate, measured, used)

    def estimate_source(self, source: SingleImage | Frame) -> ImageEstimate:
        """Read and estimate; a file that cannot be read is refused with the reason."""
        try:
            image = source.read()
        except DataError as error:
            refusal = refused("unreadable", str(error), self._recipe.estimate.coverage)
            return ImageEstimate(source.label, refusal, None, np.zeros(0, dtype=np.bool_))
        return self.estimate(image, source.label)

    def _usable(self, measured: FrameMeasurement) -> IntArray:
        """Rows of usable beads without SS outliers; the detector's order is surest first."""
        out = UNUSABLE_BEAD | BeadFlag.OUTLIER
        rows = np.flatnonzero((measured.beads.flags & np.uint32(out)) == 0)
        return rows[: self._max_beads]

    def _inputs(
        self,
        image: Image,
        measured: FrameMeasurement,
        rows: IntArray,
    ) -> BeadInputs:
        profiles = take(measured.profiles, rows)
        pixels = np.empty((len(rows), 0, 0), dtype=np.float32)
        if self._predictor.sees_pixels:
            centers = measured.beads.center_px[rows]
            pixels = crop_tiles(image, centers, self.card.instrument.tile_side_px)
        return BeadInputs(profiles.normalised, profiles.saturated, profiles.light, pixels)


def estimate_images(
    estimator: Estimator,
    images: Sequence[SingleImage | Frame],
    *,
    progress: Progress = no_progress,
) -> tuple[pd.DataFrame, list[ImageEstimate]]:
    """Estimate dZ of single images; one row each, in their order."""
    results = map_ordered(estimator.estimate_source, images, title="estimating", progress=progress)
    names = [result.image for result in results]
    return estimate_table(names, [r.estimate for r in results], estimator.card.name), results


def check_instrument(card: ModelCard, instrument: Instrument, source: object) -> None:
    """Refuse data of another instrument than the model's.

    Raises
    ------
    ModelError
        If name, pixel size or bead differ; the message names both.
    """
    own = card.instrument
    pixel, bead = instrument.optics.pixel_size_um, instrument.bead.diameter_um
    alike = (
        abs(pixel / own.optics.pixel_size_um - 1) <= PIXEL_SIZE_TOLERANCE
        and abs(bead / own.bead.diameter_um - 1) <= PIXEL_SIZE_TOLERANCE
        and instrument.name == own.name
    )
    if not alike:
        raise ModelError(
            f"{source}: images of instrument {instrument.name!r} ({pixel:g} um/px, bead {bead:g} um), "
            f"but the model is for {own.name!r} ({own.optics.pixel_size_um:g} um/px, bead "
            f"{own.bead.diameter_um:g} um); train a model on this instrument"
        )


PIXEL_SIZE_TOLERANCE = 0.02


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
    jobs: int = 1,
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
    planes = define_planes(datasets, recipe, jobs=jobs, progress=progress)
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    frames = [f for m in planes.measurements for s in m.sweeps for f in s.frames if f.key in labels]
    if not frames:
        raise DataError(
            f"{datasets[0].root}: no sweep has a determined reference plane to compare with; "
            "see the flags of 'refp plane'"
        )
    table, _ = estimate_images(estimator, frames, progress=progress)
    errors = error_table(frames, table, [labels[f.key][0] for f in frames])
    return Evaluation(errors, summarise(errors), planes)


def check_declared(card: ModelCard, instrument: str | None, paths: Sequence[Path]) -> None:
    """Refuse images that say they are of another instrument than the model's.

    Parameters
    ----------
    card
        The model's card.
    instrument
        What the user says; nothing is checked against files then.
    paths
        Images and folders; a sweep.toml beside them or a pixel size in their metadata speaks.

    Raises
    ------
    ModelError
        If they differ; the message names both.
    """
    if instrument is not None:
        check_instrument(card, make_instrument(read_instrument(instrument), instrument), instrument)
        return
    for path in paths:
        declared = declared_instrument(path)
        if declared is not None:
            check_instrument(card, declared, path)
        pixel_um = declared_pixel_size_um(path)
        own_um = card.instrument.optics.pixel_size_um
        if pixel_um is not None and abs(pixel_um / own_um - 1) > PIXEL_SIZE_TOLERANCE:
            raise ModelError(
                f"{path}: pixel size {pixel_um:g} um, but the model is for {own_um:g} um; "
                "train a model on this instrument"
            )
