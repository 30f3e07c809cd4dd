"""Measure the bead detector on the twin: ``python -m benchmarks.accuracy.beads``.

A detection is correct within half a bead radius of a true bead of any kind. Recall is over the isolated
beads in the plane and away from the border, for found and for usable beads. Frames are evaluated
separately, then as parts of their sweep.
"""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import HERE, TWIN, conditions
from benchmarks.accuracy.twin import truth
from refp.core.arrays import BoolArray, FloatArray
from refp.core.files import write_json
from refp.core.flags import UNUSABLE_BEAD
from refp.core.parallel import Execution, Workers, default_jobs, map_ordered
from refp.measure.dataset import measure_dataset
from refp.measure.frame import measure_frame
from refp.settings import Recipe, load_recipe
from refp.sweeps import DataSet, Frame, open_dataset

SETS = (
    "a2k-training",
    "a2k-test1",
    "a2k-test2",
    "a2k-cells",
    "nikon-training",
    "nikon-test1",
)
REACH_RADII = 0.5
Detections = tuple[FloatArray, BoolArray]
"""Centres ``(n, 2)``, px, and usable flags ``(n,)``."""


class _Detect:
    """Detection in a single frame; a class, so that it can be pickled for workers."""

    def __init__(self, dataset: DataSet, recipe: Recipe) -> None:
        self.instrument, self.recipe = dataset.instrument, recipe

    def __call__(self, frame: Frame) -> Detections:
        measured = measure_frame(frame.read(), self.instrument, self.recipe)
        return measured.profiles.center_px, (measured.beads.flags & UNUSABLE_BEAD) == 0


def single_frames(dataset: DataSet, recipe: Recipe) -> Iterator[tuple[Frame, Detections]]:
    """Yield detections of every frame separately."""
    frames = list(dataset.frames)
    detections = map_ordered(
        _Detect(dataset, recipe), frames, execution=Execution(Workers(default_jobs()))
    )
    yield from zip(frames, detections, strict=True)


def swept_frames(dataset: DataSet, recipe: Recipe) -> Iterator[tuple[Frame, Detections]]:
    """Yield detections of every frame as part of its sweep."""
    for sweep in measure_dataset(
        dataset, recipe, execution=Execution(Workers(default_jobs()))
    ).sweeps:
        for i, frame in enumerate(sweep.frames):
            rows = sweep.frame_index == i
            yield frame, (sweep.profiles.center_px[rows], sweep.usable[rows])


def counts(detections: Detections, beads: list[dict[str, object]], radius_px: float) -> FloatArray:
    """Return numbers of true, found and usable beads; of usable and all detections, and correct ones."""
    centers, usable = detections
    points = np.array([[bead["y_px"], bead["x_px"]] for bead in beads], dtype=float)
    plain = np.array([not (b["outlier"] or b["touching"] or b["border"]) for b in beads])
    offsets = centers[:, None] - points[None]
    near = np.hypot(offsets[..., 0], offsets[..., 1]) <= REACH_RADII * radius_px
    correct = near.any(axis=1)
    return np.array(
        [
            *(plain.sum(), near.any(axis=0)[plain].sum(), near[usable].any(axis=0)[plain].sum()),
            *(usable.sum(), correct[usable].sum(), len(correct), correct.sum()),
        ],
        dtype=float,
    )


def condition(name: str, frame: Frame, dz_um: float) -> str:
    """Return the condition of a frame: range of dZ, and exposure."""
    if name.startswith("nikon"):
        return "within 16 um" if abs(dz_um) <= 16 else "beyond 16 um"
    if abs(dz_um) > 300:
        return "beyond 300 um"
    exposure = "6 ms" if frame.key.exposure_ms < 9 else "9 ms and longer"
    return f"{'within 250 um' if abs(dz_um) <= 250 else '250 to 300 um'}, {exposure}"


def judge(
    name: str,
    recipe: Recipe,
    detect: Callable[[DataSet, Recipe], Iterator[tuple[Frame, Detections]]],
) -> list[dict[str, object]]:
    """Return a row per condition of a data set."""
    known = truth(name)
    beads = {(f["experiment"], f["fov"]): f["beads"] for f in known["fields"]}
    dz_um = {frame["file"]: frame["delta_z_true_um"] for frame in known["frames"]}
    dataset = open_dataset(TWIN / name)
    radius = dataset.instrument.bead_radius_px
    rows: dict[str, list[FloatArray]] = {}
    for frame, detections in detect(dataset, recipe):
        field = beads[frame.key.experiment, frame.key.fov]
        rows.setdefault(condition(name, frame, dz_um[frame.path.name]), []).append(
            counts(detections, field, radius)
        )
    return [
        {
            "dataset": name,
            "condition": label,
            "n_frames": len(part),
            **_fractions(np.sum(part, axis=0)),
        }
        for label, part in sorted(rows.items())
    ]


def _fractions(total: FloatArray) -> dict[str, object]:
    n, found, usable, n_usable, usable_correct, n_all, all_correct = total.tolist()
    return {
        "n_beads": int(n),
        "recall_found": found / n if n else None,
        "recall_usable": usable / n if n else None,
        "n_finds_usable": int(n_usable),
        "precision_usable": usable_correct / n_usable if n_usable else None,
        "n_finds": int(n_all),
        "precision_all": all_correct / n_all if n_all else None,
    }


def main() -> None:
    """Write beads.json."""
    recipe = load_recipe()
    detectors = {"frames": single_frames, "sweeps": swept_frames}
    result = {
        kind: [row for name in SETS for row in judge(name, recipe, detect)]
        for kind, detect in detectors.items()
    }
    for kind, rows in result.items():
        for row in rows:
            print(kind, *(f"{v:.4f}" if isinstance(v, float) else v for v in row.values()))
    write_json({"conditions": conditions(), **result}, HERE / "accuracy" / "beads.json")


if __name__ == "__main__":
    main()
