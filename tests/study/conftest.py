"""A tiny Table 1: training and one test of an instrument called A2K."""

from collections.abc import Callable
from pathlib import Path

import pytest

from refp.core.parallel import Execution, Workers, ignore_progress
from refp.settings import make_instrument, read_instrument
from refp.study import Study, StudyScale, find_sets
from refp.sweeps import write_sweep_file
from refp.synthetic import SceneSettings, SimulationSettings, simulate_dataset

A2K = make_instrument(read_instrument("a2k"), "a2k")
STEADY = A2K.replace("stage.repeatability_um", 0.3)
SCENE = SceneSettings(  # the article's detector presumes that beads fill a hundredth of the image
    shape_px=(320, 400),
    n_beads=6,
    n_touching=0,
    n_border=0,
    n_off_plane=0,
    n_dust=0,
    separation_radii=4,
)
TRAINING = SimulationSettings(
    scene=SCENE,
    refp_um=(1503.0,),
    n_fov=2,
    z_start_um=1413.0,
    z_stop_um=1593.0,
    z_step_um=15.0,
    exposures_ms=(8.0, 12.0),
)
TEST = TRAINING.model_copy(
    update={
        "refp_um": (1520.0,),
        "n_fov": 1,
        "z_start_um": 1445.0,
        "z_stop_um": 1595.0,
        "exposures_ms": (10.0,),
    }
)
SHORT = TEST.model_copy(update={"z_stop_um": 1475.0})
"""Ends below its plane, which is not determined."""
TINY = StudyScale(
    name="quick",
    resnet={"members": 1, "max_steps": 4, "validate_steps": 4, "batch": 4},
    profile={"members": 3, "steps": 300, "hidden": [16], "batch": 64},
    variants={"whole": {"tile": {"grid_side_px": 128}}},
    search_budget=2,
    n_beads=(2, 6),
    members=(1, 3),
    resamples=5,
)


def write_set(folder: Path, settings: SimulationSettings, seed: int) -> None:
    simulate_dataset(folder, STEADY, settings, dataset=folder.name, seed=seed)
    (folder / "instrument.toml").unlink()
    write_sweep_file(folder, dataset=folder.name, instrument=A2K.name)


@pytest.fixture(scope="session")
def tiny_table1(make_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """Folders of small images: training, a test, and a test without a plane."""

    def make(root: Path) -> None:
        write_set(root / "a2k-training", TRAINING, seed=1)
        write_set(root / "a2k-test1", TEST, seed=2)
        write_set(root / "a2k-test2", SHORT, seed=3)

    return make_once("table1", make)


@pytest.fixture(scope="session")
def make_study(tiny_table1: Path) -> Callable[[Path], Study]:
    """Make a study of the tiny data; ``make_study(folder)``."""

    def make(folder: Path) -> Study:
        layout = find_sets(tiny_table1)
        return Study(layout, TINY, folder, seed=0, execution=Execution(Workers(), ignore_progress))

    return make
