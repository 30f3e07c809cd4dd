"""Measure the speed of simulating: ``python -m benchmarks.speed.simulate [frame|maps|table1 ...]``."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import ndimage

from benchmarks import HERE
from benchmarks.speed.__main__ import seconds
from benchmarks.speed.parts import measure_parts
from refp.synthetic import SimulationSettings, as_instrument, make_scene, render_frame

DZ_UM = (-240.0, -120.0, -60.0, -20.0, 0.0, 20.0, 60.0, 120.0, 240.0)
"""dZ of the frames; far from focus a bead's image is wider and takes longer."""
REPEATS = 15
MAP_REPEATS, TABLE_REPEATS = 2, 1
JOBS = 2
INSTRUMENTS = ("a2k", "nikon-ti2")


def frame() -> dict[str, float]:
    """Return times of a frame of 640x480 with 13 beads and of a Gaussian filter, one core, s."""
    instrument, settings = as_instrument("a2k"), SimulationSettings()
    make = partial(make_scene, instrument, settings, 0.0)
    scene = make(np.random.default_rng(1))
    rng = np.random.default_rng(2)
    best = {"frame": np.full(len(DZ_UM), np.inf), "gaussian": np.full(len(DZ_UM), np.inf)}
    for k, dz_um in enumerate(DZ_UM):
        render = partial(render_frame, scene, scene.refp_um + dz_um, 12.0, instrument.camera, rng)
        image = render().astype(np.float32)
        work = {"frame": render, "gaussian": partial(ndimage.gaussian_filter, image, 2.0)}
        for _ in range(REPEATS):
            for name, one in work.items():
                best[name][k] = min(best[name][k], seconds(one, 1))
    frame_s, gaussian_s = float(best["frame"].mean()), float(best["gaussian"].mean())
    return {
        "beads": len(scene.beads),
        "planes": len(DZ_UM),
        "frame_s": frame_s,
        "gaussian_s": gaussian_s,
        "ratio": frame_s / gaussian_s,
        "scene_s": seconds(lambda: make(np.random.default_rng(1)), 5),
    }


MAKE_MAPS = """
import sys, time
from refp.core.parallel import Execution, Workers
from refp.synthetic import SceneSettings, as_instrument, looks_of

if __name__ == "__main__":
    started = time.perf_counter()
    with Workers(int(sys.argv[2])) as workers:
        looks = looks_of(as_instrument(sys.argv[1]), SceneSettings(), execution=Execution(workers))
        print(time.perf_counter() - started)
"""


def maps() -> list[dict[str, object]]:
    """Return times of computing each instrument's bead images from an empty cache, s."""
    rows: list[dict[str, object]] = []
    for name in INSTRUMENTS:
        spent = []
        for _ in range(MAP_REPEATS):
            with TemporaryDirectory() as cache:
                command = [sys.executable, "-c", MAKE_MAPS, name, str(JOBS)]
                spent.append(float(run(command, Path(cache))))
                files = [path.stat().st_size for path in Path(cache).rglob("*.npz")]
        rows.append(
            {
                "instrument": name,
                "jobs": JOBS,
                "maps": len(files),
                "megabytes": sum(files) / 1e6,
                "seconds": min(spent),
            }
        )
        print(rows[-1], flush=True)
    return rows


def table1() -> dict[str, float]:
    """Return times of ``refp simulate --like table1``, scale quick, without and with cached maps, s."""
    best = {"empty": np.inf, "there": np.inf}
    for _ in range(TABLE_REPEATS):
        with TemporaryDirectory() as folder:
            for state in best:
                out = Path(folder) / state
                command = [sys.executable, "-m", "refp", "simulate", str(out), "--like", "table1"]
                command += ["--scale", "quick", "--jobs", str(JOBS)]
                simulate = partial(run, command, Path(folder) / "cache")
                best[state] = min(best[state], seconds(simulate, 1))
            frames = len(list(out.rglob("*.tif")))
        print(best, flush=True)
    return {
        "frames": frames,
        "jobs": JOBS,
        "empty_cache_s": best["empty"],
        "maps_there_s": best["there"],
        "frame_s": best["there"] / frames,
    }


def run(command: list[str], cache: Path) -> str:
    """Run a command with its map cache in a folder and one thread per process; return its output."""
    own = {"REFP_CACHE": str(cache), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **own}
    )
    return done.stdout


def main() -> None:
    """Write simulate.json: all parts, or those named on the command line."""
    parts: dict[str, Callable[[], object]] = {"frame": frame, "maps": maps, "table1": table1}
    measure_parts(HERE / "speed" / "simulate.json", parts, "simulated by refp.synthetic")


if __name__ == "__main__":
    main()
