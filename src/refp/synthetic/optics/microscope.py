"""Optical model of an instrument: objective, condenser, light and medium."""

import math
from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.errors import RecipeError
from refp.settings import Instrument
from refp.settings.apparatus import MAX_SINE

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
    """An objective that images a medium through a slide, with light from a condenser.

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
    immersion_index
        Refractive index between slide and objective, in which the stage moves the sample; 1: dry.
    coma_waves
        Coefficients of coma along ``(y, x)``, in wavelengths.
    tilt_na
        Sines of the angles of the axis of the cone of light along ``(y, x)``, in air.
    """

    numerical_aperture: float
    condenser_na: float
    wavelength_um: float
    bandwidth_um: float
    medium: Material
    slide: Material
    slide_um: float
    immersion_index: float = 1.0
    coma_waves: tuple[float, float] = (0.0, 0.0)
    tilt_na: tuple[float, float] = (0.0, 0.0)

    @property
    def is_symmetric(self) -> bool:
        """Whether the image of a sphere has rotational symmetry."""
        return not any(self.coma_waves) and not any(self.tilt_na)

    def straight(self) -> "Microscope":
        """Return the same microscope with straight light and without coma."""
        return replace(self, coma_waves=(0.0, 0.0), tilt_na=(0.0, 0.0))

    @property
    def depth_um(self) -> float:
        """Diffraction-limited depth of field: wavelength over the square of the aperture."""
        return self.wavelength_um / self.numerical_aperture**2

    @property
    def spread(self) -> float:
        """Tangent of the half angle of the objective's cone: lateral reach of light for stage travel."""
        return self.numerical_aperture / math.sqrt(
            self.immersion_index**2 - self.numerical_aperture**2
        )

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

        The stage moves the sample in air or in the immersion medium, so that axial lengths are lengths
        there. The slide adds its spherical aberration, without the shift of focus.

        Parameters
        ----------
        sine
            Shape ``(s,)``, sine of the waves' angle in air: its index times the sine in a medium.
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
        phase: FloatArray = wavenumber * (
            aberration - np.outer(z_um, np.sqrt(self.immersion_index**2 - sine**2))
        )
        return phase


def make_microscope(instrument: Instrument) -> Microscope:
    """Return the microscope of an instrument recipe.

    Raises
    ------
    RecipeError
        If the condenser's cone exceeds the objective's, which would be dark field at its rim, or the
        objective's exceeds the medium's index.
    """
    condenser_na, tilt_na = instrument.condenser_na, instrument.illumination.tilt_na
    if condenser_na + math.hypot(*tilt_na) > instrument.numerical_aperture:
        tilted = f" at tilt_na = {tilt_na}" if any(tilt_na) else ""
        raise RecipeError(
            f"instrument {instrument.name!r}: illumination.condenser_na = {condenser_na}{tilted} is more "
            f"than the objective's aperture {instrument.numerical_aperture:.3g}; stop the condenser down"
        )
    light, sample = instrument.illumination, instrument.sample
    if instrument.numerical_aperture > MAX_SINE * sample.medium_index:
        raise RecipeError(
            f"instrument {instrument.name!r}: objective.numerical_aperture = "
            f"{instrument.numerical_aperture:.3g} is more than {MAX_SINE} of sample.medium_index = "
            f"{sample.medium_index}; waves beyond it do not propagate"
        )
    return Microscope(
        numerical_aperture=instrument.numerical_aperture,
        condenser_na=condenser_na,
        wavelength_um=light.wavelength_um,
        bandwidth_um=light.bandwidth_um,
        medium=Material(sample.medium_index, sample.medium_abbe),
        slide=Material(sample.slide_index, sample.slide_abbe),
        slide_um=sample.slide_um,
        immersion_index=instrument.objective.immersion_index,
        coma_waves=instrument.objective.coma_waves,
        tilt_na=tilt_na,
    )
