"""Refusals of unsuitable and of good images: ``python -m benchmarks.accuracy.refusals``.

Two models of the default family, one trained on each of the twin's training sets. For every set of images
refusals are counted by reason, and estimates by correctness: an image that should be refused does no harm
if its interval contains the true dZ; a silently wrong estimate does.
"""

import argparse
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import HERE, SHARED, conditions
from benchmarks.accuracy.disturb import BRIGHTER, BRIGHTER_FACTOR, DISTURBED, MILD, WHITE, Camera
from benchmarks.accuracy.estimates import (
    TestEstimate,
    TestImage,
    count,
    dz_range_um,
    estimate_images,
    worst,
)
from benchmarks.accuracy.models import DEFAULT_FAMILY, twin_model
from benchmarks.accuracy.twin import A2K, NIKON, TESTS, frames, truth
from refp.core.arrays import Image
from refp.core.files import write_json
from refp.core.parallel import Execution, Workers, default_jobs
from refp.models import load_model
from refp.sweeps import Frame, list_images
from refp.synthetic import (
    Objects,
    SceneSettings,
    SimulationSettings,
    as_instrument,
    looks_of,
    make_scene,
    render_frame,
)
from refp.synthetic.optics import make_microscope

SIX = 6
N_BEADLESS = 30
"""Simulated fields of each kind without beads."""
BEADLESS: dict[str, dict[str, object]] = {
    "no beads, even light": {"n_dust": 4, "uneven_light": 0.03},
    "no beads, much dust, uneven light": {"n_dust": 40, "uneven_light": 0.3},
    "cells only, small": {"live_cells": Objects(n=60, diameter_um=12.0, index=1.368)},
    "cells only, as large as beads": {"live_cells": Objects(n=40, diameter_um=25.0, index=1.368)},
    "stained cells only": {
        "stained_cells": Objects(n=60, diameter_um=12.0, index=1.36, absorption=0.003)
    },
}
CROP_PX = 128
CLEAR_RADII = 3.2
"""Minimum distance of beads from a crop without beads: the outer radius of their background ring."""


@dataclass(frozen=True)
class ImageSet:
    """Images for one model; it should estimate ``good`` ones and refuse the others."""

    name: str
    training: str
    good: bool
    images: list[TestImage]
    max_beads: int | None = None


def read_disturbed(frame: Frame, black_level: float, name: str) -> Image:
    """Read a frame and disturb it; the random numbers depend on the file name."""
    rng = np.random.default_rng(zlib.crc32(frame.path.name.encode()))
    return {**DISTURBED, **MILD}[name](frame.read(), Camera(rng, black_level))


def black_level_of(training: str) -> float:
    """Return the camera's black level as estimated from the training exposures."""
    return load_model(twin_model(training).path).card.instrument.optics.black_level or 0.0


def disturbed_sets(training: str, every: int) -> Iterator[ImageSet]:
    """Yield all test frames of a model with each disturbance that an instrument cannot cause."""
    known = list(frames(*TESTS[training]))[::every]
    black = black_level_of(training)
    for name in DISTURBED:
        images = [
            TestImage(f.path.name, partial(read_disturbed, f, black, name), dz_um)
            for f, dz_um in known
        ]
        yield ImageSet(name, training, False, images)


def good_sets(training: str, every: int) -> Iterator[ImageSet]:
    """Yield test frames inside the trained range: unchanged, with six beads, mildly changed."""
    low, high = dz_range_um(twin_model(training).path)
    inside = [(f, dz_um) for f, dz_um in frames(*TESTS[training]) if low <= dz_um <= high]
    whole = [TestImage(f.path.name, f.read, dz_um) for f, dz_um in inside]
    yield ImageSet("undisturbed", training, True, whole)
    yield ImageSet("undisturbed, six beads", training, True, whole, SIX)
    black = black_level_of(training)
    for name in MILD:
        images = [
            TestImage(f.path.name, partial(read_disturbed, f, black, name), dz_um)
            for f, dz_um in inside[::every]
            if name != BRIGHTER or f.read().max() * BRIGHTER_FACTOR < WHITE
        ]
        yield ImageSet(name, training, True, images)
        yield ImageSet(f"{name}, six beads", training, True, images, SIX)


def foreign_sets(training: str) -> Iterator[ImageSet]:
    """Yield images of other optics, and of the instrument outside the trained range."""
    low, high = dz_range_um(twin_model(training).path)
    outside = [
        TestImage(f.path.name, f.read, dz_um)
        for f, dz_um in frames(*TESTS[training])
        if not low <= dz_um <= high
    ]
    if outside:
        yield ImageSet("outside the trained range", training, False, outside)
    other = NIKON if training == A2K else A2K
    crossed = [TestImage(f.path.name, f.read, dz_um) for f, dz_um in frames(*TESTS[other])]
    yield ImageSet(f"test images of {other}", training, False, crossed)
    for folder in sorted(p for p in (SHARED / "data" / "real").iterdir() if p.is_dir()):
        found = [TestImage(i.label, i.read) for i in list_images([folder])]
        yield ImageSet(f"real images, {folder.name}", training, False, found)


def beadless_sets(training: str, workers: Workers) -> Iterator[ImageSet]:
    """Yield fields without beads: simulated, and cropped from the twin's field with cells."""
    instrument = "a2k" if training == A2K else "nikon-ti2"
    for name in BEADLESS:
        looks_of(
            as_instrument(instrument),
            beadless_scene(instrument, name),
            execution=Execution(workers),
        )
        images = [
            TestImage(f"{name} {seed}", partial(render_beadless, instrument, name, seed))
            for seed in range(N_BEADLESS)
        ]
        yield ImageSet(name, training, False, images)
    if training == A2K:
        images = [
            TestImage(f"{frame.path.name} {corner}", partial(_read_crop, frame, corner))
            for frame, _ in frames("a2k-cells")
            for corner in clear_corners("a2k-cells", CROP_PX)
        ]
        yield ImageSet("cells only, cut out of a2k-cells", training, False, images)


def beadless_scene(instrument_name: str, name: str) -> SceneSettings:
    """Return the scene settings of a field without beads."""
    return SceneSettings(
        shape_px=(480, 640) if instrument_name == "a2k" else (720, 960),
        n_beads=0,
        n_touching=0,
        n_border=0,
        n_off_plane=0,
        **BEADLESS[name],
    )


def render_beadless(instrument_name: str, name: str, seed: int) -> Image:
    """Simulate a field without beads at a random Z."""
    instrument = as_instrument(instrument_name)
    rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
    settings = SimulationSettings(scene=beadless_scene(instrument_name, name))
    field = make_scene(instrument, settings, 0.0, rng)
    z_um = rng.uniform(-3, 3) * make_microscope(instrument).depth_um
    exposure_ms = float(rng.choice([6.0, 12.0, 24.0]))
    return render_frame(field, z_um, exposure_ms, instrument.camera, rng)


def clear_corners(name: str, side_px: int) -> list[tuple[int, int]]:
    """Return upper left corners of squares without beads in the data set's only field."""
    known = truth(name)
    beads = np.array([[b["y_px"], b["x_px"]] for b in known["fields"][0]["beads"]])
    radii = [b["radius_um"] for b in known["fields"][0]["beads"]]
    clear_px = CLEAR_RADII * max(radii) / known["pixel_um"]
    height, width = next(frames(name))[0].read().shape
    return [
        (y, x)
        for y in range(0, height - side_px + 1, side_px // 2)
        for x in range(0, width - side_px + 1, side_px // 2)
        if _distance_px(beads, (y, x), side_px).min() > clear_px
    ]


def _distance_px(points: np.ndarray, corner: tuple[int, int], side_px: int) -> np.ndarray:
    """Return distances ``(n,)`` of points from a square, 0 inside it."""
    beyond = np.maximum(corner - points, points - np.add(corner, side_px - 1))
    return np.hypot(*np.maximum(beyond, 0).T)


def _read_crop(frame: Frame, corner: tuple[int, int]) -> Image:
    y, x = corner
    return np.ascontiguousarray(frame.read()[y : y + CROP_PX, x : x + CROP_PX])


def row(image_set: ImageSet, estimates: list[TestEstimate]) -> dict[str, object]:
    """Return the row of one set."""
    return {
        "model": image_set.training,
        "set": image_set.name,
        "should_be": "accepted" if image_set.good else "refused",
        "beads": image_set.max_beads or "all",
        **count(estimates),
        "worst": worst(estimates),
    }


def totals(rows: list[dict[str, object]]) -> dict[str, object]:
    """Return fractions of refused and silently wrong images, over all sets and by model."""
    result = {}
    for model in ("all", A2K, NIKON):
        for kind in ("refused", "accepted"):
            part = [r for r in rows if r["should_be"] == kind and model in ("all", r["model"])]
            n = sum(r["n"] for r in part)
            result[f"{model}: should be {kind}"] = {
                "n": n,
                "share_refused": sum(r["refused"] for r in part) / n,
                "share_silently_wrong": sum(r["silently_wrong"] for r in part) / n,
            }
    return result


def all_sets(training: str, every: int, workers: Workers) -> Iterator[ImageSet]:
    """Yield every set of images of a model."""
    yield from good_sets(training, every)
    yield from foreign_sets(training)
    yield from beadless_sets(training, workers)
    yield from disturbed_sets(training, every)


def measure(every: int) -> list[dict[str, object]]:
    """Estimate all sets with both models."""
    rows = []
    with Workers(default_jobs()) as workers:
        for training in TESTS:
            model: Path = twin_model(training).path
            for image_set in all_sets(training, every, workers):
                estimates = estimate_images(model, image_set.images, workers, image_set.max_beads)
                rows.append(row(image_set, estimates))
                printed = {k: v for k, v in rows[-1].items() if k != "worst"}
                print(*printed.values(), sep=" | ", flush=True)
    return rows


def main() -> None:
    """Write refusals.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every n-th test frame only")
    every = parser.parse_args().every
    rows = measure(every)
    result = {
        "conditions": conditions(),
        "family": DEFAULT_FAMILY,
        "every": every,
        "totals": totals(rows),
        "sets": rows,
    }
    write_json(result, HERE / "accuracy" / "refusals.json")
    for name, total in result["totals"].items():
        print(name, total)


if __name__ == "__main__":
    main()
