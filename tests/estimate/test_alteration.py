"""Contrast and blur of altered images, found together with dZ."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.arrays import FloatArray
from refp.estimate.alteration import (
    find_blur,
    find_contrast,
    find_gamma,
    is_filtered,
    match_altered,
    restore_gamma,
)
from refp.models.card import BeadInputs, PixelNoise
from refp.models.lookup import Lookup, make_lookup
from refp.plane.plane import PooledStack
from refp.settings import LookupSettings

RADIUS = np.arange(26) * 0.1
DZ_UM = np.linspace(-60.0, 60.0, 241)
SD = 0.004
WHITE = 255.0


def profile_at(dz_um: FloatArray) -> FloatArray:
    """A dark disc whose depth, width and ring change with dZ, over background."""
    z = np.asarray(dz_um)[:, None] / 40.0
    disc = (0.5 + 0.2 * z) / (1 + np.exp((RADIUS - 1.0 - 0.1 * z) / (0.06 + 0.05 * z**2)))
    return 1.0 - disc + 0.15 * z * np.exp(-(((RADIUS - 0.4) / 0.3) ** 2))


@pytest.fixture(scope="module")
def lookup() -> Lookup:
    mean = profile_at(DZ_UM)
    found = make_lookup(PooledStack(DZ_UM, RADIUS, mean, np.full_like(mean, SD)), LookupSettings())
    assert isinstance(found, Lookup)
    return found


def beads(dz_um: float, n: int = 8, change: Callable[[FloatArray], FloatArray] | None = None):
    profile = profile_at(np.full(n, dz_um))
    profile = profile + SD * np.random.default_rng(3).normal(size=profile.shape)
    profile = profile if change is None else change(profile)  # after the camera: the noise as well
    return BeadInputs(
        profile=profile,
        saturated=np.zeros(profile.shape, dtype=np.bool_),
        light=np.full(n, 60.0),
        black_level=np.zeros(n),
        noise=np.ones(n),
        whiteness=np.ones(n),
        pixels=np.empty((n, 0, 0)),
        offset_px=np.zeros((n, 2)),
    )


@pytest.mark.parametrize("contrast", [0.5, 0.83, 1.0, 1.4, 3.0])
@pytest.mark.parametrize("dz_um", [-35.0, 8.0, 40.0])
def test_contrast_is_found_with_dz(lookup: Lookup, contrast: float, dz_um: float) -> None:
    inputs = beads(dz_um, change=lambda p: 1.0 - contrast * (1.0 - p))
    found = find_contrast(lookup, inputs)
    assert abs(found.contrast - contrast) < max(4 * found.contrast_u, 0.01 * contrast)
    assert found.blur_radii2 == 0.0
    at, low, high = (
        float(np.median(match_altered(lookup, inputs, altered).dz_um))
        for altered in (found, *found.ends)
    )
    assert abs(at - dz_um) < 4 * abs(high - low) / 2 + 0.3


def test_beads_beyond_the_stack_have_no_part_in_the_contrast(lookup: Lookup) -> None:
    within, beyond = beads(-50.0).profile, profile_at(np.full(3, -80.0))
    inputs = replace(
        beads(-50.0, n=11),
        profile=np.concatenate([beyond, within]),
        saturated=np.zeros((11, len(RADIUS)), dtype=np.bool_),
    )
    found = find_contrast(lookup, inputs, fits=True)
    alone = find_contrast(lookup, beads(-50.0), fits=True)
    assert found == alone
    assert abs(found.contrast - 1.0) < 4 * found.contrast_u


def with_gamma(inputs: BeadInputs, gamma: float, black: float) -> BeadInputs:
    """Raise the grey levels of beads, over white and with those of black, to a power."""
    light = float(inputs.light[0])
    shown, background = (
        WHITE * ((value * light + black) / WHITE) ** gamma for value in (inputs.profile, 1.0)
    )
    return replace(
        inputs,
        profile=(shown - black) / (background - black),
        light=np.full(len(shown), background - black),
        black_level=np.full(len(shown), black),
    )


@pytest.mark.parametrize("black", [0.0, 3.0])
@pytest.mark.parametrize("gamma", [0.8, 1.0, 1.3])
def test_a_change_of_gamma_is_undone(gamma: float, black: float) -> None:
    original = beads(5.0)
    altered = with_gamma(original, gamma, black)
    restored, log_slope = restore_gamma(altered, gamma, WHITE)
    np.testing.assert_allclose(restored.profile, original.profile, atol=1e-12)
    brighter = replace(altered, profile=altered.profile + 1e-6)
    slope = (restore_gamma(brighter, gamma, WHITE)[0].profile - restored.profile) / 1e-6
    np.testing.assert_allclose(np.exp(log_slope), slope, rtol=1e-4)


@given(
    gamma=st.floats(0.5, 2.0),
    light=st.floats(0.1, 1e5),
    black=st.floats(0.0, 300.0),
)
def test_any_image_can_be_compared_with_a_change_of_gamma(
    gamma: float, light: float, black: float
) -> None:
    inputs = replace(beads(5.0), light=np.full(8, light), black_level=np.full(8, black))
    restored, log_slope = restore_gamma(inputs, gamma, WHITE)
    assert np.isfinite(restored.profile).all()
    assert np.isfinite(log_slope).all()


@pytest.mark.parametrize("black", [0.0, 3.0])
@pytest.mark.parametrize("dz_um", [-35.0, 8.0, 40.0])
def test_gamma_and_contrast_are_told_apart(dz_um: float, black: float) -> None:
    """Of beads that are both darker and brighter than the background."""

    def with_core(profile: FloatArray, at_um: FloatArray) -> FloatArray:
        core = 1.5 / (1.0 + (at_um / 30.0) ** 2)
        return profile + core[:, None] * np.exp(-((RADIUS / 0.3) ** 2))

    mean = with_core(profile_at(DZ_UM), DZ_UM)
    lookup = Lookup(PooledStack(DZ_UM, RADIUS, mean, np.full_like(mean, SD)), LookupSettings())

    def found(inputs: BeadInputs) -> float:
        return find_gamma(lookup, inputs, find_contrast(lookup, inputs), WHITE)

    shown = beads(dz_um)
    profile = with_core(shown.profile, np.full(8, dz_um))
    dark = replace(shown, profile=profile, black_level=np.full(8, black))
    for contrast in (0.8, 1.0, 1.2):
        assert found(replace(dark, profile=1.0 - contrast * (1.0 - dark.profile))) == 1.0
    for gamma in (0.8, 1.2):
        altered = with_gamma(dark, gamma, black)
        assert found(altered) == pytest.approx(gamma, abs=0.05)
        altered.profile[0] = 1.0  # no bead at all: it has no part
        assert found(altered) == pytest.approx(gamma, abs=0.05)


@pytest.mark.parametrize("blur_radii2", [-0.0008, 0.0, 0.0012, 0.002])
def test_blur_is_found(lookup: Lookup, blur_radii2: float) -> None:
    def blurred(profile: FloatArray) -> FloatArray:
        return (
            lookup.blurred(blur_radii2)
            ._mean[[int(np.argmin(np.abs(DZ_UM - 20.0)))]]
            .repeat(len(profile), axis=0)
        )

    found = find_blur(lookup, beads(20.0, change=blurred))
    assert found.contrast == 1.0
    low, high = found.ends  # also where the best blur is none
    assert low.blur_radii2 < found.blur_radii2 < high.blur_radii2
    assert low.contrast == high.contrast == 1.0
    assert abs(found.blur_radii2 - blur_radii2) < max(4 * found.blur_u, 0.0004)


def test_rings_of_neighbours_about_most_beads_are_no_filter() -> None:
    """Whiteness of six beads among cells, and of six in an image blurred by half a pixel."""
    usual = PixelNoise(floor=1.0, gain=0.0, spread=0.01, whiteness=1.0)
    among_cells = np.array([0.82, 0.99, 0.27, 0.58, 0.76, 0.64])
    blurred = np.array([0.75, 0.76, 0.76, 0.73, 0.79, 0.75])
    assert not is_filtered(replace(beads(0.0, n=6), whiteness=among_cells), usual)
    assert is_filtered(replace(beads(0.0, n=6), whiteness=blurred), usual)


def test_noise_is_compared_with_that_of_the_training() -> None:
    inputs, usual = beads(0.0), PixelNoise(floor=1.0, gain=0.0, spread=0.01, whiteness=1.0)
    n = len(inputs)
    compressed = replace(inputs, whiteness=np.full(n, 0.5))
    assert not is_filtered(inputs, usual)
    assert is_filtered(compressed, usual)
    assert is_filtered(replace(inputs, whiteness=np.full(n, 1.4)), usual)
    unknown = replace(inputs, whiteness=np.full(n, np.nan))
    assert not is_filtered(unknown, usual)
    assert is_filtered(replace(unknown, noise=np.zeros(n)), usual)  # smoothed away
    assert not is_filtered(replace(unknown, noise=np.full(n, np.nan)), usual)
    assert not is_filtered(
        compressed, usual.replace("whiteness", 0.52)
    )  # a lab that compresses all
