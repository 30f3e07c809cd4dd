"""Adapt a model to another instrument from a short sweep or a few images of known dZ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from refp.core.digests import Contents, hash_paths
from refp.core.errors import ModelError
from refp.core.parallel import SERIAL, Execution
from refp.estimate import Assessment, KnownImages, fit_adaptation
from refp.estimate.estimator import Estimator, recipe_of
from refp.estimate.interval import MAX_DOF
from refp.estimate.resemblance import mean_residual
from refp.models import Adaptation, Calibration, Ensemble, ModelCard
from refp.models.card import short_digests
from refp.models.tiles import plane_of_sweeps
from refp.pipeline.assessments import assess_frames, check_of_beads
from refp.pipeline.checks import check_determined, check_same_instrument
from refp.pipeline.planes import define_planes
from refp.plane.budget import Expanded, expand_mean
from refp.settings import OF_ONE_KIND, Identity, Instrument, Recipe, is_alike, join_identities
from refp.sweeps import DataSet, Frame

KNOWN = Expanded(0.0, MAX_DOF, 0.0)
"""Of a plane that the user states."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """A model adapted to another instrument, and the images that it was adapted from.

    Attributes
    ----------
    ensemble
        The adapted model.
    images
        A row per image: known dZ, and dZ as estimated before and after the adaptation.
    """

    ensemble: Ensemble
    images: pd.DataFrame


def adapt_model(
    ensemble: Ensemble,
    datasets: Sequence[DataSet],
    *,
    refp_um: float | None = None,
    execution: Execution = SERIAL,
) -> Adapted:
    """Correct a model's bias and slope on another instrument of the same kind.

    Parameters
    ----------
    ensemble
        The model; it must not be an adapted one.
    datasets
        A short sweep of the other instrument, for example nine frames.
    refp_um
        Nominal Z of its reference plane, um; determined from the sweep by default.
    execution
        Executor for the work, and callback for progress.

    Raises
    ------
    ModelError
        If the model was adapted before, is of whole images, or was trained with another bead diameter
        or pixel size.
    DataError
        If the sweep's plane is not determined, or too few of its images are usable.
    """
    if ensemble.card.adaptation is not None:
        raise ModelError(
            f"model {ensemble.card.name}: was adapted already; adapt the model that it was made from"
        )
    check_of_beads(ensemble.card, ensemble.stack, "train a model of whole images on it instead")
    check_same_instrument(datasets)
    instrument = _completed_by(datasets[0].instrument, ensemble.card)
    _check_alike(instrument, ensemble.card)
    recipe = recipe_of(ensemble.card)
    known, plane = _known_planes(datasets, recipe, instrument, refp_um, execution)
    card = ensemble.card.model_copy(update={"instrument": instrument, "minimum_beads": 1})
    estimator = Estimator(Ensemble(card, ensemble.stack, ensemble.graph))
    assessed = assess_frames(estimator, list(known), "adapting", execution)
    frames = [frame for frame, _ in assessed]
    dz_um = [frame.z_um - known[frame] for frame in frames]
    stage_um = instrument.stage.repeatability_um
    estimates = _known_images([assessment for _, assessment in assessed], dz_um, stage_um)
    sweeps = tuple(str(sweep.key) for d in datasets for sweep in d.sweeps)
    contents, paths = Contents(), {frame.path for frame in known}
    digest = hash_paths(paths, contents.of)
    adaptation = fit_adaptation(estimates, ensemble.card.name, sweeps, digest)
    identity = join_identities(dataset.identity for dataset in datasets)
    made = _card(ensemble.card, instrument, adaptation, identity, plane)
    files = made.files_sha256 + short_digests(paths, contents)
    made = made.model_copy(update={"files_sha256": files})
    return Adapted(
        Ensemble(made, ensemble.stack, ensemble.graph),
        _image_table(frames, estimates, adaptation),
    )


def _completed_by(instrument: Instrument, card: ModelCard) -> Instrument:
    """Return the instrument with the model's tile and black level where its own are not stated.

    A short sweep of one exposure does not determine the black level, nor a few images the tile.
    """
    own, trained = instrument, card.instrument
    if own.tile_px is None and own.tile_side_px != trained.tile_side_px:
        own = own.replace("tile_px", trained.tile_side_px)
    if own.optics.black_level is None:
        own = own.replace("optics.black_level", trained.optics.black_level)
    return own


def _check_alike(instrument: Instrument, card: ModelCard) -> None:
    trained = card.instrument
    for quantity, own_um, trained_um in (
        ("bead diameter", instrument.bead.diameter_um, trained.bead.diameter_um),
        ("pixel size", instrument.optics.pixel_size_um, trained.optics.pixel_size_um),
    ):
        if not is_alike(own_um, trained_um, OF_ONE_KIND):
            raise ModelError(
                f"instrument '{instrument.name}': {quantity} {own_um:g} um, model {card.name} was trained "
                f"with {trained_um:g} um; adapt between instruments of one kind, or train a new model"
            )


def _known_planes(
    datasets: Sequence[DataSet],
    recipe: Recipe,
    instrument: Instrument,
    refp_um: float | None,
    execution: Execution,
) -> tuple[dict[Frame, float], Expanded]:
    """Return the plane of each frame, um, and the uncertainty of the planes."""
    if refp_um is not None:
        return {frame: refp_um for d in datasets for frame in d.frames}, KNOWN
    black = instrument.optics.black_level or 0.0
    planes = define_planes(datasets, recipe, execution=execution, black_level=black)
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    check_determined(labels, datasets[0].root, "adapt to; state it with --refp-um")
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps if sweep.key in labels]
    located = [plane for plane in planes.result.planes if plane.determined]
    known = {frame: labels[sweep.key][0] for sweep in sweeps for frame in sweep.frames}
    return known, expand_mean(located)


def _known_images(
    assessments: Sequence[Assessment], dz_um: Sequence[float], stage_um: float
) -> KnownImages:
    u_beads_um = np.array([a.combined.u_beads_um for a in assessments])
    return KnownImages(
        dz_um=np.array(dz_um),
        estimated_um=np.array([a.combined.dz_um for a in assessments]),
        lookup_um=np.array([a.lookup_um for a in assessments]),
        u_um=np.hypot(u_beads_um, stage_um),
        size=np.array([a.size.value for a in assessments]),
        size_sd=np.array([a.size.normal_sd for a in assessments]),
        residual=np.array([mean_residual(a.residual) for a in assessments]),
        n_beads=np.array([len(a.residual) for a in assessments]),
    )


def _card(
    card: ModelCard,
    instrument: Instrument,
    adaptation: Adaptation,
    identity: Identity,
    plane: Expanded,
) -> ModelCard:
    """Return the card for the other instrument, with its range and plane."""
    line = adaptation.line
    calibration: Calibration = card.calibration.model_copy(
        update={
            "refp_u_um": plane.u_um,
            "refp_dof": min(plane.dof, MAX_DOF),
            "coverage": None,  # observed on the other instrument
        }
    )
    low, high = ((end - line.bias_um) / line.slope for end in card.dz_range_um)
    return card.model_copy(
        update={
            "name": f"{card.name}-to-{instrument.name}",
            "instrument": instrument,
            "identity": identity,
            "dz_range_um": (low, high),
            "calibration": calibration,
            "adaptation": adaptation,
        }
    )


def _image_table(
    frames: Sequence[Frame], estimates: KnownImages, adaptation: Adaptation
) -> pd.DataFrame:
    line = adaptation.line
    adapted_um = (estimates.estimated_um - line.bias_um) / line.slope
    return pd.DataFrame(
        {
            "image": [frame.label for frame in frames],
            "z_um": [frame.z_um for frame in frames],
            "delta_z_true_um": estimates.dz_um,
            "before_um": estimates.estimated_um,
            "delta_z_um": adapted_um,
            "error_um": adapted_um - estimates.dz_um,
        }
    )
