"""Measure the rate of ``refp audit``: ``python -m benchmarks.speed.audit``."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import HERE
from benchmarks.speed.estimate import N_BEADS, REPEATS, SHAPE_PX, simulate_images, simulate_planes
from benchmarks.speed.parts import measure_parts
from refp import pipeline
from refp.estimate.estimator import Estimator
from refp.models import load_model, save_model
from refp.pipeline.audit_store import STORED_COLUMNS, AuditStore, KnownFile
from refp.pipeline.audit_summary import write_audit
from refp.pipeline.auditing import ArchiveFile, FileAudit
from refp.settings import load_recipe
from refp.sweeps import SingleImage
from refp.sweeps.pages import ALL_PAGES

FEW, MANY = 60, 360
"""Images of two archives; their difference is free of the start and of the page."""
JOBS = 2
BAR_IMAGES, BAR_MINUTES = 10_000, 6.0
STORED = 50_000
"""Rows of which tables and page are made."""


def make_archive(folder: Path, sources: list[SingleImage], n: int) -> Path:
    """Link images into a folder a day, a few images each."""
    for k in range(n):
        day = folder / f"{date(2024, 1, 1) + timedelta(days=k // 5)}"
        day.mkdir(parents=True, exist_ok=True)
        os.link(sources[k % len(sources)].path, day / f"image{k:04d}.tif")
    return folder


def audit(archive: Path, model: Path, out: Path) -> dict[str, float]:
    """Return the time of the command, and the time of all its processes on their cores."""
    command = [sys.executable, "-m", "refp", "audit", archive, "--model", model, "-o", out]
    before, started = os.times(), time.perf_counter()
    subprocess.run([*map(str, command), "--jobs", str(JOBS)], check=True, capture_output=True)
    spent_s, after = time.perf_counter() - started, os.times()
    cpu_s = after.children_user + after.children_system
    return {"seconds": spent_s, "cpu_s": cpu_s - before.children_user - before.children_system}


def rate(model: Path, sources: list[SingleImage], work: Path) -> dict[str, object]:
    """Return the rate of an audit, and the time of a second one in which nothing changed."""
    runs = {
        n: audit(make_archive(work / f"a{n}", sources, n), model, work / f"out{n}")
        for n in (FEW, MANY)
    }
    again = audit(work / f"a{MANY}", model, work / f"out{MANY}")
    cpu_s = (runs[MANY]["cpu_s"] - runs[FEW]["cpu_s"]) / (MANY - FEW)
    wall_s = (runs[MANY]["seconds"] - runs[FEW]["seconds"]) / (MANY - FEW)
    return {
        "shape_px": SHAPE_PX,
        "beads": N_BEADS,
        "images": MANY,
        "jobs": JOBS,
        "seconds": runs[MANY]["seconds"],
        "images_per_s": 1 / wall_s,
        "cpu_ms_per_image": 1e3 * cpu_s,
        "start_cpu_s": runs[FEW]["cpu_s"] - FEW * cpu_s,
        "unchanged_seconds": again["seconds"],
        "unchanged_cpu_s": again["cpu_s"],
        "minutes_as_measured": BAR_IMAGES * wall_s / 60,
        "minutes_on_two_free_cores": BAR_IMAGES * cpu_s / JOBS / 60,
        "bar": {"images": BAR_IMAGES, "minutes": BAR_MINUTES},
    }


def one_image(model: Path, sources: list[SingleImage]) -> dict[str, float]:
    """Return milliseconds of a core for one file: median over files of the fastest of a few runs."""
    job = FileAudit(Estimator.load(model), ALL_PAGES)
    whole = [partial(job, ArchiveFile(one.path, one.path.name, KnownFile(), "")) for one in sources]
    estimates = [partial(job.estimator.estimate_source, one) for one in sources]
    audit_ms, estimate_ms = (
        statistics.median(map(fastest_ms, calls[:: len(calls) // 5]))
        for calls in (whole, estimates)
    )
    return {
        "audit_ms": audit_ms,
        "estimate_ms": estimate_ms,
        "minutes_on_two_free_cores": BAR_IMAGES * audit_ms / 1e3 / JOBS / 60,
        "bar_minutes": BAR_MINUTES,
    }


def fastest_ms(call: Callable[[], object]) -> float:
    """Return milliseconds on a core in the fastest run, which other work disturbs least."""
    spent_s = []
    for _ in range(REPEATS):
        started = time.process_time()
        call()
        spent_s.append(time.process_time() - started)
    return 1e3 * min(spent_s)


def summary(model: Path, work: Path) -> dict[str, float]:
    """Return the time of tables and page of many stored rows."""
    rng = np.random.default_rng(0)
    shared = dict.fromkeys(STORED_COLUMNS, "") | {"instrument": "a2k", "status": "ok"}
    with AuditStore(work / "stored", {}, overwrite=False) as store:
        for k, dz_um in enumerate(rng.normal(0, 3, STORED).tolist()):
            name = f"{k:07d}.tif"
            row = {
                "image": name,
                "acquired_at": f"{date(2020, 1, 1) + timedelta(days=k // 50)}T12:00:00",
                "serial": f"S{k % 3}",
                "delta_z_um": dz_um,
                "lower_um": dz_um - 1.4,
                "upper_um": dz_um + 1.4,
            }
            store.put(name, "", "", [(0, shared | row)])
        started = time.process_time()
        write_audit(store, 7.5, load_model(model).card, "archive")
    return {"rows": STORED, "cpu_s": time.process_time() - started}


def main() -> None:
    """Write audit.json: all parts, or those named on the command line."""
    with TemporaryDirectory() as name:
        work = Path(name)
        planes, sources = simulate_planes(work), simulate_images(work / "images")
        model = work / "default.refp"
        save_model(pipeline.train_model(planes, load_recipe()), model)
        parts: dict[str, Callable[[], object]] = {
            "image": lambda: one_image(model, sources),
            "rate": lambda: rate(model, sources, work),
            "summary": lambda: summary(model, work),
        }
        measure_parts(HERE / "speed" / "audit.json", parts, "simulated by refp.synthetic, a2k")


if __name__ == "__main__":
    main()
