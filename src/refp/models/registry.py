"""Create families and predictors by name; deep-learning libraries are imported for training only."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.errors import MissingExtraError, RecipeError
from refp.core.rows import join, take
from refp.measure.profiles import ring_noise
from refp.models.card import BeadInputs, Ensemble, Predictor
from refp.models.family import Family, Trained, TrainingJob
from refp.models.graph import GraphPredictor
from refp.models.lookup import Lookup, Match, make_lookup, predictions_of
from refp.models.normalise import preparation_of
from refp.models.tiles.tiles import LabelledTiles, Split
from refp.models.training.trials import SearchPlan, TrialResult
from refp.plane.plane import PooledStack
from refp.settings import FamilyName, LookupSettings, TrainSettings

TRAINING_LIBRARIES: dict[FamilyName, tuple[str, ...]] = {
    "lookup": (),
    "profile": ("torch", "onnx", "onnxscript"),
    "resnet": ("torch", "onnx", "onnxscript", "monai"),
}
"""Libraries that training and export of each family import, by package and module name."""


class LookupFamily:
    """The look-up family, whose training pools the stack."""

    sees_pixels = False

    def __init__(self, settings: LookupSettings) -> None:
        self._settings = settings

    def train(self, job: TrainingJob) -> Trained:
        """Pool the stack of each split and match the held-out tiles with it."""
        match = match_held_out(job.tiles, job.splits, self._settings)
        return Trained(graph=b"", members=1, held_out=predictions_of(match))


def stack_of(tiles: LabelledTiles, *, between: bool = False) -> PooledStack:
    """Pool the stack of labelled tiles; it is empty where they have no profiles.

    Parameters
    ----------
    tiles
        Labelled tiles.
    between
        Whether the stack is for frames between those of the tiles, which are held out of it.
    """
    from refp.plane.stack import (  # imports fitting, which estimation does not need
        EMPTY_STACK,
        ONE_STEP_FRACTION,
        pool_stack,
    )

    if not len(tiles.radius_radii):
        return EMPTY_STACK
    rows = tiles.dz_um, tiles.profile, tiles.saturated, tiles.size, tiles.radius_radii
    fraction = 1.0 if between else ONE_STEP_FRACTION
    return pool_stack(*rows, ring_noise=_noise_of_one_bead(tiles), step_fraction=fraction)


def _noise_of_one_bead(tiles: LabelledTiles) -> FloatArray | None:
    """Return the noise of the rings where all tiles show one bead; ``None`` where not known."""
    if len(np.unique(tiles.bead)) > 1:
        return None
    sd = ring_noise(tiles.noise, tiles.light, tiles.radius_radii, tiles.bead_radius_px)
    return sd if np.isfinite(sd).all() else None


def match_held_out(
    tiles: LabelledTiles, splits: Sequence[Split], settings: LookupSettings
) -> Match:
    """Match every labelled bead with a stack pooled without it."""
    parts: list[Match] = []
    for split in splits:
        held_out = take(tiles, split.held_out)
        stack = _stack_without(tiles, split)
        parts.append(make_lookup(stack, settings).match(held_out.profile, held_out.saturated))
    order = np.argsort(np.concatenate([split.held_out for split in splits]))
    return take(join(parts), order)


def _stack_without(tiles: LabelledTiles, split: Split) -> PooledStack:
    """Pool the stack of a split's training tiles.

    Where these are of one bead and all tiles of several, the spread is that of the stack of all: noise and
    interpolation alone do not give the differences of beads, on whose scale images are judged.
    """
    train = take(tiles, split.train)
    alone = len(np.unique(train.bead)) == 1
    if not alone or len(np.unique(tiles.bead)) == 1:
        return stack_of(train, between=alone)
    stack, everything = stack_of(train), stack_of(tiles)
    columns = [np.interp(stack.dz_um, everything.dz_um, sd) for sd in everything.sd.T]
    return replace(stack, sd=np.transpose(columns)) if columns else stack


def inputs_of(tiles: LabelledTiles) -> BeadInputs:
    """Return the model inputs of labelled tiles: all fields but the labels."""
    return BeadInputs(
        profile=tiles.profile,
        saturated=tiles.saturated,
        light=tiles.light,
        black_level=tiles.black_level,
        noise=tiles.noise,
        whiteness=tiles.whiteness,
        pixels=tiles.pixels,
        offset_px=tiles.offset_px,
    )


def make_family(settings: TrainSettings) -> Family:
    """Return the family that the settings name.

    Raises
    ------
    MissingExtraError
        If it needs the libraries of extra ``train`` and they are not installed.
    """
    check_libraries(settings)
    if settings.family == "lookup":
        return LookupFamily(settings.lookup)
    if settings.family == "resnet":
        from refp.models.training.resnet import ResnetFamily

        return ResnetFamily(settings.resnet)
    from refp.models.training.profile_family import ProfileFamily

    return ProfileFamily(settings.profile)


def check_libraries(settings: TrainSettings) -> None:
    """Refuse a family whose libraries are missing, before the measurement; import no library.

    Raises
    ------
    MissingExtraError
        If a library of its training or export is not installed.
    """
    _require(TRAINING_LIBRARIES[settings.family], f"training family '{settings.family}'")


def _require(libraries: Sequence[str], purpose: str) -> None:
    for library in libraries:
        if find_spec(library) is None:
            raise MissingExtraError(library, "train", purpose)


def search_settings(
    plan: SearchPlan, base: TrainSettings, job: TrainingJob, digest: str
) -> list[TrialResult]:
    """Search for settings of the family that ``base`` names; see :mod:`refp.models.training.search`.

    Raises
    ------
    RecipeError
        If the family has no settings to search.
    MissingExtraError
        If the libraries of extra ``train`` are not installed.
    OutputError
        If the folder holds another search.
    """
    check_search(base)
    from refp.models.training.search import run_search

    return run_search(plan, base, job, digest)


def training_device() -> str:
    """Return the training device of this process: the GPU's name, or ``CPU``."""
    try:
        from refp.models.training.device import device_name
    except ModuleNotFoundError:
        return "CPU"
    return device_name()


def check_search(base: TrainSettings) -> None:
    """Refuse a family that cannot be searched, before the measurement.

    Raises
    ------
    RecipeError
        If the family has no settings to search.
    MissingExtraError
        If the libraries of extra ``train`` are not installed.
    """
    if base.family == "lookup":
        raise RecipeError("family 'lookup' has nothing to tune; use family 'profile'")
    check_libraries(base)
    _require(("optuna",), "refp tune")


def make_predictor(ensemble: Ensemble, settings: TrainSettings) -> Predictor:
    """Return the predictor of an ensemble.

    Raises
    ------
    ModelError
        If its graph cannot be loaded.
    """
    family = ensemble.card.family
    if family == "lookup":
        return Lookup(ensemble.stack, settings.lookup)
    if family != "resnet":
        return GraphPredictor(ensemble.graph, None)
    of_beads = ensemble.stack.mean.size > 0  # squares of whole images have no bead in their middle
    radius_px = ensemble.card.instrument.bead_radius_px
    preparation = preparation_of(settings.resnet, radius_px, of_beads=of_beads)
    return GraphPredictor(ensemble.graph, preparation)
