"""Image of a sphere without rotational symmetry: tilted light, or an objective with coma.

The sums are those of :mod:`refp.synthetic.optics.image`, over points of the condenser's aperture and a
Cartesian grid of the pupil, from which a Fourier transform gives the field in the image. Their cost
increases with the number of points of the condenser, the square of its aperture times the radius of the
sphere in wavelengths: tilt and coma are for nearly coherent light or small beads.

References
----------
See :mod:`refp.synthetic.optics.image`.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from refp.core.arrays import FloatArray, IntArray
from refp.synthetic.optics.image import amplitude_of, sampling_for, source_rings, spectrum
from refp.synthetic.optics.microscope import Microscope
from refp.synthetic.optics.scatter import ComplexArray, Sphere

MIN_RINGS, MIN_AROUND = 3, 8
RINGS_PER_PHASE, AROUND_PER_PHASE = 0.5, 2.0
"""Rings of the condenser's aperture, and points on a ring, per radian of the phase that light from the ring
has at the rim of the sphere."""
STEPS_PER_WAVE = 4.0
"""Steps of the grid per wavelength over the aperture; intensities have half this period."""
MIN_STEPS_PER_PIXEL = 2
PERIOD = 1.3
"""Period of the transform over the width of the image."""
MARGIN = 1.15
"""Width of the image over that of the objective's cone of light from the sphere; fringes may be outside."""


@dataclass(frozen=True, slots=True)
class SphereImages:
    """Images of spheres of one kind through a microscope without rotational symmetry.

    Attributes
    ----------
    microscope
        The microscope.
    index, abbe_number
        Refractive index and dispersion of the spheres.
    """

    microscope: Microscope
    index: complex
    abbe_number: float

    def on_pixels(
        self,
        radius_um: float,
        index: float,
        z_um: float,
        shift_px: tuple[float, float],
        pixel_um: float,
    ) -> FloatArray:
        """Return the mean intensity over background on the pixels about a sphere.

        Parameters
        ----------
        radius_um, index
            Radius and refractive index of the sphere, whose absorption is that of its kind.
        z_um
            Stage position relative to the focus of the sphere's centre.
        shift_px
            Position ``(y, x)`` of the sphere's centre relative to the centre of the middle pixel.
        pixel_um
            Side of a pixel.

        Returns
        -------
        ndarray
            Shape ``(n, n)``, ``n`` odd; the pattern of the sphere ends within it.
        """
        scope = self.microscope
        reach_um = MARGIN * (radius_um + abs(z_um) * scope.spread)
        reach_um += 2 * scope.wavelength_um / scope.numerical_aperture
        longest_um = scope.wavelength_um / (STEPS_PER_WAVE * scope.numerical_aperture)
        per_pixel = max(MIN_STEPS_PER_PIXEL, math.ceil(pixel_um / longest_um))
        n_pixels = 2 * math.ceil(reach_um / pixel_um) + 1
        # The transform is periodic: with a longer period faint rings beyond the pattern do not overlap it.
        side = fft.next_fast_len(math.ceil(PERIOD * per_pixel * n_pixels))
        sphere = Sphere(radius_um, complex(index, self.index.imag), self.abbe_number)
        step_um = pixel_um / per_pixel
        middle = (per_pixel * n_pixels - 1) / 2
        center_um = [(middle + s * per_pixel) * step_um for s in shift_px]
        light = _intensity(sphere, scope, z_um, (center_um[0], center_um[1]), step_um, side)
        used = light[: per_pixel * n_pixels, : per_pixel * n_pixels]
        blocks = used.reshape(n_pixels, per_pixel, n_pixels, per_pixel)
        return np.asarray(blocks.mean(axis=(1, 3)))


@dataclass(frozen=True, slots=True)
class _Source:
    """One point of the condenser's aperture at one wavelength, and the light from it that is scattered.

    Attributes
    ----------
    weight
        Fraction of the light.
    sine
        Direction ``(y, x)``.
    scattered
        Shape ``(p,)``: amplitudes on the points of the pupil.
    """

    weight: float
    sine: FloatArray
    scattered: ComplexArray


@dataclass(frozen=True, slots=True)
class _Pupil:
    """Points of the grid inside the pupil at one wavelength, and the sources of this wavelength."""

    wavelength_um: float
    rows: tuple[IntArray, IntArray]
    sine: FloatArray
    sources: tuple[_Source, ...]


def _intensity(
    sphere: Sphere,
    microscope: Microscope,
    z_um: float,
    center_um: tuple[float, float],
    step_um: float,
    side: int,
) -> FloatArray:
    """Return the intensity over background on a grid from (0, 0), shape ``(side, side)``."""
    total = np.zeros((side, side))
    along = step_um * np.arange(side)
    for pupil in _pupils(sphere, microscope, step_um, side):
        wavenumber = 2 * np.pi / pupil.wavelength_um
        wave = np.exp(
            1j * _phase(microscope, pupil.sine, z_um, pupil.wavelength_um)
            - 1j * wavenumber * (pupil.sine @ np.array(center_um))
        )
        field = np.zeros((side, side), dtype=np.complex64)
        for source in pupil.sources:
            field[pupil.rows] = source.scattered * wave
            scattered = fft.ifft2(field) * side**2
            at = source.sine[None]
            start = float(_phase(microscope, at, z_um, pupil.wavelength_um)[0])
            direct = [
                np.exp(1j * (wavenumber * s * (along - c) + start / 2)).astype(np.complex64)
                for s, c in zip(source.sine, center_um, strict=True)
            ]
            total += source.weight * np.abs(scattered + np.outer(*direct)) ** 2
    return total


def _phase(
    microscope: Microscope, sine: FloatArray, z_um: float, wavelength_um: float
) -> FloatArray:
    """Return the phase of waves of directions ``(y, x)``, shape ``(n, 2)``, at the focal plane."""
    radial = np.hypot(*sine.T)
    defocus = microscope.phase(radial, np.array([z_um]), wavelength_um)[0]
    rho = radial / microscope.numerical_aperture
    # 3 r^3 - 2 r times cosine or sine of the azimuth.
    coma = (3 * rho**2 - 2) * (sine @ np.array(microscope.coma_waves))
    waves = coma / microscope.numerical_aperture * microscope.wavelength_um / wavelength_um
    return np.asarray(defocus + 2 * np.pi * waves)


@lru_cache(maxsize=2)
def _pupils(
    sphere: Sphere, microscope: Microscope, step_um: float, side: int
) -> tuple[_Pupil, ...]:
    """Return the scattering of a sphere into the pupil, for every wavelength and source."""
    none = np.zeros(1)
    sampling = sampling_for(sphere, microscope, none, none)
    points, fractions = _source_points(sphere, microscope)
    pupils = []
    for wavelength_um, weight in zip(*spectrum(microscope, sampling), strict=True):
        spacing = float(wavelength_um) / (side * step_um)
        axis = float(wavelength_um) * fft.fftfreq(side, step_um)
        sine_y, sine_x = np.meshgrid(axis, axis, indexing="ij")
        # Points at the rim count by the fraction of their cell inside the pupil.
        inside = np.clip(
            (microscope.numerical_aperture - np.hypot(sine_y, sine_x)) / spacing + 0.5, 0.0, 1.0
        )
        y, x = np.nonzero(inside)
        sine = np.column_stack([sine_y[y, x], sine_x[y, x]])
        index = microscope.medium.index_at(float(wavelength_um))
        scatter = amplitude_of(sphere, microscope, float(wavelength_um))
        cosine = np.sqrt(1 - np.minimum((sine**2).sum(axis=1) / index**2, 1.0))
        sources = []
        for point, fraction in zip(points, fractions, strict=True):
            source_cosine = math.sqrt(1 - float(point @ point) / index**2)
            angle = sine @ point / index**2 + cosine * source_cosine
            measure = -inside[y, x] * spacing**2 / (2 * np.pi * index**2)
            measure /= np.sqrt(np.maximum(cosine, 1e-3) * source_cosine)
            scattered = (measure * scatter(angle)).astype(np.complex64)
            sources.append(_Source(float(weight * fraction), point, scattered))
        pupils.append(_Pupil(float(wavelength_um), (y, x), sine, tuple(sources)))
    return tuple(pupils)


def _source_points(sphere: Sphere, microscope: Microscope) -> tuple[FloatArray, FloatArray]:
    """Return directions ``(y, x)`` of an evenly lit aperture, shape ``(n, 2)``, and their fractions.

    They are on rings about the axis of the cone, symmetric in both directions.
    """
    phase = 2 * np.pi / microscope.wavelength_um * sphere.radius_um * microscope.condenser_na
    sine, fraction = source_rings(
        microscope.condenser_na, max(MIN_RINGS, math.ceil(RINGS_PER_PHASE * phase))
    )
    points, weights = [], []
    for ring_sine, ring_fraction in zip(sine, fraction, strict=True):
        around = phase * ring_sine / microscope.condenser_na
        n = max(MIN_AROUND, 4 * math.ceil(AROUND_PER_PHASE * around / 4))
        azimuth = 2 * np.pi * (np.arange(n) + 0.5) / n
        points.append(ring_sine * np.column_stack([np.sin(azimuth), np.cos(azimuth)]))
        weights.append(np.full(n, ring_fraction / n))
    return np.concatenate(points) + np.array(microscope.tilt_na), np.concatenate(weights)
