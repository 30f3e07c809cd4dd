"""Figures of the benchmarks that pages quote, as substitutions: ``{{ magtrack_a2k }}``."""

import json
from pathlib import Path
from typing import Any

ACCURACY = Path(__file__).parents[2] / "benchmarks" / "accuracy"


def substitutions() -> dict[str, str]:
    """Return RMS errors of six beads, um, by name."""
    tiles = {(row["method"], row["test"]): row["six_rms_um"] for row in _load("magtrack")["rows"]}
    own = [row for row in _load("resnet")["paper_fast"] if row["n_beads"] == 6]
    article = {row["set"]: row["rms_true_um"] for row in own}
    tests = [test for run in _load("lookup")["runs"] for test in run["tests"]]
    lookup = {test["dataset"]: test["true"]["rms_um"] for test in tests if test["beads"] == 6}
    found = {
        "magtrack_a2k": tiles["magtrack", "a2k-test1"],
        "lookup_tiles_a2k": tiles["lookup", "a2k-test1"],
        "magtrack_nikon": tiles["magtrack", "nikon-test1"],
        "lookup_tiles_nikon": tiles["lookup", "nikon-test1"],
        "article_cells": article["a2k-cells"],
        "lookup_cells": lookup["a2k-cells"],
    }
    return {name: f"{rms_um:.1f}" for name, rms_um in found.items()}


def _load(name: str) -> Any:
    return json.loads((ACCURACY / f"{name}.json").read_text(encoding="utf-8"))
