"""Settings of an instrument: pixel, bead, tile, camera and stage; one recipe file each."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from refp.core.errors import RecipeError
from refp.settings.apparatus import Camera, Illumination, Objective, Sample
from refp.settings.base import Settings, one_line

TILE_SIDE_DIAMETERS = 3.4
"""Default side of a tile in bead diameters; 64 px for the A2K beads of the article."""
NA_TIMES_PIXEL_UM = 0.195
"""Default numerical aperture times pixel size, um; assumed."""
MAX_NA = 0.9
SAME = 0.02
"""Relative difference up to which two pixel sizes or bead diameters are the same; it allows for rounding
in files and recipes."""
OF_ONE_KIND = 0.1
"""Relative difference up to which a model can be adapted between instruments: adaptation corrects bias
and slope, which does not suffice for beads or pixels of another kind."""
CONDENSER_FRACTION = 0.55
"""Default numerical aperture of the condenser over that of the objective; assumed."""


class Optics(Settings):
    """Sampling of the image and the camera's white level."""

    pixel_size_um: PositiveFloat = Field(description="side of a pixel in the sample plane, um")
    white_level: PositiveInt | None = Field(
        default=None,
        description="grey level at which the camera saturates; default: the data type's largest",
    )
    black_level: float | None = Field(
        default=None,
        ge=0,
        description="grey level without light; default: estimated from the background at several "
        "exposures of a data set, else 0",
    )


class ReferenceBead(Settings):
    """The reference bead."""

    diameter_um: PositiveFloat = Field(description="nominal bead diameter, um")
    index: float = Field(
        default=1.590,
        gt=1,
        le=3,
        description="refractive index at 0.589 um; polystyrene, Sultanova et al. 2009",
    )
    abbe_number: PositiveFloat = Field(
        default=30.9, description="dispersion; polystyrene, Sultanova et al. 2009"
    )
    diameter_spread: NonNegativeFloat = Field(
        default=0.03,
        lt=0.2,
        description="relative standard deviation of the diameter within a lot; assumed",
    )
    index_sd: NonNegativeFloat = Field(
        default=0.001, lt=0.05, description="standard deviation of the index within a lot; assumed"
    )


class Stage(Settings):
    """The Z stage."""

    repeatability_um: float = Field(
        default=0.0,
        ge=0,
        description="standard deviation of a frame's true Z about its nominal Z, um; 0: not known",
    )
    drift_um_per_frame: float = Field(
        default=0.0, description="drift of true Z from frame to frame, um; assumed none"
    )
    backlash_um: NonNegativeFloat = Field(
        default=0.0,
        description="lost motion after the stage reverses, um: the first frames of a sweep are too "
        "high by this, until its steps have taken it up; assumed none",
    )
    screw_um: NonNegativeFloat = Field(
        default=0.0,
        description="amplitude of the error that repeats with each turn of the lead screw, um; "
        "assumed none",
    )
    screw_period_um: PositiveFloat = Field(
        default=100.0, description="travel of one turn of the lead screw, um; assumed"
    )


class Instrument(Settings):
    """One type of instrument, and the geometry of its tiles."""

    name: str = Field(
        default="custom", min_length=1, description="name of the instrument, stored in its models"
    )
    optics: Optics
    bead: ReferenceBead
    stage: Stage = Stage()
    objective: Objective = Objective()
    illumination: Illumination = Illumination()
    sample: Sample = Sample()
    camera: Camera = Camera()
    tile_px: PositiveInt | None = Field(
        default=None,
        description="side of a tile, px; default: 3.4 bead diameters, up to 5.2 for beads with rings far "
        "out",
    )
    background_radii: tuple[PositiveFloat, PositiveFloat] = Field(
        default=(2.2, 3.2),
        description="inner and outer radius of the background ring, in bead radii",
    )

    @model_validator(mode="after")
    def _check(self) -> "Instrument":
        inner, outer = self.background_radii
        if not 1 < inner < outer:
            raise ValueError("background_radii must be two radii in order, both above 1")
        if self.tile_side_px < 2 * inner * self.bead_radius_px:
            raise ValueError(
                f"tile_px = {self.tile_px} ends inside the background ring; "
                f"use at least {2 * round(inner * self.bead_radius_px) + 4}"
            )
        if self.bead_radius_px < 3:
            raise ValueError(
                f"a bead of {self.bead.diameter_um} um at {self.optics.pixel_size_um} um a pixel "
                "has a diameter under 6 px, too small for a radial profile"
            )
        if self.camera.offset >= self.white_level:
            raise ValueError(
                f"camera.offset = {self.camera.offset} must be below the white level, "
                f"{self.white_level}"
            )
        return self

    @property
    def white_level(self) -> int:
        """Grey level at which the simulated camera saturates."""
        return self.optics.white_level or 2**self.camera.bit_depth - 1

    @property
    def bead_radius_px(self) -> float:
        """Nominal bead radius in pixels."""
        return self.bead.diameter_um / self.optics.pixel_size_um / 2

    @property
    def numerical_aperture(self) -> float:
        """Numerical aperture of the objective; default: from the pixel size."""
        stated = self.objective.numerical_aperture
        return stated or min(NA_TIMES_PIXEL_UM / self.optics.pixel_size_um, MAX_NA)

    @property
    def condenser_na(self) -> float:
        """Numerical aperture of the condenser; default: a fraction of the objective's."""
        return self.illumination.condenser_na or CONDENSER_FRACTION * self.numerical_aperture

    @property
    def tile_side_px(self) -> int:
        """Side of a tile in pixels, even."""
        if self.tile_px is not None:
            return self.tile_px
        return 2 * round(TILE_SIDE_DIAMETERS * self.bead_radius_px)

    @property
    def background_px(self) -> tuple[float, float]:
        """Inner and outer radius of the background ring in pixels, inside the tile."""
        inner, outer = (f * self.bead_radius_px for f in self.background_radii)
        return inner, min(outer, self.tile_side_px / 2)


def is_alike(length_um: float, other_um: float, tolerance: float = SAME) -> bool:
    """Return whether two pixel sizes or bead diameters agree within a tolerance.

    Parameters
    ----------
    length_um, other_um
        Lengths to compare; the difference is relative to ``other_um``.
    tolerance
        Largest relative difference, ``SAME`` or ``OF_ONE_KIND``.
    """
    return abs(length_um - other_um) <= tolerance * other_um


def instrument_names() -> list[str]:
    """Return the names of the instrument recipes that come with the package."""
    folder = resources.files("refp.settings") / "instruments"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def read_instrument(name_or_path: str, base: Path | None = None) -> dict[str, Any]:
    """Read an instrument recipe as the table from which :class:`Instrument` is made.

    Parameters
    ----------
    name_or_path
        A name from :func:`instrument_names` or a path to a TOML file.
    base
        Folder that a relative path starts from; default: the working folder.

    Raises
    ------
    RecipeError
        If there is no such recipe or the file is not TOML.
    """
    if name_or_path in instrument_names():
        text = (
            resources.files("refp.settings") / "instruments" / f"{name_or_path}.toml"
        ).read_text(encoding="utf-8")
        return tomllib.loads(text)
    path = (base or Path()) / name_or_path
    if not path.is_file():
        raise RecipeError(
            f"instrument {name_or_path!r} is neither a recipe of the package "
            f"({', '.join(instrument_names())}) nor a file"
        )
    return load_toml(path)


def load_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    RecipeError
        If the file is not TOML; the message names the file and the line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # of Notepad with its mark
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not a TOML file: {error}") from error


def make_instrument(table: dict[str, Any], source: str) -> Instrument:
    """Make an instrument from a table of settings.

    Raises
    ------
    RecipeError
        If a setting is wrong; the message names ``source``, the key, its value and the allowed values.

    Examples
    --------
    >>> from refp.settings import make_instrument, read_instrument
    >>> instrument = make_instrument(read_instrument("a2k"), "a2k")
    >>> instrument.bead.diameter_um > 10 * instrument.optics.pixel_size_um
    True
    """
    try:
        return Instrument.model_validate(table)
    except ValidationError as error:
        raise RecipeError(one_line(error, source)) from error
