"""Estimator: a loaded model that estimates dZ of images."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import ValidationError

from refp.core.arrays import BoolArray, FloatArray, Image, IntArray
from refp.core.digests import hash_file
from refp.core.errors import DataError, MissingExtraError, ModelError
from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.core.rows import take
from refp.estimate import Assessment, FocusEstimate, Found, assess_beads, estimate_focus, refused
from refp.estimate.decide import NOT_LINEAR
from refp.measure.frame import FrameMeasurement, measure_frame
from refp.measure.grey_levels import has_merged_levels, has_uneven_gaps, restore_levels
from refp.measure.profiles import RadialProfiles
from refp.measure.white_level import white_level
from refp.models import (
    BeadInputs,
    Ensemble,
    ModelCard,
    Predictions,
    Predictor,
    load_model,
    make_lookup,
    make_predictor,
)
from refp.models.tiles import crop_tiles, cut_grid, light_of
from refp.settings import Instrument, Recipe, one_line
from refp.sweeps import Frame, SingleImage


def recipe_of(card: ModelCard) -> Recipe:
    """Return the recipe of a model's training.

    Raises
    ------
    ModelError
        If the recipe has a setting unknown to this version of refp.
    """
    try:
        return Recipe.model_validate(card.recipe)
    except ValidationError as error:
        raise ModelError(
            f"{one_line(error, f'model {card.name}: recipe')}; use the refp that trained it "
            f"({card.versions.get('refp', 'version not stated')}) or train again"
        ) from error


def inputs_of_profiles(
    profiles: RadialProfiles, shape_px: tuple[int, ...], pixels: FloatArray | None = None
) -> BeadInputs:
    """Return a model's inputs for measured beads of an image.

    Parameters
    ----------
    profiles
        Profiles of ``n`` beads.
    shape_px
        Shape of the image, ``(y, x)``.
    pixels
        Tiles of the beads, shape ``(n, side, side)``; without them, for families on profiles.
    """
    return BeadInputs(
        profile=profiles.normalised,
        saturated=profiles.saturated,
        light=profiles.light,
        black_level=np.full(len(profiles), profiles.black_level),
        noise=profiles.noise,
        whiteness=profiles.whiteness,
        pixels=np.empty((len(profiles), 0, 0), dtype=np.float32) if pixels is None else pixels,
        offset_px=profiles.center_px - (np.array(shape_px) - 1) / 2,
    )


@dataclass(frozen=True, slots=True)
class ImageEstimate:
    """The estimate of one image, and its measured beads.

    Attributes
    ----------
    image
        Name of the image.
    estimate
        dZ with its interval, or a refusal.
    measured
        All beads; ``None`` for models of whole images, and where the image could not be read.
    used
        Shape ``(n_beads,)``: beads with weight in the estimate.
    """

    image: str
    estimate: FocusEstimate
    measured: FrameMeasurement | None
    used: BoolArray


@dataclass(frozen=True, slots=True)
class MeasuredImage:
    """The measured beads of one image and the model's inputs.

    Attributes
    ----------
    measurement
        All beads; ``None`` for models of whole images, which use squares in place of beads.
    rows
        Shape ``(n,)``: indices of the usable beads.
    inputs
        Inputs of the model, one row per usable bead.
    found
        Number of beads, and fraction of saturated pixels.
    rescaled
        Whether the histogram shows that grey levels were scaled, and rounded again, after the camera.
    """

    measurement: FrameMeasurement | None
    rows: IntArray
    inputs: BeadInputs
    found: Found
    rescaled: bool = False


class Estimator:
    """A loaded model that estimates dZ of images.

    Parameters
    ----------
    ensemble
        From :func:`refp.models.load_model` or :func:`train_model`.
    max_beads
        Use at most this many usable beads of an image, those nearest to its middle; a number below the
        card's ``minimum_beads`` lowers that minimum too.

    Raises
    ------
    ModelError
        If this version of refp cannot run the model.

    Examples
    --------
    >>> from pathlib import Path
    >>> import refp
    >>> estimator = refp.Estimator.load(Path("a2k.refp"))
    >>> image = refp.list_images(["test"])[4]
    >>> estimate = estimator.estimate(image.read()).estimate
    >>> estimate.status
    'ok'
    >>> estimate.lower_um < estimate.delta_z_um < estimate.upper_um
    True
    """

    def __init__(self, ensemble: Ensemble, max_beads: int | None = None) -> None:
        minimum = min(ensemble.card.minimum_beads, max_beads or ensemble.card.minimum_beads)
        self.card = ensemble.card.model_copy(update={"minimum_beads": minimum})
        self.stack = ensemble.stack
        self._recipe = recipe_of(ensemble.card)
        self._predictor: Predictor = make_predictor(ensemble, self._recipe.train)
        self._lookup = make_lookup(ensemble.stack, self._recipe.train.lookup)
        self._max_beads = max_beads
        self._file: tuple[Path, str] | None = None

    @classmethod
    def load(cls, path: Path, max_beads: int | None = None) -> Self:
        """Load a model file; the estimator can be pickled, and worker processes load the file.

        Raises
        ------
        ModelError
            As :func:`refp.models.load_model` and the class.
        """
        estimator = cls(load_model(path), max_beads)
        estimator._file = path.absolute(), hash_file(path)
        return estimator

    @property
    def picklable(self) -> bool:
        """Whether the estimator can be sent to other processes, which load its file."""
        return self._file is not None

    @property
    def file_sha256(self) -> str:
        """SHA-256 of the model file; empty where the estimator was not loaded from a file."""
        return "" if self._file is None else self._file[1]

    def __reduce__(self) -> tuple[Callable[..., "Estimator"], tuple[Path, str, int | None]]:
        if self._file is None:
            raise TypeError("this estimator cannot be pickled; load it with `Estimator.load`")
        return _load_once, (*self._file, self._max_beads)

    def estimate(self, image: Image, name: str = "") -> ImageEstimate:
        """Estimate dZ of one image, shape ``(y, x)``.

        Raises
        ------
        DataError
            If the model uses whole images and the image is smaller than one of its squares.
        """
        return self.examine(image, name)[1]

    def examine(self, image: Image, name: str = "") -> tuple[MeasuredImage, ImageEstimate]:
        """Measure and estimate an image; parameters and errors as of :meth:`estimate`.

        An image that is unlike the training, and that a program scaled after the camera, is examined in
        grey levels of the camera or, where these are lost, as a rescaled image. One with gaps that no
        linear change leaves is refused. See :mod:`refp.measure.grey_levels`.
        """
        measured = self.measure(image)
        result = self.estimate_measured(measured, name)
        if not self._may_be_rescaled(measured, result.estimate):
            return measured, result
        answered = result.estimate.status == "ok"
        restored = restore_levels(image, self.card.instrument)
        if restored is not None:
            again = self._measure(*restored)
        elif not answered and has_merged_levels(image):
            again = replace(measured, rescaled=True)
        elif answered and has_uneven_gaps(image):
            return measured, replace(result, estimate=self._not_linear(result.estimate))
        else:
            return measured, result
        second = self.estimate_measured(again, name)
        return (again, second) if second.estimate.status == "ok" else (measured, result)

    def measure(self, image: Image) -> MeasuredImage:
        """Measure the beads of an image; parameters and errors as of :meth:`estimate`."""
        if self._recipe.tile.cut == "grid":
            return self._cut_squares(image)
        return self._measure(image, self.card.instrument)

    def _measure(self, image: Image, instrument: Instrument) -> MeasuredImage:
        measured = measure_frame(image, instrument, self._recipe)
        rows = self._usable(measured, image.shape)
        inputs = self._inputs(image, measured, rows)
        return MeasuredImage(measured, rows, inputs, _found(image, instrument, measured, rows))

    def _may_be_rescaled(self, measured: MeasuredImage, estimate: FocusEstimate) -> bool:
        """Return whether beads look unlike the training's, or their noise does."""
        if measured.measurement is None or not len(measured.rows):
            return False
        usual = self.card.calibration.noise.agrees(*measured.inputs.light_and_noise)
        return not usual or estimate.code == "unlike_training"

    def _not_linear(self, estimate: FocusEstimate) -> FocusEstimate:
        """Return the refusal of an image whose grey levels were not changed linearly."""
        sentence = NOT_LINEAR.format("gaps in the histogram")
        n = {"n_beads": estimate.n_beads, "n_usable": len(estimate.used)}
        return refused("unlike_training", sentence, estimate.coverage, **n)

    def estimate_measured(self, measured: MeasuredImage, name: str = "") -> ImageEstimate:
        """Estimate dZ of a measured image."""
        estimate = estimate_focus(
            measured.inputs,
            measured.found,
            self.card,
            self._predictor,
            self._lookup,
            self._recipe.estimate,
            rescaled=measured.rescaled,
        )
        used = np.zeros(measured.found.n_beads, dtype=np.bool_)
        used[measured.rows[estimate.used]] = estimate.status == "ok"
        return ImageEstimate(name, estimate, measured.measurement, used)

    def predict(self, measured: MeasuredImage) -> Predictions:
        """Predict dZ of each usable bead by every member, whether or not the image is refused."""
        return self._predictor.predict(measured.inputs)

    def assess(self, image: Image) -> Assessment | None:
        """Return the results of family and look-up for an image; ``None`` with too few usable beads.

        Limits of refusal other than the number of beads are not checked.
        """
        return self.assess_measured(self.measure(image))

    def assess_measured(self, measured: MeasuredImage) -> Assessment | None:
        """Return the results of family and look-up for a measured image; see :meth:`assess`."""
        if len(measured.rows) < max(self.card.minimum_beads, 1):
            return None
        return assess_beads(
            measured.inputs,
            self.card,
            self._predictor,
            self._lookup,
            self._recipe.estimate,
            rescaled=measured.rescaled,
        )

    def estimate_source(self, source: SingleImage | Frame) -> ImageEstimate:
        """Read and estimate an image; refuse a file that cannot be read, with the reason.

        A format whose library is not installed is such a reason: other images are estimated.
        """
        try:
            return self.estimate(source.read(), source.label)
        except (DataError, MissingExtraError) as error:
            refusal = refused(error.unread_code, str(error), self._recipe.estimate.coverage)
            return ImageEstimate(source.label, refusal, None, np.zeros(0, dtype=np.bool_))

    def _cut_squares(self, image: Image) -> MeasuredImage:
        squares, middles = cut_grid(image, self._recipe.tile.grid_side_px)
        tiles, centers = squares[: self._max_beads], middles[: self._max_beads]
        n, black_level = len(tiles), self.card.instrument.optics.black_level or 0.0
        inputs = BeadInputs(
            profile=np.empty((n, 0)),
            saturated=np.empty((n, 0), dtype=np.bool_),
            light=light_of(tiles, black_level),
            black_level=np.full(n, black_level),
            noise=np.full(n, np.nan),
            whiteness=np.full(n, np.nan),
            pixels=tiles,
            offset_px=centers - (np.array(image.shape) - 1) / 2,
        )
        return MeasuredImage(None, np.arange(n), inputs, Found(len(squares)))

    def _usable(self, measured: FrameMeasurement, shape_px: tuple[int, ...]) -> IntArray:
        """Return the rows of usable beads without SS outliers, of many those nearest to the middle.

        dZ is that of the middle. The detector's scores are no criterion: they prefer large beads, whose
        size and height are not typical of the lot.
        """
        out = UNUSABLE_BEAD | BeadFlag.OUTLIER
        rows = np.flatnonzero((measured.beads.flags & np.uint32(out)) == 0)
        if self._max_beads is None or len(rows) <= self._max_beads:
            return rows
        offset_px = measured.beads.center_px[rows] - (np.array(shape_px) - 1) / 2
        nearest = np.argsort(np.hypot(*offset_px.T), kind="stable")[: self._max_beads]
        return rows[np.sort(nearest)]

    def _inputs(
        self,
        image: Image,
        measured: FrameMeasurement,
        rows: IntArray,
    ) -> BeadInputs:
        pixels = None
        if self._predictor.sees_pixels:
            centers = measured.beads.center_px[rows]
            pixels = crop_tiles(image, centers, self.card.instrument.tile_side_px)
        return inputs_of_profiles(take(measured.profiles, rows), image.shape, pixels)


def _found(
    image: Image, instrument: Instrument, measured: FrameMeasurement, rows: IntArray
) -> Found:
    """Return the number of beads, and the fraction of saturated pixels where no bead is usable."""
    if len(rows):
        return Found(len(measured))
    white = white_level(image, instrument)
    return Found(len(measured), float(np.mean(image >= white)))


@lru_cache(maxsize=1)
def _load_once(path: Path, sha256: str, max_beads: int | None) -> Estimator:
    """Load a model in a worker process, once for all chunks of images."""
    if not path.is_file() or hash_file(path) != sha256:
        raise ModelError(
            f"{path}: a worker reads a different model file, or none, at this path; put the same file "
            "where all workers can read it"
        )
    return Estimator.load(path, max_beads)
