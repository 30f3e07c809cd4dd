"""Tracking of beads through a sweep: placement of missed beads, confidence of passing ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from refp.core.arrays import FloatArray, Image
from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.core.parallel import Execution, Workers
from refp.measure.dataset import Measurement, measure_dataset
from refp.measure.features import SweepMeasurement
from refp.settings import Recipe, load_recipe
from refp.sweeps import open_dataset

LAST_FRAMES = 4
"""Number of changed frames of a sweep of 15."""
MIN_RESPONSE = 0.97
"""About the value of beads 40 um off their plane."""


@pytest.fixture
def sweep_folder(tiny_sweep: Path, tmp_path: Path) -> Path:
    """A copy of the training sweeps that a test may change."""
    return Path(shutil.copytree(tiny_sweep, tmp_path / "copy"))


@pytest.fixture(scope="module")
def untouched(tiny_sweep: Path) -> Measurement:
    return measure_dataset(open_dataset(tiny_sweep), load_recipe())


def first_bead(measured: Measurement) -> tuple[int, FloatArray]:
    """Number and centre of a bead in the first frame of the first field."""
    sweep = measured.sweeps[0]
    return int(sweep.bead_number[0]), sweep.profiles.center_px[0]


def change_last_frames(folder: Path, change: str, center: FloatArray) -> None:
    """Change the image at a point in the last frames of the first field, all exposures."""
    for sweep in open_dataset(folder).sweeps:
        if sweep.key.fov == 1:
            for frame in sweep.frames[-LAST_FRAMES:]:
                image = frame.read().copy()
                CHANGES[change](image, center)
                tifffile.imwrite(frame.path, image)


def disc(image: Image, center: FloatArray, radius: float) -> FloatArray:
    y, x = np.indices(image.shape)
    return np.hypot(y - center[0], x - center[1]) <= radius


def remove(image: Image, center: FloatArray) -> None:
    """Replace the bead by background."""
    noise = np.random.default_rng(0).normal(0, 1, image.shape)
    where = disc(image, center, 22)
    image[where] = np.rint(np.median(image) + noise[where]).astype(image.dtype)


def fade(image: Image, center: FloatArray) -> None:
    """Reduce the contrast to a third: too low for detection, but still round."""
    where = disc(image, center, 22)
    level = float(np.median(image))
    image[where] = np.rint(level + (image[where] - level) / 3).astype(image.dtype)


def add_speck(image: Image, center: FloatArray) -> None:
    """Copy the bead to a corner."""
    y, x = np.rint(center).astype(int)
    image[20:41, 20:41] = image[y - 10 : y + 11, x - 10 : x + 11]


CHANGES = {"remove": remove, "fade": fade, "add": add_speck}


def rows_of(sweep: SweepMeasurement, number: int) -> FloatArray:
    return np.flatnonzero(sweep.bead_number == number)


def first_field(measured: Measurement) -> list[SweepMeasurement]:
    return [sweep for sweep in measured.sweeps if sweep.key.fov == 1]


def test_an_undisturbed_sweep_needs_nothing_placed(untouched: Measurement) -> None:
    for sweep in untouched.sweeps:
        assert not (sweep.beads.flags & (BeadFlag.PLACED | BeadFlag.LOW_CONFIDENCE)).any()
        counts = np.bincount(sweep.bead_number)
        assert (counts == len(sweep.frames)).all()


def test_a_bead_that_rolled_away_is_placed_and_flagged(
    untouched: Measurement, sweep_folder: Path
) -> None:
    number, center = first_bead(untouched)
    change_last_frames(sweep_folder, "remove", center)
    for sweep in first_field(measure_dataset(open_dataset(sweep_folder), load_recipe())):
        rows = rows_of(sweep, number)
        last = sweep.frame_index[rows] >= len(sweep.frames) - LAST_FRAMES
        assert len(rows) == len(sweep.frames)
        flags = sweep.beads.flags[rows]
        assert (flags[last] & BeadFlag.PLACED).all()
        assert (flags[last] & BeadFlag.LOW_CONFIDENCE).all()
        assert not (flags[~last] & UNUSABLE_BEAD).any()


def test_a_missed_bead_is_placed_at_its_position(
    untouched: Measurement, sweep_folder: Path
) -> None:
    """The detector alone would exclude it as a cell; its centre is fitted, its confidence low."""
    number, center = first_bead(untouched)
    change_last_frames(sweep_folder, "fade", center)
    for sweep, before in zip(
        first_field(measure_dataset(open_dataset(sweep_folder), load_recipe())),
        first_field(untouched),
        strict=True,
    ):
        rows, old = rows_of(sweep, number), rows_of(before, number)
        last = sweep.frame_index[rows] >= len(sweep.frames) - LAST_FRAMES
        assert (sweep.beads.flags[rows][last] & BeadFlag.PLACED).all()
        order = np.argsort(sweep.frame_index[rows], kind="stable")
        moved = sweep.profiles.center_px[rows[order]] - before.profiles.center_px[old]
        assert np.abs(moved).max() < 1.0


def test_placed_beads_measure_over_the_whole_sweep(
    untouched: Measurement, tiny_sweep: Path
) -> None:
    """The detector finds beads near their plane only; placed beads give the same features."""
    recipe = load_recipe()
    blind = recipe.replace("find.minimum_response", MIN_RESPONSE)
    measured = measure_dataset(open_dataset(tiny_sweep), blind)
    n_placed = 0
    for sweep, before in zip(measured.sweeps, untouched.sweeps, strict=True):
        placed = (sweep.beads.flags & BeadFlag.PLACED) > 0
        n_placed += int(placed.sum())
        assert sweep.usable.all()
        order, old = (np.lexsort((s.bead_number, s.frame_index)) for s in (sweep, before))
        np.testing.assert_array_equal(sweep.bead_number[order], before.bead_number[old])
        np.testing.assert_allclose(
            sweep.features.steepest_slope[order], before.features.steepest_slope[old], rtol=0.02
        )
    assert n_placed > 0.1 * sum(len(sweep.beads) for sweep in measured.sweeps)


def test_a_bead_found_in_few_frames_has_a_low_confidence(
    untouched: Measurement, sweep_folder: Path
) -> None:
    _, center = first_bead(untouched)
    change_last_frames(sweep_folder, "add", center)
    # Four of fifteen frames are more than a quarter, so the frames of one exposure are not changed.
    for sweep in first_field(untouched)[1:]:
        for frame in sweep.frames[-LAST_FRAMES:]:
            shutil.copy(frame.path, sweep_folder / frame.path.name)
    measured = first_field(measure_dataset(open_dataset(sweep_folder), load_recipe()))[0]
    distance = np.hypot(*(measured.profiles.center_px - 30.0).T)
    speck = distance < 8
    assert speck.sum() == LAST_FRAMES
    assert (measured.beads.flags[speck] & BeadFlag.LOW_CONFIDENCE).all()
    assert (measured.beads.confidence[speck] < 0.25).all()
    assert not (measured.beads.flags[~speck] & BeadFlag.LOW_CONFIDENCE).any()


def test_processes_change_nothing(untouched: Measurement, sweep_folder: Path) -> None:
    change_last_frames(sweep_folder, "remove", first_bead(untouched)[1])
    one, two = (
        measure_dataset(
            open_dataset(sweep_folder), load_recipe(), execution=Execution(Workers(jobs))
        )
        for jobs in (1, 2)
    )
    for a, b in zip(one.sweeps, two.sweeps, strict=True):
        np.testing.assert_array_equal(a.bead_number, b.bead_number)
        np.testing.assert_array_equal(a.beads.flags, b.beads.flags)
        np.testing.assert_array_equal(a.profiles.intensity, b.profiles.intensity)


def test_the_articles_method_measures_each_frame_independently(
    untouched: Measurement, sweep_folder: Path
) -> None:
    number, center = first_bead(untouched)
    change_last_frames(sweep_folder, "remove", center)
    recipe = Recipe()
    alone = recipe.replace("find.follow_sweep", False)
    for sweep in first_field(measure_dataset(open_dataset(sweep_folder), alone)):
        assert len(rows_of(sweep, number)) == len(sweep.frames) - LAST_FRAMES
    assert not load_recipe("paper").find.follow_sweep


def test_joined_sweeps_hold_no_splines(untouched: Measurement) -> None:
    assert all(sweep.profiles.coefficients.size == 0 for sweep in untouched.sweeps)
