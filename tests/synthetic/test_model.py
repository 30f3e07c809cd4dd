"""The picture of a bead through Z: extremes at the plane, above unlike below."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from refp.features import FeatureSettings, measure_features
from refp.profiles import ProfileSettings, fit_profiles
from refp.sweeps import Instrument
from refp.synthetic import BeadScatter, Camera, relative_intensity, render_single_bead

SCATTER = BeadScatter()
OVERSAMPLING = 8


def profile(r_radii: Any, dz_um: Any, depth_um: float = 40.0) -> Any:
    return relative_intensity(
        np.asarray(r_radii), np.asarray(dz_um, dtype=float), SCATTER, depth_um
    )


def blurred_features(dz_um: float, instrument: Instrument) -> tuple[float, float]:
    """SS (1/px) and CI of a noise-free image blurred by half a pixel, on a fine grid."""
    fine_px = np.arange(-12 * OVERSAMPLING, 12 * OVERSAMPLING + 1) / OVERSAMPLING
    r_px = np.hypot(fine_px[:, None], fine_px)
    depth_um = SCATTER.depth_of(instrument)
    image = profile(r_px / instrument.bead_radius_px, dz_um, depth_um)
    row = ndimage.gaussian_filter(image, 0.5 * OVERSAMPLING)[len(fine_px) // 2, len(fine_px) // 2 :]
    ci = row[OVERSAMPLING]
    return float(np.gradient(row, 1 / OVERSAMPLING).min()), float(ci)


def test_features_have_their_extremes_at_the_plane(instrument: Instrument) -> None:
    depth_um = SCATTER.depth_of(instrument)
    dz_um = depth_um / 40 * np.arange(-20, 20.1, 0.25)
    ss, ci = np.transpose([blurred_features(dz, instrument) for dz in dz_um])
    limit_um = 0.5 * depth_um / 40
    assert abs(dz_um[np.argmin(ss)]) <= limit_um
    assert abs(dz_um[np.argmax(ci)]) <= limit_um


def test_no_deeper_extreme_lies_elsewhere(instrument: Instrument) -> None:
    dz_um = SCATTER.depth_of(instrument) / 40 * np.arange(-300, 301, 10.0)
    ss, ci = np.transpose([blurred_features(dz, instrument) for dz in dz_um])
    assert dz_um[np.argmin(ss)] == 0
    assert dz_um[np.argmax(ci)] == 0


@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.37, -0.21), (0.5, 0.5)])
def test_the_fitted_features_agree(a2k: Instrument, offset: tuple[float, float]) -> None:
    """As the package measures them, on the pixels of a noise-free 16-bit camera."""
    center = (32 + offset[0], 32 + offset[1])
    camera = Camera(bit_depth=16, grey_levels_per_ms=1000)
    dz_um = np.arange(-12, 12.1, 2)
    measured = []
    for dz in dz_um:
        image = render_single_bead(dz, a2k, side_px=66, center_px=center, camera=camera)
        fitted = fit_profiles(image, np.array([center]), a2k, ProfileSettings())
        assert fitted.center_px[0] == pytest.approx(center, abs=0.02)
        features = measure_features(fitted, FeatureSettings())
        measured.append((features.steepest_slope[0], features.center_intensity[0]))
    for values in np.transpose(measured):
        # The cubic term takes up the asymmetry, which begins with the third power.
        _, bend, slope, _ = np.polyfit(dz_um, values, 3)
        assert abs(slope / (2 * bend)) < 0.5


def test_far_from_the_bead_is_background() -> None:
    dz_um = np.linspace(-300, 300, 61)[:, None]
    assert profile(np.linspace(6, 9, 5), dz_um) == pytest.approx(1, abs=2e-3)


def test_background_ring_is_clean_near_the_plane() -> None:
    dz_um = np.linspace(-75, 75, 21)[:, None]
    assert profile(np.linspace(2.2, 3.2, 9), dz_um) == pytest.approx(1, abs=2e-3)


@given(st.floats(-400, 400), st.floats(0, 5))
def test_intensity_is_finite_and_not_negative(dz_um: float, r_radii: float) -> None:
    assert 0 <= float(profile(r_radii, dz_um)) < 5


def test_profile_is_smooth_at_the_centre() -> None:
    dz_um = np.linspace(-300, 300, 41)[:, None]
    first, second = np.diff(profile([0, 1e-4, 2e-4], dz_um)).T
    assert np.abs(first).max() < 1e-3
    assert np.abs(second).max() < 1e-3


@pytest.mark.parametrize("dz_um", [15.0, 45.0, 90.0, 180.0, 300.0])
def test_above_is_unlike_below(dz_um: float) -> None:
    r_radii = np.linspace(0, 3, 61)
    difference = profile(r_radii, dz_um) - profile(r_radii, -dz_um)
    assert np.abs(difference).max() > 0.03


def test_halo_below_and_bright_centre_above() -> None:
    outside = np.linspace(1.0, 2.0, 51)
    assert profile(outside, -60.0).max() > 1.05 > 1.02 > profile(outside, 60.0).max()
    inside = np.linspace(0.1, 0.6, 26)
    assert profile(inside, 60.0).mean() > profile(inside, -60.0).mean() + 0.05


def test_every_distance_has_its_own_profile() -> None:
    """No two distances 10 um apart look alike, so that one image tells dZ over the whole range."""
    dz_um = np.arange(-300, 301, 5.0)
    profiles = profile(np.linspace(0, 3, 61), dz_um[:, None])
    rms = np.sqrt(((profiles[:, None] - profiles) ** 2).mean(axis=2))
    apart = np.abs(np.subtract.outer(dz_um, dz_um)) >= 10
    assert rms[apart].min() > 0.005


def test_axial_lengths_scale_with_the_depth_of_field(a2k: Instrument) -> None:
    assert SCATTER.depth_of(a2k) == 40
    assert BeadScatter(depth_um=12).depth_of(a2k) == 12
    r_radii = np.linspace(0, 3, 31)
    np.testing.assert_allclose(profile(r_radii, 60.0, 40.0), profile(r_radii, 12.0, 8.0))
