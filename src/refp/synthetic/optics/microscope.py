"""Optical model of an instrument: objective, condenser, light and medium."""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.errors import RecipeError
from refp.settings import Instrument

LINE_D_UM, LINE_F_UM, LINE_C_UM = 0.5893, 0.4861, 0.6563
"""Wavelengths of the Fraunhofer lines to which index and Abbe number refer."""
FWHM_TO_SIGMA = 0.42466


@dataclass(frozen=True, slots=True)
class Material:
    """A transparent material.

    Attributes
    ----------
    index
        Refractive index at 0.589 um.
    abbe_number
        Dispersion, ``(n_D - 1) / (n_F - n_C)``.
    """

    index: float
    abbe_number: float

    def index_at(self, wavelength_um: float) -> float:
        """Return the refractive index at a wavelength in vacuum."""
        return self.index + dispersion(self.index, self.abbe_number, wavelength_um)


def dispersion(index: float, abbe_number: float, wavelength_um: float) -> float:
    """Return the index at a wavelength less that at 0.589 um (Cauchy's law)."""
    strength = (index - 1) / abbe_number / (LINE_F_UM**-2 - LINE_C_UM**-2)
    return strength * (wavelength_um**-2 - LINE_D_UM**-2)


@dataclass(frozen=True, slots=True)
class Microscope:
    """A dry objective that images a medium through a slide, with light from a condenser.

    Attributes
    ----------
    numerical_aperture, condenser_na
        Numerical apertures of the objective and of the cone of light.
    wavelength_um, bandwidth_um
        Middle and full width at half maximum of the light's spectrum, in vacuum.
    medium, slide
        Materials about the beads, and between them and the objective.
    slide_um
        Thickness of the slide that the objective is not corrected for.
    """

    numerical_aperture: float
    condenser_na: float
    wavelength_um: float
    bandwidth_um: float
    medium: Material
    slide: Material
    slide_um: float

    @property
    def depth_um(self) -> float:
        """Diffraction-limited depth of field: wavelength over the square of the aperture."""
        return self.wavelength_um / self.numerical_aperture**2

    @property
    def period_um(self) -> float:
        """Period of the finest detail that the objective resolves."""
        return self.wavelength_um / (self.numerical_aperture + self.condenser_na)

    @property
    def wavelength_sd_um(self) -> float:
        """Standard deviation of the spectrum, assumed to be Gaussian."""
        return FWHM_TO_SIGMA * self.bandwidth_um

    def phase(self, sine: FloatArray, z_um: FloatArray, wavelength_um: float) -> FloatArray:
        """Return the phase of plane waves at the focal plane.

        The stage moves the sample in air, so that axial lengths are lengths in air. The slide adds its
        spherical aberration, without the shift of focus.

        Parameters
        ----------
        sine
            Shape ``(s,)``, sine of the waves' angle in air.
        z_um
            Shape ``(z,)``, stage position relative to the focus of the object's centre; positive: the
            focal plane is above it, towards the condenser.
        wavelength_um
            Wavelength in vacuum.

        Returns
        -------
        ndarray
            Shape ``(z, s)``, radians.
        """
        wavenumber = 2 * np.pi / wavelength_um
        n = self.slide.index_at(wavelength_um)
        aberration = self.slide_um * (np.sqrt(n**2 - sine**2) - n + sine**2 / (2 * n))
        phase: FloatArray = wavenumber * (aberration - np.outer(z_um, np.sqrt(1 - sine**2)))
        return phase


def make_microscope(instrument: Instrument) -> Microscope:
    """Return the microscope of an instrument recipe.

    Raises
    ------
    RecipeError
        If the condenser's cone is wider than the objective's, which would be dark field at its rim.
    """
    condenser_na = instrument.condenser_na
    if condenser_na > instrument.numerical_aperture:
        raise RecipeError(
            f"instrument {instrument.name!r}: illumination.condenser_na = {condenser_na} is more than "
            f"the objective's aperture {instrument.numerical_aperture:.3g}; stop the condenser down"
        )
    light, sample = instrument.illumination, instrument.sample
    return Microscope(
        numerical_aperture=instrument.numerical_aperture,
        condenser_na=condenser_na,
        wavelength_um=light.wavelength_um,
        bandwidth_um=light.bandwidth_um,
        medium=Material(sample.medium_index, sample.medium_abbe),
        slide=Material(sample.slide_index, sample.slide_abbe),
        slide_um=sample.slide_um,
    )
