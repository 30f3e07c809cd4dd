"""``refp tune``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.cli.options import (
    SEED,
    Data,
    DataOptions,
    Output,
    Overwrite,
    RecipeName,
    WorkerOptions,
    recipe_with_family,
)
from refp.core.parallel import Execution

if TYPE_CHECKING:
    from refp.models import SearchPlan
    from refp.settings import TrainSettings

DEFAULT_TRIALS = 50
TUNED_FAMILY = "profile"
"""Family that is searched where the recipe's has no settings to search."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Sampler, pruner and extent of the search."""

    sampler: Literal["tpe", "grid"] = "tpe"
    "tpe: learn from earlier trials; grid: the full factorial."
    pruner: Literal["median", "hyperband", "none"] = "median"
    "Rule that ends trials of low rank early."
    trials: Annotated[
        int | None,
        Parameter(
            help=f"Trials in all; default: {DEFAULT_TRIALS}, or the whole factorial.",
            validator=Number(gte=1),
        ),
    ] = None
    budget: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    "Gradient steps of each fit of a trial; default: the recipe's."
    seed: Annotated[int, SEED] = 0
    "Seed of the sampler and of every fit."

    def plan(self, settings: "TrainSettings") -> "SearchPlan":
        """Return the plan, with defaults from the recipe."""
        from refp import models

        trials = self.trials
        if trials is None and self.sampler == "tpe":
            trials = DEFAULT_TRIALS
        steps = self.budget or models.steps_of(settings)
        return models.SearchPlan(self.sampler, self.pruner, trials, steps, self.seed)


def tune(
    data: Data,
    /,
    *,
    output: Output,
    options: DataOptions = DataOptions(),  # noqa: B008
    family: Annotated[
        str | None,
        Parameter(help="profile or resnet; default: the recipe's, or profile if that is lookup."),
    ] = None,
    recipe: RecipeName = "default",
    search: SearchOptions = SearchOptions(),
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    overwrite: Overwrite = False,
) -> None:
    """Search for the settings that train the best model.

    A trial trains a few networks for a budget of steps; its score is the RMS error of held-out
    beads. '--sampler grid' repeats the article's factorial. Writes trials.csv, best.toml (a recipe
    for 'refp train --recipe'), report.html, and the study, from which an interrupted search resumes
    when the command is given again. With more --trials a finished search continues. Extra 'train' is
    needed.

    Examples
    --------
    refp tune training/ -o search/ --trials 100 --budget 2000

    refp tune training/ -o search/ --recipe paper --sampler grid --budget 4000 --jobs 16

    refp train training/ -o a2k.refp --recipe search/best.toml

    Parameters
    ----------
    output
        Folder for the results.
    """
    from refp import models, pipeline
    from refp.cli.console import print_left_out, print_message, show_measuring
    from refp.pipeline.tuning import SearchRun, write_search

    settings = recipe_with_family(recipe, family)
    if family is None and settings.train.family == "lookup":
        settings = settings.replace("train.family", TUNED_FAMILY)
    plan = search.plan(settings.train)
    models.check_search(settings.train)
    with SearchRun(output, overwrite=overwrite) as run, work.start() as workers:
        with show_measuring() as progress:
            planes = pipeline.define_planes(
                options.open(data),
                settings,
                execution=Execution(workers, progress),
                store=run.store,
            )
            results = pipeline.tune_model(
                planes, settings, plan, output, execution=Execution(workers, progress)
            )
        names = write_search(results, planes, settings, plan, output)
    print_left_out(planes.measurements)
    best = models.best_of(results)
    if best is not None:
        print_message(
            f"best of {len(results)} trials: trial {best.number}, held-out RMS {best.rms_um:.2f} um"
        )
    print_message(f"wrote to {output}: {', '.join(names)}")
