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


def test_a_dimmed_image_is_answered_as_a_rescaled_one(
    estimator: Estimator, tiny_test: Path
) -> None:
    image = list_images([tiny_test])[0].read()
    plain = estimator.estimate(image).estimate
    dimmed = np.rint(0.87 * image).astype(np.uint8)  # T squared is 3.9 of 2.9, then 0.7
    assert estimator.estimate_measured(estimator.measure(dimmed)).estimate.code == "unlike_training"
    measured, result = estimator.examine(dimmed)
    assert measured.rescaled
    assert result.estimate.status == "ok"
    assert result.estimate.u_um > plain.u_um
    assert abs(result.estimate.delta_z_um - plain.delta_z_um) < 2 * result.estimate.u_um
    assert estimator.assess_measured(measured) is not None


def test_a_change_that_is_not_linear_is_refused(estimator: Estimator, image: np.ndarray) -> None:
    for gamma in (0.6, 0.9):
        altered = np.rint(255 * (image / 255.0) ** gamma).astype(np.uint8)
        measured, result = estimator.examine(altered)
        assert result.estimate.code == "unlike_training"
        assert len(measured.rows) == len(result.estimate.used)
    estimate = estimator.examine(image)[1].estimate
    assert estimate.code == ""


def test_a_gamma_that_leaves_no_gaps_is_refused(
    estimator: Estimator, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beads whose contrast is found are compared with a change of gamma."""
    noisy = np.clip(image + np.random.default_rng(1).normal(0, 1.0, image.shape), 0, 255)
    assert estimator.estimate(np.rint(noisy).astype(np.uint8)).estimate.status == "ok"
    monkeypatch.setattr("refp.estimate.decide.find_gamma", lambda *_: 1.2)
    estimate = estimator.estimate(np.rint(noisy).astype(np.uint8)).estimate
    assert estimate.code == "unlike_training"
    assert "gamma of 1.20" in estimate.reason
    assert estimator.estimate(image).estimate.status == "ok"


def test_an_answered_image_with_uneven_gaps_is_refused(
    estimator: Estimator, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gaps alone are no reason: a camera may have them, and its images have the noise of the training."""
    monkeypatch.setattr("refp.estimate.estimator.has_uneven_gaps", lambda _: True)
    assert estimator.estimate(image).estimate.status == "ok"
    noisy = np.clip(image + np.random.default_rng(1).normal(0, 1.0, image.shape), 0, 255)
    estimate = estimator.estimate(np.rint(noisy).astype(np.uint8)).estimate
    assert "not linearly" in estimate.reason
    assert estimate.n_beads > 0
