"""Correction of the response of networks, against errors put in."""

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training needs extra 'train'")

from refp.models.tiles.tiles import Split  # noqa: E402
from refp.models.training.response import (  # noqa: E402
    NO_RESPONSE,
    Response,
    correct_held_out,
    fit_response,
    make_corrector,
)

Values = NDArray[np.float64]
NOISE_UM = 3.0


def predicted(label_um: Values, seed: int = 1) -> Values:
    """Predictions with an error that is smooth in dZ, and noise."""
    noise = NOISE_UM * np.random.default_rng(seed).normal(size=label_um.shape)
    return label_um + 4.0 * np.sin(label_um / 40.0) - 2.0 + noise


def labels(n: int, seed: int = 0) -> Values:
    return np.random.default_rng(seed).uniform(-200.0, 200.0, n)


def rms(values: Values) -> float:
    return float(np.sqrt(np.mean(values**2)))


def test_a_smooth_error_is_removed_from_new_predictions() -> None:
    response = fit_response(predicted(labels(3000)), labels(3000))
    new = labels(3000, seed=5)
    found = predicted(new, seed=6)
    assert rms(found - new) > 1.3 * NOISE_UM
    assert rms(response.correct(found) - new) < 1.06 * NOISE_UM


def test_predictions_without_a_mean_error_hardly_change() -> None:
    label_um = labels(3000)
    exact = label_um + NOISE_UM * np.random.default_rng(2).normal(size=3000)
    response = fit_response(exact, label_um)
    assert rms(response.correct(exact) - exact) < 0.15 * NOISE_UM


@pytest.mark.parametrize("n", [0, 1, 100])
def test_few_tiles_give_no_correction(n: int) -> None:
    response = fit_response(predicted(labels(n)), labels(n))
    np.testing.assert_array_equal(response.correct(np.array([-9.0, 9.0])), [-9.0, 9.0])
    assert isinstance(make_corrector(response), torch.nn.Identity)


def test_equal_predictions_give_no_correction() -> None:
    assert not len(fit_response(np.full(500, 3.0), labels(500)).at_um)


def test_the_graph_corrects_as_the_response_does() -> None:
    response = Response(np.linspace(-90.0, 110.0, 9), np.random.default_rng(3).normal(size=9))
    at_um = np.concatenate([[-500.0, -90.0, 110.0, 700.0], np.linspace(-100.0, 120.0, 57)])
    corrected = make_corrector(response)(torch.tensor(np.stack([at_um, at_um[::-1]])))
    expected = response.correct(at_um)
    np.testing.assert_allclose(corrected, [expected, expected[::-1]], atol=1e-4)
    assert not len(NO_RESPONSE.at_um)


def test_held_out_tiles_do_not_correct_themselves() -> None:
    n, rows = 2000, np.arange(2000)
    splits = tuple(Split(rows[rows % 2 != k], rows[rows % 2 == k]) for k in range(2))
    label_um = labels(n)
    held_out = np.full((3, n), np.nan)
    for member in range(3):  # the third member holds out the first split again
        held_out[member, splits[member % 2].held_out] = predicted(label_um, member)[
            rows % 2 == member % 2
        ]
    corrected = correct_held_out(held_out, label_um, splits)
    np.testing.assert_array_equal(np.isnan(corrected), np.isnan(held_out))
    assert rms((corrected - label_um)[np.isfinite(corrected)]) < 1.05 * NOISE_UM
    moved = np.where(rows % 2 == 0, label_um + 50.0, label_um)
    again = correct_held_out(held_out, moved, splits)
    np.testing.assert_array_equal(again[:, rows % 2 == 0], corrected[:, rows % 2 == 0])
    assert (again[1, rows % 2 == 1] != corrected[1, rows % 2 == 1]).any()
