"""Measure the bead detector on the twin: ``python -m benchmarks.accuracy.beads``.

A find is right within half a bead radius of a true bead of any kind. Recall counts the isolated beads
in the plane and off the border; it is stated for beads that are found and for beads that come out
usable. Every frame is judged by itself, then as part of its sweep.
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
Finds = tuple[FloatArray, BoolArray]
"""Centres ``(n, 2)`` and which of them are usable."""


class _Detect:
    """One frame by itself; a class, so that worker processes can have it."""

    def __init__(self, dataset: DataSet, recipe: Recipe) -> None:
        self.instrument, self.recipe = dataset.instrument, recipe

    def __call__(self, frame: Frame) -> Finds:
        measured = measure_frame(frame.read(), self.instrument, self.recipe)
        return measured.profiles.center_px, (measured.beads.flags & UNUSABLE_BEAD) == 0


def single_frames(dataset: DataSet, recipe: Recipe) -> Iterator[tuple[Frame, Finds]]:
    """Detect in every frame by itself."""
    frames = list(dataset.frames)
    finds = map_ordered(
        _Detect(dataset, recipe), frames, execution=Execution(Workers(default_jobs()))
    )
    yield from zip(frames, finds, strict=True)


def swept_frames(dataset: DataSet, recipe: Recipe) -> Iterator[tuple[Frame, Finds]]:
    """Detect in every frame as part of its sweep."""
    for sweep in measure_dataset(
        dataset, recipe, execution=Execution(Workers(default_jobs()))
    ).sweeps:
        for i, frame in enumerate(sweep.frames):
            rows = sweep.frame_index == i
            yield frame, (sweep.profiles.center_px[rows], sweep.usable[rows])


def counts(finds: Finds, beads: list[dict[str, object]], radius_px: float) -> FloatArray:
    """Return true, found and usable beads; usable finds, those right; all finds, those right."""
    centers, usable = finds
    points = np.array([[bead["y_px"], bead["x_px"]] for bead in beads], dtype=float)
    plain = np.array([not (b["outlier"] or b["touching"] or b["border"]) for b in beads])
    offsets = centers[:, None] - points[None]
    near = np.hypot(offsets[..., 0], offsets[..., 1]) <= REACH_RADII * radius_px
    right = near.any(axis=1)
    return np.array(
        [
            *(plain.sum(), near.any(axis=0)[plain].sum(), near[usable].any(axis=0)[plain].sum()),
            *(usable.sum(), right[usable].sum(), len(right), right.sum()),
        ],
        dtype=float,
    )


def condition(name: str, frame: Frame, dz_um: float) -> str:
    """Say under which bar a frame falls."""
    if name.startswith("nikon"):
        return "within 16 um" if abs(dz_um) <= 16 else "beyond 16 um"
    if abs(dz_um) > 300:
        return "beyond 300 um"
    exposure = "6 ms" if frame.key.exposure_ms < 9 else "9 ms and longer"
    return f"{'within 250 um' if abs(dz_um) <= 250 else '250 to 300 um'}, {exposure}"


def judge(
    name: str, recipe: Recipe, detect: Callable[[DataSet, Recipe], Iterator[tuple[Frame, Finds]]]
) -> list[dict[str, object]]:
    """Return a row per condition of a data set."""
    known = truth(name)
    beads = {(f["experiment"], f["fov"]): f["beads"] for f in known["fields"]}
    dz_um = {frame["file"]: frame["delta_z_true_um"] for frame in known["frames"]}
    dataset = open_dataset(TWIN / name)
    radius = dataset.instrument.bead_radius_px
    rows: dict[str, list[FloatArray]] = {}
    for frame, finds in detect(dataset, recipe):
        field = beads[frame.key.experiment, frame.key.fov]
        rows.setdefault(condition(name, frame, dz_um[frame.path.name]), []).append(
            counts(finds, field, radius)
        )
    return [
        {"dataset": name, "condition": what, "n_frames": len(part), **_shares(np.sum(part, axis=0))}
        for what, part in sorted(rows.items())
    ]


def _shares(total: FloatArray) -> dict[str, object]:
    n, found, usable, n_usable, usable_right, n_all, all_right = total.tolist()
    return {
        "n_beads": int(n),
        "recall_found": found / n if n else None,
        "recall_usable": usable / n if n else None,
        "n_finds_usable": int(n_usable),
        "precision_usable": usable_right / n_usable if n_usable else None,
        "n_finds": int(n_all),
        "precision_all": all_right / n_all if n_all else None,
    }


def main() -> None:
    """Write beads.json."""
    recipe = load_recipe()
    ways = {"frames": single_frames, "sweeps": swept_frames}
    result = {
        way: [row for name in SETS for row in judge(name, recipe, detect)]
        for way, detect in ways.items()
    }
    for way, rows in result.items():
        for row in rows:
            print(way, *(f"{v:.4f}" if isinstance(v, float) else v for v in row.values()))
    write_json({"conditions": conditions(), **result}, HERE / "accuracy" / "beads.json")


if __name__ == "__main__":
    main()
