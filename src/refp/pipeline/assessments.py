"""Results of a model for the frames of a short sweep, for adaptation and verification."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from refp.core.errors import DataError, ModelError
from refp.core.flags import describe
from refp.core.parallel import Execution
from refp.estimate import Assessment
from refp.estimate.adaptation import adapt_stack
from refp.estimate.estimator import Estimator, recipe_of
from refp.estimate.short_sweeps import ShortSweeps
from refp.measure.dataset import measure_dataset
from refp.measure.features import FeatureCurve, feature_curve
from refp.models import Calibration, ModelCard
from refp.pipeline.checks import check_determined, check_enough_frames
from refp.plane import Contribution, PooledStack, ReferencePlane, locate_by_features
from refp.plane.budget import CURVES, POOLED, expand_budget
from refp.plane.stack_curves import curves_of_stack
from refp.settings import Recipe
from refp.sweeps import DataSet, Frame, ZSweep


def check_of_beads(card: ModelCard, stack: PooledStack, remedy: str) -> None:
    """Refuse a model of whole images, whose fit cannot be checked.

    Raises
    ------
    ModelError
        With the remedy.
    """
    if not stack.mean.size:
        raise ModelError(
            f"model {card.name}: was trained on whole images, so similarity to its training data "
            f"cannot be checked; {remedy}"
        )


def assess_frames(
    estimator: Estimator, frames: Sequence[Frame], title: str, execution: Execution
) -> list[tuple[Frame, Assessment]]:
    """Return the results of family and look-up for each frame with enough usable beads.

    Raises
    ------
    DataError
        If there is none.
    """
    assessed: list[tuple[Frame, Assessment]] = []
    for i, frame in enumerate(frames):
        assessment = estimator.assess(frame.read())
        if assessment is not None:
            assessed.append((frame, assessment))
        execution.progress(title, i + 1, len(frames))
    if not assessed:
        raise DataError("no image has enough usable beads; see 'refp inspect'")
    return assessed


def locate_by_estimates(
    datasets: Sequence[DataSet],
    assessed: Sequence[tuple[Frame, Assessment]],
    estimator: Estimator,
    purpose: str,
    execution: Execution,
) -> ShortSweeps:
    """Return the sweeps with the model's estimate at their reference plane.

    The features of the frames are read against the estimates instead of nominal Z: they have their
    extremes where the estimate is that of the plane. Estimates of one model are a tenth as uncertain
    relative to each other as positions of the stage. Between the frames the features have the shape of
    those of the training's stack, whose extremes are as uncertain as the training's plane.

    Parameters
    ----------
    datasets
        The sweeps.
    assessed
        Their frames that have an estimate.
    estimator
        The model.
    purpose
        Use of the plane and the remedy, for the error of sweeps without one.

    Raises
    ------
    DataError
        If the plane of no sweep is determined.
    """
    card = estimator.card
    recipe, instrument = recipe_of(card), card.instrument
    check_enough_frames(datasets, recipe.plane.minimum_frames)
    estimated = {frame: assessment.combined.dz_um for frame, assessment in assessed}
    at_estimates = [_at_estimates(dataset, estimated) for dataset in datasets]
    stack = adapt_stack(estimator.stack, card.adaptation)
    located = locate_by_features(
        _feature_curves(at_estimates, recipe, instrument.optics.black_level or 0.0, execution),
        recipe.plane,
        bead_diameter_um=instrument.bead.diameter_um,
        stage_sigma_um=_rms([assessment.combined.noise_um for _, assessment in assessed]),
        pooled=curves_of_stack(stack, recipe.feature, instrument),
    )
    planes = [plane for plane in located.planes if plane.determined]
    reasons = [describe(plane.flags) for plane in located.planes]
    check_determined(planes, datasets[0].root, purpose, reasons)
    bias_um = float(np.mean([plane.refp_um for plane in planes]))
    bias = expand_budget(bias_um, _budget(planes, card.calibration))
    numbers = {key: k for k, key in enumerate(dict.fromkeys(frame.key for frame in estimated))}
    return ShortSweeps(
        z_um=np.array([frame.z_um for frame in estimated]),
        estimated_um=np.array(list(estimated.values())),
        sweep=np.array([numbers[frame.key] for frame in estimated]),
        bias_um=bias_um,
        bias_u_um=bias.u_um,
        bias_expanded_um=bias.half_width_um,
        bias_dof=bias.dof,
    )


def _at_estimates(dataset: DataSet, estimated: Mapping[Frame, float]) -> DataSet:
    """Return the data set with estimated dZ in place of nominal Z; frames without one are left out."""
    sweeps = []
    for sweep in dataset.sweeps:
        frames = [replace(f, z_um=estimated[f]) for f in sweep.frames if f in estimated]
        if frames:
            sweeps.append(ZSweep(sweep.key, tuple(sorted(frames, key=lambda frame: frame.z_um))))
    return replace(dataset, sweeps=tuple(sweeps))


def _feature_curves(
    datasets: Sequence[DataSet], recipe: Recipe, black_level: float, execution: Execution
) -> list[FeatureCurve]:
    measured = [
        measure_dataset(dataset, recipe, execution=execution, black_level=black_level)
        for dataset in datasets
    ]
    return [feature_curve(sweep, recipe.feature) for m in measured for sweep in m.sweeps]


def _budget(planes: Sequence[ReferencePlane], known: Calibration) -> tuple[Contribution, ...]:
    """Return the contributions to the estimate at the plane; fits of several sweeps count as one."""
    fit_um, dof = _rms([p.refp_u_um for p in planes]), min(p.dof for p in planes)
    return (
        Contribution(CURVES, "", fit_um, dof),
        Contribution(POOLED, "", known.refp_u_um, known.refp_dof),
    )


def _rms(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
