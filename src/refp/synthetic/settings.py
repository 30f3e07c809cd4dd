"""Settings of a simulated data set: bead, scene, camera, and the sweep through Z."""

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
from refp.sweeps.optics import Instrument

A2K_DEPTH_UM: Final = 40.0
A2K_PIXEL_UM: Final = 1.5
MAX_FRAMES: Final = 1_000_000
"""More planes than any sweep has; catches a step in the wrong unit before memory does."""


class BeadScatter(Settings):
    """How a bead looks at and about its plane. Lengths along Z are in depths of field."""

    depth_um: PositiveFloat | None = Field(
        default=None,
        description="depth of field that scales every axial length, um; "
        "default: 40 um at the A2K's 1.5 um pixels, as the square of the pixel size elsewhere",
    )
    spot_height: NonNegativeFloat = Field(
        default=2.7, description="brightness of the centre spot at the plane, over background"
    )
    spot_sigma_radii: PositiveFloat = Field(
        default=0.12, description="standard deviation of the centre spot at the plane, bead radii"
    )
    spot_fading: PositiveFloat = Field(
        default=0.8, description="how fast the spot fades: its relative loss, per depth squared"
    )
    darkness: PositiveFloat = Field(
        default=0.93, le=1, description="what the disc takes from the background, 1: black"
    )
    rim_sigma_radii: PositiveFloat = Field(
        default=0.09, description="blur of the disc's rim where it is sharpest, bead radii"
    )
    rim_blur: PositiveFloat = Field(
        default=0.09, description="growth of the rim's blur, bead radii per depth"
    )
    rim_shift_depths: float = Field(
        default=0.4, description="where above the plane the rim is sharpest, depths"
    )
    halo: NonNegativeFloat = Field(
        default=0.08, description="brightness of the ring about the bead at its plane"
    )
    shelf: NonNegativeFloat = Field(
        default=0.2, description="brightness of the ring inside the disc, far above the plane"
    )

    def depth_of(self, instrument: Instrument) -> float:
        """Return the depth of field in um."""
        if self.depth_um is not None:
            return self.depth_um
        # Depth of field goes as 1 / NA^2, the pixel that suits an objective as 1 / NA.
        return A2K_DEPTH_UM * (instrument.optics.pixel_size_um / A2K_PIXEL_UM) ** 2


class SceneSettings(Settings):
    """What lies in one field of view."""

    shape_px: tuple[PositiveInt, PositiveInt] = Field(
        default=(480, 640), description="height and width of the image, px"
    )
    n_beads: NonNegativeInt = Field(default=13, description="beads in all, the special ones too")
    n_touching: NonNegativeInt = Field(default=1, description="pairs of touching beads")
    n_border: NonNegativeInt = Field(default=1, description="beads cut by the image border")
    n_off_plane: NonNegativeInt = Field(default=1, description="beads lifted by off_plane_um")
    off_plane_um: float = Field(default=25.0, description="lift of a bead off the plane, um")
    radius_spread: NonNegativeFloat = Field(
        default=0.03, lt=0.3, description="relative standard deviation of the bead radius"
    )
    height_sd_um: NonNegativeFloat = Field(
        default=1.0, description="standard deviation of the beads' own planes about the REFP, um"
    )
    tilt_sd_um_per_px: NonNegativeFloat = Field(
        default=0.003, description="standard deviation of the slide's tilt along y and x, um/px"
    )
    separation_radii: PositiveFloat = Field(
        default=5.5,
        ge=2.2,
        description="least distance of the centres of beads that do not touch, bead radii",
    )
    uneven_light: NonNegativeFloat = Field(
        default=0.03, lt=0.5, description="relative half range of the illumination over the field"
    )
    n_dust: NonNegativeInt = Field(default=4, description="faint specks that stay where they are")
    n_cells: NonNegativeInt = Field(
        default=0, description="small ring-like objects, half of them with bright centres"
    )
    cell_radii: PositiveFloat = Field(
        default=0.4, lt=1, description="radius of a cell, in bead radii"
    )

    @model_validator(mode="after")
    def _check(self) -> "SceneSettings":
        special = 2 * self.n_touching + self.n_border + self.n_off_plane
        if special > self.n_beads:
            raise ValueError(
                f"n_beads = {self.n_beads} is less than the {special} special beads in it"
            )
        return self


class Camera(Settings):
    """From light to grey levels."""

    bit_depth: PositiveInt = Field(
        default=8, ge=8, le=16, description="bits of a pixel; above 8 the files hold 16"
    )
    grey_levels_per_ms: PositiveFloat = Field(
        default=5.3, description="background grey level for every ms of exposure"
    )
    gain_e: PositiveFloat = Field(default=50.0, description="electrons for one grey level")
    read_noise_e: NonNegativeFloat = Field(
        default=12.0, description="standard deviation of the read noise, electrons"
    )
    fixed_pattern: NonNegativeFloat = Field(
        default=0.003, description="relative standard deviation of the pixels' sensitivity"
    )
    serial: NonNegativeInt = Field(
        default=1, description="which camera: the same one has the same fixed pattern"
    )
    blur_px: NonNegativeFloat = Field(
        default=0.5, description="standard deviation of the blur by the pixels, px"
    )


class SimulationSettings(Settings):
    """Z sweeps of every field of view at every exposure."""

    scatter: BeadScatter = BeadScatter()
    scene: SceneSettings = SceneSettings()
    camera: Camera = Camera()
    refp_um: tuple[float, ...] = Field(
        default=(1508.0,), min_length=1, description="REFP of every experiment, um"
    )
    n_fov: PositiveInt = Field(default=1, description="fields of view in an experiment")
    z_start_um: float = Field(default=1200.0, description="Z of the lowest plane, um")
    z_stop_um: float = Field(default=1800.0, description="Z that no plane exceeds, um")
    z_step_um: PositiveFloat = Field(default=7.5, description="distance of the planes, um")
    exposures_ms: tuple[PositiveFloat, ...] = Field(
        default=(12.0,), min_length=1, description="exposures, ms"
    )
    stage_sigma_um: NonNegativeFloat | None = Field(
        default=None,
        description="standard deviation of the true Z about the nominal, um; "
        "default: the instrument's repeatability",
    )
    lateral_drift_px: NonNegativeFloat = Field(
        default=0.01, description="drift of the field from one frame to the next, px"
    )

    @model_validator(mode="after")
    def _check(self) -> "SimulationSettings":
        if self.z_stop_um < self.z_start_um:
            raise ValueError("z_stop_um must not be below z_start_um")
        if self.z_stop_um - self.z_start_um > MAX_FRAMES * self.z_step_um:
            raise ValueError(f"z_step_um = {self.z_step_um} um gives too many planes")
        if len(set(self.exposures_ms)) < len(self.exposures_ms):
            raise ValueError("exposures_ms holds an exposure twice")
        return self

    @property
    def z_um(self) -> tuple[float, ...]:
        """Nominal stage positions, rising, um."""
        # The small excess keeps the last plane where the step does not fit in binary.
        n = int((self.z_stop_um - self.z_start_um) / self.z_step_um + 1e-6) + 1
        return tuple(round(self.z_start_um + k * self.z_step_um, 6) for k in range(n))

    def stage_sigma_of(self, instrument: Instrument) -> float:
        """Return the standard deviation of the true stage position, um."""
        if self.stage_sigma_um is not None:
            return self.stage_sigma_um
        return instrument.stage.repeatability_um
