"""The search for settings."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refp.core.errors import OutputError, RecipeError
from refp.models import (
    SearchPlan,
    TrainingJob,
    TrialResult,
    best_of,
    check_search,
    search_settings,
    steps_of,
    with_values,
)
from refp.models.tiles import LabelledTiles
from refp.models.training.space import (
    FACTORIAL,
    SPACES,
    ValueChoice,
    ValueRange,
    as_setting,
    space_of,
)
from refp.settings import TrainSettings

pytest.importorskip("torch")
pytest.importorskip("optuna")

from refp.models.training import fits, profile_family, search
from refp.models.training.profile_family import profile_trial

JobOf = Callable[..., TrainingJob]
FAMILY = TrainSettings(family="profile")
PLAN = SearchPlan("tpe", "none", trials=3, budget=40, seed=0)


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_family, "ROUND_STEPS", 20)


def run_search(job: TrainingJob, plan: SearchPlan = PLAN, digest: str = "a") -> list[TrialResult]:
    return search_settings(plan, FAMILY, job, digest)


def ends_of(each: ValueRange | ValueChoice) -> tuple[Any, ...]:
    return each.values if isinstance(each, ValueChoice) else (each.low, each.high)


@pytest.mark.parametrize("family", ["profile", "resnet"])
def test_all_varied_names_are_settings(family: Any) -> None:
    base = TrainSettings(family=family)
    grid = {name: ValueChoice(levels) for name, levels in FACTORIAL[family].items()}
    for space in (SPACES[family], grid):
        for end in (0, -1):
            values = {name: ends_of(each)[end] for name, each in space.items()}
            made = with_values(base, values, budget=77)
            assert steps_of(made) == 77
            chosen = getattr(made, family).model_dump(mode="json")
            assert {name: chosen[name] for name in values} == {
                name: as_setting(value) for name, value in values.items()
            }


def test_a_sampler_varies_drops_of_the_rate_only_where_they_happen() -> None:
    drops = {"drop_epochs", "drop_factor"}
    for schedule, expected in (("one_cycle", set()), ("drops", drops)):
        settings = TrainSettings.model_validate(
            {"family": "resnet", "resnet": {"schedule": schedule}}
        )
        assert drops & space_of(settings).keys() == expected


def test_the_factorial_is_that_of_the_article() -> None:
    ranges = {  # "Hyper-parameters optimization": considered from, to, selected
        "learning_rate": (1e-4, 1e-2, 1e-4),
        "drop_epochs": (5, 20, 15),
        "drop_factor": (0.7, 1.0, 0.9),
        "batch": (4, 32, 32),
        "validate_steps": (500, 4000, 2000),
        "patience": (5, 15, 10),
        "weight_decay": (1e-4, 1e-3, 5e-4),
    }
    grid = FACTORIAL["resnet"]
    assert grid.keys() == ranges.keys()
    for name, (low, high, selected) in ranges.items():
        assert (min(grid[name]), max(grid[name])) == (low, high)
        assert selected in grid[name]
        assert len(set(grid[name])) == 3


def test_the_grid_covers_the_factorial_once(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = {"learning_rate": (1e-3, 1e-2), "hidden": ("8-8", "16-16")}
    monkeypatch.setitem(search.FACTORIAL, "profile", levels)
    plan = SearchPlan("grid", "median", trials=None, budget=20, seed=0)
    results = run_search(job_of(tiles, tmp_path), plan)
    assert [result.state for result in results] == ["done"] * 4
    assert len({tuple(result.settings[name] for name in levels) for result in results}) == 4
    assert run_search(job_of(tiles, tmp_path), plan) == results  # nothing is left to do


def test_score_of_a_trial_is_its_held_out_error(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    results = run_search(job_of(tiles, tmp_path))
    assert [r.number for r in results] == [0, 1, 2]
    assert all(r.state == "done" and r.n_steps == 40 and r.rms_um > 0 for r in results)
    best = best_of(results)
    assert best is not None
    assert best.rms_um == min(r.rms_um for r in results)
    settings = with_values(FAMILY, best.settings, 40).profile
    again = profile_trial(settings, job_of(tiles, tmp_path), tmp_path / "again")
    for fit in again:
        while fit.rounds_left:
            fit.take(fit.next_round()())
    rms = np.sqrt(np.mean([fit.curve["rms_um"][-1] ** 2 for fit in again]))
    assert best.rms_um == pytest.approx(rms)


class PowerCutError(Exception):
    """Simulated power cut."""


@pytest.mark.parametrize("cut", [2, 6])
def test_a_killed_search_resumes(
    tiles: LabelledTiles,
    job_of: JobOf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cut: int,
) -> None:
    plan = replace(PLAN, trials=2)
    expected = run_search(job_of(tiles, tmp_path / "unbroken"), plan)
    rounds = count_rounds(monkeypatch, cut)
    with pytest.raises(PowerCutError):
        run_search(job_of(tiles, tmp_path / "cut"), plan)
    results = run_search(job_of(tiles, tmp_path / "cut"), plan)
    # 2 trials of 2 fits of 2 rounds, and the one that the cut lost.
    assert len(rounds) == 8 + 1
    assert [r.state for r in results] == ["done", "done"]
    assert results[0] == expected[0]
    assert not (tmp_path / "cut" / search.TRIALS).exists()


def count_rounds(monkeypatch: pytest.MonkeyPatch, cut: int) -> list[int]:
    """Count the finished rounds, and simulate a power cut at one of them."""
    rounds: list[int] = []
    whole = fits.FitChain.take

    def take(fit: fits.FitChain, result: bytes) -> None:
        rounds.append(1)
        if len(rounds) == cut:
            raise PowerCutError
        whole(fit, result)

    monkeypatch.setattr(fits.FitChain, "take", take)
    return rounds


def test_a_finished_search_continues_with_more_trials(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    first = run_search(job_of(tiles, tmp_path), replace(PLAN, trials=1))
    both = run_search(job_of(tiles, tmp_path), replace(PLAN, trials=2))
    assert both[:1] == first
    assert len(both) == 2
    assert both[0].settings != both[1].settings


def test_another_search_is_refused(tiles: LabelledTiles, job_of: JobOf, tmp_path: Path) -> None:
    run_search(job_of(tiles, tmp_path), replace(PLAN, trials=1))
    with pytest.raises(OutputError, match="holds a search of other data"):
        run_search(job_of(tiles, tmp_path), digest="b")


def draw_rates(rates: Iterator[float]) -> Callable[..., float]:
    def suggest(trial: Any, name: str, each: ValueRange | ValueChoice) -> float:
        rate = next(rates)
        return float(trial.suggest_float(name, rate, 1.001 * rate))

    return suggest


def test_trials_with_large_errors_are_pruned(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "STARTUP_TRIALS", 1)
    # After the first, good trial, all learn next to nothing.
    monkeypatch.setitem(SPACES, "profile", {"learning_rate": ValueRange(1e-7, 1e-1)})
    monkeypatch.setattr(search, "_suggest", draw_rates(iter([1e-2, 1e-6, 1e-6])))
    plan = SearchPlan("tpe", "median", trials=3, budget=160, seed=0)
    results = run_search(job_of(tiles, tmp_path), plan)
    assert [r.state for r in results] == ["done", "pruned", "pruned"]
    assert [r.n_steps for r in results] == [160, 40, 40]  # a quarter is not pruned
    assert all(math.isfinite(r.rms_um) for r in results)


def test_lookup_has_nothing_to_tune() -> None:
    with pytest.raises(RecipeError, match="nothing to tune"):
        check_search(TrainSettings(family="lookup"))


def test_without_a_finished_trial_there_is_no_best() -> None:
    assert best_of([TrialResult(0, "pruned", 20, 1.0, {})]) is None
