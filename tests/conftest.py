"""One tiny simulated instrument for every test: sweeps, planes and models, each made once."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from refp import pipeline
from refp.models import save_model
from refp.pipeline import Planes
from refp.settings import Recipe, load_recipe, make_instrument, read_instrument
from refp.sweeps import open_dataset, write_sweep_file
from refp.synthetic import SceneSettings, SimulationSettings, simulate_dataset

from .postgres import postgresql as postgresql
from .postgres import postgresql_server as postgresql_server

QUICK = {"members": 2, "steps": 300, "batch": 64, "hidden": (32, 16)}
A2K = make_instrument(read_instrument("a2k"), "a2k")
STEADY = A2K.replace("stage.repeatability_um", 0.3)
"""Fifteen planes tell more of a stage that hardly errs."""


class Finished(NamedTuple):
    """What a command did."""

    code: int
    stdout: str
    stderr: str


RunRefp = Callable[..., Finished]


def tiny_settings(
    refp_um: float,
    planes: tuple[float, float, int],
    exposures_ms: tuple[float, ...],
    *,
    n_beads: int = 6,
    n_fov: int = 1,
) -> SimulationSettings:
    """Settings of small images without anything special; ``planes``: start, step, number."""
    scene = SceneSettings(
        shape_px=(160, 200),
        n_beads=n_beads,
        n_touching=0,
        n_border=0,
        n_off_plane=0,
        n_dust=0,
        separation_radii=4,
    )
    start_um, step_um, n = planes
    return SimulationSettings(
        scene=scene,
        refp_um=(refp_um,),
        n_fov=n_fov,
        z_start_um=start_um,
        z_stop_um=start_um + step_um * (n - 1),
        z_step_um=step_um,
        exposures_ms=exposures_ms,
    )


TRAINING = tiny_settings(1503.0, (1423.0, 12.0, 15), (8.0, 12.0), n_fov=2)
TEST = tiny_settings(1520.0, (1470.0, 12.0, 9), (10.0,))


def _simulate(folder: Path, settings: SimulationSettings, seed: int) -> None:
    """Simulate a data set that calls itself one of an A2K like any other."""
    simulate_dataset(folder, STEADY, settings, dataset=folder.name, seed=seed)
    (folder / "instrument.toml").unlink()
    write_sweep_file(folder, dataset=folder.name, instrument=A2K.name)


@pytest.fixture(scope="session", autouse=True)
def home_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the history of the tests apart from that of who runs them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REFP_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def tiny_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training sweeps: 15 planes, 2 FOVs, 2 exposures, dZ of -80 to +88 um."""
    folder = tmp_path_factory.mktemp("tiny") / "training"
    _simulate(folder, TRAINING, seed=1)
    return folder


@pytest.fixture(scope="session")
def tiny_test(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of other beads at another exposure: 9 planes, dZ of -50 to +46 um."""
    folder = tmp_path_factory.mktemp("tiny") / "test"
    _simulate(folder, TEST, seed=2)
    return folder


@pytest.fixture(scope="session")
def planes(tiny_sweep: Path) -> Planes:
    """The reference planes of the training sweeps."""
    return pipeline.define_planes([open_dataset(tiny_sweep)], load_recipe())


def quick_recipe(family: str) -> Recipe:
    """The default recipe with a family, and training cut short."""
    recipe = load_recipe()
    return recipe.replace({"train": {"family": family, "profile": QUICK}})


@pytest.fixture(scope="session")
def recipe_for() -> Callable[[str], Recipe]:
    """Make the recipe of a family with training cut short."""
    return quick_recipe


@pytest.fixture(scope="session")
def demo_sweeps() -> dict[str, SimulationSettings]:
    """What stands in for the settings of the demo's two data sets."""
    return {"training": TRAINING, "test": TEST}


@pytest.fixture(scope="session")
def lookup_model(planes: Planes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model file of family ``lookup``."""
    path = tmp_path_factory.mktemp("models") / "lookup.refp"
    save_model(pipeline.train_model(planes, quick_recipe("lookup")), path)
    return path


@pytest.fixture(scope="session")
def profile_model(planes: Planes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model file of family ``profile``, two members trained for 300 steps."""
    pytest.importorskip("torch", reason="the networks are trained with extra 'train'")
    path = tmp_path_factory.mktemp("models") / "profile.refp"
    save_model(pipeline.train_model(planes, quick_recipe("profile")), path)
    return path


@pytest.fixture
def run_refp(capsys: pytest.CaptureFixture[str]) -> RunRefp:
    """The command line in this process: ``run_refp("plane", folder, "-o", out)``."""
    from refp.cli.app import main

    def run(*arguments: object) -> Finished:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Finished(int(stopped.value.code or 0), out, err)

    return run


@pytest.fixture(scope="session")
def run_process() -> RunRefp:
    """The command line in a process of its own."""

    def run(*arguments: object) -> Finished:
        command = [sys.executable, "-m", "refp", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def run_python() -> Callable[[str], str]:
    """Python code in a process of its own; what it prints."""

    def run(code: str) -> str:
        command = [sys.executable, "-W", "error", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
