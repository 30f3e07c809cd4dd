"""Image of a scattering object through an objective, illuminated by a cone of incoherent light.

Each point of the condenser's aperture emits a plane wave. Its transmitted and scattered parts pass the
pupil and interfere in the image; the intensities of points and wavelengths are added. The average over
the azimuth of the condenser is exact: it is the sum of squares over orders ``m`` of rotation of the
image, with a Hankel transform for the field of each.

References
----------
M. Born and E. Wolf, *Principles of Optics*, 10.6 (partial coherence); P. Török, P. R. T. Munro and
E. E. Kriezis, *J. Opt. Soc. Am. A* 23, 713 (2006), for spheres in high-aperture microscopes. Here
light keeps its handedness: the part whose handedness the sphere inverts is neglected, under 0.05 % of the
scattered light at apertures up to 0.4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import jv

from refp.core.arrays import FloatArray
from refp.synthetic.optics.kernel import add_intensity
from refp.synthetic.optics.microscope import Microscope, dispersion
from refp.synthetic.optics.scatter import ComplexArray, PartialWaves, Sphere, partial_waves

Amplitude = Callable[[FloatArray], ComplexArray]
"""Scattering amplitude ``S`` of Bohren and Huffman as a function of the cosine of the angle."""

SPECTRUM_SIGMAS = 2.5
PHASE_STEP_RAD = 2.6
"""Phase step of the path through the sphere between wavelengths; above pi the sum would alias."""
BESSEL_STEP = 0.01
"""Step of the linearly interpolated table of Bessel functions; the error is at most 1.3e-5."""
TABLE_REACH = 50.0
"""Ranges of tables are multiples of this."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling of the sums of an image.

    Attributes
    ----------
    n_wavelengths, n_source, n_pupil
        Number of wavelengths, of rings of the condenser's aperture and of rings of the pupil.
    """

    n_wavelengths: int
    n_source: int
    n_pupil: int


def sampling_for(
    sphere: Sphere, microscope: Microscope, z_um: FloatArray, r_um: FloatArray
) -> Sampling:
    """Return a sampling for an error of the image of about a thousandth of background.

    The remaining error depends on whether a wavelength coincides with a narrow resonance of the sphere;
    beads that are not perfect spheres hardly have resonances. Finer sampling would coincide with others.
    """
    wavenumber = 2 * np.pi / microscope.wavelength_um
    na, condenser = microscope.numerical_aperture, microscope.condenser_na
    contrast = abs(sphere.index.real - microscope.medium.index)
    path_rad = 2 * wavenumber * sphere.radius_um * contrast
    spread_rad = path_rad * microscope.wavelength_sd_um / microscope.wavelength_um
    # Phases over the aperture, lateral and axial, in steps of half a cycle.
    across = wavenumber * (float(r_um.max()) + sphere.radius_um) * na
    along = wavenumber * float(np.abs(z_um).max()) * na**2 / 2
    return Sampling(
        n_wavelengths=max(5, int(np.ceil(2 * SPECTRUM_SIGMAS * spread_rad / PHASE_STEP_RAD)) + 1),
        n_source=max(6, int(np.ceil(0.6 * wavenumber * sphere.radius_um * condenser)) + 2),
        n_pupil=24 + int(np.ceil(0.4 * (across + along))),
    )


def image_radially(
    sphere: Sphere,
    microscope: Microscope,
    z_um: FloatArray,
    r_um: FloatArray,
    sampling: Sampling | None = None,
) -> FloatArray:
    """Return the intensity of a sphere's image over background, in straight light and without coma.

    Parameters
    ----------
    sphere
        The sphere.
    microscope
        The microscope.
    z_um
        Shape ``(z,)``: stage position, positive for a focal plane above the sphere's centre.
    r_um
        Shape ``(r,)``: distance from the image's centre, not negative.
    sampling
        Sampling of the sums; default: :func:`sampling_for`.

    Returns
    -------
    ndarray
        Shape ``(z, r)``, intensity over background.
    """
    sampling = sampling or sampling_for(sphere, microscope, z_um, r_um)
    change = np.zeros((len(r_um), len(z_um)))
    for wavelength_um, weight in zip(*spectrum(microscope, sampling), strict=True):
        amplitude = amplitude_of(sphere, microscope, float(wavelength_um))
        change += weight * image_change(
            amplitude, sphere.radius_um, microscope, float(wavelength_um), z_um, r_um, sampling
        )
    return np.asarray(1 + change.T)


def image_change(
    amplitude: Amplitude,
    radius_um: float,
    microscope: Microscope,
    wavelength_um: float,
    z_um: FloatArray,
    r_um: FloatArray,
    sampling: Sampling,
) -> FloatArray:
    """Return the change of the image by an object of rotational symmetry, at one wavelength.

    Parameters
    ----------
    amplitude
        Scattering amplitude of the object.
    radius_um
        Radius of the object.
    microscope, z_um, r_um, sampling
        As in :func:`image_radially`.
    wavelength_um
        Wavelength in vacuum.

    Returns
    -------
    ndarray
        Shape ``(r, z)``: intensity over background, less 1.
    """
    wavenumber = 2 * np.pi / wavelength_um
    sine, width = _rings(microscope.numerical_aperture, sampling.n_pupil)
    source, fraction = source_rings(microscope.condenser_na, sampling.n_source)
    index = microscope.medium.index_at(wavelength_um)
    cosine, source_cosine = np.sqrt(1 - (sine / index) ** 2), np.sqrt(1 - (source / index) ** 2)
    n_orders = int(np.ceil(1.05 * wavenumber * radius_um * microscope.condenser_na + 8)) + 1
    orders = _rotation_orders(amplitude, sine / index, source / index, n_orders)
    # Aplanatic: an area of the pupil carries the power of the corresponding solid angle at the object.
    measure = -sine * width / index**2 / np.sqrt(np.outer(source_cosine, cosine))
    waves = np.exp(1j * microscope.phase(sine, z_um, wavelength_um)).T[:, None, :]
    direct = np.exp(1j * microscope.phase(source, z_um, wavelength_um)).T.astype(np.complex64)
    change = np.zeros((len(r_um), len(z_um)))
    for m in range(n_orders):
        pupil = ((measure * orders[:, :, m]).T[:, :, None] * waves).astype(np.complex64, order="C")
        kernel = bessel(m, wavenumber * np.outer(r_um, sine))
        scattered = kernel @ pupil.reshape(len(sine), -1).view(np.float32)
        add_intensity(
            change,
            scattered.view(np.complex64).reshape(len(r_um), len(source), len(z_um)),
            bessel(m, wavenumber * np.outer(r_um, source)),
            direct,
            fraction * (1.0 if m == 0 else 2.0),
        )
    return change


def bessel(m: int, x: FloatArray) -> FloatArray:
    """Return ``J_m(x)`` for non-negative ``x``, in single precision and contiguous."""
    table = _bessel_table(m, int(np.ceil(x.max() / TABLE_REACH)) + 1)
    return np.interp(x, np.arange(len(table)) * BESSEL_STEP, table).astype(np.float32)


@lru_cache(maxsize=512)
def _bessel_table(m: int, n_reaches: int) -> FloatArray:
    return np.asarray(jv(m, np.arange(n_reaches * TABLE_REACH / BESSEL_STEP) * BESSEL_STEP))


def amplitude_of(sphere: Sphere, microscope: Microscope, wavelength_um: float) -> Amplitude:
    """Return the amplitude that preserves the handedness of light, from a spline in the angle."""
    waves = waves_at(sphere, microscope, wavelength_um)
    index = microscope.medium.index_at(wavelength_um)
    largest = sum(
        np.arcsin(na / index) for na in (microscope.numerical_aperture, microscope.condenser_na)
    )
    n = 50 + int(8 * len(waves.a) * largest / np.pi)
    angle = np.linspace(0.0, 1.01 * largest, n)
    spline = CubicSpline(angle, waves.amplitudes(np.cos(angle))[0])
    return lambda cosine: np.asarray(spline(np.arccos(np.clip(cosine, -1.0, 1.0))))


def waves_at(sphere: Sphere, microscope: Microscope, wavelength_um: float) -> PartialWaves:
    """Return the partial waves of a sphere in the medium of the microscope."""
    index = sphere.index + dispersion(sphere.index.real, sphere.abbe_number, wavelength_um)
    medium = microscope.medium.index_at(wavelength_um)
    return partial_waves(sphere.radius_um, index, medium, wavelength_um)


def spectrum(microscope: Microscope, sampling: Sampling) -> tuple[FloatArray, FloatArray]:
    """Return wavelengths in even steps, the best rule for a smooth spectrum, and their weights."""
    sigmas = np.linspace(-SPECTRUM_SIGMAS, SPECTRUM_SIGMAS, sampling.n_wavelengths)
    weight = np.exp(-0.5 * sigmas**2)
    return microscope.wavelength_um + microscope.wavelength_sd_um * sigmas, weight / weight.sum()


def _rings(na: float, n: int) -> tuple[FloatArray, FloatArray]:
    """Sines of the pupil's rings and their widths."""
    node, weight = np.polynomial.legendre.leggauss(n)
    return na * (node + 1) / 2, na * weight / 2


def source_rings(na: float, n: int) -> tuple[FloatArray, FloatArray]:
    """Return the sines of the rings of the source and their fractions of its light, evenly lit."""
    node, weight = np.polynomial.legendre.leggauss(n)
    return na * np.sqrt((node + 1) / 2), weight / 2


def _rotation_orders(
    amplitude: Amplitude, sine: FloatArray, source: FloatArray, n_orders: int
) -> ComplexArray:
    """Split the amplitude over the pupil into orders of rotation about the axis.

    Returns
    -------
    ndarray
        Shape ``(source, pupil, m)``, for ``m`` from 0; orders ``-m`` are equal.
    """
    azimuth = np.linspace(0.0, 2 * np.pi, 4 * n_orders, endpoint=False)
    along = np.sqrt(np.outer(1 - source**2, 1 - sine**2))[:, :, None]
    across = np.outer(source, sine)[:, :, None] * np.cos(azimuth)
    spectrum = np.fft.fft(amplitude(along + across), axis=2) / len(azimuth)
    return np.asarray(spectrum[:, :, :n_orders])
