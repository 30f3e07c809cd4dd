"""Compare with MagTrack's look-up of Z on the same tiles: ``python -m benchmarks.accuracy.magtrack``.

MagTrack 1.0 (GPL) is installed and run in a separate environment under ``benchmarks/.cache``; only arrays
are exchanged. Its look-up table holds the background-normalised median profile of each Z position, from
the training tiles of the families, interpolated between positions. All methods use the same beads: every
usable bead with a whole tile of every test image inside the trained range. The dZ of an image is the
median of the six beads of highest confidence; errors of single beads are of undisturbed beads in the plane.
"""

import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import HERE, TWIN, conditions
from benchmarks.accuracy.models import CACHE, twin_model
from benchmarks.accuracy.twin import TESTS, frames, truth
from refp.core.arrays import BoolArray, FloatArray, Image
from refp.core.files import write_json
from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.core.parallel import Execution, Workers, default_jobs
from refp.core.rows import take
from refp.estimate.estimator import inputs_of_profiles, recipe_of
from refp.measure.frame import measure_frame
from refp.measure.profiles import fit_profiles
from refp.models import BeadInputs, load_model, make_predictor
from refp.models.card import Predictor
from refp.models.tiles import crop_tiles, label_tiles, plane_of_sweeps
from refp.pipeline import define_planes
from refp.settings import FamilyName, load_recipe
from refp.sweeps import open_dataset

MAGTRACK = "magtrack==1.0.0"
FAMILIES: tuple[FamilyName, ...] = ("profile", "lookup")
SIX = 6
REPEATS = 5


@dataclass(frozen=True)
class TestImage:
    """A test image and its usable beads by falling confidence; ``plain``: undisturbed, in the plane."""

    image: Image
    dz_true_um: float
    plain: BoolArray
    centers_px: FloatArray
    inputs: BeadInputs
    tiles: FloatArray


def magtrack_python() -> Path:
    """Return the Python of MagTrack's environment; create it if it does not exist."""
    folder = CACHE / "magtrack"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (folder / "made").is_file():
        print(f"installing {MAGTRACK}", flush=True)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", MAGTRACK], check=True)
        (folder / "made").write_text(MAGTRACK, encoding="utf-8")
    return python


def training_tiles(training: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the training tiles, their labels, and the number of their Z position."""
    recipe = load_recipe()
    with Workers(default_jobs()) as workers:
        planes = define_planes(
            [open_dataset(TWIN / training)], recipe, execution=Execution(workers)
        )
    side_px = planes.measurements[0].instrument.tile_side_px
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    tiles = label_tiles(sweeps, labels, lambda image, center: crop_tiles(image, center, side_px))
    z_um = sorted({frame.z_um for sweep in sweeps for frame in sweep.frames})
    step_um = float(np.median(np.diff(z_um)))
    return tiles.pixels, tiles.dz_um, np.rint(tiles.dz_um / step_um)


def test_images(training: str, test: str) -> list[TestImage]:
    """Measure the test images inside the trained range."""
    card = load_model(twin_model(training).path).card
    recipe, low_high = recipe_of(card), card.dz_range_um
    out = np.uint32(UNUSABLE_BEAD | BeadFlag.OUTLIER | BeadFlag.CUT_TILE)
    images = []
    for frame, dz_um in frames(test):
        if not low_high[0] <= dz_um <= low_high[1]:
            continue
        image = frame.read()
        measured = measure_frame(image, card.instrument, recipe)
        rows = np.flatnonzero((measured.beads.flags & out) == 0)
        centers = measured.beads.center_px[rows]
        tiles = crop_tiles(image, centers, card.instrument.tile_side_px)
        inputs = inputs_of_profiles(take(measured.profiles, rows), image.shape)
        plain = are_plain(centers, test, card.instrument.bead_radius_px)
        images.append(TestImage(image, dz_um, plain, centers, inputs, tiles))
    return images


def are_plain(centers_px: FloatArray, test: str, radius_px: float) -> BoolArray:
    """Return for each centre if it is of an isolated bead in the plane of the data set's only field."""
    beads = truth(test)["fields"][0]["beads"]
    plain = [b for b in beads if not (b["outlier"] or b["touching"] or b["border"])]
    points = np.array([[b["y_px"], b["x_px"]] for b in plain])
    offsets = centers_px[:, None] - points
    return np.hypot(offsets[..., 0], offsets[..., 1]).min(axis=1) < radius_px / 2


def run_magtrack(
    training: tuple[FloatArray, FloatArray, FloatArray], tiles: FloatArray
) -> tuple[FloatArray, float]:
    """Return MagTrack's Z of tiles, um, and its processor time, ms per bead."""
    script = Path(__file__).with_name("magtrack_table.py")
    with TemporaryDirectory() as name:
        folder = Path(name)
        for array, file in zip(training, ("training", "dz_um", "plane"), strict=True):
            np.save(folder / f"{file}.npy", array)
        np.save(folder / "tests.npy", tiles)
        subprocess.run([magtrack_python(), "-I", "-W", "ignore", script, folder], check=True)
        return np.load(folder / "z_um.npy"), float(np.load(folder / "ms_per_bead.npy"))


def run_family(
    training: str, family: FamilyName, images: Sequence[TestImage]
) -> tuple[FloatArray, float]:
    """Return a family's dZ of every bead, and the processor time of profile and prediction."""
    ensemble = load_model(twin_model(training, family).path)
    recipe, instrument = recipe_of(ensemble.card), ensemble.card.instrument
    predictor: Predictor = make_predictor(ensemble, recipe.train)

    def work() -> None:
        for image in images:
            profiles = fit_profiles(image.image, image.centers_px, instrument, recipe.profile)
            predictor.predict(inputs_of_profiles(profiles, image.image.shape))

    dz_um = [predictor.predict(image.inputs).dz_um.mean(axis=0) for image in images]
    n_beads = sum(len(image.tiles) for image in images)
    return np.concatenate(dz_um), 1e3 * minimum_seconds(work) / n_beads


def minimum_seconds(work: Callable[[], None]) -> float:
    """Return the minimum processor time of a few runs."""
    best = np.inf
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return float(best)


def errors(images: Sequence[TestImage], dz_um: FloatArray) -> dict[str, object]:
    """Return errors of beads, and of the median of each image's six beads of highest confidence."""
    ends = np.cumsum([len(image.tiles) for image in images])[:-1]
    beads = np.split(dz_um, ends)
    of_beads = [part - i.dz_true_um for part, i in zip(beads, images, strict=True)]
    of_six = [
        float(np.median(known)) - i.dz_true_um
        for part, i in zip(beads, images, strict=True)
        if len(known := part[:SIX][np.isfinite(part[:SIX])])
    ]
    plain = np.concatenate(of_beads)[np.concatenate([image.plain for image in images])]
    estimated = plain[np.isfinite(plain)]
    return {
        "beads": len(plain),
        "beads_without_answer": len(plain) - len(estimated),
        "images": len(of_six),
        "bead_rms_um": _rms(estimated),
        "bead_median_abs_um": float(np.median(np.abs(estimated))),
        "six_rms_um": _rms(np.array(of_six)),
        "six_largest_um": float(np.abs(of_six).max()),
    }


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def measure(training: str) -> list[dict[str, object]]:
    """Return a row for each test set and method."""
    known = training_tiles(training)
    rows = []
    for test in TESTS[training]:
        images = test_images(training, test)
        tiles = np.concatenate([image.tiles for image in images])
        predictions = {"magtrack": run_magtrack(known, tiles)}
        predictions |= {family: run_family(training, family, images) for family in FAMILIES}
        for method, (dz_um, ms) in predictions.items():
            row = {"training": training, "test": test, "method": method}
            rows.append({**row, **errors(images, dz_um), "cpu_ms_per_bead": ms})
            print(*rows[-1].values(), sep=" | ", flush=True)
    return rows


def main() -> None:
    """Write magtrack.json."""
    rows = [row for training in TESTS for row in measure(training)]
    result = {"conditions": {**conditions(), "compared with": MAGTRACK}, "rows": rows}
    write_json(result, HERE / "accuracy" / "magtrack.json")


if __name__ == "__main__":
    main()
