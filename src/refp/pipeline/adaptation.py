"""Adapt a model to another instrument from a short sweep or a few images of known dZ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from refp.core.arrays import FloatArray
from refp.core.digests import Contents, hash_paths
from refp.core.errors import ModelError
from refp.core.parallel import SERIAL, Execution
from refp.estimate import Assessment, KnownImages, fit_adaptation
from refp.estimate.adaptation import FittedLine, fit_known_line, fit_located_line
from refp.estimate.estimator import Estimator
from refp.estimate.interval import MAX_DOF
from refp.estimate.resemblance import mean_residual
from refp.models import Adaptation, Calibration, Ensemble, ModelCard
from refp.models.card import short_digests
from refp.pipeline.assessments import assess_frames, check_of_beads, locate_by_estimates
from refp.pipeline.checks import check_same_instrument
from refp.settings import OF_ONE_KIND, Identity, Instrument, is_alike, join_identities
from refp.sweeps import DataSet, Frame

PURPOSE = "adapt to; state it with --refp-um"


@dataclass(frozen=True, slots=True)
class Plane:
    """Standard uncertainty of a reference plane and its degrees of freedom."""

    u_um: float
    dof: float


KNOWN = Plane(0.0, MAX_DOF)
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
    card = ensemble.card.model_copy(update={"instrument": instrument, "minimum_beads": 1})
    estimator = Estimator(Ensemble(card, ensemble.stack, ensemble.graph))
    frames = [frame for dataset in datasets for frame in dataset.frames]
    assessed = assess_frames(estimator, frames, "adapting", execution)
    fitted, dz_um, plane = _fit_line(datasets, assessed, estimator, refp_um, execution)
    estimates = _known_images(assessed, dz_um, instrument.stage.repeatability_um)
    sweeps = tuple(str(sweep.key) for d in datasets for sweep in d.sweeps)
    contents, paths = Contents(), {frame.path for frame in frames}
    digest = hash_paths(paths, contents.of)
    adaptation = fit_adaptation(estimates, fitted, ensemble.card.name, sweeps, digest)
    identity = join_identities(dataset.identity for dataset in datasets)
    made = _card(ensemble.card, instrument, adaptation, identity, plane)
    files = made.files_sha256 + short_digests(paths, contents)
    made = made.model_copy(update={"files_sha256": files})
    return Adapted(
        Ensemble(made, ensemble.stack, ensemble.graph),
        _image_table([frame for frame, _ in assessed], estimates, adaptation),
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


def _fit_line(
    datasets: Sequence[DataSet],
    assessed: Sequence[tuple[Frame, Assessment]],
    estimator: Estimator,
    refp_um: float | None,
    execution: Execution,
) -> tuple[FittedLine, FloatArray, Plane]:
    """Return the line of the estimates, the known dZ of the frames, and the uncertainty of the plane."""
    u_um = _u_um(assessed, estimator.card.instrument.stage.repeatability_um)
    if refp_um is not None:
        dz_um = np.array([frame.z_um - refp_um for frame, _ in assessed])
        estimated_um = np.array([assessment.combined.dz_um for _, assessment in assessed])
        return fit_known_line(dz_um, estimated_um, u_um), dz_um, KNOWN
    found = locate_by_estimates(datasets, assessed, estimator, PURPOSE, execution)
    fitted, dz_um = fit_located_line(found, u_um)
    u_plane_um = found.bias_u_um / fitted.line.slope
    return fitted, dz_um, Plane(u_plane_um, min(found.bias_dof, MAX_DOF))


def _u_um(assessed: Sequence[tuple[Frame, Assessment]], stage_um: float) -> FloatArray:
    """Return the standard uncertainty of estimate less position of the stage, um, shape ``(n,)``."""
    return np.hypot([assessment.combined.u_beads_um for _, assessment in assessed], stage_um)


def _known_images(
    assessed: Sequence[tuple[Frame, Assessment]], dz_um: FloatArray, stage_um: float
) -> KnownImages:
    assessments = [assessment for _, assessment in assessed]
    return KnownImages(
        dz_um=dz_um,
        estimated_um=np.array([a.combined.dz_um for a in assessments]),
        lookup_um=np.array([a.lookup_um for a in assessments]),
        u_um=_u_um(assessed, stage_um),
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
    plane: Plane,
) -> ModelCard:
    """Return the card for the other instrument, with its range and plane."""
    line = adaptation.line
    calibration: Calibration = card.calibration.model_copy(
        update={
            "refp_u_um": plane.u_um,
            "refp_dof": plane.dof,
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
