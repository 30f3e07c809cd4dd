"""The files of ``refp train``: the model and its report."""

from collections.abc import Sequence

from refp.core.parallel import Execution
from refp.models import Watch, ignore_curve, save_model
from refp.pipeline.assembly import Training
from refp.pipeline.held_out import training_tables
from refp.pipeline.planes import Planes, define_planes
from refp.pipeline.results import plane_provenance
from refp.pipeline.runs import TrainingRun
from refp.pipeline.training import run_training
from refp.reports import render_report, training_sections
from refp.settings import Recipe
from refp.sweeps import DataSet


def training_page(
    training: Training, planes: Planes, recipe: Recipe, *, seed: int, model: str
) -> bytes:
    """Return the page of a training: held-out errors, learning curves, card and data.

    ``model`` is the name of the model file beside it.
    """
    card = training.ensemble.card
    stamp = {
        **plane_provenance([planes], recipe),
        **card.versions,
        "seed": str(seed),
        "training frames": f"sha256 {card.data_sha256}",
    }
    sections = training_sections(training_tables(training, recipe))
    page = render_report(f"Training of {card.name}", sections, stamp, [model])
    return page.encode("utf-8", "replace")


def train_and_write(
    run: TrainingRun,
    datasets: Sequence[DataSet],
    recipe: Recipe,
    *,
    seed: int,
    execution: Execution,
    watch: Watch = ignore_curve,
) -> tuple[Training, Planes]:
    """Train a model and write it with its report.

    Parameters
    ----------
    run
        The run, an entered context manager.
    datasets, recipe, seed
        Training data, settings, and seed of networks, batches and splits.
    execution, watch
        Executor for the work, and callback for progress.

    Raises
    ------
    DataError
        If the data cannot be used.
    """
    planes = define_planes(datasets, recipe, execution=execution, store=run.store)
    run.store.flush()
    training = run_training(
        planes, recipe, seed=seed, checkpoints=run.checkpoints, execution=execution, watch=watch
    )
    run.write_report(training_page(training, planes, recipe, seed=seed, model=run.model.name))
    save_model(training.ensemble, run.model)
    run.finish()
    return training, planes
