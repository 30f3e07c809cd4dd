"""Adaptation to another instrument: bias, slope, residual and their uncertainties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.arrays import FloatArray
from refp.core.errors import DataError
from refp.estimate import KnownImages, fit_adaptation
from refp.estimate.adaptation import (
    SLOPE_SD,
    adapt_match,
    adapt_stack,
    adaptation_uncertainty,
    fit_known_line,
    fit_located_line,
)
from refp.estimate.short_sweeps import ShortSweeps
from refp.models import Adaptation, Match
from refp.plane import PooledStack

DZ = np.linspace(-120.0, 120.0, 9)


def shrunk(slope: float, n_sweeps: int = 1) -> float:
    """Return the mean of a slope's posterior, with a prior about 1 and frames of 2.5 um."""
    precision = n_sweeps * (DZ**2).sum() / 2.5**2
    return 1.0 + (slope - 1.0) * precision / (precision + 1.0 / SLOPE_SD**2)


def images(
    estimated_um: FloatArray, dz_um: FloatArray = DZ, u_um: float = 2.5, size: float = 1.0
) -> KnownImages:
    n = len(dz_um)
    return KnownImages(
        dz_um=dz_um,
        estimated_um=estimated_um,
        lookup_um=estimated_um + 3.0,
        u_um=np.full(n, u_um),
        size=np.full(n, size),
        size_sd=np.full(n, 0.012),
        residual=np.tile([0.5, -1.0, np.nan], (n, 1)) * dz_um[:, None] / 120.0,
        n_beads=np.arange(n) + 3,
    )


def fit(known: KnownImages) -> Adaptation:
    line = fit_known_line(known.dz_um, known.estimated_um, known.u_um)
    return fit_adaptation(known, line, "a2k", ("sweep",), "0" * 64)


def located(
    estimated_um: FloatArray, z_um: FloatArray, bias_um: float, sweep: int | FloatArray = 0
) -> ShortSweeps:
    number = np.broadcast_to(sweep, len(z_um)).astype(np.int64)
    return ShortSweeps(z_um, estimated_um, number, bias_um, 0.3, 0.7, 8.0)


@given(st.floats(-40, 40), st.floats(0.9, 1.1))
def test_bias_and_slope_are_recovered(bias: float, slope: float) -> None:
    found = fit(images(bias + slope * DZ))
    assert found.line.bias_um == pytest.approx(bias, abs=1e-6)
    assert found.line.slope == pytest.approx(shrunk(slope), abs=1e-3)
    assert found.lookup.bias_um == pytest.approx(bias + 3.0, abs=1e-6)
    assert found.residual_um == pytest.approx(0.0, abs=0.3)


def test_uncertainties_are_the_scatter_of_many_adaptations() -> None:
    rng = np.random.default_rng(0)
    found = [fit(images(-14.0 + DZ + rng.normal(0, 2.5, 9))) for _ in range(600)]
    bias = np.array([f.line.bias_um for f in found])
    slope = np.array([f.line.slope for f in found])
    assert bias.mean() == pytest.approx(-14.0, abs=0.15)
    assert bias.std() == pytest.approx(np.median([f.bias_u_um for f in found]), rel=0.2)
    assert slope.std() == pytest.approx(np.median([f.slope_u for f in found]), rel=0.2)
    # Weighted least squares in closed form.
    assert np.median([f.bias_u_um for f in found]) == pytest.approx(2.5 / 3, rel=0.2)


@given(st.floats(-5, 5), st.floats(0.9, 1.1), st.floats(-2000, 2000))
def test_a_located_plane_sets_the_bias_and_the_stage_the_slope(
    bias_um: float, slope: float, plane_um: float
) -> None:
    line, dz_um = fit_located_line(
        located(bias_um + slope * DZ, DZ + plane_um, bias_um), np.full(9, 2.5)
    )
    assert line.line.bias_um == bias_um
    assert line.line.slope == pytest.approx(shrunk(slope), abs=1e-3)
    np.testing.assert_allclose(dz_um, DZ, atol=0.05)
    assert (line.bias_u_um, line.covariance_um) == (0.0, 0.0)


def test_stage_errors_do_not_enter_the_bias_of_a_located_plane() -> None:
    """A stage that is 4 um off throughout, and scatter: the known dZ is about the plane all the same."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(300):
        stage_um = 4.0 + rng.normal(0, 2.5, 9)
        line, dz_um = fit_located_line(located(1.0 + DZ + stage_um, DZ, 1.0), np.full(9, 2.5))
        found.append((line.line.slope, line.slope_u, np.mean(dz_um - DZ - stage_um)))
    slope, slope_u, error_um = np.array(found).T
    assert slope.std() == pytest.approx(np.median(slope_u), rel=0.2)
    assert np.sqrt(np.mean(error_um**2)) < 0.25  # 0.83 by the plane on the stage


def test_located_sweeps_have_levels_of_their_own_and_one_slope() -> None:
    z_um, sweep = np.concatenate([DZ, DZ + 700.0]), np.repeat([0.0, 1.0], 9)
    estimated_um = 2.0 + 1.04 * np.concatenate([DZ - 6.0, DZ + 9.0])
    line, dz_um = fit_located_line(located(estimated_um, z_um, 2.0, sweep), np.full(18, 2.5))
    assert line.line.slope == pytest.approx(shrunk(1.04, n_sweeps=2), abs=1e-3)
    np.testing.assert_allclose(dz_um, np.concatenate([DZ - 6.0, DZ + 9.0]), atol=0.1)


def test_estimates_against_z_are_refused() -> None:
    with pytest.raises(DataError, match="check the sign of Z"):
        fit_located_line(located(-0.6 * DZ, DZ, 0.0), np.full(9, 2.5))


def test_an_outlier_image_has_no_weight() -> None:
    estimated = -14.0 + DZ + np.random.default_rng(1).normal(0, 1.0, 9)
    outlier = estimated.copy()
    outlier[3] += 200.0
    without = fit(images(np.delete(estimated, 3), np.delete(DZ, 3)))
    found = fit(images(outlier))
    assert found.line.bias_um == pytest.approx(without.line.bias_um, abs=0.1)
    assert found.line.slope == pytest.approx(without.line.slope, abs=2e-3)


def test_residual_of_the_line_widens_the_uncertainty() -> None:
    bent = -14.0 + DZ + 12.0 * np.cos(DZ / 40.0)
    found = fit(images(bent, u_um=1.0))
    rest = bent - (found.line.bias_um + found.line.slope * DZ)
    assert found.residual_um == pytest.approx(np.sqrt((rest**2).sum() / 7 - 1.0), rel=0.1)
    assert adaptation_uncertainty(found, 0.0) >= found.residual_um / found.line.slope


def test_uncertainty_grows_away_from_the_images() -> None:
    found = fit(images(DZ + np.random.default_rng(2).normal(0, 2.5, 9)))
    near, far = adaptation_uncertainty(found, 0.0), adaptation_uncertainty(found, 300.0)
    assert near < far
    assert adaptation_uncertainty(None, 300.0) == 0.0


def test_beads_of_the_same_lot_keep_their_size() -> None:
    assert fit(images(DZ, size=1.02)).size == 1.0
    assert fit(images(DZ, size=1.06)).size == pytest.approx(1.06)


@pytest.mark.parametrize("dz_um", [DZ[:2], np.full(5, 10.0)])
def test_too_few_z_positions_are_refused(dz_um: FloatArray) -> None:
    known = replace(images(dz_um.copy(), dz_um), dz_um=dz_um)
    with pytest.raises(DataError, match="at least 3 at different Z"):
        fit(known)


def match_with(dz_um: FloatArray, residual: FloatArray) -> Match:
    n = len(dz_um)
    ones = np.ones(n)
    return Match(
        dz_um=dz_um,
        sd_um=ones,
        size=ones,
        size_sd=0.01 * ones,
        reduced_chi2=np.nanmean(residual**2, axis=1),
        at_end=np.zeros(n, dtype=np.bool_),
        cost=0.0 * ones,
        explained=ones,
        n_rings=ones,
        residual=residual,
        unevenness=np.zeros((n, 2, residual.shape[1])),
    )


def test_the_shape_of_the_other_instrument_s_beads_is_subtracted() -> None:
    """Residuals that are linear in dZ are found from nine images, in the look-up's adapted dZ."""
    found = fit(images(7.0 + DZ))
    assert (found.deviation.n_beads, len(found.deviation.dz_um)) == (7, 9)
    np.testing.assert_allclose(found.deviation.dz_um, DZ, atol=0.1)
    true_um = np.array([-90.0, 15.0, 71.0])
    own = np.array([[0.1, 0.2, 0.3], [-0.4, 0.1, np.nan], [0.0, 0.0, 0.0]])
    shape = np.array([0.5, -1.0, 0.0]) * true_um[:, None] / 120.0
    adapted = adapt_match(match_with(true_um + 10.0, shape + own), found)
    np.testing.assert_allclose(adapted.dz_um, true_um, atol=0.1)
    np.testing.assert_allclose(adapted.residual, own, atol=2e-3)
    np.testing.assert_allclose(adapted.reduced_chi2, np.nanmean(own**2, axis=1), atol=2e-3)


def test_beyond_the_images_the_shape_is_that_of_the_outermost() -> None:
    deviation = fit(images(DZ.copy())).deviation
    np.testing.assert_allclose(deviation.at(np.array([-400.0])), [[-0.5, 1.0, 0.0]], atol=1e-9)


def test_the_stack_is_in_the_dz_of_the_other_instrument() -> None:
    """A bead at a dZ has the same profile in both; without an adaptation the stack stays."""
    found = fit(images(7.0 + 1.03 * DZ))
    line = found.lookup
    mean = np.sin(DZ / 50.0)[:, None]
    stack = PooledStack(DZ, np.zeros(1), mean, np.ones_like(mean))
    adapted = adapt_stack(stack, found)
    np.testing.assert_allclose(line.bias_um + line.slope * adapted.dz_um, DZ)
    assert adapted.mean is mean
    assert adapt_stack(stack, None) is stack


def test_without_an_adaptation_a_match_stays() -> None:
    match = match_with(DZ, np.ones((9, 3)))
    assert adapt_match(match, None) is match
