"""The whole measurement of a bead against scipy's smoothing spline and Nelder-Mead."""

import numpy as np
import pytest

from refp.measure.features import measure_features
from refp.measure.profiles import fit_profiles
from refp.settings import FeatureSettings, ProfileSettings, make_instrument, read_instrument
from refp.synthetic import render_single_bead

from .oracle import best_center, slope_and_center

A2K = make_instrument(read_instrument("a2k"), "a2k")
RADIUS = A2K.bead_radius_px
SETTINGS = ProfileSettings()
FEATURES = FeatureSettings()
LAM = SETTINGS.smoothing * RADIUS**5

TILES = {
    "in focus": (0.0, (40.31, 39.78)),
    "in focus, on a pixel": (0.0, (40.0, 40.0)),
    "below": (-100.0, (39.62, 40.11)),
    "above": (100.0, (40.45, 40.47)),
    "a dark ring about a bright centre": (20.0, (39.9, 39.7)),
    "a blur": (250.0, (40.2, 39.6)),
}


@pytest.mark.parametrize(("dz_um", "center"), TILES.values(), ids=TILES)
def test_the_measurement_is_that_of_a_slow_search(
    dz_um: float, center: tuple[float, float]
) -> None:
    image = render_single_bead(dz_um, A2K, side_px=81, center_px=center, noise=True)
    fit = fit_profiles(image, np.array([[41.0, 39.0]]), A2K, SETTINGS)
    features = measure_features(fit, FEATURES)
    reach = SETTINGS.center_fit_radii * RADIUS
    start = np.round(center) + 0.2
    expected = best_center(image, np.rint(fit.center_px[0]), start, reach, LAM)
    slope, at_center = slope_and_center(
        image, expected, A2K.tile_side_px / 2, LAM, FEATURES.slope_reach_radii * RADIUS
    )
    assert fit.converged[0]
    assert fit.center_px[0] == pytest.approx(expected, abs=0.02)
    # The slope of a blur is noise; the limit is a fraction of the slope at the plane, 71.
    tolerance = 0.002 * 71.0 / fit.light[0]
    assert features.steepest_slope[0] == pytest.approx(
        slope / fit.light[0], rel=0.01, abs=tolerance if abs(dz_um) > 200 else 0.0
    )
    assert features.center_intensity[0] == pytest.approx(at_center / fit.light[0], rel=0.01)
