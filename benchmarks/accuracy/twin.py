"""The twin's data sets: test sets of each training set, and true dZ of their frames."""

import json
from collections.abc import Iterator

import numpy as np

from benchmarks import TWIN
from refp.sweeps import Frame, open_dataset

A2K, NIKON = "a2k-training", "nikon-training"
TESTS = {A2K: ("a2k-test1", "a2k-test2", "a2k-cells"), NIKON: ("nikon-test1",)}


def truth(name: str) -> dict[str, object]:
    """Read truth.json of a data set."""
    return json.loads((TWIN / name / "truth.json").read_text(encoding="utf-8"))


def own_planes_um(name: str) -> dict[object, float]:
    """Return, for each FOV, the mean of the own planes of its beads that can be measured."""
    special = ("outlier", "touching", "border")
    return {
        field["fov"]: float(
            np.mean([b["refp_um"] for b in field["beads"] if not any(b[s] for s in special)])
        )
        for field in truth(name)["fields"]
    }


def ci_minus_ss_um(name: str) -> dict[object, float]:
    """Return, for each FOV, by how much the beads' own CI planes lie above their SS planes."""
    told = json.loads((TWIN / name / "own.json").read_text(encoding="utf-8"))
    return {field["fov"]: field["ci_minus_ss_own_um"] for field in told["fields"]}


def frames(*names: str) -> Iterator[tuple[Frame, float]]:
    """Yield every frame of data sets with its true dZ, um."""
    for name in names:
        known = {frame["file"]: frame["delta_z_true_um"] for frame in truth(name)["frames"]}
        for frame in open_dataset(TWIN / name).frames:
            yield frame, known[frame.path.name]
