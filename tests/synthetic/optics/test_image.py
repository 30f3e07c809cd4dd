"""Images against closed forms, energy, a direct sum over plane waves, and finer sampling."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import j1

from refp.synthetic import as_instrument
from refp.synthetic.optics import (
    Material,
    Microscope,
    Sampling,
    Sphere,
    image_radially,
    make_microscope,
    partial_waves,
    sampling_for,
)
from refp.synthetic.optics.image import image_change

WAVELENGTH_UM = 0.55
WAVENUMBER = 2 * np.pi / WAVELENGTH_UM
AIR = Material(1.0, 1e9)
WATER = Material(1.333, 1e9)
FINE = Sampling(1, 1, 600)
ON_AXIS = 1e-4
"""A condenser stopped down to a point."""


def microscope(na: float, condenser_na: float = ON_AXIS, medium: Material = AIR) -> Microscope:
    return Microscope(na, condenser_na, WAVELENGTH_UM, 0.0, medium, Material(1.52, 1e9), 0.0)


def change(
    amplitude: object,
    scope: Microscope,
    z_um: np.ndarray,
    r_um: np.ndarray,
    sampling: Sampling = FINE,
    radius_um: float = 10.0,
) -> np.ndarray:
    """Intensity less background, shape ``(z, r)``."""
    return image_change(amplitude, radius_um, scope, WAVELENGTH_UM, z_um, r_um, sampling).T


def test_a_point_is_an_airy_pattern() -> None:
    na, strength = 0.1, 1e-3
    r_um = np.linspace(0, 12, 60)
    v = WAVENUMBER * na * np.maximum(r_um, 1e-9)
    field = -strength * na**2 / 2 * 2 * j1(v) / v
    found = change(lambda c: np.full(c.shape, strength + 0j), microscope(na), np.zeros(1), r_um)[0]
    np.testing.assert_allclose(found, 2 * field, atol=0.004 * abs(2 * field).max())


def test_a_point_fades_along_the_axis() -> None:
    na, strength = 0.1, 1e-3
    z_um = np.linspace(-400, 400, 81)
    found = change(lambda c: np.full(c.shape, strength + 0j), microscope(na), z_um, np.zeros(1))
    half = WAVENUMBER * z_um * na**2 / 4
    field = -strength * na**2 / 2 * np.sinc(half / np.pi) * np.exp(1j * half)
    np.testing.assert_allclose(found[:, 0], 2 * field.real, atol=0.01 * strength * na**2)


@pytest.mark.parametrize("z_um", [-300.0, -180.0, 150.0, 420.0])
def test_a_thin_phase_disc_is_fresnels(z_um: float) -> None:
    """On the axis, light diffracted at the edge of the disc interferes with transmitted light."""
    radius_um, phase = 10.0, 0.01

    def disc(cosine: np.ndarray) -> np.ndarray:
        x = np.maximum(WAVENUMBER * radius_um * np.sqrt(1 - cosine**2), 1e-9)
        return -1j * phase * (WAVENUMBER * radius_um) ** 2 / 2 * 2 * j1(x) / x

    found = change(disc, microscope(0.4), np.array([z_um]), np.zeros(1))[0, 0]
    turn = WAVENUMBER * radius_um**2 / (2 * -z_um)  # the focal plane below the disc: downstream
    assert found == pytest.approx(2 * phase * np.sin(turn), abs=0.06 * phase)


def test_the_missing_light_is_the_extinction_of_the_sphere() -> None:
    """Energy: extinction less the light that is scattered into the pupil, at any focus."""
    radius_um, na = 2.0, 0.3
    waves = partial_waves(radius_um, 1.45, 1.333, WAVELENGTH_UM)
    # A wide smooth window over the image separates the forward wave from the fringes.
    window_um = 80.0
    r_um = np.arange(0, 4 * window_um, 0.1)
    window = np.exp(-0.5 * (r_um / window_um) ** 2)
    scope = microscope(na, medium=WATER)
    lacks = -change(
        lambda c: waves.amplitudes(c)[0], scope, np.array([-15.0, 0.0, 15.0]), r_um, radius_um=2.0
    )
    total = (lacks * window * 2 * np.pi * r_um * 0.1).sum(axis=1)
    angle = np.linspace(0, np.arcsin(na / 1.333), 4001)
    kept = waves.amplitudes(np.cos(angle))[0]
    wavenumber = WAVENUMBER * 1.333
    collected = 2 * np.pi / wavenumber**2 * np.trapezoid(np.abs(kept) ** 2 * np.sin(angle), angle)
    taken = waves.extinction() * np.pi * radius_um**2
    assert total == pytest.approx(taken - collected, rel=0.005)


def test_the_sum_over_rotations_is_the_sum_over_plane_waves() -> None:
    """One ring of the condenser, summed wave by wave and averaged over the image's azimuth."""
    radius_um, scope = 3.0, microscope(0.25, 0.2, WATER)
    waves = partial_waves(radius_um, 1.5, 1.333, WAVELENGTH_UM)

    def amplitude(cosine: np.ndarray) -> np.ndarray:
        return waves.amplitudes(np.clip(cosine, -1, 1))[0]

    z_um, r_um = np.array([-15.0, 4.0]), np.array([0.0, 1.0, 2.7, 4.0])
    found = change(amplitude, scope, z_um, r_um, Sampling(1, 1, 60), radius_um)
    np.testing.assert_allclose(found, _plane_waves(amplitude, scope, z_um, r_um), atol=2e-4)


def _plane_waves(
    amplitude: object, scope: Microscope, z_um: np.ndarray, r_um: np.ndarray
) -> np.ndarray:
    node, weight = np.polynomial.legendre.leggauss(60)
    sine, width = scope.numerical_aperture * (node + 1) / 2, scope.numerical_aperture * weight / 2
    azimuth = 2 * np.pi * np.arange(96) / 96
    source = scope.condenser_na * np.sqrt(0.5)
    index = 1.333
    cos, source_cos = np.sqrt(1 - (sine / index) ** 2), np.sqrt(1 - (source / index) ** 2)
    toward = cos[:, None] * source_cos + np.outer(sine, np.cos(azimuth)) * source / index**2
    power = -amplitude(toward) / (2 * np.pi * index**2)
    power *= (sine * width / np.sqrt(cos * source_cos))[:, None] * (2 * np.pi / 96)
    kx, ky = np.outer(sine, np.cos(azimuth)), np.outer(sine, np.sin(azimuth))
    result = np.zeros((len(z_um), len(r_um)))
    for i, z in enumerate(z_um):
        lag = np.exp(-1j * WAVENUMBER * z * np.sqrt(1 - sine**2))[:, None]
        for j, r in enumerate(r_um):
            seen = []
            for turn in 2 * np.pi * np.arange(48) / 48:
                x, y = r * np.cos(turn), r * np.sin(turn)
                scattered = np.sum(power * lag * np.exp(1j * WAVENUMBER * (kx * x + ky * y)))
                direct = np.exp(1j * WAVENUMBER * (source * x - z * np.sqrt(1 - source**2)))
                seen.append(abs(direct + scattered) ** 2 - 1)
            result[i, j] = np.mean(seen)
    return result


@pytest.mark.parametrize("name", ["a2k", "nikon-ti2"])
def test_finer_sampling_changes_little(name: str) -> None:
    instrument = as_instrument(name)
    scope = make_microscope(instrument)
    sphere = Sphere(14.0, 1.59, 30.9)
    z_um = np.linspace(-10, 10, 9) * scope.depth_um
    r_um = np.linspace(0, 30, 61)
    usual = sampling_for(sphere, scope, z_um, r_um)
    finer = Sampling(3 * usual.n_wavelengths, 2 * usual.n_source, int(1.5 * usual.n_pupil))
    difference = image_radially(sphere, scope, z_um, r_um) - image_radially(
        sphere, scope, z_um, r_um, finer
    )
    assert np.sqrt(np.mean(difference**2)) < 2e-3
    assert np.abs(difference).max() < 0.03
    beyond_resonances = image_radially(
        sphere, scope, z_um, r_um, replace(finer, n_wavelengths=usual.n_wavelengths)
    ) - image_radially(sphere, scope, z_um, r_um)
    assert np.abs(beyond_resonances).max() < 2e-3


def test_a_sphere_of_the_index_of_its_medium_is_invisible() -> None:
    scope = microscope(0.3, 0.15, WATER)
    seen = image_radially(Sphere(5.0, 1.333, 1e9), scope, np.array([-20.0, 0.0]), np.arange(9.0))
    np.testing.assert_allclose(seen, 1.0, atol=1e-9)


def test_a_bead_focuses_light_below_its_centre() -> None:
    """A ball lens: light comes from above, so that its focus is below its centre."""
    scope = make_microscope(as_instrument("a2k"))
    z_um = np.linspace(-120, 120, 25)
    center = image_radially(Sphere(14.0, 1.59, 30.9), scope, z_um, np.array([0.0, 60.0]))[:, 0]
    # Thick-lens focus of a ball, nD / 4 (n - 1), from its centre, in air lengths.
    relative = 1.59 / 1.333
    focus_um = relative * 28.0 / (4 * (relative - 1)) / 1.333
    assert z_um[center.argmax()] == pytest.approx(-focus_um, rel=0.4)
    assert center.max() > 2


def test_light_through_an_absorbing_sphere_fades() -> None:
    """At its focus the transmission of a stained cell follows its thickness (Beer-Lambert law)."""
    scope = microscope(0.4, 0.05, WATER)
    sphere = Sphere(6.0, 1.333 + 0.003j, 1e9)
    center = image_radially(sphere, scope, np.zeros(1), np.array([0.0, 20.0]))[0, 0]
    assert center == pytest.approx(np.exp(-4 * np.pi * 0.003 * 12.0 / WAVELENGTH_UM), abs=0.06)
