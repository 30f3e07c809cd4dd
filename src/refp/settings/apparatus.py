"""Settings of the image formation: objective, illumination, sample and camera.

Only simulation uses them. The description of each default states its source, or that it is assumed.
"""

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from refp.settings.base import Settings

MAX_SINE = 0.95
"""Largest sine of the half angle of an objective's cone."""


class Objective(Settings):
    """An objective, dry or with an immersion medium."""

    numerical_aperture: PositiveFloat | None = Field(
        default=None,
        description="numerical aperture; default: 0.195 um over the pixel size, assumed",
    )
    immersion_index: float = Field(
        default=1.0, ge=1, le=1.6, description="refractive index of the immersion medium; 1: dry"
    )
    coma_waves: tuple[float, float] = Field(
        default=(0.0, 0.0),
        description="coma along (y, x), coefficient of Zernike's 3 r^3 - 2 r, wavelengths; assumed none. "
        "The truth of simulated data is that without it",
    )

    @model_validator(mode="after")
    def _check(self) -> "Objective":
        largest = MAX_SINE * self.immersion_index
        if self.numerical_aperture is not None and self.numerical_aperture >= largest:
            raise ValueError(
                f"numerical_aperture = {self.numerical_aperture} must be less than {largest:.3g}, "
                f"{MAX_SINE} of immersion_index = {self.immersion_index}"
            )
        return self


class Illumination(Settings):
    """Illumination by an evenly lit condenser aperture in one band of wavelengths."""

    condenser_na: PositiveFloat | None = Field(
        default=None,
        description="numerical aperture of the cone of light, at most the objective's; "
        "default: 0.55 of the objective's, assumed",
    )
    wavelength_um: PositiveFloat = Field(
        default=0.55, ge=0.3, le=1.2, description="middle of the band, in vacuum, um; assumed"
    )
    bandwidth_um: NonNegativeFloat = Field(
        default=0.1, le=0.3, description="full width of the band at half maximum, um; assumed"
    )
    tilt_na: tuple[float, float] = Field(
        default=(0.0, 0.0),
        description="sines of the angles of the cone's axis along (y, x) in air; assumed straight. "
        "The truth of simulated data is that of straight light",
    )

    @model_validator(mode="after")
    def _check(self) -> "Illumination":
        if self.bandwidth_um > self.wavelength_um / 2:
            raise ValueError(
                f"bandwidth_um = {self.bandwidth_um} is more than half of wavelength_um = "
                f"{self.wavelength_um}; use a narrower band"
            )
        return self


class Sample(Settings):
    """The medium about the beads, and the slide between sample and objective."""

    medium_index: float = Field(
        default=1.333, ge=1, le=2, description="refractive index of the medium; water"
    )
    medium_abbe: PositiveFloat = Field(default=55.7, description="dispersion; water")
    slide_index: float = Field(
        default=1.523, ge=1, le=2, description="refractive index of the slide; crown glass"
    )
    slide_abbe: PositiveFloat = Field(default=58.6, description="dispersion; crown glass")
    slide_um: float = Field(
        default=0.0,
        description="thickness of slide that the objective is not corrected for, um, which causes "
        "spherical aberration; assumed none",
    )


class Camera(Settings):
    """Conversion of light to grey levels."""

    bit_depth: PositiveInt = Field(
        default=8, ge=8, le=16, description="bits per pixel; files of more than 8 have 16"
    )
    grey_levels_per_ms: PositiveFloat = Field(
        default=5.3, description="background grey level per ms of exposure; assumed"
    )
    offset: NonNegativeFloat = Field(default=0.0, description="grey level without light; assumed")
    gain_e: PositiveFloat = Field(default=50.0, description="electrons per grey level; assumed")
    full_well_e: PositiveFloat | None = Field(
        default=None,
        description="full-well capacity of a pixel, electrons; default: above the largest grey level",
    )
    read_noise_e: NonNegativeFloat = Field(
        default=12.0, description="standard deviation of the read noise, electrons; assumed"
    )
    fixed_pattern: NonNegativeFloat = Field(
        default=0.003, description="relative standard deviation of the pixels' sensitivity; assumed"
    )
    serial: NonNegativeInt = Field(
        default=1, description="number of the camera; each has its own fixed pattern"
    )
    blur_px: NonNegativeFloat = Field(
        default=0.3,
        description="standard deviation of the spread of charge beyond a pixel, px; assumed",
    )
