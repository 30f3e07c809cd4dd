"""Measure speed as ratios within one run: ``python -m benchmarks.speed``."""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import ndimage
from scipy.interpolate import make_smoothing_spline
from scipy.optimize import minimize

from benchmarks import HERE, TWIN, conditions
from refp.arrays import FloatArray
from refp.beads import find_beads
from refp.pipeline import define_planes
from refp.profiles import fit_profiles
from refp.recipe import load_recipe
from refp.record import write_json
from refp.sweeps import open_dataset

REPEATS = 3


def seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the least of a few runs: what the machine can do undisturbed."""
    best = np.inf
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return float(best)


def plane_against_gaussian() -> dict[str, float]:
    """``refp plane``'s work on a2k-training, reading included, against one Gaussian filter."""
    dataset = open_dataset(TWIN / "a2k-training")
    recipe = load_recipe()
    images = [frame.read().astype(np.float32) for frame in dataset.frames]

    def filter_all() -> None:
        for image in images:
            ndimage.gaussian_filter(image, 2.0)

    define_planes([open_dataset(TWIN / "a2k-test2")], recipe)  # compiles
    gaussian = seconds(filter_all)
    plane = seconds(lambda: define_planes([dataset], recipe), repeats=2)
    return {
        "frames": len(images),
        "plane_s": plane,
        "gaussian_s": gaussian,
        "ratio": plane / gaussian,
        "bar": 20.0,
    }


def kernel_against_scipy() -> dict[str, float]:
    """The compiled fit against scipy's smoothing spline with Nelder-Mead, on the same tiles."""
    dataset = open_dataset(TWIN / "a2k-training")
    recipe = load_recipe()
    instrument = dataset.instrument
    frame = min(dataset.sweeps[1].frames, key=lambda f: abs(f.z_um - 1507.5))
    image = frame.read()
    centers = find_beads(image, instrument, recipe.find).center_px
    fit_profiles(image, centers, instrument, recipe.profile)
    ours = seconds(lambda: fit_profiles(image, centers, instrument, recipe.profile), 10)
    radius = instrument.bead_radius_px
    lam = recipe.profile.smoothing * radius**5
    reach = recipe.profile.center_fit_radii * radius
    theirs = seconds(lambda: _scipy_center(image, centers[0], reach, lam), 1)
    per_bead = ours / len(centers)
    return {
        "beads": len(centers),
        "kernel_ms_per_bead": per_bead * 1e3,
        "scipy_ms_per_bead": theirs * 1e3,
        "ratio": theirs / per_bead,
        "bar_ms": 1.0,
    }


def _scipy_center(image: FloatArray, start: FloatArray, reach: float, lam: float) -> FloatArray:
    """Find the centre of least residual of scipy's spline over a fixed set of pixels."""
    y, x = _disc(image.shape, start, reach)
    values = image[y, x].astype(np.float64)

    def residual(center: FloatArray) -> float:
        r = np.hypot(y - center[0], x - center[1])
        distinct, inverse, counts = np.unique(r, return_inverse=True, return_counts=True)
        means = np.bincount(inverse, values) / counts
        spline = make_smoothing_spline(distinct, means, counts.astype(float), lam=lam)
        return float(((values - spline(r)) ** 2).sum())

    return minimize(residual, start, method="Nelder-Mead", options={"xatol": 1e-3}).x


def _disc(
    shape: tuple[int, ...], center: FloatArray, reach: float
) -> tuple[FloatArray, FloatArray]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    near = np.hypot(rows - np.rint(center[0]), columns - np.rint(center[1])) <= reach
    y, x = np.nonzero(near)
    return y, x


def start_up() -> dict[str, float]:
    """Seconds of ``refp --help`` in a fresh process, and what ``import refp`` brings along."""
    help_s = seconds(
        lambda: subprocess.run(
            [sys.executable, "-m", "refp", "--help"], check=True, capture_output=True
        ),
        5,
    )
    bare_s = seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 5)
    return {"help_s": help_s, "bare_python_s": bare_s, "bar_s": 0.7}


def two_cores() -> dict[str, float]:
    """``refp plane`` on a2k-training with one process and with two, start to end, in turns."""
    best = {1: np.inf, 2: np.inf}
    for _ in range(REPEATS):
        for jobs in best:
            with TemporaryDirectory() as folder:
                manifest = repeat_training(Path(folder), 1)
                run = partial(peak_mb_of_plane, manifest, jobs)
                best[jobs] = min(best[jobs], seconds(run, 1))
    return {"one_s": best[1], "two_s": best[2], "ratio": best[1] / best[2], "bar": 2.0}


def memory(times: int = 4) -> dict[str, float]:
    """Peak memory of ``refp plane`` on a2k-training, and on so many times as many frames."""
    result: dict[str, float] = {"bar_mb": 1000.0}
    for n in (1, times):
        with TemporaryDirectory() as folder:
            manifest = repeat_training(Path(folder), n)
            frames = len(manifest.read_text().splitlines()) - 1
            for jobs in (1, 2):
                result[f"peak_mb_{frames}_frames_{jobs}_jobs"] = peak_mb_of_plane(manifest, jobs)
    return result


def repeat_training(folder: Path, times: int) -> Path:
    """Write a manifest by which the frames of a2k-training are those of several experiments."""
    keys = "experiment,fov,exposure_ms,z_um"
    lines = [
        f"{frame.path.resolve()},0,{experiment},{frame.key.fov},{frame.key.exposure_ms},{frame.z_um}"
        for experiment in range(1, times + 1)
        for frame in open_dataset(TWIN / "a2k-training").frames
    ]
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join([f"path,page,{keys}", *lines]) + "\n", encoding="utf-8")
    return manifest


PEAK_OF_PLANE = """
import resource, sys
from pathlib import Path
from refp.cli.app import main

try:
    main(sys.argv[1:])
finally:
    status = Path("/proc/self/status")  # what getrusage says includes the parent's peak on Linux
    if status.exists():
        line = next(l for l in status.read_text().splitlines() if l.startswith("VmHWM"))
        kb = int(line.split()[1])
    else:
        kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print("peak", kb / 1000)
"""


def peak_mb_of_plane(manifest: Path, jobs: int) -> float:
    """Run ``refp plane`` in a process of its own; the largest memory of that process, MB."""
    with TemporaryDirectory() as out:
        options = ["--manifest", manifest, "--instrument", "a2k", "--jobs", jobs, "-o", out]
        command = [sys.executable, "-c", PEAK_OF_PLANE, "plane", manifest.parent, *options]
        done = subprocess.run(
            [str(part) for part in command], check=True, capture_output=True, text=True
        )
    return float(done.stdout.split()[-1])


def main() -> None:
    """Write speed.json."""
    result = {
        "conditions": conditions(),
        "plane": plane_against_gaussian(),
        "two_cores": two_cores(),
        "memory": memory(),
        "kernel": kernel_against_scipy(),
        "start": start_up(),
    }
    write_json(result, HERE / "speed" / "speed.json")
    for name in ("plane", "two_cores", "memory", "kernel", "start"):
        print(name, result[name])


if __name__ == "__main__":
    main()
