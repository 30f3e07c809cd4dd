"""Scattering by a sphere: Mie's partial waves and their sums.

References
----------
C. F. Bohren and D. R. Huffman, *Absorption and Scattering of Light by Small Particles* (1983),
chapter 4; signs and time factor ``exp(-i omega t)`` are theirs.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from refp.core.arrays import FloatArray

ComplexArray: TypeAlias = npt.NDArray[np.complexfloating[Any, Any]]


@dataclass(frozen=True, slots=True)
class Sphere:
    """A homogeneous sphere.

    Attributes
    ----------
    radius_um
        Radius, um.
    index
        Refractive index at 0.589 um; the imaginary part, positive, absorbs.
    abbe_number
        Dispersion, ``(n_D - 1) / (n_F - n_C)``.
    """

    radius_um: float
    index: complex
    abbe_number: float


@dataclass(frozen=True, slots=True)
class PartialWaves:
    """The partial waves of one sphere at one wavelength.

    Attributes
    ----------
    a, b
        Shape ``(n,)``, complex: electric and magnetic coefficients of orders 1 to ``n``.
    size
        Circumference of the sphere in wavelengths of the medium.
    """

    a: ComplexArray
    b: ComplexArray
    size: float

    def extinction(self) -> float:
        """Return the extinction efficiency, in cross sections of the sphere (eq. 4.62)."""
        return 2.0 / self.size**2 * float(self._weights() @ (self.a + self.b).real)

    def scattering(self) -> float:
        """Return the scattering efficiency, in cross sections of the sphere (eq. 4.61)."""
        power = np.abs(self.a) ** 2 + np.abs(self.b) ** 2
        return 2.0 / self.size**2 * float(self._weights() @ power)

    def amplitudes(self, cosine: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """Return the amplitudes that preserve and invert the handedness of circular light.

        Parameters
        ----------
        cosine
            Cosine of the scattering angle, of any shape.

        Returns
        -------
        tuple of ndarray
            ``(S1 + S2) / 2`` and ``(S1 - S2) / 2`` (eq. 4.74).
        """
        before, angular = np.zeros_like(cosine), np.ones_like(cosine)
        kept: ComplexArray = np.zeros(cosine.shape, dtype=complex)
        turned: ComplexArray = np.zeros(cosine.shape, dtype=complex)
        for n, a, b in zip(range(1, len(self.a) + 1), self.a, self.b, strict=True):
            tau = n * cosine * angular - (n + 1) * before
            factor = (n + 0.5) / (n * (n + 1))
            kept = kept + factor * (a + b) * (angular + tau)
            turned = turned + factor * (a - b) * (angular - tau)
            before, angular = angular, ((2 * n + 1) * cosine * angular - (n + 1) * before) / n
        return kept, turned

    def _weights(self) -> FloatArray:
        return 2.0 * np.arange(1, len(self.a) + 1) + 1


def partial_waves(
    radius_um: float, index: complex, medium_index: float, wavelength_um: float
) -> PartialWaves:
    """Compute the partial waves of a sphere.

    Parameters
    ----------
    radius_um
        Radius, um.
    index, medium_index
        Refractive indices of sphere and medium at this wavelength.
    wavelength_um
        Wavelength in vacuum, um.
    """
    import miepython  # takes longer to import than the rest of this subpackage

    size = 2 * np.pi * medium_index * radius_um / wavelength_um
    # Bohren and Huffman write absorption as a positive imaginary part, miepython as a negative one.
    a, b = miepython.an_bn(np.conj(index) / medium_index, size, 0)
    return PartialWaves(np.asarray(a), np.asarray(b), size)
