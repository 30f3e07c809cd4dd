"""Search for settings of a recipe's family."""

from pathlib import Path

from refp.core.parallel import SERIAL, Execution
from refp.models import SearchPlan, TrainingJob, TrialResult, check_search, search_settings
from refp.pipeline.assembly import digest_training
from refp.pipeline.material import label
from refp.pipeline.planes import Planes
from refp.settings import Recipe


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
        What is searched.
    folder
        Of the study; a search that lies in it goes on.
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
        If the folder holds a search of something else.
    """
    check_search(recipe.train)
    material = label(planes, recipe, plan.seed)
    tiles, splits, rings = material.tiles, material.splits, material.ring_pixels
    job = TrainingJob(tiles, splits, rings, plan.seed, folder, execution)
    digest = digest_training(tiles, recipe, plan.seed)
    varied = " ".join(plan.varied)
    return search_settings(
        plan, recipe.train, job, f"{digest} {plan.sampler} {plan.budget} {varied}"
    )
