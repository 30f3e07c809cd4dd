"""Repeat the article's study at scale quick on simulated data: ``python -m benchmarks.study``.

Writes docs/study: the page with the figures, and its tables. Data and models stay in
``benchmarks/.cache``, from which an interrupted study resumes; remove them for another time.
"""

import json
import shutil
import time
from pathlib import Path

from benchmarks.accuracy.models import CACHE, print_progress
from benchmarks.pages.render import ROOT
from refp.core.files import write_json
from refp.core.parallel import Execution, Workers, default_jobs, ignore_progress
from refp.study import ITEMS, PAGE, SCALES, Study, find_sets, run_study
from refp.study.page import TABLES
from refp.synthetic import simulate_planned, table1_sets

OUT = ROOT / "docs" / "study"
SEED = 0


def main() -> None:
    """Write docs/study."""
    data, results = CACHE / "study-data", CACHE / "study"
    with Workers(default_jobs()) as workers:
        for planned in table1_sets(None, "quick"):
            if not (data / planned.folder).is_dir():
                simulate_planned(planned, data, SEED, Execution(workers, ignore_progress))
        started = time.perf_counter()
        study = Study(
            find_sets(data),
            SCALES["quick"],
            results,
            seed=SEED,
            execution=Execution(workers, print_progress()),
        )
        outcomes = run_study(study, ITEMS)
        minutes = add_minutes((time.perf_counter() - started) / 60, results)
        publish(results, OUT)
    states = {outcome.item: outcome.state for outcome in outcomes}
    conditions = {
        "minutes_of_runs_that_ended": minutes,
        "cores": default_jobs(),
        "seed": SEED,
        "items": states,
    }
    write_json(conditions, OUT / "conditions.json")


def add_minutes(minutes: float, results: Path) -> float:
    """Add the minutes of a run to those of the runs that it resumed and that ended; return the sum."""
    file = results / "minutes.json"
    if file.is_file():
        minutes += json.loads(file.read_text(encoding="utf-8"))
    write_json(minutes, file)
    return minutes


def publish(results: Path, out: Path) -> None:
    """Replace page and tables of the docs."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(results / TABLES, out / TABLES)
    shutil.copy(results / PAGE, out / PAGE)


if __name__ == "__main__":
    main()
