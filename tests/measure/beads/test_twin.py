"""Recall and precision of the detector on the shared twin: single frames, and frames of a sweep."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from refp.core.arrays import BoolArray, FloatArray
from refp.measure.dataset import measure_dataset
from refp.measure.frame import measure_frame
from refp.settings import load_recipe
from refp.sweeps import Frame, open_dataset

FOLDER = Path(__file__).parent
SHARED = Path(os.environ.get("REFP_SHARED", FOLDER.parents[3] / "shared"))
TWIN = SHARED / "data" / "twin"
pytestmark = pytest.mark.skipif(not TWIN.is_dir(), reason=f"the shared twin is not at {TWIN}")

BARS = {
    "near, 9 ms and longer": (0.995, 0.998),
    "far, or 6 ms": (0.97, 0.995),
    "cells": (0.99, 0.995),
    "nikon": (0.98, 0.995),
}
"""Minimum recall and precision of usable beads."""
THINNED = {
    "a2k-training": 9,
    "a2k-test1": 7,
    "a2k-test2": 2,
    "a2k-cells": 2,
    "nikon-training": 5,
    "nikon-test1": 2,
}
"""One of so many frames of a data set is tested, to keep the test short."""


def bar_of(name: str, frame: Frame, dz_um: float) -> str | None:
    """Return the name of the bar of a frame; ``None`` outside the ranges of the bars."""
    if name.startswith("nikon"):
        return "nikon" if abs(dz_um) <= 16 else None
    if name == "a2k-cells":
        return "cells"
    if abs(dz_um) > 300:
        return None
    near = abs(dz_um) <= 250 and frame.key.exposure_ms >= 9
    return "near, 9 ms and longer" if near else "far, or 6 ms"


class Score:
    """Beads to find, those found usable; usable finds, those on a true bead of any kind."""

    def __init__(self) -> None:
        self.counts = np.zeros(4, dtype=np.int64)

    def add(self, found: FloatArray, truth: FloatArray, plain: BoolArray, reach_px: float) -> None:
        offsets = found[:, None] - truth[None]
        near = np.hypot(offsets[..., 0], offsets[..., 1]) <= reach_px
        hits = near.any(axis=0)[plain].sum()
        self.counts += [plain.sum(), hits, len(found), near.any(axis=1).sum()]

    def check(self, bar: str) -> None:
        n_true, n_hit, n_found, n_right = self.counts
        recall, precision = BARS[bar]
        assert n_true > 0
        assert n_hit / n_true >= recall
        assert n_right / n_found >= precision


def judge(name: str, finds: Iterator[tuple[Frame, FloatArray]], radius_px: float) -> None:
    truth = json.loads((TWIN / name / "truth.json").read_text(encoding="utf-8"))
    fields = {(f["experiment"], f["fov"]): f["beads"] for f in truth["fields"]}
    dz_um = {f["file"]: f["delta_z_true_um"] for f in truth["frames"]}
    scores: dict[str, Score] = {}
    for frame, found in finds:
        bar = bar_of(name, frame, dz_um[frame.path.name])
        if bar is not None:
            beads = fields[frame.key.experiment, frame.key.fov]
            points = np.array([[b["y_px"], b["x_px"]] for b in beads])
            plain = np.array([not (b["outlier"] or b["touching"] or b["border"]) for b in beads])
            scores.setdefault(bar, Score()).add(found, points, plain, radius_px / 2)
    assert scores
    for bar, score in scores.items():
        score.check(bar)


@pytest.mark.parametrize("name", THINNED)
def test_each_frame_independently(name: str) -> None:
    dataset = open_dataset(TWIN / name)

    def finds() -> Iterator[tuple[Frame, FloatArray]]:
        for frame in list(dataset.frames)[:: THINNED[name]]:
            measured = measure_frame(frame.read(), dataset.instrument, load_recipe())
            yield frame, measured.profiles.center_px[measured.usable]

    judge(name, finds(), dataset.instrument.bead_radius_px)


@pytest.mark.parametrize("name", ["a2k-cells", "nikon-test1"])
def test_as_part_of_a_sweep(name: str) -> None:
    dataset = open_dataset(TWIN / name)

    def finds() -> Iterator[tuple[Frame, FloatArray]]:
        for sweep in measure_dataset(dataset, load_recipe()).sweeps:
            for i, frame in enumerate(sweep.frames):
                rows = sweep.usable & (sweep.frame_index == i)
                yield frame, sweep.profiles.center_px[rows]

    judge(name, finds(), dataset.instrument.bead_radius_px)
