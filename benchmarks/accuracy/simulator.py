"""Comparison of the simulator with the twin: ``python -m benchmarks.accuracy.simulator``.

The twin was simulated by independent code. Simulated training sweeps of both instruments of Table 1
(scale quick) are processed by ``refp plane`` like the twin's, and feature curves and pooled stacks are
compared. Models trained on one are applied to the other without adaptation; the assumed apertures differ.
Convergence is that of one bead's map in wavelengths, rings of the condenser and rings of the pupil.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import HERE, TWIN, conditions
from benchmarks.accuracy.limit import training_folder
from benchmarks.accuracy.models import CACHE, SIMULATING, trained_on
from benchmarks.accuracy.twin import TESTS
from refp.core.arrays import FloatArray
from refp.core.digests import hash_code
from refp.core.files import write_json
from refp.core.parallel import Execution, Workers, default_jobs
from refp.estimate.estimator import Estimator
from refp.models import load_model
from refp.pipeline import define_planes
from refp.pipeline.plane_files import write_planes
from refp.settings import load_recipe
from refp.sweeps import open_dataset
from refp.synthetic import as_instrument, read_truth, simulate_dataset, table1_sets
from refp.synthetic.optics import Sphere, image_radially, make_microscope, sampling_for

TRAINING = {"a2k": "a2k-training", "nikon-ti2": "nikon-training"}
OURS = {"a2k": ("A2K test 1", "A2K test 2", "A2K test 5"), "nikon-ti2": ("Nikon test 2",)}
POINTS = 121
FIELDS = ("ss_dz_um", "ss_value", "ci_dz_um", "ci_value", "stack_dz_um", "stack_mean")


def pooled(folder: Path) -> dict[str, FloatArray]:
    """Return the pooled curves and stack of a data set."""
    recipe = load_recipe()
    with Workers(default_jobs()) as workers:
        planes = define_planes([open_dataset(folder)], recipe, execution=Execution(workers))
    with tempfile.TemporaryDirectory() as out:
        write_planes([planes], recipe, Path(out))
        (file,) = Path(out).glob("pooled*.npz")
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in (*FIELDS, "stack_radius_radii")}


def beside(name: str) -> dict[str, Any]:
    """Return curves and stacks of simulator and twin on one grid of dZ, and their differences."""
    ours, theirs = pooled(training_folder(name)), pooled(TWIN / TRAINING[name])
    result: dict[str, Any] = {"instrument": name}
    for feature in ("ss", "ci"):
        both = [one[f"{feature}_dz_um"] for one in (ours, theirs)]
        dz = np.linspace(max(b[0] for b in both), min(b[-1] for b in both), POINTS)
        lines = [
            np.interp(dz, one[f"{feature}_dz_um"], one[f"{feature}_value"])
            for one in (ours, theirs)
        ]
        result[feature] = {"dz_um": dz, "simulator": lines[0], "twin": lines[1]}
        result[feature]["correlation"] = float(np.corrcoef(*lines)[0, 1])
    both = [one["stack_dz_um"] for one in (ours, theirs)]
    dz = np.linspace(max(b[0] for b in both), min(b[-1] for b in both), POINTS)
    stacks = [_stack_at(one, dz) for one in (ours, theirs)]
    result["stack"] = {
        "dz_um": dz,
        "radius_radii": ours["stack_radius_radii"],
        "simulator": stacks[0],
        "twin": stacks[1],
        "rms_difference": float(np.sqrt(np.mean((stacks[0] - stacks[1]) ** 2))),
        "correlation": float(np.corrcoef(stacks[0].ravel(), stacks[1].ravel())[0, 1]),
    }
    return result


def _stack_at(one: dict[str, FloatArray], dz_um: FloatArray) -> FloatArray:
    rings = one["stack_mean"].T
    return np.array([np.interp(dz_um, one["stack_dz_um"], ring) for ring in rings]).T


def our_test(name: str, dataset: str) -> Path:
    """Return the folder of a simulated test set."""
    planned = {one.dataset: one for one in table1_sets([name], "quick")}[dataset]
    folder = CACHE / f"{planned.folder}-{hash_code(*SIMULATING)[:16]}"
    if not folder.is_dir():
        simulate_dataset(
            folder,
            planned.instrument,
            planned.settings,
            dataset=dataset,
            seed=sum(map(ord, dataset)),
        )
    return folder


def cross(model: Path, tests: list[Path], label: str) -> list[dict[str, object]]:
    """Return errors of a model on data sets, refused images included, and numbers of refusals."""
    estimator = Estimator(load_model(model))
    low, high = estimator.card.dz_range_um
    rows = []
    for folder in tests:
        true = {f.file: f.delta_z_true_um for f in read_truth(folder).frames}
        errors, refused, n = [], 0, 0
        for frame in open_dataset(folder).frames:
            if not low <= true[frame.path.name] <= high:
                continue
            n += 1
            image = frame.read()
            refused += estimator.estimate(image).estimate.status == "refused"
            assessment = estimator.assess(image)
            if assessment is not None:
                errors.append(assessment.combined.dz_um - true[frame.path.name])
        line = {"of": label, "test": open_dataset(folder).name, "n_images": n, "refused": refused}
        if errors:
            line |= {
                "rms_um": float(np.sqrt(np.mean(np.square(errors)))),
                "median_um": float(np.median(errors)),
                "p95_um": float(np.quantile(np.abs(errors), 0.95)),
            }
        print(line, flush=True)
        rows.append(line)
    return rows


def convergence(name: str) -> list[dict[str, object]]:
    """Return the change of a bead's image when each sum is refined."""
    instrument = as_instrument(name)
    scope = make_microscope(instrument)
    bead = instrument.bead
    sphere = Sphere(bead.diameter_um / 2, complex(bead.index), bead.abbe_number)
    z_um, r_um = np.linspace(-10, 10, 17) * scope.depth_um, np.linspace(0, 30, 46)
    usual = sampling_for(sphere, scope, z_um, r_um)
    finest = replace(
        usual,
        n_wavelengths=4 * usual.n_wavelengths + 1,
        n_source=2 * usual.n_source,
        n_pupil=2 * usual.n_pupil,
    )
    reference = image_radially(sphere, scope, z_um, r_um, finest)
    cases = {"all as used": usual}
    for key in ("n_wavelengths", "n_source", "n_pupil"):
        cases[f"{key} as used"] = replace(finest, **{key: getattr(usual, key)})
    rows = []
    for label, sampling in cases.items():
        difference = image_radially(sphere, scope, z_um, r_um, sampling) - reference
        used = "" if label == "all as used" else getattr(usual, label.split()[0])
        rows.append(
            {
                "instrument": name,
                "what": label,
                "used": used,
                "rms": float(np.sqrt(np.mean(difference**2))),
                "largest": float(np.abs(difference).max()),
            }
        )
    return rows


def main() -> None:
    """Write simulator.json."""
    result: dict[str, Any] = {
        "conditions": conditions()
        | {"simulator": "refp simulate --like table1 --scale quick; members and recipe: default"},
        "convergence": [row for name in TRAINING for row in convergence(name)],
        "beside": [beside(name) for name in TRAINING],
    }
    rows = []
    for name, twin in TRAINING.items():
        ours = trained_on(training_folder(name), "profile").path
        theirs = trained_on(TWIN / twin, "profile").path
        twin_tests = [TWIN / test for test in TESTS[twin]]
        our_tests = [our_test(name, dataset) for dataset in OURS[name]]
        rows += cross(ours, our_tests, "simulator on simulator")
        rows += cross(ours, twin_tests, "simulator on twin")
        rows += cross(theirs, our_tests, "twin on simulator")
        rows += cross(theirs, twin_tests, "twin on twin")
    result["cross"] = rows
    write_json(_plain(result), HERE / "accuracy" / "simulator.json")


def _plain(value: Any) -> Any:
    """Return lists with values rounded to the resolution of figures."""
    if isinstance(value, np.ndarray):
        return np.round(value.astype(float), 4).tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


if __name__ == "__main__":
    main()
