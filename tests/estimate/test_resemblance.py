"""T squared of the mean residual profile, against closed forms and its distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from refp.core.arrays import FloatArray
from refp.estimate.resemblance import least_limit, spread_residuals, t_squared
from refp.models.card import ResidualSpread

N_RINGS = 12


def covariance_of(length: float, variance: float) -> FloatArray:
    """Rings correlate over a number of neighbours."""
    distance = np.abs(np.subtract.outer(np.arange(N_RINGS), np.arange(N_RINGS)))
    return np.asarray(variance * np.exp(-((distance / length) ** 2)) + 0.05 * np.eye(N_RINGS))


IMAGE, BEAD = covariance_of(4.0, 0.3), covariance_of(2.0, 1.0)


def simulate(n_images: int, n_beads: int, seed: int, noise: float = 1.0) -> list[FloatArray]:
    rng = np.random.default_rng(seed)
    common = rng.multivariate_normal(np.zeros(N_RINGS), IMAGE, n_images)
    own = rng.multivariate_normal(np.zeros(N_RINGS), noise * BEAD, (n_images, n_beads))
    return list(common[:, None] + own)


def expected_mean(covariance: FloatArray) -> float:
    """Return the mean of T squared a ring with a tenth of the covariance without correlation."""
    equal = np.trace(covariance) / N_RINGS * np.eye(N_RINGS)
    shrunk = 0.9 * covariance + 0.1 * equal
    return float(np.trace(np.linalg.solve(shrunk, covariance))) / N_RINGS


@pytest.fixture(scope="module")
def spread() -> ResidualSpread:
    return spread_residuals(simulate(4000, 6, seed=1), 1.0)


def test_both_covariances_are_found(spread: ResidualSpread) -> None:
    np.testing.assert_allclose(np.array(spread.image), IMAGE, atol=0.06)
    np.testing.assert_allclose(np.array(spread.bead), BEAD, atol=0.04)


@pytest.mark.parametrize("n_beads", [2, 6, 20])
@pytest.mark.parametrize("noise", [1.0, 4.0])
def test_t_squared_of_usual_images_is_that_of_chi_squared(
    spread: ResidualSpread, n_beads: int, noise: float
) -> None:
    """Its mean would be 1 without the shrinkage, with which it is a trace; noise is allowed for."""
    images = simulate(2000, n_beads, seed=2, noise=noise)
    found = np.array([t_squared(image, spread, noise) for image in images])
    assert found.mean() == pytest.approx(expected_mean(IMAGE + noise * BEAD / n_beads), rel=0.04)
    assert np.quantile(found, 0.95) < 1.1 * chi2.ppf(0.95, N_RINGS) / N_RINGS


def test_a_common_deviation_shows_the_more_the_more_beads(spread: ResidualSpread) -> None:
    shift = np.where(np.arange(N_RINGS) % 4 < 2, 0.7, -0.7)
    limit = least_limit(N_RINGS)
    found = [
        np.mean([t_squared(i + shift, spread, 1.0) > limit for i in simulate(300, n, seed=3)])
        for n in (1, 3, 12)
    ]
    assert found[0] < 0.5
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.95


@given(st.permutations(range(5)), st.sampled_from([-1.0, 1.0]))
def test_order_of_beads_and_sign_do_not_matter(order: list[int], sign: float) -> None:
    (image,) = simulate(1, 5, seed=4)
    spread = spread_residuals(simulate(200, 6, seed=5), 1.0)
    same = t_squared(sign * image[order], spread, 1.0)
    assert same == pytest.approx(t_squared(image, spread, 1.0))


def test_unknown_rings_are_left_out(spread: ResidualSpread) -> None:
    (image,) = simulate(1, 5, seed=6)
    image[2, 3] = np.nan
    image[:, 7] = np.nan
    rings = np.isfinite(image).all(axis=0)
    nested = [
        tuple(map(tuple, np.array(m)[np.ix_(rings, rings)])) for m in (spread.image, spread.bead)
    ]
    part = spread.model_copy(update={"image": nested[0], "bead": nested[1]})
    expected = t_squared(image[:, rings], part, 1.0)
    assert t_squared(image, spread, 1.0) == pytest.approx(expected)
    saturated = [np.where(np.arange(N_RINGS) == 2, np.nan, i) for i in simulate(2000, 6, seed=7)]
    known = spread_residuals(saturated, 1.0)
    others = np.delete(np.arange(N_RINGS), 2)
    np.testing.assert_allclose(
        np.array(known.bead)[np.ix_(others, others)], BEAD[np.ix_(others, others)], atol=0.06
    )


def test_without_beads_or_rings_there_is_no_deviation(spread: ResidualSpread) -> None:
    assert t_squared(np.empty((0, N_RINGS)), spread, 1.0) == 0.0
    assert t_squared(np.full((3, N_RINGS), np.nan), spread, 1.0) == 0.0
    of_whole_images = spread_residuals([np.empty((4, 0))] * 3, 1.0)
    assert t_squared(np.empty((4, 0)), of_whole_images, 1.0) == 0.0
    assert least_limit(0) == 0.0


def test_single_beads_are_compared_as_they_are() -> None:
    """Without a second bead in any image all variance is that of images."""
    images = simulate(3000, 1, seed=8)
    spread = spread_residuals(images, 1.0)
    assert np.array(spread.bead).max() == 0.0
    np.testing.assert_allclose(np.array(spread.image), IMAGE + BEAD, atol=0.1)
    found = np.mean([t_squared(image, spread, 1.0) for image in images])
    assert found == pytest.approx(expected_mean(IMAGE + BEAD), rel=0.04)


def test_a_subtracted_reference_counts_twice() -> None:
    """The mean of another image's beads varies too: both covariances are added."""
    spread = spread_residuals(simulate(4000, 6, seed=9), 1.0)
    first, second = simulate(3000, 5, seed=10), simulate(3000, 8, seed=11)
    found = [
        t_squared(image - other.mean(axis=0), spread, 1.0, n_reference=8)
        for image, other in zip(first, second, strict=True)
    ]
    covariance = 2 * IMAGE + (1 / 5 + 1 / 8) * BEAD
    assert np.mean(found) == pytest.approx(expected_mean(covariance), rel=0.05)


def test_uneven_light_is_no_deviation(spread: ResidualSpread) -> None:
    """A hundredth of the background is usual in its own direction, and in no other."""
    profile = 1.0 - np.exp(-((np.arange(N_RINGS) / 4.0) ** 2))
    sd = 0.01
    unevenness = np.tile(np.stack([np.ones(N_RINGS), profile]) / sd, (6, 1, 1))
    raised = 0.01 * profile / sd
    ringed = 0.01 * np.cos(np.arange(N_RINGS)) / sd
    images = simulate(300, 6, seed=12)

    def mean(shift: FloatArray, directions: FloatArray | None) -> float:
        found = [t_squared(i + shift, spread, 1.0, unevenness=directions) for i in images]
        return float(np.mean(found))

    assert mean(raised, unevenness) < 1.15 * mean(0.0 * raised, unevenness)
    assert mean(raised, None) > 1.3 * mean(0.0 * raised, None)
    assert mean(ringed, unevenness) > 1.5 * mean(0.0 * ringed, unevenness)
