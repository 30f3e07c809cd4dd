"""One tiny simulated instrument for every test: sweeps, planes and models, each made once.

Tests run in several processes. Slow fixtures are made by the first process that needs them, and read by
the others (``make_once``).

Properties are checked on few examples, the same in every run. ``HYPOTHESIS_PROFILE=nightly`` checks
them on many, new ones in every run.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock
from hypothesis import settings

from refp import pipeline
from refp.models import save_model
from refp.pipeline import Planes
from refp.settings import Recipe, load_recipe, make_instrument, read_instrument
from refp.sweeps import open_dataset, write_sweep_file
from refp.synthetic import SceneSettings, SimulationSettings, simulate_dataset

from .postgres import postgresql as postgresql
from .postgres import postgresql_server as postgresql_server

settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=300, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

QUICK = {"members": 2, "steps": 300, "batch": 64, "hidden": (32, 16)}
A2K = make_instrument(read_instrument("a2k"), "a2k")
STEADY = A2K.replace("stage.repeatability_um", 0.3)
"""A stage of small errors, so that fifteen Z positions suffice."""


class Finished(NamedTuple):
    """Result of a command."""

    code: int
    stdout: str
    stderr: str


PREPARATIONS = (
    "from refp.synthetic import render_single_bead; render_single_bead(0.0, 'nikon-ti2')",
    """
from refp.measure.dataset import measure_frame
from refp.settings import load_recipe
from refp.synthetic import as_instrument, render_single_bead
measure_frame(render_single_bead(0.0, "a2k", side_px=81), as_instrument("a2k"), load_recipe())
""",
)
"""Code that fills the caches of a fresh machine: images of spheres, and compiled kernels."""

RunRefp = Callable[..., Finished]
MakeOnce = Callable[[str, Callable[[Path], object]], Path]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Fill the caches before several processes start, each of which would do it otherwise."""
    if session.config.getoption("numprocesses", None):
        started = [subprocess.Popen([sys.executable, "-c", code]) for code in PREPARATIONS]
        assert [one.wait() for one in started] == [0, 0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files of slow tests first, so that all processes end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def run_in_process(*arguments: object) -> Finished:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "refp", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Finished(done.returncode, done.stdout, done.stderr)


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
    """Simulate a data set that states the instrument A2K."""
    simulate_dataset(folder, STEADY, settings, dataset=folder.name, seed=seed)
    (folder / "instrument.toml").unlink()
    write_sweep_file(folder, dataset=folder.name, instrument=A2K.name)


@pytest.fixture(scope="session", autouse=True)
def home_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Separate the history of the tests from that of the user."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REFP_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Make a file or folder once for all processes that run tests: ``make_once(name, make)``.

    ``make`` gets the path to write to, which is renamed to ``name`` once it is whole.
    """
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each process has its own subfolder
        common = common.parent
    made = common / "made-once"
    made.mkdir(exist_ok=True)

    def once(name: str, make: Callable[[Path], object]) -> Path:
        path, part = made / name, made / f"part-{name}"
        with FileLock(made / f"{name}.lock"):
            if not path.exists():
                make(part)
                part.rename(path)
        return path

    return once


@pytest.fixture(scope="session")
def tiny_sweep(make_once: MakeOnce) -> Path:
    """Training sweeps: 15 Z positions, 2 FOVs, 2 exposures, dZ of -80 to +88 um."""
    return make_once(
        "tiny-training", lambda folder: _simulate(folder / "training", TRAINING, 1)
    ) / ("training")


@pytest.fixture(scope="session")
def tiny_test(make_once: MakeOnce) -> Path:
    """A sweep of other beads at another exposure: 9 Z positions, dZ of -50 to +46 um."""
    return make_once("tiny-test", lambda folder: _simulate(folder / "test", TEST, 2)) / "test"


@pytest.fixture(scope="session")
def planes(tiny_sweep: Path, make_once: MakeOnce) -> Planes:
    """The reference planes of the training sweeps."""

    def make(path: Path) -> None:
        made = pipeline.define_planes([open_dataset(tiny_sweep)], load_recipe())
        path.write_bytes(pickle.dumps(made))

    read: Planes = pickle.loads(make_once("planes.pickle", make).read_bytes())
    return read


def _run_plane(data: Path) -> Callable[[Path], None]:
    """Return a function that runs ``refp plane`` on data in a process, and stores its output."""

    def run(folder: Path) -> None:
        folder.mkdir()
        out = folder / "planes"
        done = run_in_process("plane", data, "-o", out, "--json")
        assert done.code == 0, done.stderr
        assert done.stderr.splitlines()[-1].startswith(f"wrote to {out}: planes.csv, ")
        (folder / "stdout.json").write_text(done.stdout, encoding="utf-8")

    return run


@pytest.fixture(scope="session")
def plane_run(tiny_sweep: Path, make_once: MakeOnce) -> Path:
    """Output of ``refp plane`` for the training sweeps: ``planes``, ``stdout.json``; not to be changed."""
    return make_once("plane-of-training", _run_plane(tiny_sweep))


@pytest.fixture(scope="session")
def plane_run_of_test(tiny_test: Path, make_once: MakeOnce) -> Path:
    """The same for the test sweep."""
    return make_once("plane-of-test", _run_plane(tiny_test))


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
    """Small settings in place of those of the demo's two data sets."""
    return {"training": TRAINING, "test": TEST}


@pytest.fixture(scope="session")
def lookup_model(request: pytest.FixtureRequest, make_once: MakeOnce) -> Path:
    """Model file of family ``lookup``."""
    return make_once("models-lookup", _train(request, "lookup")) / "lookup.refp"


@pytest.fixture(scope="session")
def profile_model(request: pytest.FixtureRequest, make_once: MakeOnce) -> Path:
    """Model file of family ``profile``, two members trained for 300 steps."""
    pytest.importorskip("torch", reason="the networks are trained with extra 'train'")
    return make_once("models-profile", _train(request, "profile")) / "profile.refp"


def _train(request: pytest.FixtureRequest, family: str) -> Callable[[Path], None]:
    def train(folder: Path) -> None:
        folder.mkdir()
        planes: Planes = request.getfixturevalue("planes")  # only a process that trains needs them
        save_model(pipeline.train_model(planes, quick_recipe(family)), folder / f"{family}.refp")

    return train


@pytest.fixture
def narrow_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make residual networks a sixteenth as wide, in this process: for what does not depend on it."""
    narrow_resnets(monkeypatch)


def narrow_resnets(patched: pytest.MonkeyPatch) -> None:
    """Make residual networks a sixteenth as wide, of 4 to 32 channels."""
    patched.setattr("monai.networks.nets.resnet.get_inplanes", lambda: [4, 8, 16, 32])


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
    return run_in_process


@pytest.fixture(scope="session")
def run_python() -> Callable[[str], str]:
    """Run Python code in a process of its own; returns its output."""

    def run(code: str) -> str:
        command = [sys.executable, "-W", "error", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
