"""Feature curves of a pooled stack, against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.arrays import FloatArray
from refp.core.errors import DataError
from refp.measure.features import FeatureCurve
from refp.plane import PooledStack, locate_by_features
from refp.plane.stack_curves import curves_of_stack
from refp.settings import load_recipe, make_instrument, read_instrument
from refp.sweeps import SweepKey

DZ = np.linspace(-120.0, 120.0, 481)
RADIUS = np.linspace(0.0, 2.0, 41)
WIDTH_UM, SCALE_RADII = 25.0, 0.6
A2K = make_instrument(read_instrument("a2k"), "a2k")
RECIPE = load_recipe()


def gaussian_stack(ss_um: float = 0.0, dz_um: FloatArray = DZ) -> PooledStack:
    """Return a bright spot of Gaussian profile whose height is largest at ``ss_um``."""
    height = np.exp(-0.5 * ((dz_um - ss_um) / WIDTH_UM) ** 2)
    mean = 1.0 + height[:, None] * np.exp(-0.5 * (RADIUS / SCALE_RADII) ** 2)
    return PooledStack(dz_um, RADIUS, mean, np.full(mean.shape, 0.01))


@given(st.floats(-6, 6))
def test_both_curves_are_about_their_extremum(at_um: float) -> None:
    ss, ci = curves_of_stack(gaussian_stack(at_um), RECIPE.feature, A2K)
    height = np.exp(-0.5 * (ss.dz_um / WIDTH_UM) ** 2)
    # The steepest slope of a Gaussian is at its standard deviation.
    steepest = -np.exp(-0.5) / SCALE_RADII
    center = np.exp(
        -0.5 * (RECIPE.feature.center_radius_px / A2K.bead_radius_px / SCALE_RADII) ** 2
    )
    np.testing.assert_allclose(ss.value, steepest * height, rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(ci.value, 1.0 + center * height, atol=1e-3)
    np.testing.assert_allclose(ss.dz_um, DZ - at_um, atol=0.01)


def test_the_farthest_derivative_may_be_positive() -> None:
    """Far from the plane the spot is a dark one, whose slope is positive and larger."""
    stack = gaussian_stack()
    dark = np.where(np.abs(DZ) > 60.0, -3.0, 1.0)[:, None]
    turned = PooledStack(DZ, RADIUS, 1.0 + dark * (stack.mean - 1.0), stack.sd)
    farthest = RECIPE.feature.model_copy(update={"slope": "farthest"})
    ss, _ = curves_of_stack(turned, farthest, A2K)
    assert ss.value[np.abs(ss.dz_um) > 61.0].min() > 0.0
    assert ss.value[np.abs(ss.dz_um) < 59.0].max() < 0.0


def test_a_stack_on_one_side_of_the_plane_is_refused() -> None:
    with pytest.raises(DataError, match="does not reach over the plane of steepest slope"):
        curves_of_stack(gaussian_stack(dz_um=np.linspace(5.0, 120.0, 200)), RECIPE.feature, A2K)


@given(st.floats(-10, 10), st.integers(0, 20))
def test_nine_frames_fifteen_um_apart_are_located(at_um: float, seed: int) -> None:
    """Their frames need not be near the extremum, since the shape of the curves is known."""
    rng = np.random.default_rng(seed)
    z_um = np.linspace(-60.0, 60.0, 9) + rng.normal(0, 2.5, 9)
    height = np.exp(-0.5 * ((z_um - at_um) / WIDTH_UM) ** 2)
    clear = np.zeros(9, dtype=np.bool_)
    curve = FeatureCurve(
        key=SweepKey("data", 1, 1, 12.0),
        z_um=z_um,
        steepest_slope=-0.08 * height + rng.normal(0, 2e-4, 9),
        center_intensity=1.2 * (1.0 + height * 0.985) + rng.normal(0, 2e-3, 9),
        ss_saturated=clear,
        ci_saturated=clear,
        n_beads=np.full(9, 8),
    )
    pooled = curves_of_stack(gaussian_stack(), RECIPE.feature, A2K)
    (plane,) = locate_by_features(
        [curve], RECIPE.plane, bead_diameter_um=28.0, pooled=pooled
    ).planes
    assert plane.determined
    assert plane.refp_um == pytest.approx(at_um, abs=0.5)
    assert plane.refp_u_um < 0.5
