"""Plan of a search, and results of its trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from refp.models.training.space import Value, as_setting
from refp.settings import ProfileNetSettings, ResnetSettings, TrainSettings

SamplerName = Literal["grid", "tpe"]
PrunerName = Literal["median", "hyperband", "none"]
STUDY_FILE = "study.log"


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """Plan of a search.

    Attributes
    ----------
    sampler
        ``grid`` for the full factorial, ``tpe`` for a sampler that uses the results of earlier trials.
    pruner
        Rule that stops trials with large errors early; the factorial is never pruned.
    trials
        Total number of trials; ``None`` for the whole factorial.
    budget
        Gradient steps of each fit of a trial.
    seed
        Seed of sampler and fits.
    varied
        Settings of the factorial that are varied; the others stay constant. Empty: all are varied.
    """

    sampler: SamplerName
    pruner: PrunerName
    trials: int | None
    budget: int
    seed: int
    varied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialResult:
    """Result of one trial; ``rms_um`` of a pruned trial is its last value."""

    number: int
    state: Literal["done", "pruned", "running"]
    n_steps: int
    rms_um: float
    settings: Mapping[str, Value]


def best_of(results: Sequence[TrialResult]) -> TrialResult | None:
    """Return the finished trial with the smallest error, the first of several equal ones."""
    done = [result for result in results if result.state == "done"]
    return min(done, key=lambda result: result.rms_um, default=None)


def steps_of(settings: TrainSettings) -> int:
    """Return the maximum number of gradient steps of a fit."""
    return settings.profile.steps if settings.family == "profile" else settings.resnet.max_steps


def with_values(base: TrainSettings, values: Mapping[str, Value], budget: int) -> TrainSettings:
    """Return settings with values of the family replaced, and steps limited to a budget."""
    family: ProfileNetSettings | ResnetSettings
    family = base.profile if base.family == "profile" else base.resnet
    steps = "steps" if base.family == "profile" else "max_steps"
    changes = {name: as_setting(value) for name, value in values.items()}
    table = {**family.model_dump(), **changes, steps: budget}
    return base.model_copy(update={base.family: type(family).model_validate(table)})
