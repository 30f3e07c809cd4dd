"""Errors of the article's network: ``python -m benchmarks.accuracy.resnet [arms|TRAINING ...]``.

Without arguments: the arms, then recipe ``paper-fast`` on each training set of the twin, and the deeper
networks. An interrupted training resumes from ``benchmarks/.cache``.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import HERE, TWIN, conditions
from benchmarks.accuracy.models import CACHE, print_progress
from benchmarks.accuracy.twin import A2K, NIKON, TESTS, truth
from benchmarks.pages.render import rms
from refp.core.arrays import FloatArray
from refp.core.digests import digest_json
from refp.core.files import write_json
from refp.core.labels import Label
from refp.core.parallel import Execution, Workers, default_jobs
from refp.estimate.estimator import Estimator
from refp.measure.dataset import measure_dataset
from refp.models import save_model
from refp.pipeline import Planes, define_planes
from refp.pipeline.training import run_training
from refp.settings import Recipe, load_recipe
from refp.study.predictions import MemberPredictions, draw_beads, image_errors, predict_frames
from refp.sweeps import open_dataset

OUT = HERE / "accuracy" / "resnet.json"
FAST = "paper-fast"
SIX, N_DRAWS = 6, 50
ARM_STEPS = 400
PAPER_TRAINING = {
    "schedule": "drops",
    "learning_rate": 1e-4,
    "optimizer": "adam",
    "weight_decay": 5e-4,
}
"""The article's optimiser, rate and decay."""
WHOLE_TILE = {"window_radii": 1e9, "foreign_limit": 1e9}
"""With what is beside the bead, as in the article."""
ARMS: Mapping[str, Mapping[str, Any]] = {
    FAST: {},
    "the article's schedule and optimiser": PAPER_TRAINING,
    "the article's input": {
        "normalisation": "none",
        "standardise": False,
        **WHOLE_TILE,
    },
    "over background, not standardised": {"standardise": False},
    "the whole tile": WHOLE_TILE,
    "the article's schedule, optimiser and input": {
        **PAPER_TRAINING,
        "normalisation": "none",
        "standardise": False,
        **WHOLE_TILE,
    },
}
"""Changes of recipe ``paper-fast``, one member of ``ARM_STEPS`` steps each."""


@dataclass(frozen=True)
class Run:
    """A training of recipe ``paper-fast``: data set, and changes of ``[train.resnet]``."""

    training: str
    changes: Mapping[str, Any]


SHORT = {"members": 1, "max_steps": 400, "validate_steps": 100}
"""Equal steps for networks of three depths."""
RUNS = {
    A2K: Run(A2K, {}),
    NIKON: Run(NIKON, {"members": 3, "max_steps": 500, "validate_steps": 125}),
    "resnet18-400": Run(A2K, SHORT),
    "resnet50-400": Run(A2K, {**SHORT, "depth": 50}),
    "resnet101-400": Run(A2K, {**SHORT, "depth": 101}),
}


def main() -> None:
    """Do the named parts, each of which replaces its part of resnet.json."""
    for part in sys.argv[1:] or ("arms", *RUNS):
        result: dict[str, Any] = {}
        if OUT.is_file():
            result = json.loads(OUT.read_text(encoding="utf-8"))
        if part == "arms":
            arms = {"conditions": conditions(), "steps": ARM_STEPS, "rows": measure_arms()}
            result["arms"] = arms
        else:
            runs = result.setdefault("runs", {})
            runs[part] = {"conditions": conditions(), **measure_run(RUNS[part])}
            result["paper_fast"] = [
                row for name in (A2K, NIKON) for row in runs.get(name, {}).get("tests", [])
            ]
        result["n_draws"] = N_DRAWS
        write_json(result, OUT)


def measure_arms() -> list[dict[str, Any]]:
    """Train one member of each arm for a few steps; return the learning curves."""
    recipe = load_recipe(FAST)
    with Workers(default_jobs()) as workers:
        planes = define_planes([open_dataset(TWIN / A2K)], recipe, execution=Execution(workers))
    few = {"members": 1, "max_steps": ARM_STEPS, "validate_steps": ARM_STEPS // 4}
    rows = []
    for title, changes in ARMS.items():
        trained = train(planes, recipe.replace({"train.resnet": {**few, **changes}}), "arms")
        rows.append({"arm": title, "changes": dict(changes), **trained})
        print(title, rows[-1]["curves"][0]["held_out_rms_um"], flush=True)
    return rows


def measure_run(run: Run) -> dict[str, Any]:
    """Train an ensemble and evaluate it on the tests of its training set."""
    recipe = load_recipe(FAST).replace({"train.resnet": dict(run.changes)})
    with Workers(default_jobs()) as workers:
        execution = Execution(workers)
        planes = define_planes([open_dataset(TWIN / run.training)], recipe, execution=execution)
    model = CACHE / f"resnet-{digest_json([run.training, recipe.digest])[:16]}.refp"
    trained = train(planes, recipe, model.stem, model)
    settings = recipe.train.resnet
    return {
        "training": run.training,
        "depth": settings.depth,
        "members": settings.members,
        "steps": settings.max_steps,
        **trained,
        "tests": [row for name in TESTS[run.training] for row in test_rows(model, name)],
    }


def train(planes: Planes, recipe: Recipe, part: str, model: Path | None = None) -> dict[str, Any]:
    """Train, write the model file, and return seconds and learning curves.

    Each part has its own checkpoints, so that the seconds are those of a whole training unless it resumes.
    """
    started = time.perf_counter()
    checkpoints = CACHE / "resnet-checkpoints" / part
    with Workers(default_jobs()) as workers:
        training = run_training(
            planes,
            recipe,
            checkpoints=checkpoints,
            execution=Execution(workers, print_progress()),
        )
    if model is not None:
        save_model(training.ensemble, model)
    return {
        "seconds": time.perf_counter() - started,
        "held_out_rms_um": training.ensemble.card.calibration.rms_um,
        "curves": [
            {
                "fit": curve.fit,
                "step": curve.step.tolist(),
                "train_rms_um": curve.train_rms_um.tolist(),
                "held_out_rms_um": curve.rms_um.tolist(),
            }
            for curve in training.trained.curves
        ],
    }


def test_rows(model: Path, name: str) -> list[dict[str, Any]]:
    """Evaluate a model on a test set, with six beads and with all, as in the article: none refused.

    Six beads are drawn at random, the same ones through a sweep. Images outside the trained range are
    left out.
    """
    estimator = Estimator.load(model)
    dataset = open_dataset(TWIN / name)
    known = {frame["file"]: frame for frame in truth(name)["frames"]}
    low_um, high_um = estimator.card.dz_range_um
    frames = [
        f for f in dataset.frames if low_um <= known[f.path.name]["delta_z_true_um"] <= high_um
    ]
    with Workers(default_jobs()) as workers:
        execution = Execution(workers)
        measured = measure_dataset(dataset, load_recipe(FAST), execution=execution)
        labels = [Label(known[f.path.name]["delta_z_um"], 0.0, "nominal") for f in frames]
        predicted = predict_frames(
            estimator, frames, labels, measured.sweeps, execution=execution, title=name
        )
    true_um = {f.label: known[f.path.name]["delta_z_true_um"] for f in frames}
    at_truth = MemberPredictions(
        predicted.beads.assign(delta_z_true_um=predicted.beads["image"].map(true_um)),
        predicted.errors,
    )
    refused = int((predicted.errors["status"] != "ok").sum())
    common = {"set": name, "n_images": len(frames), "n_our_estimator_refuses": refused}
    return [
        {**common, **_score(n_beads, errors_of(predicted, n_beads), errors_of(at_truth, n_beads))}
        for n_beads in (SIX, None)
    ]


def errors_of(predictions: MemberPredictions, n_beads: int | None) -> FloatArray:
    """Return the errors of all images that have enough beads, um."""
    if n_beads is None:
        return image_errors(predictions)["error_um"].to_numpy(dtype=np.float64)
    n_members = len(predictions.members)
    drawn = draw_beads(predictions, n_beads, n_members, N_DRAWS, seed=0).error_um
    return drawn[np.isfinite(drawn)]


def _score(n_beads: int | None, nominal_um: FloatArray, true_um: FloatArray) -> dict[str, Any]:
    return {
        "n_beads": n_beads or "all",
        "share_within_10_um": float(np.mean(np.abs(nominal_um) <= 10.0)),
        "share_within_7_5_um": float(np.mean(np.abs(nominal_um) <= 7.5)),
        "rms_nominal_um": rms(nominal_um),
        "rms_true_um": rms(true_um),
        "bias_true_um": float(true_um.mean()),
        "largest_true_um": float(np.abs(true_um).max()),
    }


if __name__ == "__main__":
    main()
