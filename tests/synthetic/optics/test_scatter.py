"""Partial waves against published values, miepython, energy and the exact field on the axis."""

import miepython
import numpy as np
import pytest
from scipy.special import spherical_jn, spherical_yn

from refp.synthetic.optics import PartialWaves, partial_waves


def waves_of(size: float, index: complex) -> PartialWaves:
    """A sphere in vacuum whose circumference is ``size`` wavelengths."""
    return partial_waves(size / (2 * np.pi), index, 1.0, 1.0)


@pytest.mark.parametrize(
    ("index", "size", "extinction", "scattering"),
    [
        # Wiscombe, Mie scattering calculations, NCAR/TN-140+STR (1979), table of test cases.
        (0.75, 0.099, 7.417859e-06, 7.417859e-06),
        (0.75, 10.0, 2.232265, 2.232265),
        (0.75, 1000.0, 1.997908, 1.997908),
        (1.5, 10.0, 2.881999, 2.881999),
        (1.5, 100.0, 2.094388, 2.094388),
        (1.5, 1000.0, 2.013945, 2.013945),
        (1.33 + 1e-5j, 100.0, 2.101321, 2.096594),
        (1.5 + 1j, 1.0, 2.336321, 0.663454),
        (1.5 + 1j, 100.0, 2.097502, 1.283697),
        # Bohren and Huffman (1983), appendix A.
        (1.55, 2 * np.pi * 0.525 / 0.6328, 3.10543, 3.10543),
    ],
)
def test_published_efficiencies(
    index: complex, size: float, extinction: float, scattering: float
) -> None:
    waves = waves_of(size, index)
    assert waves.extinction() == pytest.approx(extinction, rel=2e-6)
    assert waves.scattering() == pytest.approx(scattering, rel=2e-6)


@pytest.mark.parametrize(("index", "size"), [(1.19, 213.0), (1.02, 70.0), (1.02 + 0.002j, 60.0)])
def test_amplitudes_are_miepythons(index: complex, size: float) -> None:
    cosine = np.cos(np.linspace(0, np.pi, 101))
    # Its time factor has the opposite sign: conjugate.
    first, second = np.conj(miepython.S1_S2(np.conj(index), size, cosine, norm="wiscombe"))
    kept, turned = waves_of(size, index).amplitudes(cosine)
    largest = np.abs(first).max()
    np.testing.assert_allclose(kept, (first + second) / 2, atol=1e-9 * largest)
    np.testing.assert_allclose(turned, (first - second) / 2, atol=1e-9 * largest)


@pytest.mark.parametrize("index", [1.19, 1.02, 1.02 + 0.002j])
def test_optical_theorem(index: complex) -> None:
    waves = waves_of(60.0, index)
    forward = waves.amplitudes(np.array([1.0]))[0][0]
    assert waves.extinction() == pytest.approx(4 / waves.size**2 * forward.real, rel=1e-12)


@pytest.mark.parametrize("index", [1.19, 1.02 + 0.002j])
def test_the_scattered_light_is_conserved(index: complex) -> None:
    waves = waves_of(60.0, index)
    cosine, weight = np.polynomial.legendre.leggauss(200)
    kept, turned = waves.amplitudes(cosine)
    power = 2 * float(weight @ (np.abs(kept) ** 2 + np.abs(turned) ** 2)) / waves.size**2
    assert power == pytest.approx(waves.scattering(), rel=1e-9)


@pytest.mark.parametrize(("radius_um", "index"), [(14.0, 1.59), (6.0, 1.37)])
def test_hardly_any_light_changes_its_handedness(radius_um: float, index: float) -> None:
    """The part neglected in images, for an objective of NA 0.4 and a condenser of NA 0.22."""
    waves = partial_waves(radius_um, index, 1.333, 0.55)
    angle = np.linspace(0, np.arcsin(0.4 / 1.333) + np.arcsin(0.22 / 1.333), 4001)
    kept, turned = (np.abs(part) ** 2 @ np.sin(angle) for part in waves.amplitudes(np.cos(angle)))
    assert turned < 5e-4 * kept


@pytest.mark.parametrize("distance", [1.5, 2.0, 5.0])
def test_field_on_the_axis_is_the_closed_form(distance: float) -> None:
    """Plane waves, evanescent ones too, add up to Mie's field behind the sphere."""
    waves = waves_of(60.0, 1.19)
    at = distance * waves.size
    angle, weight = _gauss(0.0, np.pi / 2, 1200)
    summed = np.sum(weight * np.sin(angle) * _wave_on_axis(waves, np.cos(angle), at))
    depth, weight = _gauss(0.0, 1.0, 1200)
    summed -= 1j * np.sum(weight * np.cosh(depth) * _wave_on_axis(waves, 1j * np.sinh(depth), at))
    assert -summed == pytest.approx(_field_on_axis(waves, at), abs=1e-6)


def _wave_on_axis(waves: PartialWaves, cosine: np.ndarray, at: float) -> np.ndarray:
    """Contribution of a plane wave of the spectrum to the field along x."""
    kept, turned = waves.amplitudes(cosine)
    return ((kept - turned) * cosine + kept + turned) / 2 * np.exp(1j * at * cosine)


def _gauss(low: float, high: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    node, weight = np.polynomial.legendre.leggauss(n)
    return low + (high - low) * (node + 1) / 2, weight * (high - low) / 2


def _field_on_axis(waves: PartialWaves, at: float) -> complex:
    """Bohren and Huffman, eq. 4.45, at angle 0; ``at`` is the distance times the wavenumber."""
    n = np.arange(1, len(waves.a) + 1)
    outgoing = spherical_jn(n, at) + 1j * spherical_yn(n, at)
    slope = spherical_jn(n, at, True) + 1j * spherical_yn(n, at, True)
    electric, magnetic = outgoing / at + slope, outgoing
    total = np.sum(1j**n * (n + 0.5) * (1j * waves.a * electric - waves.b * magnetic))
    return complex(total)
