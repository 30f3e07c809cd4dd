"""The small simulated data set of the examples; each part is made once in a process.

``training()`` and ``test()`` are folders of a Z sweep with ``sweep.toml`` and ``truth.json``. Replace them
by folders of your own.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import refp
from refp.models import Ensemble
from refp.pipeline import Planes
from refp.synthetic import SceneSettings, SimulationSettings

SCENE = SceneSettings(shape_px=(240, 320), n_beads=9, n_touching=0, n_border=1, n_off_plane=1)


@cache
def training() -> Path:
    """Return the folder of a sweep of two fields of view at two exposures, 60 frames."""
    settings = SimulationSettings(
        scene=SCENE, n_fov=2, z_start_um=1424, z_stop_um=1592, z_step_um=12, exposures_ms=(8, 12)
    )
    refp.simulate_dataset(_home() / "training", "a2k", settings, dataset="training", seed=1)
    return _home() / "training"


@cache
def test() -> Path:
    """Return the folder of a sweep of other beads at another exposure, 13 frames."""
    settings = SimulationSettings(
        scene=SCENE, z_start_um=1448, z_stop_um=1568, z_step_um=10, exposures_ms=(10,)
    )
    refp.simulate_dataset(_home() / "test", "a2k", settings, dataset="test", seed=2)
    return _home() / "test"


@cache
def planes() -> Planes:
    """Return the reference planes of the training sweep."""
    return refp.define_planes([refp.open_dataset(training())], refp.load_recipe())


@cache
def model() -> Ensemble:
    """Return the model of the training sweep."""
    return refp.train_model(planes(), refp.load_recipe())


@cache
def _home() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="refp-examples-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
