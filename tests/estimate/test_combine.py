"""Combination of beads and members into one dZ."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from refp.core.arrays import FloatArray
from refp.estimate import Combined, Spread, combine
from refp.models import Predictions
from refp.settings import EstimateSettings

ARTICLE = ["members", "beads"]
ORDERS = ["weighted", *ARTICLE]
DZ = arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 8)), elements=st.floats(-90, 90)
)
LEVEL = Spread(bead_factor=1.0, height_um=0.0, rise_um_per_size=0.0, tilt_um_per_px=0.0)
TILTED = Spread(bead_factor=1.5, height_um=0.4, rise_um_per_size=0.0, tilt_um_per_px=0.004)
BISQUARE = 4.685  # Beaton and Tukey 1974: 95 % efficient for normal errors


def predictions(dz_um: object, sd_um: object = np.nan) -> Predictions:
    dz = np.atleast_2d(np.asarray(dz_um, dtype=np.float64))
    return Predictions(dz, np.array(np.broadcast_to(np.asarray(sd_um, dtype=float), dz.shape)))


def combined(
    dz_um: object,
    order: str = "weighted",
    sd_um: object = 1.0,
    spread: Spread = LEVEL,
    offset_px: FloatArray | None = None,
    size: FloatArray | None = None,
) -> Combined:
    predicted = predictions(dz_um, sd_um)
    n = predicted.dz_um.shape[1]
    return combine(
        predicted,
        np.zeros((n, 2)) if offset_px is None else offset_px,
        np.ones(n) if size is None else size,
        spread,
        EstimateSettings.model_validate({"order": order}),
    )


def some_positions(n: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform([-500, -700], [500, 700], (n, 2))


def bead_sd(sd_um: FloatArray, spread: Spread) -> FloatArray:
    """Noise and height of single beads; members' squares are averaged."""
    noise = spread.bead_factor * np.sqrt(np.mean(np.atleast_2d(sd_um) ** 2, axis=0))
    return np.asarray(np.sqrt(noise**2 + spread.height_um**2))


# All orders


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("dz_um", "expected"),
    [
        pytest.param([[3.0]], 3.0, id="one bead, one member"),
        pytest.param([[1.0, 2.0, 3.0]], 2.0, id="mean over beads"),
        pytest.param([[1.0], [5.0]], 3.0, id="mean over members"),
        pytest.param([[1, 2, 3, 2, 40]], 2.0, id="a bead that is out"),
        pytest.param([[1, 2, 3, 2, 40], [2, 3, 4, 3, 41]], 2.5, id="a bead that is out for all"),
    ],
)
def test_combined_dz(dz_um: list[list[float]], expected: float, order: str) -> None:
    assert combined(dz_um, order).dz_um == pytest.approx(expected)


@pytest.mark.parametrize("order", ORDERS)
def test_outlier_is_marked(order: str) -> None:
    assert list(combined([[1, 2, 40, 3, 2]], order).used) == [True, True, False, True, True]


@pytest.mark.parametrize("order", ORDERS)
@given(dz=DZ, data=st.data())
def test_order_of_beads_and_members_does_not_matter(
    order: str, dz: np.ndarray, data: st.DataObject
) -> None:
    beads = data.draw(st.permutations(range(dz.shape[1])))
    members = data.draw(st.permutations(range(dz.shape[0])))
    positions = some_positions(dz.shape[1])
    first = combined(dz, order, 2.0, TILTED, positions)
    second = combined(dz[members][:, beads], order, 2.0, TILTED, positions[beads])
    assert second.dz_um == pytest.approx(first.dz_um, abs=1e-6)
    assert second.u_beads_um == pytest.approx(first.u_beads_um, abs=1e-6)
    assert second.u_members_um == pytest.approx(first.u_members_um, abs=1e-6)
    np.testing.assert_allclose(second.tilt_um_per_px, first.tilt_um_per_px, atol=1e-8)
    np.testing.assert_array_equal(second.used, first.used[beads])


@pytest.mark.parametrize("order", ORDERS)
@given(dz=DZ, shift=st.floats(-50, 50))
def test_follows_a_shift(order: str, dz: np.ndarray, shift: float) -> None:
    whole = np.round(dz)  # so that a tie at a fence does not turn on rounding
    positions = some_positions(dz.shape[1])
    before = combined(whole, order, 2.0, TILTED, positions)
    after = combined(whole + np.round(shift), order, 2.0, TILTED, positions)
    assert after.dz_um == pytest.approx(before.dz_um + np.round(shift), abs=1e-6)
    assert after.u_beads_um == pytest.approx(before.u_beads_um, abs=1e-6)
    np.testing.assert_array_equal(after.used, before.used)


@pytest.mark.parametrize("order", ORDERS)
@given(dz=DZ)
def test_result_is_within_the_predictions(order: str, dz: np.ndarray) -> None:
    assert dz.min() - 1e-9 <= combined(dz, order).dz_um <= dz.max() + 1e-9


@pytest.mark.parametrize("order", ORDERS)
def test_rise_with_size_is_corrected(order: str) -> None:
    """With a rise of 100 um per size, a bead 4 % larger is 4 um higher and measures 4 um less."""
    size = np.array([0.97, 1.0, 1.04, 1.02, 0.96])
    rising = Spread(1.0, 0.0, 100.0, 0.0)
    found = combined(10.0 - 100.0 * (size - 1), order, 1.0, rising, size=size)
    assert found.dz_um == pytest.approx(10.0)
    assert found.used.all()


@pytest.mark.parametrize("order", ORDERS)
def test_disagreement_of_members_is_a_contribution(order: str) -> None:
    found = combined([[1.0, 1, 1], [4, 4, 4], [5, 5, 5]], order)
    assert found.u_members_um == pytest.approx(np.std([1, 4, 5], ddof=1))
    assert combined([[1.0, 2, 3]], order).u_members_um == 0.0


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("height_um", [0.0, 1.2])
def test_without_a_stated_deviation_the_calibration_s_is_used(order: str, height_um: float) -> None:
    spread = Spread(bead_factor=2.5, height_um=height_um, rise_um_per_size=0.0, tilt_um_per_px=0.0)
    without_sd = combined([[0.0, 0.01, -0.01, 0.0]], order, np.nan, spread)
    assert without_sd.u_beads_um == pytest.approx(np.hypot(2.5, height_um) / 2, rel=1e-4)
    with_sd = combined([[0.0, 0.01, -0.01, 0.0]], order, 2.0, spread)
    assert with_sd.u_beads_um == pytest.approx(np.hypot(5.0, height_um) / 2, rel=1e-4)


@pytest.mark.parametrize("order", ORDERS)
def test_a_member_without_predictions_has_no_weight(order: str) -> None:
    dz = np.array([[1.0, 2.0, 4.0], [np.nan] * 3, [2.0, 3.0, 5.0]])
    expected = combined(dz[[0, 2]], order, np.full((2, 3), 0.7))
    sd = np.where(np.isfinite(dz), 0.7, np.nan)
    found = combined(dz, order, sd)
    assert found.dz_um == pytest.approx(expected.dz_um)
    assert found.u_beads_um == pytest.approx(expected.u_beads_um)
    assert found.u_members_um == pytest.approx(expected.u_members_um)


@pytest.mark.parametrize("order", ORDERS)
def test_members_that_each_predict_some_beads(order: str) -> None:
    """With a random split, each member holds out other beads of an image."""
    nan = np.nan
    dz = np.array([[1.0, nan, 2.0, nan], [nan, 3.0, nan, 2.0], [1.0, nan, nan, 2.0]])
    found = combined(dz, order, np.where(np.isfinite(dz), 1.0, nan))
    assert 1.0 < found.dz_um < 3.0
    assert np.isfinite([found.u_beads_um, found.u_members_um]).all()


# Order "weighted"


@pytest.mark.parametrize("n", [1, 2, 3, 6, 20])
@pytest.mark.parametrize("tilt", [0.0, 0.004])
def test_generalised_least_squares_without_outliers(n: int, tilt: float) -> None:
    """Without outliers all beads have full weight, so the closed form holds."""
    rng = np.random.default_rng(n)
    spread = Spread(1.5, 0.4, 0.0, tilt)
    positions, sd_um = some_positions(n, n), rng.uniform(0.5, 3.0, n)
    truth = 12.0 - positions @ [0.3 * tilt, -0.2 * tilt]
    dz = truth + 0.01 * rng.normal(size=n)
    found = combined(dz, sd_um=sd_um, spread=spread, offset_px=positions)
    # The beads' covariance with tilts of their prior integrated out: the same by another way.
    covariance = np.diag(bead_sd(sd_um, spread) ** 2) + tilt**2 * positions @ positions.T
    inverse = np.linalg.inv(covariance)
    u2 = 1 / inverse.sum()
    mean = u2 * inverse.sum(axis=0) @ dz
    assert found.dz_um == pytest.approx(mean, abs=2e-3)
    assert found.u_beads_um == pytest.approx(np.sqrt(u2), rel=2e-3)
    if tilt:
        # Best linear prediction of the tilt from the residuals of the beads.
        expected = tilt**2 * -positions.T @ inverse @ (dz - mean)
        np.testing.assert_allclose(found.tilt_um_per_px, expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_minimum_of_tukey_s_loss_with_outliers(seed: int) -> None:
    """Against a general minimiser of the biweight's loss plus the prior of the tilt."""
    rng = np.random.default_rng(seed)
    n = 12
    positions, sd_um = some_positions(n, seed), rng.uniform(0.5, 2.0, n)
    sd = bead_sd(sd_um, TILTED)
    dz = 5.0 - positions @ [0.003, -0.002] + 0.6 * sd * np.clip(rng.normal(size=n), -1.2, 1.2)
    dz[:2] += [30.0, -25.0]
    found = combined(dz, sd_um=sd_um, spread=TILTED, offset_px=positions)

    def loss(unknown: FloatArray) -> float:
        residual = (dz - unknown[0] + positions @ (unknown[1:] / 100)) / sd
        inside = np.clip(1 - (residual / BISQUARE) ** 2, 0, None)
        prior = float(((unknown[1:] / 100 / TILTED.tilt_um_per_px) ** 2).sum())
        return float((BISQUARE**2 / 3 * (1 - inside**3)).sum()) + prior

    best = minimize(
        loss, [5.0, 0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12}
    )
    np.testing.assert_allclose(found.dz_um, best.x[0], atol=1e-4)
    np.testing.assert_allclose(found.tilt_um_per_px, best.x[1:] / 100, atol=1e-6)
    assert list(np.flatnonzero(~found.used)) == [0, 1]


def test_weights_go_with_the_square_of_the_uncertainty() -> None:
    found = combined([0.0, 3.0], sd_um=[1.0, 2.0])
    weights = np.array([1.0, 0.25])
    assert 0.0 < found.dz_um < 3 * weights[1] / weights.sum() + 0.1
    sure, unsure = (
        combined([0.0, 0.001], sd_um=[1e-3, 1e3]),
        combined([0.0, 0.001], sd_um=[1e3, 1e-3]),
    )
    assert sure.dz_um == pytest.approx(0.0, abs=1e-6)
    assert unsure.dz_um == pytest.approx(0.001, abs=1e-6)


@pytest.mark.parametrize("rise", [(0.004, 0.0), (0.0, 0.004), (-0.003, 0.002)])
def test_tilt_of_the_slide_and_its_sign(rise: tuple[float, float]) -> None:
    """Where the slide rises along +y, beads at +y are higher, and the focal plane is lower above them."""
    positions = some_positions(25)
    positions[0] = [900.0, 900.0]  # not about the middle of the image: dZ is there all the same
    height = positions @ np.array(rise)
    free = Spread(1.0, 0.0, 0.0, tilt_um_per_px=1.0)
    found = combined(7.0 - height, sd_um=0.1, spread=free, offset_px=positions)
    assert found.dz_um == pytest.approx(7.0, abs=1e-6)
    np.testing.assert_allclose(found.tilt_um_per_px, rise, atol=1e-8)
    assert found.used.all()
    taken_as_level = combined(7.0 - height, sd_um=0.1, offset_px=positions)
    assert np.isnan(taken_as_level.tilt_um_per_px).all()
    assert np.isnan(taken_as_level.tilt_u_um_per_px).all()


def test_prior_holds_the_tilt_of_beads_on_one_side() -> None:
    """With one bead far from the middle, the height of the slide at the middle is uncertain."""
    position = np.array([[300.0, -400.0]])
    found = combined([5.0], sd_um=1.0, spread=TILTED, offset_px=position)
    assert found.dz_um == pytest.approx(5.0)
    noise = bead_sd(np.array([1.0]), TILTED)[0]
    assert found.u_beads_um == pytest.approx(np.hypot(noise, 500 * TILTED.tilt_um_per_px))
    np.testing.assert_allclose(found.tilt_um_per_px, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.tilt_u_um_per_px, TILTED.tilt_um_per_px, rtol=1e-9)


def test_single_bead_without_tilt() -> None:
    found = combined([[4.0], [5.0]], sd_um=2.0)
    assert (found.dz_um, found.u_beads_um) == (4.5, 2.0)
    assert found.u_members_um == pytest.approx(np.sqrt(0.5))


@given(
    n=st.integers(3, 15),
    bad=st.floats(40.0, 90.0),
    side=st.sampled_from([-1, 1]),
    seed=st.integers(0, 99),
)
def test_an_outlier_does_not_move_the_result(n: int, bad: float, side: int, seed: int) -> None:
    dz = 0.3 * np.clip(np.random.default_rng(seed).normal(size=n), -1.5, 1.5)
    without = combined(dz, sd_um=1.0)
    found = combined(np.append(dz, side * bad), sd_um=1.0)
    assert found.dz_um == pytest.approx(without.dz_um, abs=1e-6)
    assert found.u_beads_um == pytest.approx(without.u_beads_um, abs=1e-6)
    assert list(found.used) == [True] * n + [False]


def test_uncertainty_grows_with_fewer_beads_and_with_disagreement() -> None:
    dz = np.tile([-0.5, 0.5], 8)
    u = [combined(dz[:n], sd_um=1.0).u_beads_um for n in (2, 4, 8, 16)]
    np.testing.assert_allclose(np.array(u[:-1]) / u[1:], np.sqrt(2), rtol=0.05)
    u_disagreeing = [combined(k * dz, sd_um=1.0).u_beads_um for k in (1, 3, 6, 12)]
    assert (np.diff(u_disagreeing) > 0).all()
    # Far beyond the stated deviation, only the beads' own scatter contributes.
    stated_less = combined(12 * dz, sd_um=0.1).u_beads_um
    assert stated_less == pytest.approx(np.std(12 * dz, ddof=1) / 4, rel=0.12)


@pytest.mark.parametrize("n", [3, 6, 20])
@pytest.mark.parametrize("spread", [LEVEL, TILTED], ids=["level", "tilted"])
def test_stated_uncertainty_is_the_scatter_of_the_result(n: int, spread: Spread) -> None:
    """Images drawn from the stated distributions: beads of several precisions, heights, tilts."""
    rng = np.random.default_rng(n)
    found: list[Combined] = []
    tilts: list[FloatArray] = []
    for _ in range(600):
        positions, sd_um = rng.uniform(-600, 600, (n, 2)), rng.uniform(0.5, 1.5, n)
        tilt = spread.tilt_um_per_px * rng.normal(size=2)
        dz = 3.0 - positions @ tilt + bead_sd(sd_um, spread) * rng.normal(size=n)
        found.append(combined(dz, sd_um=sd_um, spread=spread, offset_px=positions))
        tilts.append(tilt)
    error = np.array([one.dz_um - 3.0 for one in found])
    pulls = error / [one.u_beads_um for one in found]
    assert 0.8 < pulls.std() < 1.1  # disagreement that is chance widens, so at most slightly more
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))
    if spread.tilt_um_per_px:
        off = np.array([one.tilt_um_per_px for one in found]) - tilts
        stated = np.array([one.tilt_u_um_per_px for one in found])
        assert 0.8 < (off / stated).std() < 1.1


# The article's orders


def test_orders_differ_where_a_bead_is_an_outlier_of_one_member() -> None:
    dz_um = [[0.0, 1, 2, 1, 30], [0, 1, 2, 1, 1], [0, 1, 2, 1, 1]]
    per_member = np.mean([1.0, 1.0, 1.0])
    assert combined(dz_um, "members").dz_um == pytest.approx(per_member)
    per_bead = np.mean([0.0, 1, 2, 1, 1])
    assert combined(dz_um, "beads").dz_um == pytest.approx(per_bead)


def test_bead_is_used_where_half_of_the_members_use_it() -> None:
    half = [[1, 2, 3, 2, 40], [1, 2, 3, 2, 2]]
    assert combined(half, "members").used.all()
    assert not combined([*half, [1, 2, 3, 2, 40]], "members").used[4]


@pytest.mark.parametrize("order", ARTICLE)
@pytest.mark.parametrize(
    ("dz_um", "sd_um", "expected"),
    [
        pytest.param([0.0, 1, 2, 3], 6.0, 3.0, id="stated, where it is more"),
        pytest.param([0.0, 1, 2, 3], 0.1, np.std([0, 1, 2, 3], ddof=1) / 2, id="beads' scatter"),
        pytest.param([1.0, 1.5], [3.0, 4.0], 2.5, id="root of the sum of squares over the number"),
        pytest.param([1.0], 2.0, 2.0, id="one bead"),
    ],
)
def test_uncertainty_of_a_plain_mean(dz_um: Any, sd_um: Any, expected: float, order: str) -> None:
    found = combined(dz_um, order, sd_um)
    assert found.u_beads_um == pytest.approx(expected)
    assert np.isnan(found.tilt_um_per_px).all()
