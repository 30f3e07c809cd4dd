"""The code of a job process: functions of the command line on the data of a request."""

import math
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from refp import models
from refp.core.digests import hash_file
from refp.core.errors import HistoryError, RefpError, WorkersError
from refp.core.moves import move
from refp.core.parallel import Execution, Workers, end_with_parent
from refp.estimate.estimator import Estimator
from refp.history.history import name_instrument
from refp.models import LearningCurve
from refp.pipeline.adaptation import adapt_model
from refp.pipeline.plane_files import define_and_write
from refp.pipeline.qualification import make_qualifier
from refp.pipeline.runs import PlaneRun, TrainingRun
from refp.pipeline.training_report import train_and_write
from refp.settings import Identity, load_recipe
from refp.sweeps.pages import ALL_PAGES
from refp.web.errors import INTERNAL, LOST, SHOWN_AS, code_of
from refp.web.job import Curve, JobSettings
from refp.web.jobs.data import open_archive, open_datasets
from refp.web.jobs.proposals import UnreadNamesError
from refp.web.storage.job_files import (
    adapted_file,
    audits_folder,
    demo_folder,
    model_file,
    planes_folder,
)
from refp.web.storage.models import REPORT, check_name, publish_model
from refp.web.wording.options import in_web_words

PROGRESS_S = 0.1
"""Shortest interval between two progress messages, s."""
PAUSES_S = (0.0, 2.0, 10.0)
"""Pauses before each attempt to write to the history, s."""
LOST_WORKER = "a process of the job was stopped, possibly for lack of memory; start the job again"
NICE = 10
"""Niceness of a job: estimates have priority."""


@dataclass(slots=True)
class Reporter:
    """Sends progress and learning curves of a job to the server."""

    end: Connection
    last_s: float = 0.0
    stage: str = ""

    def progress(self, stage: str, done: int, total: int) -> None:
        """Send the progress."""
        now = time.monotonic()
        if stage == self.stage and done < total and now - self.last_s < PROGRESS_S:
            return
        self.stage, self.last_s = stage, now
        self.end.send(("progress", stage, done, total))

    def whole(self) -> None:
        """Send that the result is complete: the job can no longer be cancelled."""
        self.end.send(("whole",))

    def watch(self, curve: LearningCurve) -> None:
        """Send a learning curve."""
        self.end.send(("curve", plain_curve(curve)))


@dataclass(frozen=True, slots=True)
class Assignment:
    """The arguments of a job: id, request, settings and reporter."""

    name: str
    request: Mapping[str, Any]
    settings: JobSettings
    reporter: Reporter


def run_job(
    end: Connection, kind: str, name: str, request: Mapping[str, Any], settings: JobSettings
) -> None:
    """Run a job and send its outcome: ``done`` with the result, or ``failed`` with code and message.

    A failure at the names of images has their :class:`refp.web.job.Proposal` too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server handles Ctrl-C
    end_with_parent()
    with suppress(AttributeError, OSError):  # not on Windows
        os.nice(NICE)
    try:
        result = WORK[kind](Assignment(name, request, settings, Reporter(end)))
        ended: tuple[Any, ...] = "done", result, result.pop("remark", "")
    except WorkersError:  # its message names options of a command
        ended = "failed", LOST, LOST_WORKER
    except UnreadNamesError as error:
        ended = "failed", "data_error", _without(str(error), settings), error.proposal
    except RefpError as error:
        code = code_of(error)
        ended = "failed", SHOWN_AS.get(code, code), _without(str(error), settings)
    except MemoryError:
        ended = "failed", "memory_error", "the job needs more memory than available; use less data"
    except Exception:
        traceback.print_exc(file=sys.stderr)
        ended = "failed", "internal_error", INTERNAL
    end.send(ended)


def define_plane(assigned: Assignment) -> dict[str, Any]:
    """Define planes as ``refp plane`` does, and record them."""
    folder = planes_folder(assigned.settings.home, assigned.name)
    recipe = load_recipe(assigned.request["recipe"])
    with open_datasets(assigned.request, assigned.name, assigned.settings) as datasets:
        with (
            PlaneRun(folder, overwrite=False) as run,
            Workers(assigned.settings.processes) as workers,
        ):
            define_and_write(
                run,
                datasets,
                recipe,
                pool=None,
                execution=Execution(workers, assigned.reporter.progress),
            )
        instruments = {
            d.name: name_instrument(d.instrument.name, d.identity.serial) for d in datasets
        }
    assigned.reporter.whole()
    n_recorded, remark = _record(assigned, folder / "planes.csv", instruments)
    made = {"planes": assigned.name, "instruments": instruments, "n_recorded": n_recorded}
    return {**made, "remark": remark}


def train_model(assigned: Assignment) -> dict[str, Any]:
    """Train a model as ``refp train`` does, on the data that planes were defined from."""
    request, settings = assigned.request, assigned.settings
    target = settings.models / check_name(request["name"])
    made = model_file(settings.home, request["planes"], assigned.name)
    if not made.is_file():
        recipe = load_recipe(request["recipe"])
        if request["family"]:
            change = {"train": {"family": request["family"]}}
            recipe = recipe.replace(change, source=f"family {request['family']}")
        models.check_libraries(recipe.train)
        with (
            open_datasets(request, assigned.name, settings) as datasets,
            Workers(settings.processes) as workers,
            TrainingRun(made, overwrite=True) as run,
        ):
            train_and_write(
                run,
                datasets,
                recipe,
                seed=request["seed"],
                execution=Execution(workers, assigned.reporter.progress),
                watch=assigned.reporter.watch,
            )
    return _publish(assigned, made, target)


def adapt(assigned: Assignment) -> dict[str, Any]:
    """Adapt a model to another instrument as ``refp adapt`` does."""
    request, settings = assigned.request, assigned.settings
    target = settings.models / check_name(request["name"])
    ensemble = models.load_model(Path(request["model"]))
    with (
        open_datasets(request, assigned.name, settings) as datasets,
        Workers(settings.processes) as workers,
    ):
        adapted = adapt_model(
            ensemble,
            datasets,
            refp_um=request["refp_um"],
            execution=Execution(workers, assigned.reporter.progress),
        )
    made = adapted_file(settings.home, assigned.name)
    models.save_model(adapted.ensemble, made)
    return _publish(assigned, made, target)


def _publish(assigned: Assignment, made: Path, target: Path) -> dict[str, Any]:
    """Publish a model under its name, with its report if there is one."""
    assigned.reporter.whole()
    try:
        publish_model(made, target)
    finally:  # also if the name is taken: a new job makes it under another
        made.with_suffix(REPORT).unlink(missing_ok=True)
        made.unlink()
    return {"model": target.name, "sha256": hash_file(target)}


def simulate_demo(assigned: Assignment) -> dict[str, Any]:
    """Simulate the sweeps of ``refp demo``, unless they exist."""
    from refp.pipeline.demo import INSTRUMENT
    from refp.synthetic import demo_sets, simulate_planned

    target = demo_folder(assigned.settings.home)
    if not target.is_dir():
        part = target.with_name(f"{target.name}-{assigned.name}")
        shutil.rmtree(part, ignore_errors=True)
        with Workers(assigned.settings.processes) as workers:
            for seed, one in enumerate(demo_sets(INSTRUMENT)):
                simulate_planned(one, part, seed, Execution(workers, assigned.reporter.progress))
        move(part, target)
    return {"folder": target.name}


def audit(assigned: Assignment) -> dict[str, Any]:
    """Audit an archive as ``refp audit`` does."""
    from refp.pipeline.audit_store import AuditStore
    from refp.pipeline.audit_summary import write_audit  # loads scipy.stats
    from refp.pipeline.auditing import audit_archive, audit_inputs

    request, settings = assigned.request, assigned.settings
    estimator = Estimator.load(Path(request["model"]))
    qualifier = make_qualifier(estimator, settings.history, Identity(serial=request["serial"]))
    folder = audits_folder(settings.home, assigned.name)
    with open_archive(request, assigned.name, settings) as archive:
        inputs = audit_inputs(estimator, archive, ALL_PAGES, qualifier, None)
        with (
            AuditStore(folder, inputs, overwrite=False) as store,
            Workers(settings.processes) as workers,
        ):
            audit_archive(
                estimator,
                archive,
                store,
                qualifier,
                execution=Execution(workers, assigned.reporter.progress),
            )
            tables = write_audit(store, request["tolerance_um"], estimator.card, archive.name)
    assigned.reporter.whole()
    own = tables.instruments
    counts = ("n_images", "n_ok", "n_refused", "n_outside")
    return {
        "audit": assigned.name,
        "model": estimator.card.name,
        "n_changes": len(tables.changes),
        **{name: int(own[name].sum()) for name in counts},
    }


WORK: Mapping[str, Callable[[Assignment], dict[str, Any]]] = {
    "plane": define_plane,
    "train": train_model,
    "adapt": adapt,
    "demo": simulate_demo,
    "audit": audit,
}


def plain_curve(curve: LearningCurve) -> Curve:
    """Return a learning curve as JSON values."""
    return {
        "fit": curve.fit,
        "split": curve.split,
        "step": [int(step) for step in curve.step],
        "loss": _plain(curve.loss),
        "train_rms_um": _plain(curve.train_rms_um),
        "rms_um": _plain(curve.rms_um),
    }


def _plain(values: np.ndarray[Any, Any]) -> list[float | None]:
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]


def _record(assigned: Assignment, table: Path, instruments: Mapping[str, str]) -> tuple[int, str]:
    """Record the determined planes, once even if the job was restarted.

    Returns
    -------
    tuple
        Number of records, and a remark if the database cannot be written; the planes are kept.
    """
    if not assigned.settings.history:
        return 0, ""
    from refp.web.workers.history import append_planes  # requires extra "history"

    operator = assigned.request.get("operator", "")
    for pause_s in PAUSES_S:
        time.sleep(pause_s)
        try:
            return append_planes(
                assigned.settings.history, table, instruments, operator, assigned.name
            ), ""
        except HistoryError as error:
            problem = str(error)
    return 0, f"not recorded in the history: {problem}"


def _without(message: str, settings: JobSettings) -> str:
    """Return a message without folders of this machine and options of the command line."""
    message = in_web_words(message)
    for folder in (settings.home, *settings.roots):
        for text in (f"{folder.resolve()}{os.sep}", f"{folder}{os.sep}"):
            message = message.replace(text, "")
    return message
