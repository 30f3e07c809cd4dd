"""Long work as the command line and the server do it: a run, the method, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from refp import models, pipeline
from refp.core.parallel import Progress, Workers
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
    workers: Workers,
    progress: Progress,
) -> DefinedPlanes:
    """Define and write the planes of data sets, unless that is done.

    Parameters
    ----------
    run
        The run in its folder, entered.
    datasets, recipe, pool
        What the planes are made from; ``pool`` is ``pooled.npz`` of earlier data.
    workers, progress
        Who does it, and who is told how far it is.

    Raises
    ------
    DataError
        If the data cannot be used.
    OutputError
        If the folder holds another result.
    """
    optics, bead = datasets[0].instrument.optics, datasets[0].instrument.bead
    known = plane_files.read_pooled(pool, optics.pixel_size_um, bead.diameter_um) if pool else None
    inputs = partial(digest_inputs, datasets, recipe, pool, run.contents, progress)
    if run.is_done(inputs):
        return DefinedPlanes()
    found = pipeline.define_planes_of_all(
        datasets, recipe, pool=known, workers=workers, store=run.store, progress=progress
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
    workers: Workers,
    progress: Progress,
    watch: Watch = unwatched,
) -> tuple[Training, Planes]:
    """Train a model, and write it with its report.

    Parameters
    ----------
    run
        The run with its files, entered.
    datasets, recipe, seed
        What the model is made from.
    workers, progress, watch
        Who does it, who is told how far it is, and who sees the learning curves grow.

    Raises
    ------
    DataError
        If the data cannot be used.
    """
    planes = pipeline.define_planes(
        datasets, recipe, workers=workers, store=run.store, progress=progress
    )
    run.store.flush()
    training = pipeline.run_training(
        planes,
        recipe,
        seed=seed,
        checkpoints=run.checkpoints,
        workers=workers,
        progress=progress,
        watch=watch,
    )
    run.write_report(training_page(training, planes, recipe, seed))
    models.save_model(training.ensemble, run.model)
    run.finish()
    return training, planes
