"""Instruments and a data set small enough for every test."""

from typing import Any

import pytest

from refp.settings import Instrument, make_instrument, read_instrument
from refp.synthetic import SceneSettings, SimulationSettings


def load(name: str) -> Instrument:
    return make_instrument(read_instrument(name), name)


@pytest.fixture
def a2k() -> Instrument:
    return load("a2k")


@pytest.fixture(params=["a2k", "nikon-ti2"])
def instrument(request: Any) -> Instrument:
    return load(request.param)


@pytest.fixture(scope="session")
def small() -> SimulationSettings:
    scene = SceneSettings(
        shape_px=(200, 240), n_beads=5, n_touching=1, n_border=1, n_off_plane=1, n_dust=1
    )
    return SimulationSettings(
        scene=scene,
        refp_um=(1502.0, 1510.0),
        n_fov=2,
        z_start_um=1492.5,
        z_stop_um=1507.5,
        z_step_um=7.5,
        exposures_ms=(6.0, 12.0),
    )
