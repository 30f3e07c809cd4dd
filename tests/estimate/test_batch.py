"""Estimates of many images, serial and in worker processes."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from refp.core.errors import ModelError
from refp.core.parallel import FRAMES_WORTH_A_POOL, Execution, Workers
from refp.estimate.batch import estimate_each
from refp.estimate.estimator import Estimator, ImageEstimate
from refp.models import load_model
from refp.sweeps import SingleImage, list_images


@pytest.fixture(scope="module")
def images(tiny_test: Path) -> list[SingleImage]:
    """The test images repeated, enough of them to start a pool of processes."""
    few = list_images([tiny_test])
    return [few[k % len(few)] for k in range(FRAMES_WORTH_A_POOL)]


def test_two_processes_equal_one(profile_model: Path, images: list[SingleImage]) -> None:
    estimator = Estimator.load(profile_model, max_beads=5)
    called: list[tuple[int, str]] = []
    steps: list[tuple[str, int, int]] = []

    def each(number: int, result: ImageEstimate) -> None:
        assert result.measured is not None
        called.append((number, result.image))

    serial = estimate_each(estimator, images)
    with Workers(2) as workers:
        parallel = estimate_each(
            estimator,
            images,
            execution=Execution(workers, lambda *step: steps.append(step)),
            each=each,
        )
        assert workers.crew(1) is not None  # the pool did start
    columns = ("delta_z_um", "u_um", "lower_um", "upper_um", "n_beads", "n_beads_used")
    for name in columns:
        first, second = ([getattr(e, name) for e in estimates] for estimates in (serial, parallel))
        np.testing.assert_array_equal(first, second)
    assert [e.reason for e in serial] == [e.reason for e in parallel]
    assert max(e.n_beads_used for e in parallel) == 5
    assert called == [(k, image.label) for k, image in enumerate(images)]
    assert steps == [("estimating", k + 1, len(images)) for k in range(len(images))]


def test_few_images_start_no_process(lookup_model: Path, images: list[SingleImage]) -> None:
    with Workers(2) as workers:
        estimate_each(Estimator.load(lookup_model), images[:3], execution=Execution(workers))
        assert workers.crew(1) is None


def test_estimator_without_a_file_runs_in_this_process(
    lookup_model: Path, images: list[SingleImage]
) -> None:
    estimator = Estimator(load_model(lookup_model))
    assert not estimator.picklable
    with Workers(2) as workers:
        assert len(estimate_each(estimator, images, execution=Execution(workers))) == len(images)
        assert workers.crew(1) is None
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(estimator)


def test_estimator_is_loaded_once_in_a_process(lookup_model: Path) -> None:
    pickled = pickle.dumps(Estimator.load(lookup_model, max_beads=4))
    assert len(pickled) < 500  # a path, not a model
    first = pickle.loads(pickled)
    assert pickle.loads(pickled) is first
    assert first.card == Estimator.load(lookup_model, max_beads=4).card


@pytest.mark.parametrize("change", [None, b"another model"])
def test_worker_that_reads_a_different_file(
    lookup_model: Path, tmp_path: Path, change: bytes | None
) -> None:
    path = tmp_path / "model.refp"
    path.write_bytes(lookup_model.read_bytes())
    pickled = pickle.dumps(Estimator.load(path))
    path.unlink()
    if change is not None:
        path.write_bytes(change)
    with pytest.raises(ModelError, match=r"model\.refp: a worker reads a different model file"):
        pickle.loads(pickled)
