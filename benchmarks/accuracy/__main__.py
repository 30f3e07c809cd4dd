"""Measure accuracy on the twin: ``python -m benchmarks.accuracy [profile|lookup|planes ...]``.

Planes are compared with the mean of the own planes of the beads that can be measured, and with
``refp_um`` of truth.json, the article's plane of the median of their curves; estimates with the true
stage position (``delta_z_true_um``) and with the nominal one.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import HERE, TWIN, conditions
from benchmarks.accuracy.models import twin_model
from benchmarks.accuracy.twin import TESTS, ci_minus_ss_um, own_planes_um, truth
from refp.core.files import write_json
from refp.core.flags import describe
from refp.core.parallel import Execution, Workers, default_jobs
from refp.estimate.estimator import Estimator
from refp.estimate.evaluation import summarise
from refp.models import load_model
from refp.pipeline import Planes, define_planes, estimate_images
from refp.plane import fit_smooth
from refp.settings import Recipe, load_recipe
from refp.sweeps import open_dataset

PLANE_SETS = (
    "a2k-training",
    "a2k-test1",
    "a2k-test2",
    "a2k-cells",
    "nikon-training",
    "nikon-test1",
    "nikon-two",
)


def floor_um(name: str, fov: object, n_frames: int) -> float:
    """Return the smallest possible standard error, um: stage errors over frames, heights over beads."""
    known = truth(name)
    field = next(f for f in known["fields"] if f["fov"] == fov)
    special = ("outlier", "touching", "border")
    heights = [b["refp_um"] for b in field["beads"] if not any(b[flag] for flag in special)]
    beads = np.std(heights, ddof=1) / np.sqrt(len(heights))
    return float(np.hypot(known["stage_sigma_um"] / np.sqrt(n_frames), beads))


def at_true_positions_um(name: str, planes: Planes, fov: object) -> float | None:
    """Return dZ of the extrema of a field's features with every frame at its true position, um."""
    true_um = {frame["file"]: frame["delta_z_true_um"] for frame in truth(name)["frames"]}
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    pairs = [p for p in zip(planes.curves, sweeps, strict=True) if p[0].key.fov == fov]
    extrema_um = []
    for value, saturated, sign in (
        ("steepest_slope", "ss_saturated", -1),
        ("center_intensity", "ci_saturated", 1),
    ):
        clear = [np.isfinite(getattr(c, value)) & ~getattr(c, saturated) for c, _ in pairs]
        x = np.concatenate(
            [
                np.array([true_um[f.path.name] for f in sweep.frames])[rows]
                for (_, sweep), rows in zip(pairs, clear, strict=True)
            ]
        )
        y = np.concatenate(
            [getattr(c, value)[rows] for (c, _), rows in zip(pairs, clear, strict=True)]
        )
        if len(np.unique(x)) < 6:
            return None
        grid = np.linspace(x.min(), x.max(), 4001)
        extrema_um.append(grid[np.argmax(sign * fit_smooth(x, y).spline(grid))])
    return float(np.mean(extrema_um))


def plane_rows(name: str, planes: Planes, pooled_from: str) -> list[dict[str, object]]:
    """Compare the planes of one data set with the truth."""
    known, apart = own_planes_um(name), ci_minus_ss_um(name)
    median = {field["fov"]: field["refp_um"] for field in truth(name)["fields"]}
    at_truth = {}
    for fov, own_um in known.items():
        place_um = at_true_positions_um(name, planes, fov)
        at_truth[fov] = None if place_um is None else place_um + median[fov] - own_um
    result = planes.result
    return [
        {
            "dataset": name,
            "pooled_from": pooled_from,
            "fov": plane.key.fov,
            "exposure_ms": plane.key.exposure_ms,
            "error_um": plane.refp_um - known[plane.key.fov],
            "error_of_median_um": plane.refp_um - median[plane.key.fov],
            "ci_minus_ss_um": plane.ci.z_um - plane.ss.z_um,
            "ci_minus_ss_true_um": apart[plane.key.fov],
            "u_um": plane.refp_u_um,
            "lower_um": plane.lower_um - known[plane.key.fov],
            "upper_um": plane.upper_um - known[plane.key.fov],
            "features_error_um": article.refp_um - median[plane.key.fov],
            "floor_um": floor_um(name, plane.key.fov, plane.n_frames),
            "at_true_positions_um": at_truth[plane.key.fov],
            "stage_sigma_um": result.axes[0].stage_sigma_um if result.axes else None,
            "true_stage_sigma_um": truth(name)["stage_sigma_um"],
            "flags": describe(plane.flags).replace("|", ", "),
        }
        for plane, article in zip(result.planes, result.by_features, strict=True)
    ]


def measure_planes(recipe: Recipe) -> list[dict[str, object]]:
    """Locate the planes of each data set separately, then the tests with the training's pool."""
    rows, pools = [], {}
    with Workers(default_jobs()) as workers:
        for name in PLANE_SETS:
            planes = define_planes(
                [open_dataset(TWIN / name)], recipe, execution=Execution(workers)
            )
            rows += plane_rows(name, planes, "")
            pools[name] = planes.result.pool
        for training, tests in TESTS.items():
            for name in tests:
                dataset = open_dataset(TWIN / name)
                planes = define_planes(
                    [dataset], recipe, pool=pools[training], execution=Execution(workers)
                )
                rows += plane_rows(name, planes, training)
    return rows


def judge(model: Path, name: str, max_beads: int | None) -> dict[str, object]:
    """Estimate every frame of a data set and compare with true and nominal dZ."""
    estimator = Estimator(load_model(model), max_beads)
    frames = list(open_dataset(TWIN / name).frames)
    table, _ = estimate_images(estimator, frames)
    known = {frame["file"]: frame for frame in truth(name)["frames"]}
    result: dict[str, object] = {"dataset": name, "beads": max_beads or "all"}
    low, high = estimator.card.dz_range_um
    for against, column in (("true", "delta_z_true_um"), ("nominal", "delta_z_um")):
        dz = np.array([known[frame.path.name][column] for frame in frames])
        errors = pd.DataFrame(
            {
                **table[["status", "lower_um", "upper_um", "coverage"]],
                "delta_z_true_um": dz,
                "error_um": table["delta_z_um"] - dz,
            }
        )
        result[against] = summarise(errors).as_dict()
        if against == "true":
            inside = (dz >= low) & (dz <= high)
            refused = (table["status"] == "refused").to_numpy()
            result["n_inside_range"] = int(inside.sum())
            result["n_inside_refused"] = int((inside & refused).sum())
            result["n_outside_range"] = int((~inside).sum())
            result["n_outside_refused"] = int((~inside & refused).sum())
    return result


def measure_family(family: str) -> dict[str, object]:
    """Train on each training set and evaluate on its tests, with all beads and with six."""
    result: dict[str, object] = {"family": family, "conditions": conditions(), "runs": []}
    for training, tests in TESTS.items():
        trained = twin_model(training, family)
        card = load_model(trained.path).card
        run = {
            "training": training,
            "trained_on": card.conditions,
            "members": card.members,
            "training_seconds": trained.seconds,
            "held_out": card.calibration.model_dump(exclude={"residuals", "stage"}),
            "tests": [judge(trained.path, test, beads) for test in tests for beads in (None, 6)],
        }
        result["runs"].append(run)
    return result


def main() -> None:
    """Write one JSON file per family, and one for the planes."""
    for name in sys.argv[1:] or ("planes", "lookup", "profile"):
        print(name, flush=True)
        path = HERE / "accuracy" / f"{name}.json"
        if name == "planes":
            write_json({"conditions": conditions(), "planes": measure_planes(load_recipe())}, path)
        else:
            write_json(measure_family(name), path)


if __name__ == "__main__":
    main()
