"""Beads that only their sweep shows, dirt, and single images of such beads."""

from pathlib import Path

import numpy as np
import pytest
from tests.measure.coherent import CENTER_PX, DIRT_PX, paint_bead, write_sweep

from refp.core.flags import BeadFlag
from refp.measure.dataset import measure_dataset
from refp.measure.frame import measure_frame
from refp.measure.limits import with_seen_limits
from refp.settings import load_recipe
from refp.sweeps import open_dataset

Z_UM = np.arange(-16.0, 16.1, 0.5)


@pytest.fixture(scope="module")
def coherent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("coherent") / "sweep", Z_UM, dirt=True)


def test_each_frame_alone_refuses_beads_that_the_sweep_accepts(coherent: Path) -> None:
    dataset = open_dataset(coherent)
    alone = measure_dataset(dataset, load_recipe().replace("find.follow_sweep", False)).sweeps[0]
    shown = np.bincount(alone.frame_index[alone.usable], minlength=len(Z_UM)) > 0
    at_bead = np.hypot(*(alone.profiles.center_px - CENTER_PX).T) < 3
    frames = np.unique(alone.frame_index[alone.usable & at_bead])
    assert shown.any()
    assert len(frames) < 0.9 * len(Z_UM)
    swept = measure_dataset(dataset, load_recipe()).sweeps[0]
    assert len(np.unique(swept.bead_number[swept.usable])) == 1
    assert np.count_nonzero(swept.usable) >= 0.97 * len(Z_UM)
    found = swept.profiles.center_px[swept.usable]
    assert np.abs(found - CENTER_PX).max() < 1.0


def test_dirt_is_flagged_static_and_reported(coherent: Path) -> None:
    sweep = measure_dataset(open_dataset(coherent), load_recipe()).sweeps[0]
    static = (sweep.beads.flags & np.uint32(BeadFlag.STATIC)) > 0
    assert np.count_nonzero(static) == len(Z_UM)
    assert np.hypot(*(sweep.beads.center_px[static] - DIRT_PX).T).max() < 2
    assert not sweep.usable[static].any()


def test_single_images_are_accepted_with_the_limits_seen(coherent: Path) -> None:
    measured = measure_dataset(open_dataset(coherent), load_recipe())
    recipe = with_seen_limits(load_recipe(), measured.sweeps, measured.instrument)
    between = Z_UM[:-1] + 0.25
    frames = [
        measure_frame(paint_bead(float(z), seed=1), measured.instrument, recipe) for z in between
    ]
    usable = np.array([np.count_nonzero(frame.usable) for frame in frames])
    assert np.mean(usable == 1) >= 0.95
    assert recipe.judge.edge_radii[1] >= load_recipe().judge.edge_radii[1]


def test_limits_are_unchanged_where_the_judge_accepts_all(tiny_sweep: Path) -> None:
    recipe = load_recipe()
    measured = measure_dataset(open_dataset(tiny_sweep), recipe)
    assert with_seen_limits(recipe, measured.sweeps, measured.instrument) is recipe


def test_a_sweep_too_short_to_change_has_no_static_bead(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "short", np.arange(0.0, 0.8, 0.1), dirt=True)
    sweep = measure_dataset(open_dataset(folder), load_recipe()).sweeps[0]
    assert not (sweep.beads.flags & np.uint32(BeadFlag.STATIC)).any()
