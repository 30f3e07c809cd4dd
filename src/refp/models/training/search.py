"""Search for settings of a family: the factorial of the article, or a sampler with pruning.

A trial is a few fits limited to a budget of steps; its value is the RMS error, in um, of one held-out
bead by one member. This process creates and evaluates trials; their rounds run on the workers. The study
is a journal file, from which an interrupted search resumes: finished trials are kept, and a running
trial resumes from its snapshots.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal, Protocol

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GridSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState

from refp.core.errors import OutputError
from refp.core.files import make_folder
from refp.core.outputs import INSTEAD
from refp.core.parallel import Chain, run_queue
from refp.models.family import TrainingJob
from refp.models.training.space import FACTORIAL, Space, Value, ValueChoice, ValueRange, space_of
from refp.models.training.trials import STUDY_FILE, SearchPlan, TrialResult, with_values
from refp.settings import TrainSettings

TRIALS = ".trials"
LOCK_SECONDS = 5
"""Age at which a lock of the journal is treated as that of a killed process; writing takes 1 ms."""
STARTUP_TRIALS = 5
"""Number of initial trials, which are drawn at random and not pruned."""


class TrialFit(Chain, Protocol):
    """A fit of a trial."""

    @property
    def curve(self) -> Mapping[str, Sequence[float]]:
        """Learning curve so far, with ``step`` and ``rms_um``."""
        ...

    @property
    def score_um(self) -> float:
        """RMS error of the finished fit, um."""
        ...


def run_search(
    plan: SearchPlan, base: TrainSettings, job: TrainingJob, digest: str
) -> list[TrialResult]:
    """Run a search in a folder, or resume it.

    Parameters
    ----------
    plan, base
        Plan of the search, and all settings that are not varied.
    job
        Tiles, splits, workers; ``job.checkpoints`` is the folder of the study.
    digest
        Digest of the data and of all settings.

    Raises
    ------
    OutputError
        If the folder holds another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = _Search(plan, base, job, digest)
    n_rounds = max(search.n_trials - search.n_finished, 0) * _ROUNDS_A_TRIAL
    run_queue(search.chains(), n_rounds, job.execution.workers)
    rmtree(job.checkpoints / TRIALS, ignore_errors=True)
    return search.results()


_ROUNDS_A_TRIAL = 10
"""Approximate; decides whether a pool of processes is worth its start."""


class _Search:
    def __init__(
        self, plan: SearchPlan, base: TrainSettings, job: TrainingJob, digest: str
    ) -> None:
        self._plan, self._base, self._job = plan, base, job
        self._folder = job.checkpoints
        levels_of = FACTORIAL[base.family]
        self._grid = {name: levels_of[name] for name in plan.varied or levels_of}
        n_levels = math.prod(len(levels) for levels in self._grid.values())
        n_trials = n_levels if plan.trials is None else plan.trials
        self.n_trials = min(n_trials, n_levels) if plan.sampler == "grid" else n_trials
        self._study = _open_study(self._folder, self._sampler, self._pruner(), digest)
        self._running = [t for t in self._trials() if t.state == TrialState.RUNNING]

    def chains(self) -> Iterator["_TrialChain"]:
        """Resume the running trials, then create new ones."""
        self._report()
        for frozen in self._running:
            # optuna has no public way to resume a trial.
            yield self._chain(Trial(self._study, frozen._trial_id))  # noqa: SLF001
        while len(self._trials()) < self.n_trials:
            yield self._chain(self._study.ask())

    def results(self) -> list[TrialResult]:
        return [_result(trial) for trial in self._trials()]

    @property
    def n_finished(self) -> int:
        return sum(trial.state.is_finished() for trial in self._trials())

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _chain(self, trial: Trial) -> "_TrialChain":
        values = {name: _suggest(trial, name, each) for name, each in self._space().items()}
        settings = with_values(self._base, values, self._plan.budget)
        folder = self._folder / TRIALS / f"{trial.number:05d}"
        fits = _fits_of(settings, self._job, folder)
        return _TrialChain(trial, fits, self._study, folder, self._report)

    def _space(self) -> Space:
        if self._plan.sampler == "grid":
            return {name: ValueChoice(levels) for name, levels in self._grid.items()}
        return space_of(self._base)

    def _sampler(self, n_trials: int) -> BaseSampler:
        if self._plan.sampler == "grid":
            return GridSampler(self._grid, seed=self._plan.seed)
        # Another seed after a restart: the same seed would repeat the same draws.
        seed = self._plan.seed + n_trials
        return TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS, constant_liar=True)

    def _pruner(self) -> BasePruner:
        budget = self._plan.budget
        if self._plan.sampler == "grid" or self._plan.pruner == "none":
            return NopPruner()
        if self._plan.pruner == "median":
            return MedianPruner(STARTUP_TRIALS, n_warmup_steps=budget // 4)
        return HyperbandPruner(min_resource=max(budget // 9, 1), max_resource=budget)

    def _report(self) -> None:
        self._job.execution.progress("trials", self.n_finished, self.n_trials)


class _TrialChain:
    """A trial as a :class:`refp.core.parallel.Chain` of its fits, pruned by their common RMS error."""

    def __init__(
        self,
        trial: Trial,
        fits: Sequence[TrialFit],
        study: optuna.Study,
        folder: Path,
        on_end: Callable[[], None],
    ) -> None:
        self._trial, self._fits, self._study = trial, fits, study
        self._folder, self._on_end = folder, on_end
        self._open = True
        reported = study.get_trials(deepcopy=False)[trial.number].intermediate_values
        self._n_reported = len(reported)
        self._update()  # a killed search may have left the trial complete

    @property
    def rounds_left(self) -> int:
        return sum(fit.rounds_left for fit in self._fits) if self._open else 0

    def next_round(self) -> Callable[[], Any]:
        return self._slowest().next_round()

    def take(self, result: Any) -> None:
        self._slowest().take(result)
        self._update()

    def _slowest(self) -> TrialFit:
        return max(self._fits, key=lambda fit: fit.rounds_left)

    def _update(self) -> None:
        """Report new points, and end the trial when it is complete or pruned."""
        points = _joint_curve([fit.curve for fit in self._fits])
        for step, rms_um in points[self._n_reported :]:
            self._trial.report(rms_um, step)
        is_new = len(points) > self._n_reported
        self._n_reported = len(points)
        if not self.rounds_left:
            self._close(TrialState.COMPLETE, _rms([fit.score_um for fit in self._fits]))
        elif is_new and self._trial.should_prune():
            self._close(TrialState.PRUNED, None)

    def _close(self, state: TrialState, rms_um: float | None) -> None:
        if rms_um is not None and not math.isfinite(rms_um):
            state, rms_um = TrialState.PRUNED, None  # it diverged
        # At its last point the grid sampler stops optuna's own loop, which is not in use here.
        with suppress(RuntimeError):
            self._study.tell(self._trial, rms_um, state)
        self._open = False
        rmtree(self._folder, ignore_errors=True)
        self._on_end()


def _joint_curve(curves: Sequence[Mapping[str, Sequence[float]]]) -> list[tuple[int, float]]:
    """Return the steps that all fits have reached, with their common RMS error."""
    n = min((len(curve["step"]) for curve in curves), default=0)
    return [(int(curves[0]["step"][i]), _rms([c["rms_um"][i] for c in curves])) for i in range(n)]


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(sum(value**2 for value in values) / len(values))


def _fits_of(settings: TrainSettings, job: TrainingJob, folder: Path) -> Sequence[TrialFit]:
    if settings.family == "resnet":
        from refp.models.training.resnet import resnet_trial

        return resnet_trial(settings.resnet, job, folder)
    from refp.models.training.profile_family import profile_trial

    return profile_trial(settings.profile, job, folder)


def _suggest(trial: Trial, name: str, each: ValueRange | ValueChoice) -> Value:
    if isinstance(each, ValueChoice):
        chosen = trial.suggest_categorical(name, each.values)
        assert chosen is not None  # choices of optuna may be None; these are not
        return chosen
    if isinstance(each.low, int) and isinstance(each.high, int):
        return trial.suggest_int(name, each.low, each.high, log=each.log)
    return trial.suggest_float(name, each.low, each.high, log=each.log)


def _storage(folder: Path) -> JournalStorage:
    path = str(folder / STUDY_FILE)
    # The lock by an exclusively created file works on Windows too; optuna's other lock needs links.
    lock = JournalFileOpenLock(path, grace_period=LOCK_SECONDS)
    return JournalStorage(JournalFileBackend(path, lock_obj=lock))


def _open_study(
    folder: Path, make_sampler: Callable[[int], BaseSampler], pruner: BasePruner, digest: str
) -> optuna.Study:
    """Open the study of a folder, or create it.

    Raises
    ------
    OutputError
        If it is another search.
    """
    make_folder(folder)
    study = optuna.create_study(
        study_name="refp", storage=_storage(folder), pruner=pruner, load_if_exists=True
    )
    study.sampler = make_sampler(len(study.get_trials(deepcopy=False)))
    if study.user_attrs.setdefault("digest", digest) != digest:
        raise OutputError(
            f"{folder}: holds a search of other data, settings, budget or version of refp; {INSTEAD}"
        )
    study.set_user_attr("digest", digest)
    return study


STATES: Mapping[TrialState, Literal["done", "pruned", "running"]] = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "pruned",
    TrialState.RUNNING: "running",
}


def _result(trial: FrozenTrial) -> TrialResult:
    last = trial.last_step
    rms_um = math.nan if last is None else trial.intermediate_values[last]
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        rms_um = trial.value
    return TrialResult(trial.number, STATES[trial.state], last or 0, rms_um, trial.params)
