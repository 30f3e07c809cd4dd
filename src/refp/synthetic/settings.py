"""Settings of simulated data: objects in a field of view, and the Z sweep."""

from typing import Final

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from refp.settings import Settings

MAX_FRAMES: Final = 1_000_000
"""Largest number of frames of a sweep; a step in a wrong unit exceeds it."""


class Objects(Settings):
    """Spheres other than beads: cells of one kind, or debris."""

    n: NonNegativeInt = Field(default=0, description="number in a field of view")
    diameter_um: PositiveFloat = Field(description="mean diameter, um")
    diameter_spread: NonNegativeFloat = Field(
        default=0.1, lt=0.35, description="relative standard deviation of the diameter"
    )
    index: float = Field(gt=1, le=3, description="refractive index at 0.589 um")
    absorption: NonNegativeFloat = Field(
        default=0.0, description="imaginary part of the refractive index, which absorbs light"
    )
    floats_um: NonNegativeFloat = Field(
        default=0.0, description="standard deviation of the height above the slide, um"
    )


class SceneSettings(Settings):
    """Objects and illumination of one field of view."""

    shape_px: tuple[PositiveInt, PositiveInt] = Field(
        default=(480, 640), description="height and width of the image, px"
    )
    n_beads: NonNegativeInt = Field(
        default=13, description="number of beads, special ones included"
    )
    n_touching: NonNegativeInt = Field(default=1, description="pairs of touching beads")
    n_border: NonNegativeInt = Field(default=1, description="beads cut by the image border")
    n_off_plane: NonNegativeInt = Field(default=1, description="beads raised by off_plane_um")
    off_plane_um: float = Field(
        default=25.0, description="height of a raised bead above the plane, um"
    )
    height_sd_um: NonNegativeFloat = Field(
        default=1.0,
        description="standard deviation of the heights of beads above the slide, um; assumed",
    )
    tilt_sd_um_per_px: NonNegativeFloat = Field(
        default=0.003,
        description="standard deviation of the slide's tilt along y and x, um/px; assumed",
    )
    separation_radii: PositiveFloat = Field(
        default=5.5,
        ge=2.2,
        description="least distance of the centres of beads that do not touch, bead radii",
    )
    uneven_light: NonNegativeFloat = Field(
        default=0.03, lt=0.5, description="relative half range of the illumination over the field"
    )
    n_dust: NonNegativeInt = Field(default=4, description="faint specks at fixed positions")
    live_cells: Objects = Field(
        default=Objects(diameter_um=12.0, index=1.368),
        description="live cells; index as of lymphocytes, Choi et al. 2007, diameter assumed",
    )
    dead_cells: Objects = Field(
        default=Objects(diameter_um=10.0, index=1.352, diameter_spread=0.15),
        description="dead cells, which have lost part of their contents; assumed",
    )
    stained_cells: Objects = Field(
        default=Objects(diameter_um=10.0, index=1.36, absorption=0.003, diameter_spread=0.15),
        description="dead cells with a dye that halves the light through them; assumed",
    )
    debris: Objects = Field(
        default=Objects(diameter_um=4.0, index=1.42, diameter_spread=0.3, floats_um=10.0),
        description="small floating matter; assumed",
    )

    @model_validator(mode="after")
    def _check(self) -> "SceneSettings":
        special = 2 * self.n_touching + self.n_border + self.n_off_plane
        if special > self.n_beads:
            raise ValueError(
                f"n_beads = {self.n_beads} is less than the {special} special beads, which it includes"
            )
        return self

    @property
    def others(self) -> tuple[Objects, ...]:
        """Objects other than beads, kinds without any left out."""
        kinds = (self.live_cells, self.dead_cells, self.stained_cells, self.debris)
        return tuple(kind for kind in kinds if kind.n)


class SimulationSettings(Settings):
    """Z sweeps of every field of view at every exposure."""

    scene: SceneSettings = SceneSettings()
    refp_um: tuple[float, ...] = Field(
        default=(1508.0,), min_length=1, description="REFP of every experiment, um"
    )
    n_fov: PositiveInt = Field(default=1, description="fields of view in an experiment")
    z_start_um: float = Field(default=1200.0, description="Z of the lowest frame, um")
    z_stop_um: float = Field(default=1800.0, description="upper limit of Z, um")
    z_step_um: PositiveFloat = Field(default=7.5, description="Z step between frames, um")
    exposures_ms: tuple[PositiveFloat, ...] = Field(
        default=(12.0,), min_length=1, description="exposure times, ms"
    )
    lateral_drift_px: NonNegativeFloat = Field(
        default=0.01, description="drift of the field from one frame to the next, px"
    )

    @model_validator(mode="after")
    def _check(self) -> "SimulationSettings":
        if self.z_stop_um < self.z_start_um:
            raise ValueError("z_stop_um must not be below z_start_um")
        if self.z_stop_um - self.z_start_um > MAX_FRAMES * self.z_step_um:
            raise ValueError(f"z_step_um = {self.z_step_um} um gives more than {MAX_FRAMES} frames")
        if len(set(self.exposures_ms)) < len(self.exposures_ms):
            raise ValueError("exposures_ms must not hold an exposure twice")
        return self

    @property
    def z_um(self) -> tuple[float, ...]:
        """Nominal stage positions, rising, um."""
        # The small excess keeps the last frame where rounding puts it beyond the limit.
        n = int((self.z_stop_um - self.z_start_um) / self.z_step_um + 1e-6) + 1
        return tuple(round(self.z_start_um + k * self.z_step_um, 6) for k in range(n))
