"""Estimate every frame of labelled data sets and compare with their own planes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from refp.core.digests import Contents
from refp.core.labels import Label, describe_origins
from refp.core.parallel import SERIAL, Execution
from refp.estimate.estimator import Estimator, recipe_of
from refp.estimate.evaluation import Summary, summarise
from refp.models import ModelCard
from refp.pipeline.checks import (
    check_determined,
    check_instrument,
)
from refp.pipeline.estimates import estimate_images
from refp.pipeline.labels import label_frames
from refp.pipeline.planes import Planes, define_planes
from refp.pipeline.tables import error_table
from refp.sweeps import DataSet, Frame


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
    n_training
        Number of the images whose files were in the training.
    """

    errors: pd.DataFrame
    summary: Summary
    planes: Planes
    n_training: int

    @property
    def known_dz(self) -> str:
        """Definition of the labels."""
        return describe_origins(self.errors["label"])


def evaluate_model(
    estimator: Estimator,
    datasets: Sequence[DataSet],
    *,
    execution: Execution = SERIAL,
) -> Evaluation:
    """Estimate every frame of labelled data sets and compare with the labels.

    The label of a frame is its nominal Z less the plane of its sweep. Uncertainties of stage and plane
    are included in the observed coverage. A simulated data set has its true dZ as labels instead, from
    the ``truth.json`` beside its images.

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
        If no sweep has a determined plane to compare with, or a ``truth.json`` cannot be read.
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
    labels = label_frames(planes, recipe)
    check_determined(labels, datasets[0].root, "compare with")
    errors = _estimate_errors(estimator, labels, execution)
    return Evaluation(errors, summarise(errors), planes, _count_training(estimator.card, labels))


def _count_training(card: ModelCard, frames: Iterable[Frame]) -> int:
    contents = Contents()
    return sum(card.was_trained_on(contents.of(frame.path)) for frame in frames)


def _estimate_errors(
    estimator: Estimator, labels: Mapping[Frame, Label], execution: Execution
) -> pd.DataFrame:
    """Estimate frames and compare each with its label."""
    frames = list(labels)
    table, _ = estimate_images(estimator, frames, execution=execution)
    return error_table(frames, table, list(labels.values()))
