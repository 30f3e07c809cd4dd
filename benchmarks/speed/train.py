"""Measure training and the demo: ``python -m benchmarks.speed.train [lookup|demo ...]``.

Processor time is that of all processes together: on an idle machine, the largest possible time.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from benchmarks import HERE, TWIN
from benchmarks.speed.parts import measure_parts
from refp.core.parallel import default_jobs
from refp.models import save_model
from refp.pipeline import Planes, define_planes, run_training
from refp.pipeline.assembly import Training
from refp.pipeline.training_report import training_page
from refp.settings import load_recipe
from refp.sweeps import open_dataset

DATA = "a2k-training of the shared twin, and the sweeps that refp demo simulates"
SEED = 0
T = TypeVar("T")


def lookup() -> dict[str, object]:
    """Return processor times of ``refp train``'s work with the default family, s."""
    recipe = load_recipe()
    dataset = open_dataset(TWIN / "a2k-training")
    define_planes([open_dataset(TWIN / "a2k-test2")], recipe)  # compiles
    planes, plane_s = cpu_seconds(lambda: define_planes([dataset], recipe))
    training, train_s = cpu_seconds(lambda: run_training(planes, recipe, seed=SEED))
    _, files_s = cpu_seconds(lambda: write_files(training, planes))
    return {
        "family": training.ensemble.card.family,
        "frames": dataset.n_frames,
        "tiles": training.ensemble.card.n_tiles,
        "plane_cpu_s": plane_s,
        "train_cpu_s": train_s,
        "report_and_file_cpu_s": files_s,
        "beyond_plane_cpu_s": train_s + files_s,
        "bar_s": 10.0,
    }


def write_files(training: Training, planes: Planes) -> None:
    """Write the model file and the page of a training, as ``refp train`` does."""
    with TemporaryDirectory() as folder:
        page = training_page(training, planes, load_recipe(), seed=SEED, model="model.refp")
        (Path(folder) / "model.html").write_bytes(page)
        save_model(training.ensemble, Path(folder) / "model.refp")


def cpu_seconds(work: Callable[[], T]) -> tuple[T, float]:
    """Return the result of work in this process, and its processor time, s."""
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def demo() -> dict[str, object]:
    """Return times of ``refp demo``, s: the first one after installation, and another."""
    with TemporaryDirectory() as folder:
        caches = {"NUMBA_CACHE_DIR": f"{folder}/kernels", "REFP_CACHE": f"{folder}/maps"}
        run = partial(run_demo, Path(folder) / "demo", os.environ | caches)
        first, again = run(), run()
    return {"jobs": default_jobs(), "first": first, "again": again, "bar_s": 60.0}


def run_demo(folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Run the demo in a process of its own; return its duration and processor time, s."""
    command = [sys.executable, "-m", "refp", "demo", "-o", str(folder), "--overwrite"]
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    seconds, after = time.perf_counter() - started, os.times()
    used = after.children_user + after.children_system
    return {"s": seconds, "cpu_s": used - before.children_user - before.children_system}


def main() -> None:
    """Write train.json."""
    parts = {"lookup": lookup, "demo": demo}
    measure_parts(HERE / "speed" / "train.json", parts, DATA)


if __name__ == "__main__":
    main()
