"""Long work as the command line and the server do it: a run, the method, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from refp import models, pipeline
from refp.core.parallel import Execution
from refp.measure.dataset import Measurement
from refp.models import Watch, unwatched
from refp.pipeline import plane_files
from refp.pipeline.assembly import Training
from refp.pipeline.planes import Planes
from refp.pipeline.runs import Run, digest_inputs
from refp.pipeline.training_report import training_page
from refp.pipeline.training_run import TrainingRun
from refp.settings import Recipe
from refp.sweeps import DataSet


@dataclass(frozen=True, slots=True)
class DefinedPlanes:
    """What a run of ``refp plane`` did.

    Attributes
    ----------
    files
        Names of what was written; none where the folder held the same result already.
    measurements
        What the planes rest on.
    n_recalled
        Frames that an earlier run had measured.
    """

    files: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    n_recalled: int = 0


def define_planes(
    run: Run,
    datasets: Sequence[DataSet],
    recipe: Recipe,
    *,
    pool: Path | None,
    execution: Execution,
) -> DefinedPlanes:
    """Define and write the planes of data sets, unless that is done.

    Parameters
    ----------
    run
        The run in its folder, entered.
    datasets, recipe, pool
        What the planes are made from; ``pool`` is ``pooled.npz`` of earlier data.
    execution
        Executor for the work, and callback for progress.

    Raises
    ------
    DataError
        If the data cannot be used.
    OutputError
        If the folder holds another result.
    """
    optics, bead = datasets[0].instrument.optics, datasets[0].instrument.bead
    known = plane_files.read_pooled(pool, optics.pixel_size_um, bead.diameter_um) if pool else None
    inputs = partial(digest_inputs, datasets, recipe, pool, run.contents, execution.progress)
    if run.is_done(inputs):
        return DefinedPlanes()
    found = pipeline.define_planes_of_all(
        datasets, recipe, pool=known, execution=execution, store=run.store
    )
    with run.replacing(inputs):
        names = plane_files.write_planes(found, recipe, run.folder)
    measurements = tuple(m for planes in found for m in planes.measurements)
    return DefinedPlanes(tuple(names), measurements, run.store.n_recalled)


def train_model(
    run: TrainingRun,
    datasets: Sequence[DataSet],
    recipe: Recipe,
    *,
    seed: int,
    execution: Execution,
    watch: Watch = unwatched,
) -> tuple[Training, Planes]:
    """Train a model, and write it with its report.

    Parameters
    ----------
    run
        The run with its files, entered.
    datasets, recipe, seed
        What the model is made from.
    execution, watch
        Executor for the work, and callback for progress.

    Raises
    ------
    DataError
        If the data cannot be used.
    """
    planes = pipeline.define_planes(datasets, recipe, execution=execution, store=run.store)
    run.store.flush()
    training = pipeline.run_training(
        planes, recipe, seed=seed, checkpoints=run.checkpoints, execution=execution, watch=watch
    )
    run.write_report(training_page(training, planes, recipe, seed))
    models.save_model(training.ensemble, run.model)
    run.finish()
    return training, planes
