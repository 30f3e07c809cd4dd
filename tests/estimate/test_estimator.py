"""Estimates of single images."""

from pathlib import Path

import numpy as np
import pytest

from refp.estimate.estimator import Estimator
from refp.sweeps import list_images


@pytest.fixture(scope="module")
def estimator(lookup_model: Path) -> Estimator:
    return Estimator.load(lookup_model)


@pytest.fixture(scope="module")
def image(tiny_test: Path) -> np.ndarray:
    """A frame 26 um below the plane."""
    return list_images([tiny_test])[2].read()


@pytest.mark.parametrize("gain", [1.1, 1.3, 1.9])
def test_a_stretched_image_has_the_estimate_of_the_original(
    estimator: Estimator, image: np.ndarray, gain: float
) -> None:
    plain = estimator.estimate(image).estimate
    assert plain.status == "ok"
    stretched = np.clip(np.rint(gain * image), 0, 255).astype(np.uint8)
    assert (stretched == 255).sum() == (image * gain >= 254.5).sum()
    measured, result = estimator.examine(stretched, "stretched")
    assert result.image == "stretched"
    if (stretched == 255).any():  # what became white is lost
        assert abs(result.estimate.delta_z_um - plain.delta_z_um) < plain.u_um
        return
    assert result.estimate.delta_z_um == plain.delta_z_um
    assert result.estimate.upper_um == plain.upper_um
    np.testing.assert_array_equal(measured.inputs.light, estimator.measure(image).inputs.light)


def test_an_image_that_cannot_be_restored_keeps_its_refusal(
    estimator: Estimator, image: np.ndarray
) -> None:
    gamma = np.rint(255 * (image / 255.0) ** 0.6).astype(np.uint8)
    measured, result = estimator.examine(gamma)
    assert result.estimate.code == "unlike_training"
    assert len(measured.rows) == len(result.estimate.used)
    assert estimator.examine(image)[1].estimate.code == ""
