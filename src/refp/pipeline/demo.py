"""Demonstration on simulated beads: simulate, define the plane, train, estimate, report."""

from pathlib import Path

import pandas as pd

from refp import pipeline
from refp.core.files import write_csv, write_json
from refp.core.parallel import Execution, Progress, Workers, default_jobs, ignore_progress
from refp.estimate.estimator import Estimator
from refp.models import Ensemble, check_libraries, save_model
from refp.pipeline import results
from refp.pipeline.overlays import write_overlays
from refp.pipeline.plane_files import write_planes
from refp.reports import evaluation_sections
from refp.settings import Recipe, load_recipe
from refp.sweeps import list_images, open_dataset
from refp.synthetic import demo_sets, simulate_planned

INSTRUMENT = "a2k"
TOLERANCE_UM = 7.5
"""The article's tolerance: the repeatability of the A2K's stage."""
COLUMNS = (
    *("image", "z_um", "true_dz_um", "delta_z_um", "error_um", "lower_um", "upper_um"),
    *("n_beads_used", "status"),
)
"""Columns of the table of unseen images."""
BESIDE = (
    "planes/report.html",
    "evaluation/report.html",
    "estimates.csv",
    "model.refp",
    "pictures/",
)
"""Files and pages of the demonstration that its report links."""


def run_demo(
    folder: Path,
    *,
    seed: int = 0,
    progress: Progress = ignore_progress,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Run the whole method on simulated sweeps.

    Parameters
    ----------
    folder
        Output folder for both sweeps, planes, model, estimates, evaluation and report.
    seed
        Seed of the simulated beads and of the training.
    progress
        Callback for the progress of each step.
    overwrite
        Whether existing simulated sweeps are replaced.

    Returns
    -------
    DataFrame
        One row per unseen image with :data:`COLUMNS`.
    """
    recipe = load_recipe()
    check_libraries(recipe.train)
    with Workers(default_jobs()) as workers:
        for offset, one in enumerate(demo_sets(INSTRUMENT)):
            execution = Execution(workers, progress)
            simulate_planned(one, folder, seed + offset, execution, overwrite=overwrite)
        planes, ensemble = _train(folder, recipe, seed, Execution(workers, progress))
    save_model(ensemble, folder / "model.refp")
    estimator = Estimator(ensemble)
    images = list_images([folder / "test"])
    table, estimates = pipeline.estimate_images(
        estimator, images, execution=Execution(progress=progress)
    )
    write_csv(table, folder / "estimates.csv")
    write_overlays(images, estimates, estimator.card, folder / "pictures", progress)
    test = open_dataset(folder / "test")
    evaluation = pipeline.evaluate_model(estimator, [test], execution=Execution(progress=progress))
    results.write_evaluation(evaluation, estimator.card, TOLERANCE_UM, folder / "evaluation")
    summary = results.evaluation_summary(evaluation, estimator.card)
    sections = evaluation_sections(evaluation.errors, summary, TOLERANCE_UM)
    title = "REFP demo on simulated beads"
    results.write_page(folder / "report.html", title, sections, planes, estimator.card, BESIDE)
    shown = _beside_truth(evaluation.errors)
    write_json({"rows": shown.to_dict("records")}, folder / "demo.json")
    return shown


def _train(
    folder: Path,
    recipe: Recipe,
    seed: int,
    execution: Execution,
) -> tuple[pipeline.Planes, Ensemble]:
    """Define the planes of the training sweep and train a model on it."""
    training = open_dataset(folder / "training")
    planes = pipeline.define_planes([training], recipe, execution=execution)
    write_planes([planes], recipe, folder / "planes")
    ensemble = pipeline.train_model(planes, recipe, seed=seed, execution=execution)
    return planes, ensemble


def _beside_truth(errors: pd.DataFrame) -> pd.DataFrame:
    """Return the estimates beside the true dZ."""
    return errors.rename(columns={"delta_z_true_um": "true_dz_um"})[list(COLUMNS)]
