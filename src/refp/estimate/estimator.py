"""A model at work: images in, estimates out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import ValidationError

from refp.core.arrays import BoolArray, Image, IntArray, full_scale
from refp.core.digests import hash_file
from refp.core.errors import DataError, ModelError
from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.core.rows import take
from refp.estimate import FocusEstimate, Found, Look, estimate_focus, look_at, refused
from refp.measure.frame import FrameMeasurement, measure_frame
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
from refp.settings import Recipe, one_line
from refp.sweeps import Frame, SingleImage


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


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model sees of one image.

    Attributes
    ----------
    measured
        All beads; ``None`` for models of whole images, which see squares in place of beads.
    rows
        Shape ``(n,)``: which of the beads may measure.
    inputs
        What the model sees of those.
    found
        What the image shows in all.
    """

    measured: FrameMeasurement | None
    rows: IntArray
    inputs: BeadInputs
    found: Found


class Estimator:
    """A model ready to estimate: load once, ask often.

    Parameters
    ----------
    ensemble
        From :func:`refp.models.load_model` or :func:`train_model`.
    max_beads
        Use at most this many usable beads of an image, the surest first; asking for fewer than
        the model's least number of beads lowers that number too.

    Raises
    ------
    ModelError
        If this version of refp cannot run the model.
    """

    def __init__(self, ensemble: Ensemble, max_beads: int | None = None) -> None:
        least = min(ensemble.card.minimum_beads, max_beads or ensemble.card.minimum_beads)
        self.card = ensemble.card.model_copy(update={"minimum_beads": least})
        self.stack = ensemble.stack
        self._recipe = recipe_of(ensemble.card)
        self._predictor: Predictor = make_predictor(ensemble, self._recipe.train)
        self._lookup = make_lookup(ensemble.stack, self._recipe.train.lookup)
        self._max_beads = max_beads
        self._file: tuple[Path, str] | None = None

    @classmethod
    def load(cls, path: Path, max_beads: int | None = None) -> Self:
        """Load a model file; other processes can load what is made so for themselves.

        Raises
        ------
        ModelError
            As :func:`refp.models.load_model` and the class.
        """
        estimator = cls(load_model(path), max_beads)
        estimator._file = path.absolute(), hash_file(path)
        return estimator

    @property
    def travels(self) -> bool:
        """Whether other processes can be given this estimator: by its file, which they see too."""
        return self._file is not None

    @property
    def file_sha256(self) -> str:
        """Hash of the model file's bytes; empty where it was not loaded from one."""
        return "" if self._file is None else self._file[1]

    def __reduce__(self) -> tuple[Callable[..., "Estimator"], tuple[Path, str, int | None]]:
        if self._file is None:
            raise TypeError("an estimator that was not loaded from a file stays in its process")
        return _load_once, (*self._file, self._max_beads)

    def estimate(self, image: Image, name: str = "") -> ImageEstimate:
        """Estimate dZ of one image, shape ``(y, x)``.

        Raises
        ------
        DataError
            If a model of whole images is given one that is smaller than its squares.
        """
        return self.estimate_seen(self.see(image), name)

    def see(self, image: Image) -> Seen:
        """Return what the model sees of an image; parameters and errors as of :meth:`estimate`."""
        if self._recipe.tile.cut == "grid":
            return self._see_squares(image)
        measured = measure_frame(image, self.card.instrument, self._recipe)
        rows = self._usable(measured)
        inputs = self._inputs(image, measured, rows)
        return Seen(measured, rows, inputs, self._found(image, measured, rows))

    def estimate_seen(self, seen: Seen, name: str = "") -> ImageEstimate:
        """Estimate dZ from what the model sees of an image."""
        estimate = estimate_focus(
            seen.inputs,
            seen.found,
            self.card,
            self._predictor,
            self._lookup,
            self._recipe.estimate,
        )
        used = np.zeros(seen.found.n_beads, dtype=np.bool_)
        used[seen.rows[estimate.used]] = estimate.status == "ok"
        return ImageEstimate(name, estimate, seen.measured, used)

    def predict(self, seen: Seen) -> Predictions:
        """Return what every member says of each bead of an image, refused or not."""
        return self._predictor.predict(seen.inputs)

    def look(self, image: Image) -> Look | None:
        """Return what family and look-up say of an image, whatever it shows; ``None`` of too little."""
        return self.look_at_seen(self.see(image))

    def look_at_seen(self, seen: Seen) -> Look | None:
        """Return the same of what the model sees of an image."""
        if len(seen.rows) < max(self.card.minimum_beads, 1):
            return None
        return look_at(seen.inputs, self.card, self._predictor, self._lookup, self._recipe.estimate)

    def estimate_source(self, source: SingleImage | Frame) -> ImageEstimate:
        """Read and estimate; a file that cannot be read is refused with the reason."""
        try:
            return self.estimate(source.read(), source.label)
        except DataError as error:
            refusal = refused("unreadable", str(error), self._recipe.estimate.coverage)
            return ImageEstimate(source.label, refusal, None, np.zeros(0, dtype=np.bool_))

    def _see_squares(self, image: Image) -> Seen:
        squares, middles = cut_grid(image, self._recipe.tile.grid_side_px)
        tiles, centers = squares[: self._max_beads], middles[: self._max_beads]
        n = len(tiles)
        inputs = BeadInputs(
            profile=np.empty((n, 0)),
            saturated=np.empty((n, 0), dtype=np.bool_),
            light=light_of(tiles, self.card.instrument.optics.black_level or 0.0),
            noise=np.full(n, np.nan),
            whiteness=np.full(n, np.nan),
            pixels=tiles,
            offset_px=centers - (np.array(image.shape) - 1) / 2,
        )
        return Seen(None, np.arange(n), inputs, Found(len(squares)))

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
        return BeadInputs(
            profile=profiles.normalised,
            saturated=profiles.saturated,
            light=profiles.light,
            noise=profiles.noise,
            whiteness=profiles.whiteness,
            pixels=pixels,
            offset_px=profiles.center_px - (np.array(image.shape) - 1) / 2,
        )

    def _found(self, image: Image, measured: FrameMeasurement, rows: IntArray) -> Found:
        """Say what the image shows; where beads are usable nobody asks for saturated pixels."""
        if len(rows):
            return Found(len(measured))
        white = self.card.instrument.optics.white_level or full_scale(image)
        return Found(len(measured), float(np.mean(image >= white)))


@lru_cache(maxsize=1)
def _load_once(path: Path, sha256: str, max_beads: int | None) -> Estimator:
    """Load a model in a worker process, which is asked again with every chunk of images."""
    if not path.is_file() or hash_file(path) != sha256:
        raise ModelError(
            f"{path}: not seen by a worker as it is here; give all of them the same file"
        )
    return Estimator.load(path, max_beads)
