"""The functions that the server's process has run in its workers, each with its type.

The server's process imports this module, so it must stay light: a function imports the module that it
calls, and with it the science libraries, in the worker. A decorator states where a function runs:
in a worker for estimates and pages, or in the one for work on archives, folders and sent models
(:func:`slow`), for which no estimate waits; and whether it has to wait until the kernels are compiled
(:func:`with_kernels`). Errors are those of the function called.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from refp.history.job_state import JobState
from refp.web.job import Job
from refp.web.messages import (
    ChartQuery,
    DailyCheck,
    HistoryView,
    ModelInfo,
    ModelUsage,
    PageEstimate,
    RecordQuery,
    Row,
    Task,
)
from refp.web.settings import Limits
from refp.web.workers.views import ComparedSet, Listing

Function = TypeVar("Function", bound=Callable[..., object])
_SLOW: set[Callable[..., object]] = set()
_WITH_KERNELS: set[Callable[..., object]] = set()


def slow(function: Function) -> Function:
    """Mark a function for the worker that no estimate waits for."""
    _SLOW.add(function)
    return function


def with_kernels(function: Function) -> Function:
    """Mark a function that runs compiled kernels."""
    _WITH_KERNELS.add(function)
    return function


def is_slow(function: Callable[..., object]) -> bool:
    """Return whether a function is marked by :func:`slow`."""
    return function in _SLOW


def needs_kernels(function: Callable[..., object]) -> bool:
    """Return whether a function is marked by :func:`with_kernels`."""
    return function in _WITH_KERNELS


# Start


def compile_kernels() -> None:
    """Compile every kernel into the cache on disk; takes a moment where it is there."""
    from refp.core import jit
    from refp.measure import dataset as _  # noqa: F401 - importing it declares its kernels

    jit.compile_kernels()


def warm_up(models: Sequence[Path], database: str) -> None:
    """Load the first model and the history."""
    from refp.web.workers import estimates

    estimates.warm_up(models, database)


# Models and recipes


def describe_model(path: Path) -> ModelInfo:
    """Return the card of a model file, or the reason why it cannot be loaded."""
    from refp.web.workers import estimates

    return estimates.describe_model(path)


@slow
def take_model(
    sent: Path, called: str, name: str, folder: Path, others: Sequence[Path]
) -> tuple[str, bool]:
    """Put a model that was sent among those in use."""
    from refp.web.workers import models

    return models.take_model(sent, called, name, folder, others)


@slow
def check_training(recipe: str, family: str) -> None:
    """Refuse a training that could not even begin."""
    from refp.web.workers import models

    models.check_training(recipe, family)


@slow
def retire_model(model: Path) -> None:
    """Move a model to those that are kept and not offered."""
    from refp.web.workers import models

    models.retire_model(model)


@slow
def restore_model(model: Path) -> None:
    """Move a retired model back to those in use."""
    from refp.web.workers import models

    models.restore_model(model)


def check_free(name: str, folder: Path, others: Sequence[str]) -> str:
    """Return the file name of a new model."""
    from refp.web.storage import models

    return models.check_free(name, folder, others)


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    from refp.settings import recipe

    return recipe.recipe_names()


# Estimates


def list_files(paths: Sequence[str], roots: Sequence[Path], max_files: int) -> list[Path]:
    """Return the image files of paths under the roots."""
    from refp.web.workers import estimates

    return estimates.list_files(paths, roots, max_files)


@with_kernels
def estimate_file(task: Task, view: bool) -> list[PageEstimate]:
    """Estimate every plane of a file."""
    from refp.web.workers import estimates

    return estimates.estimate_file(task, view)


def refuse_file(task: Task, sentence: str) -> list[PageEstimate]:
    """Return the refusal of a file that cannot be read here."""
    from refp.web.workers import estimates

    return estimates.refuse_file(task, sentence)


@with_kernels
def draw_overlay(task: Task, page: int) -> bytes:
    """Return the picture that ``refp estimate --overlay`` writes, as PNG."""
    from refp.web.workers import estimates

    return estimates.draw_overlay(task, page)


def write_csv(rows: Sequence[Row]) -> str:
    """Return rows as ``refp estimate -o`` writes them."""
    from refp.web.workers import estimates

    return estimates.write_csv(rows)


# Planes and folders


@slow
def list_folder(folder: str, roots: Sequence[Path]) -> Listing:
    """List a folder under the roots."""
    from refp.web.workers import folders

    return folders.list_folder(folder, roots)


@slow
def check_paths(paths: Sequence[str], roots: Sequence[Path]) -> None:
    """Refuse sweeps that are not under the roots, or not there."""
    from refp.web.workers import checks

    checks.check_paths(paths, roots)


@slow
def check_sweeps(path: Path, name: str, limits: Limits) -> str:
    """Return the suffix that a file with sweeps is kept under."""
    from refp.web.workers import checks

    return checks.check_sweeps(path, name, limits)


@slow
def check_options(recipe: str, instrument: str) -> None:
    """Refuse a recipe or an instrument that is not one of the package."""
    from refp.web.workers import checks

    checks.check_options(recipe, instrument)


@slow
def read_planes(home: Path, job: str) -> list[Row]:
    """Return the rows of the ``planes.csv`` of a job."""
    from refp.web.workers import checks

    return checks.read_planes(home, job)


def read_sets(home: Path, jobs: Sequence[str]) -> list[list[Row]]:
    """Return the planes of jobs with their intervals."""
    from refp.web.workers import planes

    return planes.read_sets(home, jobs)


def compare_sets(home: Path, sets: Sequence[ComparedSet]) -> tuple[list[Row], list[Row]]:
    """Return the planes of jobs and their differences within instruments."""
    from refp.web.workers import planes

    return planes.compare_sets(home, sets)


# History; the database comes first


def read_history(database: str, asked: RecordQuery) -> list[Row]:
    """Return the newest records first."""
    from refp.web.workers import history

    return history.read_history(database, asked)


def write_history(database: str, asked: RecordQuery) -> str:
    """Return records by rising time as CSV."""
    from refp.web.workers import history

    return history.write_history(database, asked)


def read_page(database: str, asked: ChartQuery) -> HistoryView:
    """Return the content of the page of an instrument."""
    from refp.web.workers import history

    return history.read_page(database, asked)


def read_chart(database: str, asked: ChartQuery) -> Row:
    """Return the control chart of a quantity as plain values."""
    from refp.web.workers import history

    return history.read_chart(database, asked)


def draw_history(database: str, asked: ChartQuery) -> bytes:
    """Return the control chart of a quantity as SVG."""
    from refp.web.workers import history

    return history.draw_history(database, asked)


def read_check(database: str, record_id: str) -> DailyCheck:
    """Return a daily check against the limits of its instrument."""
    from refp.web.workers import history

    return history.read_check(database, record_id)


def list_baselines(database: str, instrument: str) -> list[Row]:
    """Return the frozen baselines, of one instrument or all."""
    from refp.web.workers import history

    return history.list_baselines(database, instrument)


def freeze_limits(database: str, asked: ChartQuery, operator: str) -> Row:
    """Freeze the limits of a period."""
    from refp.web.workers import history

    return history.freeze(database, asked, operator)


def annotate(database: str, instrument: str, text: str, at: str, operator: str) -> Row:
    """Append a note about an instrument."""
    from refp.web.workers import history

    return history.annotate(database, instrument, text, at, operator)


def correct_records(
    database: str, ids: Sequence[str], given: Mapping[str, Any], withdraw: bool, by: str
) -> list[Row]:
    """Append corrections of records."""
    from refp.web.workers import history

    return history.correct(database, ids, given, withdraw, by)


def append_records(database: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Append records that were made elsewhere; return the number of new ones."""
    from refp.web.workers import history

    return history.append(database, rows)


def read_uses(database: str) -> dict[str, ModelUsage]:
    """Return the use of each model by the SHA-256 of its file."""
    from refp.web.workers import history

    return history.read_uses(database)


# Log of jobs; the database comes first


def load_jobs(database: str, server: str) -> list[Job]:
    """Return the jobs of a server, the newest first."""
    from refp.web.workers import job_log

    return job_log.load_jobs(database, server)


def add_job(database: str, server: str, job: Job) -> None:
    """Append a job."""
    from refp.web.workers import job_log

    job_log.add_job(database, server, job)


def append_job_event(database: str, job: str, state: JobState, about: Mapping[str, Any]) -> bool:
    """Append an event of a job; return whether it is new."""
    from refp.web.workers import job_log

    return job_log.append_job_event(database, job, state, about)
