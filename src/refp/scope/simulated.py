"""A simulated microscope: camera, focus stage and XY stage over a simulated field of beads."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt

from refp.core.arrays import Image
from refp.core.errors import RecipeError
from refp.estimate import FocusEstimate, Parts
from refp.scope.protocols import Microscope, Snapshot
from refp.settings import Instrument, RefocusSettings, Settings
from refp.synthetic import (
    Scene,
    SceneBeads,
    as_instrument,
    demo_settings,
    expose,
    make_scene,
    render_light,
)
from refp.synthetic.optics import make_microscope

REFP_UM = 1500.0
REACH_DEPTHS = 9.5
"""Limits of travel about the reference plane, in depths of field; sweeps of the article extend as far."""
EXPOSURE_MS = 12.0


class SimulatedBehaviour(Settings):
    """Properties and faults of the simulated devices; counts of ``None`` mean never."""

    repeatability_um: NonNegativeFloat | None = Field(
        default=None,
        description="standard deviation of a position about the one the stage reports, um; default: "
        "the instrument's",
    )
    backlash_um: NonNegativeFloat = Field(
        default=4.0, description="lost motion after a reversal, um; assumed"
    )
    drift_um_per_image: float = Field(default=0.0, description="drift of focus, um an image")
    tilt_um_per_mm: tuple[float, float] = Field(
        default=(0.0, 0.0), description="rise of the slide along (y, x) of the XY stage, um per mm"
    )
    counts_reversed: bool = Field(
        default=False, description="the stage runs the other way than it reports"
    )
    sticks_after_moves: NonNegativeInt | None = Field(
        default=None, description="moves after which the stage stays where it is"
    )
    reports_sticking: bool = Field(
        default=True, description="a stage that sticks reports its true position"
    )
    stage_fails_after_moves: NonNegativeInt | None = Field(
        default=None, description="moves after which a move ends in a time-out"
    )
    camera_fails_after_images: NonNegativeInt | None = Field(
        default=None, description="images after which an image ends in a time-out"
    )
    dark_after_images: NonNegativeInt | None = Field(
        default=None, description="images after which the light is off"
    )
    empty_after_images: NonNegativeInt | None = Field(
        default=None, description="images after which the beads have left the field"
    )


FAULTS: Mapping[str, SimulatedBehaviour] = {
    "none": SimulatedBehaviour(),
    "backlash": SimulatedBehaviour(backlash_um=25.0),
    "drift": SimulatedBehaviour(drift_um_per_image=4.0),
    "reversed-stage": SimulatedBehaviour(counts_reversed=True),
    "stuck-stage": SimulatedBehaviour(sticks_after_moves=1),
    "silently-stuck-stage": SimulatedBehaviour(sticks_after_moves=0, reports_sticking=False),
    "stage-timeout": SimulatedBehaviour(stage_fails_after_moves=1),
    "camera-timeout": SimulatedBehaviour(camera_fails_after_images=1),
    "light-off": SimulatedBehaviour(dark_after_images=1),
    "beads-leave": SimulatedBehaviour(empty_after_images=1),
}
"""Behaviours by name; ``none`` has repeatability and backlash only."""


class SimulatedMicroscope:
    """A microscope that looks at simulated beads.

    Parameters
    ----------
    instrument
        An instrument, or the name of a recipe.
    start_um
        dZ at the first position of the stage.
    seed
        Seed of the field; with the start, also of noise and stage errors.
    behaviour
        Properties and faults of the devices.

    Attributes
    ----------
    camera, stage
        The devices.
    refp_um
        Z of the reference plane at the first XY position.

    Raises
    ------
    RecipeError
        If the start is outside the limits of the stage.
    """

    def __init__(
        self,
        instrument: str | Instrument,
        *,
        start_um: float = 0.0,
        seed: int = 0,
        behaviour: SimulatedBehaviour | None = None,
    ) -> None:
        self.instrument = as_instrument(instrument)
        self.behaviour = behaviour or FAULTS["none"]
        depth_um = make_microscope(self.instrument).depth_um
        self._reach_um = round(REACH_DEPTHS * depth_um, 1)
        if abs(start_um) > self._reach_um:
            raise RecipeError(
                f"start {start_um:g} um: the simulated stage of {self.instrument.name!r} reaches "
                f"+-{self._reach_um:g} um about the reference plane"
            )
        self._scene = _field(self.instrument, seed)
        self.refp_um = self._scene.refp_um
        own = round(1000 * (start_um + self._reach_um))
        self.stage = SimulatedStage(
            self, self.refp_um + start_um, np.random.default_rng([seed, 1, own])
        )
        self.camera = SimulatedCamera(self, np.random.default_rng([seed, 2, own]))
        self.xy_um = (0.0, 0.0)

    @property
    def microscope(self) -> Microscope:
        """The devices of the refocus loop."""
        return Microscope(self.camera, self.stage)

    @property
    def settings(self) -> RefocusSettings:
        """Limits of the stage; its devices need no time to settle."""
        lower_um, upper_um = self.stage.limits_um
        return RefocusSettings(
            lower_um=lower_um,
            upper_um=upper_um,
            largest_step_um=upper_um - lower_um,
            repeatability_um=self.repeatability_um,
            settle_ms=0.0,
        )

    @property
    def limits_um(self) -> tuple[float, float]:
        """Lowest and highest Z of the stage."""
        return self.refp_um - self._reach_um, self.refp_um + self._reach_um

    @property
    def repeatability_um(self) -> float:
        """Standard deviation of a position of the stage."""
        own = self.behaviour.repeatability_um
        return self.instrument.stage.repeatability_um if own is None else own

    @property
    def true_delta_z_um(self) -> float:
        """True dZ at the present position."""
        y_um, x_um = self.xy_um
        tilt_y, tilt_x = self.behaviour.tilt_um_per_mm
        rise_um = (tilt_y * y_um + tilt_x * x_um) / 1000
        drift_um = self.behaviour.drift_um_per_image * self.camera.n_images
        return self.stage.true_um + drift_um - rise_um - self.refp_um

    def true_estimate(self, _image: Image) -> FocusEstimate:
        """Return an estimate of the true dZ: a model without error, for trials of the loop."""
        dz_um, half_um = self.true_delta_z_um, 1.0
        nan = np.full(2, np.nan)
        return FocusEstimate(
            delta_z_um=dz_um, u_um=half_um / 2, lower_um=dz_um - half_um, upper_um=dz_um + half_um,
            coverage=0.95, n_beads=1, n_beads_used=1, status="ok", reason="",
            used=np.ones(1, dtype=np.bool_), parts=Parts(), dof=np.inf, tilt_um_per_px=nan,
            tilt_u_um_per_px=nan, size=1.0, size_u=0.0,
        )  # fmt: skip

    def scene_of(self, image: int) -> Scene:
        """Return the field of view of an image, counted from 0."""
        scene = self._scene
        if _has_come(self.behaviour.empty_after_images, image):
            scene = replace(scene, beads=_no_beads(scene.beads), others=())
        if _has_come(self.behaviour.dark_after_images, image):
            scene = replace(scene, light=np.zeros_like(scene.light))
        return scene


class SimulatedStage:
    """The focus stage: reported position, and true position with backlash, errors and faults.

    Attributes
    ----------
    true_um
        Z of the focal plane.
    commands_um
        Positions that the stage was sent to.
    """

    def __init__(self, scope: SimulatedMicroscope, start_um: float, rng: np.random.Generator):
        self._scope = scope
        self._rng = rng
        self._start_um = self._reported_um = start_um
        # Lower end of the play: every position that is approached from below is then true.
        self._screw_um = start_um - scope.behaviour.backlash_um / 2
        self.true_um = start_um
        self.commands_um: list[float] = []

    @property
    def limits_um(self) -> tuple[float, float]:
        """Lowest and highest Z, um."""
        return self._scope.limits_um

    def position_um(self) -> float:
        """Return the position that the stage reports, um."""
        return self._reported_um

    def move_to_um(self, z_um: float) -> None:
        """Move to a position, with the errors and faults of the behaviour."""
        behaviour, n_moves = self._scope.behaviour, len(self.commands_um)
        self.commands_um.append(z_um)
        if _has_come(behaviour.stage_fails_after_moves, n_moves):
            raise TimeoutError
        if _has_come(behaviour.sticks_after_moves, n_moves):
            self._reported_um = self._reported_um if behaviour.reports_sticking else z_um
            return
        self._reported_um = z_um
        half_um = behaviour.backlash_um / 2
        self._screw_um = min(max(self._screw_um, z_um - half_um), z_um + half_um)
        way_um = self._screw_um + half_um - self._start_um
        error_um = self._rng.normal(0.0, self._scope.repeatability_um)
        self.true_um = (
            self._start_um + (-way_um if behaviour.counts_reversed else way_um) + error_um
        )

    def stop(self) -> None:
        """Do nothing: moves end at once."""


class SimulatedCamera:
    """The camera.

    Attributes
    ----------
    exposure_ms
        Exposure, ms.
    n_images
        Images taken.
    """

    def __init__(self, scope: SimulatedMicroscope, rng: np.random.Generator) -> None:
        self._scope = scope
        self._rng = rng
        self.exposure_ms = EXPOSURE_MS
        self.n_images = 0

    @property
    def shape_px(self) -> tuple[int, int]:
        """Height and width of an image."""
        return self._scope.scene_of(0).shape

    def snap(self) -> Snapshot:
        """Render the field at the true dZ."""
        scope, number = self._scope, self.n_images
        if _has_come(scope.behaviour.camera_fails_after_images, number):
            raise TimeoutError
        self.n_images += 1
        instrument, dz_um = scope.instrument, scope.true_delta_z_um
        light = render_light(
            scope.scene_of(number), scope.refp_um + dz_um, blur_px=instrument.camera.blur_px
        )
        image = expose(
            *(light, self.exposure_ms, instrument.camera, self._rng),
            white_level=instrument.optics.white_level,
        )
        metadata: dict[str, Any] = {
            "exposure_ms": self.exposure_ms,
            "true_delta_z_um": dz_um,
        }
        return Snapshot(image, metadata)


@lru_cache(maxsize=4)
def _field(instrument: Instrument, seed: int) -> Scene:
    """Return the field of beads of a seed."""
    settings = demo_settings("test", instrument)
    return make_scene(instrument, settings, REFP_UM, np.random.default_rng([seed, 0]))


def _no_beads(beads: SceneBeads) -> SceneBeads:
    """Return a field without beads."""
    names = ("centers_px", "radius_um", "index", "focus_um", "plane_um")
    masks = ("outlier", "touching", "border")
    return replace(beads, **{name: getattr(beads, name)[:0] for name in (*names, *masks)})


def _has_come(after: int | None, count: int) -> bool:
    return after is not None and count >= after
