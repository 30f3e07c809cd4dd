"""Sweeps of one bead in coherent light: a stated plane, a model of one bead, and remarks."""

from pathlib import Path

import numpy as np
import pytest
from tests.measure.coherent import paint_bead, write_sweep

from refp.core.errors import DataError
from refp.core.flags import SweepFlag
from refp.estimate.estimator import Estimator
from refp.pipeline import Planes, define_planes, train_model
from refp.pipeline.remarks import explain_undetermined, remarks_on
from refp.settings import load_recipe
from refp.sweeps import open_dataset

Z_UM = np.arange(4.0, 28.1, 0.4)
STATED = load_recipe().replace({"plane.stated_um": 1.0, "plane.stated_u_um": 0.1})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep above the plane of its bead, with a spot of dirt."""
    return write_sweep(tmp_path_factory.mktemp("single") / "above", Z_UM, dirt=True)


@pytest.fixture(scope="module")
def stated(folder: Path) -> Planes:
    return define_planes([open_dataset(folder)], STATED)


def test_a_sweep_without_a_plane_names_the_end_and_the_option(folder: Path) -> None:
    planes = define_planes([open_dataset(folder)], load_recipe())
    (reason,) = explain_undetermined(planes)
    assert reason.startswith("above exp 1 FOV 1 1 ms: ")
    assert "--refp-um states the plane" in reason
    with pytest.raises(DataError, match=r"to train on: above exp 1 FOV 1 1 ms: .*--refp-um"):
        train_model(planes, load_recipe())


def test_dirt_is_remarked(stated: Planes) -> None:
    (line,) = remarks_on([stated])
    assert "1 detection does not change with Z (static)" in line


def test_every_sweep_has_the_stated_plane(stated: Planes) -> None:
    (plane,) = stated.result.planes
    assert (plane.refp_um, plane.refp_u_um) == (1.0, 0.1)
    assert plane.flags & SweepFlag.STATED


def test_a_model_of_one_bead_places_images_between_its_frames(stated: Planes) -> None:
    estimator = Estimator(train_model(stated, STATED))
    assert estimator.card.minimum_beads == 1
    between = Z_UM[:-1] + 0.2
    estimates = [estimator.estimate(paint_bead(float(z), seed=1)).estimate for z in between]
    answered = [(e, z - 1.0) for e, z in zip(estimates, between, strict=True) if e.status == "ok"]
    assert len(answered) >= 0.9 * len(between)
    error = np.array([e.delta_z_um - dz for e, dz in answered])
    assert np.sqrt(np.mean(error**2)) < 0.2
    assert np.mean([e.lower_um <= dz <= e.upper_um for e, dz in answered]) >= 0.93
