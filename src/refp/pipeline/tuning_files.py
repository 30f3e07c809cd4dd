"""What ``refp tune`` writes, and the folder that it goes on in."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import numpy as np
import pandas as pd

from refp.core.errors import DataError, RecipeError
from refp.core.files import refuse_existing, write_bytes, write_csv
from refp.models import STUDY_FILE, SearchPlan, TrialResult, best_of, steps_of, with_values
from refp.pipeline.planes import Planes
from refp.pipeline.results import plane_provenance
from refp.pipeline.runs import MEASURED
from refp.reports import search_sections, write_report
from refp.settings import Recipe

TRIAL_COLUMNS = ("trial", "state", "n_steps", "rms_um")
"""Before the settings that were varied, a column each."""


@contextmanager
def search_folder(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield the folder of a search, new or to be gone on with; bad input leaves no trace in it.

    Raises
    ------
    OutputError
        If there is something else than a search, and it may not be replaced.
    """
    ours = (folder / STUDY_FILE).is_file() or (folder / MEASURED).is_dir()
    was_there = folder.exists()
    if not (ours or overwrite):
        refuse_existing(folder)
    if overwrite:
        (folder / STUDY_FILE).unlink(missing_ok=True)
    try:
        yield folder
    except (DataError, RecipeError):
        if not was_there:
            rmtree(folder, ignore_errors=True)
        raise


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
    """Return the recipe with the best settings, trained as long as the recipe says."""
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
