"""Search for the settings of a recipe's family, and the files of the search."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from refp.core.files import write_bytes, write_csv
from refp.core.parallel import SERIAL, Execution
from refp.models import (
    STUDY_FILE,
    SearchPlan,
    TrainingJob,
    TrialResult,
    best_of,
    check_search,
    search_settings,
    steps_of,
    with_values,
)
from refp.pipeline.assembly import digest_training
from refp.pipeline.material import label
from refp.pipeline.planes import Planes
from refp.pipeline.results import plane_provenance
from refp.pipeline.runs import MEASURED, OutputRun
from refp.reports import search_sections, write_report
from refp.settings import Recipe

TRIAL_COLUMNS = ("trial", "state", "n_steps", "rms_um")
"""Columns before those of the varied settings."""


class SearchRun(OutputRun):
    """A run of ``refp tune`` in its output folder, new or resumed.

    Parameters
    ----------
    folder
        Output folder.
    overwrite
        Whether another search, or other files, may be replaced.

    Raises
    ------
    OutputError
        If the folder holds anything but a search, and may not be replaced.
    """

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self.folder = folder
        study, measured = folder / STUDY_FILE, folder / MEASURED
        ours = study.is_file() or measured.is_dir()
        super().__init__(folder, folder, measured, overwrite=overwrite or ours)
        if overwrite:
            study.unlink(missing_ok=True)


def tune_model(
    planes: Planes,
    recipe: Recipe,
    plan: SearchPlan,
    folder: Path,
    *,
    execution: Execution = SERIAL,
) -> list[TrialResult]:
    """Search for settings of the recipe's family.

    Parameters
    ----------
    planes, recipe
        As for :func:`run_training`.
    plan
        Plan of the search.
    folder
        Folder of the study; a search in it is continued.
    execution
        Executor for the work, and callback for progress.

    Raises
    ------
    DataError
        If no sweep has a determined plane with usable beads.
    RecipeError
        If the family is not trained in steps.
    MissingExtraError
        If the libraries of extra ``train`` are not installed.
    OutputError
        If the folder holds a search with other data or settings.
    """
    check_search(recipe.train)
    material = label(planes, recipe, plan.seed)
    tiles, splits, rings = material.tiles, material.splits, material.ring_pixels
    job = TrainingJob(tiles, splits, rings, plan.seed, folder, execution)
    digest = digest_training(material, recipe, plan.seed)
    varied = " ".join(plan.varied)
    return search_settings(
        plan, recipe.train, job, f"{digest} {plan.sampler} {plan.budget} {varied}"
    )


def trial_table(results: Sequence[TrialResult]) -> pd.DataFrame:
    """Return one row per trial (``trials.csv``)."""
    rows = [
        {
            **dict(zip(TRIAL_COLUMNS, (r.number, r.state, r.n_steps, r.rms_um), strict=True)),
            **r.settings,
        }
        for r in results
    ]
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(TRIAL_COLUMNS)
    return pd.DataFrame(rows, columns=names)


def write_search(
    results: Sequence[TrialResult], planes: Planes, recipe: Recipe, plan: SearchPlan, folder: Path
) -> list[str]:
    """Write table, best recipe and report; return the names of the files."""
    table = trial_table(results)
    write_csv(table, folder / "trials.csv")
    names = ["trials.csv"]
    best = best_of(results)
    if best is not None:
        write_bytes(_best_recipe(best, recipe).encode(), folder / "best.toml")
        names.append("best.toml")
    about = _describe(plan, recipe, table)
    stamp = {**plane_provenance([planes], recipe), **about}
    sections = search_sections(table, about)
    write_report(folder / "report.html", f"Search for settings, {about['family']}", sections, stamp)
    return [*names, "report.html", STUDY_FILE]


def _best_recipe(best: TrialResult, recipe: Recipe) -> str:
    """Return the recipe with the best settings and its own number of steps."""
    train = with_values(recipe.train, best.settings, steps_of(recipe.train))
    tuned = recipe.model_copy(update={"name": f"{recipe.name}-tuned", "train": train})
    found = f"# Trial {best.number}: held-out RMS {best.rms_um:.3f} um for one bead, one network.\n"
    return found + tuned.to_toml()


def _describe(plan: SearchPlan, recipe: Recipe, table: pd.DataFrame) -> Mapping[str, str]:
    pruner = "none" if plan.sampler == "grid" else plan.pruner
    counts = {state: int(np.sum(table["state"] == state)) for state in ("done", "pruned")}
    return {
        "family": recipe.train.family,
        "sampler": plan.sampler,
        "pruner": pruner,
        "trials": f"{counts['done']} done, {counts['pruned']} pruned",
        "steps of a fit": str(plan.budget),
        "held out by": recipe.split.by,
        "seed": str(plan.seed),
    }
