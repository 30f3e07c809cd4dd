"""Measure the speed of estimating, as ratios within one run: ``python -m benchmarks.speed.estimate``."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import tifffile

from benchmarks import HERE
from benchmarks.speed.__main__ import seconds
from benchmarks.speed.parts import measure_parts
from refp import pipeline
from refp.core.arrays import FloatArray
from refp.estimate.estimator import Estimator
from refp.measure import frame as one_frame
from refp.models import Ensemble, Lookup, save_model
from refp.models.bioimage import typical_beads
from refp.models.graph import GraphPredictor
from refp.models.normalise import TilePreparation
from refp.pipeline import Planes
from refp.settings import FamilyName, load_recipe
from refp.sweeps import SingleImage, list_images, open_dataset
from refp.synthetic import (
    SceneSettings,
    SimulationSettings,
    as_instrument,
    make_scene,
    render_frame,
    simulate_dataset,
)

SHAPE_PX, N_BEADS, N_IMAGES = (1040, 1392), 20, 20
REFP_UM, REACH_UM = 1500.0, 80.0
REPEATS = 15
FOLDERS = (100, 1000)
STAGES: dict[str, tuple[object, str]] = {
    "read": (SingleImage, "read"),
    "find": (one_frame, "find_beads"),
    "fit": (one_frame, "fit_profiles"),
    "judge": (one_frame, "judge_beads"),
    "predict": (GraphPredictor, "predict"),
    "look up": (Lookup, "match"),
}
"""Function of each stage; the remaining time is combination and decision."""
BARS = {"image_ms": 30.0, "fresh_s": 1.5, "resnet_ratio": 2.0}


def scene(n_beads: int, shape_px: tuple[int, int]) -> SceneSettings:
    """Return a scene of isolated beads on an uneven background."""
    return SceneSettings(
        shape_px=shape_px,
        n_beads=n_beads,
        n_touching=0,
        n_border=0,
        n_off_plane=0,
        separation_radii=4,
    )


def simulate_planes(folder: Path) -> Planes:
    """Simulate a small training sweep and define its planes."""
    settings = SimulationSettings(
        scene=scene(9, (320, 400)),
        refp_um=(REFP_UM,),
        n_fov=2,
        z_start_um=REFP_UM - 1.2 * REACH_UM,
        z_stop_um=REFP_UM + 1.2 * REACH_UM,
        z_step_um=8.0,
        exposures_ms=(8.0, 12.0),
    )
    simulate_dataset(folder / "training", "a2k", settings, dataset="training", seed=1)
    return pipeline.define_planes([open_dataset(folder / "training")], load_recipe())


def train(planes: Planes, family: FamilyName, **changes: object) -> Ensemble:
    """Train a model of a family with changed settings."""
    recipe = load_recipe()
    return pipeline.train_model(
        planes, recipe.replace({"train": {"family": family, family: changes}})
    )


def simulate_images(folder: Path) -> list[SingleImage]:
    """Write full-size images at dZ over the whole trained range."""
    folder.mkdir()
    instrument = as_instrument("a2k")
    rng = np.random.default_rng(2)
    settings = SimulationSettings(scene=scene(N_BEADS, SHAPE_PX))
    for k, dz_um in enumerate(np.linspace(-0.9, 0.9, N_IMAGES) * REACH_UM):
        made = make_scene(instrument, settings, 0.0, rng)
        image = render_frame(made, float(dz_um), 10.0, instrument.camera, rng)
        tifffile.imwrite(folder / f"image{k:02d}.tif", image)
    return list_images([folder])


def one_image(estimator: Estimator, sources: list[SingleImage]) -> dict[str, object]:
    """Return the time of one warm image and its stages: median over images of the minimum of runs."""
    estimates = [estimator.estimate_source(source) for source in sources]
    rows = [stages(estimator, source) for source in sources[:: N_IMAGES // 5]]
    typical = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    parts = sum(ms for name, ms in typical.items() if name != "all")
    return {
        "images": len(rows),
        "beads": statistics.median(r.estimate.n_beads for r in estimates),
        "family": estimator.card.family,
        "members": estimator.card.members,
        "estimated": sum(r.estimate.status == "ok" for r in estimates),
        "ms": typical,
        "share": {name: ms / parts for name, ms in typical.items() if name != "all"},
        "bar_ms": BARS["image_ms"],
    }


def stages(estimator: Estimator, source: SingleImage) -> dict[str, float]:
    """Return milliseconds of each stage of one image in the fastest of a few runs."""
    best: dict[str, float] = {"all": np.inf}
    for _ in range(REPEATS):
        spent = dict.fromkeys(STAGES, 0.0)
        with ExitStack() as watches:
            for stage, (owner, name) in STAGES.items():
                timed = watch(getattr(owner, name), spent, stage)
                watches.enter_context(patch.object(owner, name, timed))
            total = 1e3 * seconds(lambda: estimator.estimate_source(source), 1)
        if total < best["all"]:
            best = {**spent, "combine": total - sum(spent.values()), "all": total}
    return best


def watch(
    function: Callable[..., object], spent: dict[str, float], stage: str
) -> Callable[..., object]:
    """Return the function with its time added to that of a stage."""

    def timed(*args: object, **kwargs: object) -> object:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[stage] += 1e3 * (time.perf_counter() - started)

    return timed


def fresh_process(model: Path, image: Path) -> dict[str, float]:
    """Return seconds of ``refp estimate`` of one image, of its imports, and of bare Python."""
    command = [sys.executable, "-m", "refp", "estimate", str(model), str(image), "--json"]
    run = partial(subprocess.run, capture_output=True, check=False)
    estimate_s = seconds(lambda: run(command), 7)
    bare_s = seconds(lambda: run([sys.executable, "-c", "pass"]), 7)
    libraries = (
        "import numpy, scipy.ndimage, skimage.measure, numba, onnxruntime, pydantic, tifffile"
    )
    libraries_s = seconds(lambda: run([sys.executable, "-c", libraries]), 7)
    return {
        "estimate_s": estimate_s,
        "libraries_s": libraries_s,
        "bare_python_s": bare_s,
        "bar_s": BARS["fresh_s"],
    }


COLD = """
import json, sys, time
from numba.core import event

class Compiling(event.Listener):
    def __init__(self):
        self.depth, self.functions, self.cpu_s = 0, 0, 0.0

    def on_start(self, _):
        self.depth, self.functions = self.depth + 1, self.functions + 1
        if self.depth == 1:
            self.started = time.process_time()

    def on_end(self, _):
        self.depth -= 1
        if self.depth == 0:
            self.cpu_s += time.process_time() - self.started

compiling = Compiling()
event.register("numba:compile", compiling)
from refp.cli.app import main
try:
    main(sys.argv[1:])
finally:
    from refp.core.jit import KERNELS
    cpu_s = time.process_time()
    print(json.dumps({
        "cpu_s": cpu_s,
        "compiling_cpu_s": compiling.cpu_s,
        "compiling_share": compiling.cpu_s / cpu_s,
        "kernels": len(KERNELS),
        "signatures": sum(len(kernel.dispatcher.signatures) for kernel in KERNELS),
        "functions_compiled": compiling.functions,
    }), file=sys.stderr)
"""


def cold_start(model: Path, image: Path) -> dict[str, float]:
    """Return CPU seconds of the first ``refp estimate`` of a fresh install, and those of compiling."""
    with TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, "-c", COLD, "estimate", str(model), str(image), "--json"],
            env={**os.environ, "NUMBA_CACHE_DIR": cache},
            capture_output=True,
            text=True,
            check=True,
        )
    return {**json.loads(done.stderr.splitlines()[-1]), "bar_cpu_s": 10.0}


def resnet(members: int = 10, tiles: int = 20) -> dict[str, object]:
    """Return times of ten networks in one graph and of ten eager calls of torch, alternately."""
    import torch

    from refp.core.parallel import default_jobs
    from refp.models.training.export import to_onnx
    from refp.models.training.members import make_network
    from refp.models.training.resnet import Scales, StackedMembers
    from refp.settings import ResnetSettings

    torch.manual_seed(0)
    torch.set_num_threads(default_jobs())
    networks = [make_network(ResnetSettings()).eval() for _ in range(members)]
    given, scale_um = torch.rand(tiles, 1, 64, 64) * 0.3, 300.0
    graph = to_onnx(StackedMembers(networks, Scales(scale_um)).eval(), given[:2])
    predictor = GraphPredictor(graph, TilePreparation("none"))
    seen = given.numpy()

    def eager() -> list[torch.Tensor]:
        with torch.no_grad():
            return [network(given) for network in networks]

    expected = scale_um * np.stack([output.squeeze(1).numpy() for output in eager()])
    largest = float(np.abs(predictor.run(seen)["dz_um"] - expected).max())
    best = {"eager": np.inf, "graph": np.inf}
    for _ in range(5):
        best["eager"] = min(best["eager"], seconds(eager, 1))
        best["graph"] = min(best["graph"], seconds(lambda: predictor.run(seen), 1))
    return {
        "members": members,
        "tiles": tiles,
        "eager_ms": 1e3 * best["eager"],
        "graph_ms": 1e3 * best["graph"],
        "ratio": best["eager"] / best["graph"],
        "bar": BARS["resnet_ratio"],
        "largest_difference_um": largest,
    }


def precision(planes: Planes, folder: Path) -> dict[str, object]:
    """Return time and dZ deviation of one briefly trained network at lower precision."""
    ensemble = train(
        planes, "resnet", members=1, max_steps=80, validate_steps=80, learning_rate=3e-4
    )
    (folder / "float32.onnx").write_bytes(ensemble.graph)
    seen = GraphPredictor(ensemble.graph, TilePreparation("background")).seen(
        typical_beads(ensemble)
    )
    noise = np.random.default_rng(3).normal(0, 0.01, (4, *seen.shape))
    tiles = (seen + noise).reshape(20, *seen.shape[1:]).astype(np.float32)
    graphs = {"float32": ensemble.graph, **lower(folder / "float32.onnx", tiles)}
    networks = {
        name: GraphPredictor(graph, TilePreparation("none")) for name, graph in graphs.items()
    }
    dz_um = {name: network.run(tiles)["dz_um"] for name, network in networks.items()}
    best = dict.fromkeys(networks, np.inf)
    for _ in range(REPEATS):
        for name, network in networks.items():
            best[name] = min(best[name], seconds(partial(network.run, tiles), 1))
    rows = [
        {
            "precision": name,
            "megabytes": len(graph) / 1e6,
            "time_over_float32": best[name] / best["float32"],
            "rms_deviation_um": float(np.sqrt(np.mean((dz_um[name] - dz_um["float32"]) ** 2))),
        }
        for name, graph in graphs.items()
    ]
    return {"held_out_rms_um": ensemble.card.calibration.rms_um, "tiles": len(tiles), "rows": rows}


def lower(path: Path, tiles: FloatArray) -> dict[str, bytes]:
    """Return the graph in float16, and with 8-bit weights and activations."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.transformers.float16 import convert_float_to_float16

    class Tiles(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = [{"input": tiles}]

        def get_next(self) -> dict[str, FloatArray] | None:
            return self._left.pop() if self._left else None

    half = convert_float_to_float16(onnx.load(path), keep_io_types=True)
    eighth = path.with_name("int8.onnx")
    quantize_static(path, eighth, Tiles(), quant_format=QuantFormat.QDQ, per_channel=True)
    return {"float16": half.SerializeToString(), "int8": eighth.read_bytes()}


WITH_PEAK = """
import json, resource, sys
from pathlib import Path

from refp.cli.app import main

if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    finally:
        status = Path("/proc/self/status")  # on Linux getrusage includes the parent's peak
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if status.exists():
            own = int(next(l for l in status.read_text().splitlines() if "VmHWM" in l).split()[1])
        workers = resource.getrusage(resource.RUSAGE_CHILDREN)
        both = (resource.getrusage(resource.RUSAGE_SELF), workers)
        cpu = sum(r.ru_utime + r.ru_stime for r in both)
        used = {"cpu_s": cpu, "own_mb": own / 1e3, "worker_mb": workers.ru_maxrss / 1e3}
        print(json.dumps(used), file=sys.stderr)
"""


def folder_of_images(model: Path, sources: list[SingleImage], work: Path) -> list[dict[str, float]]:
    """Return time and peak memory of ``refp estimate`` on folders with one and two processes."""
    script = work / "with_peak.py"
    script.write_text(WITH_PEAK, encoding="utf-8")
    rows: list[dict[str, float]] = []
    for n in FOLDERS:
        folder = work / f"folder{n}"
        folder.mkdir()
        for k in range(n):
            os.link(sources[k % len(sources)].path, folder / f"image{k:04d}.tif")
        for jobs in (1, 2):
            options = ["--json", "--jobs", str(jobs)]
            command = [sys.executable, script, "estimate", model, folder, *options]
            printed: list[str] = []

            def run(command: list[object] = command, printed: list[str] = printed) -> None:
                done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
                printed.append(done.stderr.splitlines()[-1])

            spent = seconds(run, 1)
            rows.append(
                {"images": n, "jobs": jobs, "seconds": spent, "images_per_s": n / spent}
                | json.loads(printed[0])
            )
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Write estimate.json: all parts, or those named on the command line."""
    target = HERE / "speed" / "estimate.json"
    with TemporaryDirectory() as name:
        work = Path(name)
        planes, sources = simulate_planes(work), simulate_images(work / "images")
        model = work / "default.refp"
        save_model(pipeline.train_model(planes, load_recipe()), model)
        parts: dict[str, Callable[[], object]] = {
            "image": lambda: one_image(Estimator.load(model), sources),
            "fresh": lambda: fresh_process(model, sources[N_IMAGES // 2].path),
            "cold": lambda: cold_start(model, sources[N_IMAGES // 2].path),
            "resnet": resnet,
            "precision": lambda: precision(planes, work),
            "folder": lambda: folder_of_images(model, sources, work),
        }
        measure_parts(target, parts, "simulated by refp.synthetic, a2k")


if __name__ == "__main__":
    main()
