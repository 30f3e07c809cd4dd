"""Sweeps of single beads as laboratories take them: ``python -m benchmarks.accuracy.beads_real CASES``.

``CASES`` is the folder that ``make_beads.py`` of the shared cases writes. Of each case the plane is
compared with its truth; a model of every second frame estimates the frames between them, and the images
of the other cases, of real beads and of the twin at the same bead size, which it should refuse.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from skimage.transform import rescale

from benchmarks import HERE, SHARED, TWIN, conditions
from refp.core.arrays import Image
from refp.core.files import write_json
from refp.core.flags import SweepFlag, describe
from refp.estimate.estimator import Estimator
from refp.measure.beads import find_beads
from refp.pipeline import define_planes, train_model
from refp.settings import Instrument, Recipe, load_recipe
from refp.sweeps import open_dataset

CASES = ("1-coherent", "2-oblique", "3-no-plane", "4-saturated-start")
STATED = ("3-no-plane",)
"""Cases without a plane, which is stated."""
OWN = "5-dirt-and-bead"
SIDE_PX = 100
"""Side of the crops about beads of other images, as of the cases."""
CROPS_PER_IMAGE = 12
TWIN_SETS = ("a2k-test1", "nikon-test1")
EVERY = 4


def truth_um(folder: Path, case: str) -> float:
    """Return the true plane of a case, um."""
    known = json.loads((folder / f"{case}.truth.json").read_text())
    return float(known.get("known_plane_um") or (known["z_ss_um"] + known["z_ci_um"]) / 2)


def plane_row(folder: Path, case: str) -> dict[str, Any]:
    """Return the plane of a case against its truth, and the detections that do not change with Z."""
    planes = define_planes([open_dataset(folder / case)], load_recipe())
    plane, sweep = planes.result.planes[0], planes.measurements[0].sweeps[0]
    n = len(np.unique(sweep.bead_number[sweep.usable]))
    return {
        "case": case,
        "plane_um": plane.refp_um,
        "plane_u_um": plane.refp_u_um,
        "plane_true_um": truth_um(folder, case),
        "flags": describe(SweepFlag(plane.flags)),
        "n_beads": n,
        "n_static": len(np.unique(sweep.bead_number)) - n,
    }


def train_on(folder: Path, case: str) -> tuple[Estimator, float]:
    """Train on every second frame of a case; return the model and the plane that labels it, um."""
    recipe: Recipe = load_recipe()
    if case in STATED:
        recipe = recipe.replace("plane.stated_um", truth_um(folder, case))
    planes = define_planes([open_dataset(folder / f"{case}-even")], recipe)
    return Estimator(train_model(planes, recipe)), planes.result.planes[0].refp_um


def place_row(folder: Path, case: str, estimator: Estimator, plane_um: float) -> dict[str, Any]:
    """Return the errors of the frames between those of the training, as Z."""
    frames = open_dataset(folder / f"{case}-odd").sweeps[0].frames
    estimates = [estimator.estimate_source(frame).estimate for frame in frames]
    known = [(e, f.z_um) for e, f in zip(estimates, frames, strict=True) if e.status == "ok"]
    error = np.array([e.delta_z_um + plane_um - z for e, z in known])
    dz_um = np.array([z for _, z in known]) - truth_um(folder, case)
    low, high = np.array([(e.lower_um, e.upper_um) for e, _ in known]).T
    return {
        "n_images": len(frames),
        "n_answered": len(known),
        "rms_um": float(np.sqrt(np.mean(error**2))),
        "largest_um": float(np.abs(error).max()),
        "coverage": float(np.mean((low <= dz_um) & (dz_um <= high))),
        "u_um": float(np.median([e.u_um for e, _ in known])),
        "reasons": sorted({e.reason.split(":")[0] for e in estimates if e.status != "ok"}),
    }


def crops_of(image: Image, instrument: Instrument) -> Iterator[Image]:
    """Yield squares about the strongest candidates of an image."""
    half = SIDE_PX // 2
    centers = find_beads(image, instrument, load_recipe().find).center_px[:CROPS_PER_IMAGE]
    for y, x in np.rint(centers).astype(int):
        if half <= y < image.shape[0] - half and half <= x < image.shape[1] - half:
            yield image[y - half : y + half, x - half : x + half]


def twin_images(diameter_px: float) -> Iterator[Image]:
    """Yield images of the twin at another bead size, in 8 bits."""
    for name in TWIN_SETS:
        dataset = open_dataset(TWIN / name)
        scale = diameter_px / (2 * dataset.instrument.bead_radius_px)
        for frame in list(dataset.frames)[::EVERY]:
            image = frame.read()
            levels = rescale(image.astype(float), scale, anti_aliasing=True, preserve_range=True)
            yield np.clip(
                np.rint(levels / (257 if image.dtype == np.uint16 else 1)), 0, 255
            ).astype(np.uint8)


def alien_images(instrument: Instrument) -> dict[str, list[Image]]:
    """Return images and crops of other beads and optics, by kind."""
    files = sorted(p for p in (SHARED / "data" / "real").rglob("*") if p.suffix in (".png", ".jpg"))
    real = [np.array(PillowImage.open(path).convert("L")) for path in files]
    twin = list(twin_images(2 * instrument.bead_radius_px))
    return {
        "real images": real,
        "real beads": [crop for image in real for crop in crops_of(image, instrument)],
        "twin's images": twin,
        "twin's beads": [crop for image in twin for crop in crops_of(image, instrument)],
    }


def main(folder: Path) -> None:
    """Measure every case and write ``beads_real.json``."""
    rows = [plane_row(folder, case) for case in (*CASES, OWN)]
    aliens = alien_images(open_dataset(folder / CASES[0]).instrument)
    for row in rows[: len(CASES)]:
        estimator, plane_um = train_on(folder, row["case"])
        row |= place_row(folder, row["case"], estimator, plane_um)
        row["answered_of_others"] = {
            kind: [sum(estimator.estimate(i).estimate.status == "ok" for i in images), len(images)]
            for kind, images in aliens.items()
        }
    write_json({"conditions": conditions(), "cases": rows}, HERE / "accuracy" / "beads_real.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
