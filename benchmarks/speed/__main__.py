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
from scipy.interpolate import BSpline, make_smoothing_spline
from scipy.optimize import minimize

from benchmarks import HERE, TWIN, conditions
from refp.core.arrays import FloatArray, Image
from refp.core.files import write_json
from refp.core.flags import UNUSABLE_BEAD
from refp.measure.beads import find_beads
from refp.measure.features import measure_features
from refp.measure.profiles import RadialProfiles, fit_profiles
from refp.pipeline import define_planes
from refp.settings import Instrument, Recipe, load_recipe
from refp.sweeps import open_dataset

REPEATS = 3
Z_UM = (1407.5, 1447.5, 1487.5, 1507.5, 1537.5, 1607.5)
"""Z of the compared tiles: from 100 um below the plane to 100 um above."""


def seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the minimum time of a few runs, s, as an estimate without disturbance."""
    best = np.inf
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return float(best)


def plane_against_gaussian() -> dict[str, float]:
    """Return times of ``refp plane``'s work on a2k-training, with reading, and of a Gaussian filter."""
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
        "bar": 8.0,
    }


def kernel_against_scipy() -> dict[str, float]:
    """Compare the compiled fit of whole frames with scipy's smoothing spline and Nelder-Mead.

    Times are over all beads of frames at several Z, differences on one tile of each.
    """
    dataset = open_dataset(TWIN / "a2k-training")
    recipe = load_recipe()
    instrument = dataset.instrument
    beads, kernel_s, scipy_s, differences = 0, 0.0, 0.0, []
    for z_um in Z_UM:
        image = min(dataset.sweeps[1].frames, key=lambda f: abs(f.z_um - z_um)).read()
        centers = _usable_first(image, instrument, recipe)
        profiles = fit_profiles(image, centers, instrument, recipe.profile)  # compiles
        kernel_s += seconds(lambda: fit_profiles(image, centers, instrument, recipe.profile), 10)  # noqa: B023
        beads += len(centers)
        started = time.perf_counter()
        expected = _scipy_measurement(image, instrument.tile_side_px / 2, profiles, recipe)
        scipy_s += time.perf_counter() - started
        features = measure_features(profiles, recipe.feature)
        slope, center = features.steepest_slope[0], features.center_intensity[0]
        found = np.array([*profiles.center_px[0], slope, center])
        differences.append(np.abs(found - expected) / [1.0, 1.0, abs(expected[2]), expected[3]])
    y_px, x_px, slope, center = np.max(differences, axis=0)
    per_bead = kernel_s / beads
    per_tile = scipy_s / len(Z_UM)
    return {
        "beads": beads,
        "tiles_compared": len(Z_UM),
        "kernel_ms_per_bead": per_bead * 1e3,
        "scipy_ms_per_bead": per_tile * 1e3,
        "ratio": per_tile / per_bead,
        "largest_center_difference_px": max(y_px, x_px),
        "largest_slope_difference_percent": slope * 100,
        "largest_center_intensity_difference_percent": center * 100,
        "bar_ms": 0.25,
        "bar_center_px": 0.02,
        "bar_features_percent": 1.0,
    }


def _usable_first(image: Image, instrument: Instrument, recipe: Recipe) -> FloatArray:
    """Return centres of all candidates of a frame, usable ones first."""
    found = find_beads(image, instrument, recipe.find)
    order = np.argsort((found.flags & UNUSABLE_BEAD) > 0, kind="stable")
    return found.center_px[order]


def _scipy_measurement(
    image: Image, reach_px: float, profiles: RadialProfiles, recipe: Recipe
) -> FloatArray:
    """Return centre, steepest slope and centre intensity of the first bead by scipy alone.

    The search starts 0.3 px away in each coordinate.
    """
    radius, about = profiles.bead_radius_px, profiles.center_px[0]
    lam = recipe.profile.smoothing * radius**5
    y, x, values = _disc(image, np.rint(about), recipe.profile.center_fit_radii * radius)

    def residual(center: FloatArray) -> float:
        r = np.hypot(y - center[0], x - center[1])
        return float(((values - _scipy_spline(r, values, lam)(r)) ** 2).sum())

    start = about + 0.3 * np.array([1.0, -1.0])
    options = {"xatol": 1e-3, "fatol": 1e-3}
    center = minimize(residual, start, method="Nelder-Mead", options=options).x
    y, x, values = _disc(image, center, reach_px)
    r = np.hypot(y - center[0], x - center[1])
    spline = _scipy_spline(r, values, lam)
    at = np.linspace(r.min(), recipe.feature.slope_reach_radii * radius, 4001)
    light = profiles.light[0]
    slope = spline.derivative()(at).min() / light
    level = spline(recipe.feature.center_radius_px) - profiles.black_level
    return np.array([*center, slope, level / light])


def _scipy_spline(r: FloatArray, values: FloatArray, lam: float) -> BSpline:
    """Return scipy's smoothing spline; equal distances, which it refuses, are averaged with weights."""
    distinct, inverse, counts = np.unique(np.round(r, 4), return_inverse=True, return_counts=True)
    means = np.bincount(inverse, values) / counts
    return make_smoothing_spline(distinct, means, counts.astype(float), lam=lam)


def _disc(
    image: Image, center: FloatArray, reach: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return rows, columns and values of the pixels within a distance."""
    y, x = np.indices(image.shape)
    near = np.hypot(y - center[0], x - center[1]) <= reach
    return y[near], x[near], image[near].astype(np.float64)


def start_up() -> dict[str, float]:
    """Return times of ``refp --help`` and of bare Python in fresh processes, s."""
    help_s = seconds(
        lambda: subprocess.run(
            [sys.executable, "-m", "refp", "--help"], check=True, capture_output=True
        ),
        5,
    )
    bare_s = seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 5)
    return {"help_s": help_s, "bare_python_s": bare_s, "bar_s": 0.7}


def two_cores() -> dict[str, float]:
    """Return times of ``refp plane`` on a2k-training with one and two processes, alternately, s."""
    best = {1: np.inf, 2: np.inf}
    for _ in range(REPEATS):
        for jobs in best:
            with TemporaryDirectory() as folder:
                manifest = repeat_training(Path(folder), 1)
                run = partial(peak_mb_of_plane, manifest, jobs)
                best[jobs] = min(best[jobs], seconds(run, 1))
    return {"one_s": best[1], "two_s": best[2], "ratio": best[1] / best[2], "bar": 2.0}


def memory(times: int = 8) -> dict[str, object]:
    """Return peak memory of ``refp plane`` on a2k-training, and on ``times`` as many frames."""
    rows: list[dict[str, float]] = []
    for n in (1, times):
        with TemporaryDirectory() as folder:
            manifest = repeat_training(Path(folder), n)
            frames = len(manifest.read_text().splitlines()) - 1
            peak = peak_mb_of_plane(manifest, 2)
            rows.append({"frames": frames, "jobs": 2, "peak_mb": peak})
    return {"bar_mb": 1000.0, "rows": rows}


def repeat_training(folder: Path, times: int) -> Path:
    """Write a manifest that lists the frames of a2k-training as several experiments."""
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
    status = Path("/proc/self/status")  # on Linux getrusage includes the parent's peak
    if status.exists():
        line = next(l for l in status.read_text().splitlines() if l.startswith("VmHWM"))
        kb = int(line.split()[1])
    else:
        kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print("peak", kb / 1000)
"""


def peak_mb_of_plane(manifest: Path, jobs: int) -> float:
    """Run ``refp plane`` in a separate process; return its peak memory, MB."""
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
