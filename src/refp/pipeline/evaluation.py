"""Estimate every frame of labelled data sets and compare with their own planes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from refp.core.parallel import SERIAL, Execution
from refp.estimate.estimator import Estimator, recipe_of
from refp.estimate.evaluation import Summary, summarise
from refp.models.tiles import (
    plane_of_sweeps,
)
from refp.pipeline.checks import (
    check_determined,
    check_instrument,
)
from refp.pipeline.estimates import estimate_images
from refp.pipeline.planes import Planes, define_planes
from refp.pipeline.tables import error_table
from refp.settings import Recipe
from refp.sweeps import DataSet, Frame

TRUE_STAGE = "true Z of the stage less the true reference plane, as simulated"
"""Known dZ of frames whose simulation states it."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Errors of the estimates of data sets.

    Attributes
    ----------
    errors
        One row per frame, as ``errors.csv``.
    summary
        Statistics of the errors.
    planes
        Reference planes of the data sets.
    known_dz
        Definition of the known dZ; empty for nominal Z less the plane of the sweep.
    """

    errors: pd.DataFrame
    summary: Summary
    planes: Planes
    known_dz: str = ""


def evaluate_model(
    estimator: Estimator,
    datasets: Sequence[DataSet],
    *,
    dz_true_um: Mapping[Frame, float] | None = None,
    execution: Execution = SERIAL,
) -> Evaluation:
    """Estimate every frame of labelled data sets and compare with their own planes.

    Parameters
    ----------
    estimator
        The model.
    datasets
        Opened data sets of the model's instrument.
    dz_true_um
        Exact dZ of the frames to compare, um, where a simulation states it; default: nominal Z less
        the plane of the sweep, whose uncertainties are included in the observed coverage.
    execution
        Executor for the work, and callback for progress.

    Returns
    -------
    Evaluation
        Errors of each frame, their summary, and the planes.

    Raises
    ------
    DataError
        If no sweep has a determined plane to compare with.
    ModelError
        If the data are of another instrument.

    Examples
    --------
    >>> from pathlib import Path
    >>> import refp
    >>> estimator = refp.Estimator.load(Path("a2k.refp"))
    >>> evaluation = refp.evaluate_model(estimator, [refp.open_dataset("test")])
    >>> len(evaluation.errors), evaluation.summary.rms_um < 5
    (9, True)
    """
    for dataset in datasets:
        check_instrument(estimator.card, dataset.instrument, dataset.root)
    recipe = recipe_of(estimator.card)
    black = estimator.card.instrument.optics.black_level or 0.0
    planes = define_planes(datasets, recipe, execution=execution, black_level=black)
    if dz_true_um is not None:
        errors = _estimate_errors(estimator, dz_true_um, execution)
        return Evaluation(errors, summarise(errors), planes, TRUE_STAGE)
    known = known_frames(planes, recipe)
    check_determined(known, datasets[0].root, "compare with")
    nominal_um = {frame: frame.z_um - refp_um for frame, (refp_um, _) in known.items()}
    errors = _estimate_errors(estimator, nominal_um, execution)
    label_u_um = np.hypot(
        datasets[0].instrument.stage.repeatability_um,
        np.sqrt(np.mean([u_um**2 for _, u_um in known.values()])),
    )
    return Evaluation(errors, summarise(errors, float(label_u_um)), planes)


def _estimate_errors(
    estimator: Estimator, dz_um: Mapping[Frame, float], execution: Execution
) -> pd.DataFrame:
    """Estimate frames and compare each with its known dZ, um."""
    frames = list(dz_um)
    table, _ = estimate_images(estimator, frames, execution=execution)
    return error_table(frames, table, list(dz_um.values()))


def known_frames(planes: Planes, recipe: Recipe) -> dict[Frame, tuple[float, float]]:
    """Return the frames with a known plane, with Z and standard uncertainty of the plane, um."""
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    frames = [f for m in planes.measurements for sweep in m.sweeps for f in sweep.frames]
    return {frame: labels[frame.key] for frame in frames if frame.key in labels}
