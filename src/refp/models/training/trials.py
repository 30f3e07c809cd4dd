"""What a search is asked for, and what its trials come to."""

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
    """What is searched.

    Attributes
    ----------
    sampler
        ``grid`` for the full factorial, ``tpe`` for a sampler that learns from earlier trials.
    pruner
        What ends trials that lag behind; the factorial is never pruned.
    trials
        How many in all; ``None`` for the whole factorial.
    budget
        Gradient steps of each fit of a trial.
    seed
        Of sampler and fits.
    varied
        Settings of the factorial that are varied, the others staying as they are; empty: all.
    """

    sampler: SamplerName
    pruner: PrunerName
    trials: int | None
    budget: int
    seed: int
    varied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial; ``rms_um`` is the last that is known of a trial that was pruned."""

    number: int
    state: Literal["done", "pruned", "running"]
    n_steps: int
    rms_um: float
    settings: Mapping[str, Value]


def best_of(results: Sequence[TrialResult]) -> TrialResult | None:
    """Return the finished trial of the least error, the first where several are equal."""
    done = [result for result in results if result.state == "done"]
    return min(done, key=lambda result: result.rms_um, default=None)


def steps_of(settings: TrainSettings) -> int:
    """Return the gradient steps of a fit, at most."""
    return settings.profile.steps if settings.family == "profile" else settings.resnet.max_steps


def with_values(base: TrainSettings, values: Mapping[str, Value], budget: int) -> TrainSettings:
    """Return settings with values put into those of the family, cut to a budget of steps."""
    family: ProfileNetSettings | ResnetSettings
    family = base.profile if base.family == "profile" else base.resnet
    steps = "steps" if base.family == "profile" else "max_steps"
    known = {name: as_setting(value) for name, value in values.items()}
    table = {**family.model_dump(), **known, steps: budget}
    return base.model_copy(update={base.family: type(family).model_validate(table)})
