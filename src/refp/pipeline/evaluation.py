"""Estimate every frame of labelled data sets and compare with their own planes."""

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Errors of the estimates of data sets, with their summary and reference planes."""

    errors: pd.DataFrame
    summary: Summary
    planes: Planes


def evaluate_model(
    estimator: Estimator,
    datasets: Sequence[DataSet],
    *,
    execution: Execution = SERIAL,
) -> Evaluation:
    """Estimate every frame of labelled data sets and compare with their own planes.

    Parameters
    ----------
    estimator
        The model.
    datasets
        Opened data sets of the model's instrument.
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
    known = known_frames(planes, recipe)
    check_determined(known, datasets[0].root, "compare with")
    frames = list(known)
    table, _ = estimate_images(estimator, frames, execution=execution)
    errors = error_table(frames, table, [refp_um for refp_um, _ in known.values()])
    label_u_um = np.hypot(
        datasets[0].instrument.stage.repeatability_um,
        np.sqrt(np.mean([u_um**2 for _, u_um in known.values()])),
    )
    return Evaluation(errors, summarise(errors, float(label_u_um)), planes)


def known_frames(planes: Planes, recipe: Recipe) -> dict[Frame, tuple[float, float]]:
    """Return the frames with a known plane, with Z and standard uncertainty of the plane, um."""
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    frames = [f for m in planes.measurements for sweep in m.sweeps for f in sweep.frames]
    return {frame: labels[frame.key] for frame in frames if frame.key in labels}
