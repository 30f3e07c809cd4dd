"""Wider tiles for beads whose rings reach beyond those of the instrument."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.measure.coherent import RADIUS_PX, write_sweep

from refp.measure.dataset import Measurement, measure_dataset
from refp.measure.wide_tile import WIDE_SIDE_DIAMETERS, wide_tile_px
from refp.pipeline import define_planes, train_model
from refp.pipeline.adaptation import adapt_model
from refp.settings import load_recipe
from refp.sweeps import open_dataset

Z_UM = np.arange(-8.0, 8.1, 0.5)
WIDE_PX = 2 * int(WIDE_SIDE_DIAMETERS * RADIUS_PX)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("wide") / "sweep", Z_UM)


@pytest.fixture(scope="module")
def measured(folder: Path) -> Measurement:
    return measure_dataset(open_dataset(folder), load_recipe())


def test_beads_with_rings_far_out_have_a_wide_tile(measured: Measurement) -> None:
    assert measured.instrument.tile_side_px < WIDE_PX
    assert wide_tile_px([measured], load_recipe()) == WIDE_PX


def test_the_tile_ends_at_the_border_and_halfway_to_another_bead(
    measured: Measurement, tmp_path: Path
) -> None:
    own_px = measured.instrument.tile_side_px
    sweep = measured.sweeps[0]
    near_border = replace(sweep.profiles, center_px=sweep.profiles.center_px - 20.0)
    moved = replace(measured, sweeps=(replace(sweep, profiles=near_border),))
    assert own_px < wide_tile_px([moved], load_recipe()) < WIDE_PX
    dirty = write_sweep(tmp_path / "dirty", Z_UM, dirt=True)
    assert (
        wide_tile_px([measure_dataset(open_dataset(dirty), load_recipe())], load_recipe()) == own_px
    )


def test_a_stated_tile_and_beads_in_incoherent_light_keep_theirs(
    measured: Measurement, tiny_sweep: Path
) -> None:
    stated = replace(measured, instrument=measured.instrument.replace("tile_px", 50))
    assert wide_tile_px([stated], load_recipe()) == 50
    dataset = open_dataset(tiny_sweep)
    unstated = replace(dataset, instrument=dataset.instrument.replace("tile_px", None))
    plain = measure_dataset(unstated, load_recipe())
    assert wide_tile_px([plain], load_recipe()) == plain.instrument.tile_side_px


def test_planes_and_models_are_of_the_wide_tile(folder: Path, tmp_path: Path) -> None:
    recipe = load_recipe().replace({"plane.stated_um": 0.0, "plane.stated_u_um": 0.1})
    planes = define_planes([open_dataset(folder)], recipe)
    model = train_model(planes, recipe)
    assert model.card.instrument.tile_side_px == WIDE_PX
    reach_radii = model.stack.radius_radii[-1]
    assert WIDE_SIDE_DIAMETERS - 0.3 < reach_radii <= WIDE_SIDE_DIAMETERS
    # Few images do not show that rings reach far: an adapted model has the tile of its own training.
    few = write_sweep(tmp_path / "few", np.array([-5.2, -1.2, 2.3, 5.2]))
    adapted = adapt_model(model, [open_dataset(few)], refp_um=0.0)
    assert adapted.ensemble.card.instrument.tile_side_px == WIDE_PX
    assert abs(adapted.ensemble.card.adaptation.line.bias_um) < 0.3
