"""A camera and a stage without images: the estimate is a function of the stage's true position."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from refp.core.arrays import Image
from refp.estimate import FocusEstimate, Parts, refused
from refp.scope import Camera, FocusModel, FocusStage, Microscope, Snapshot
from refp.settings import RefocusSettings

LIMITS = (-200.0, 200.0)
RANGE_UM = (-150.0, 150.0)


def guards(**changes: object) -> RefocusSettings:
    """Settings without pauses, on a stage without errors."""
    own = {
        "lower_um": LIMITS[0],
        "upper_um": LIMITS[1],
        "largest_step_um": 150.0,
        "repeatability_um": 0.1,
        "settle_ms": 0.0,
    }
    return RefocusSettings.model_validate(own | changes)


def estimate_of(dz_um: float, half_um: float = 1.0) -> FocusEstimate:
    nan = np.full(2, np.nan)
    return FocusEstimate(
        delta_z_um=dz_um, u_um=half_um / 2, lower_um=dz_um - half_um, upper_um=dz_um + half_um,
        coverage=0.95, n_beads=5, n_beads_used=5, status="ok", reason="", used=np.ones(5, np.bool_),
        parts=Parts(), dof=10.0, tilt_um_per_px=nan, tilt_u_um_per_px=nan, size=1.0, size_u=0.0,
    )  # fmt: skip


def refusal() -> FocusEstimate:
    return refused("no_beads", "no bead was found", 0.95)


@dataclass
class FakeStage:
    """Moves as ``response`` says: position asked for, position now -> (reported, true)."""

    start_um: float = 0.0
    response: Callable[[float, "FakeStage"], tuple[float, float]] | None = None
    limits_um: tuple[float, float] = (-np.inf, np.inf)
    commands: list[tuple[float, float]] = field(default_factory=list)
    n_stops: int = 0

    def __post_init__(self) -> None:
        self.reported_um = self.true_um = self.start_um

    def position_um(self) -> float:
        return self.reported_um

    def move_to_um(self, z_um: float) -> None:
        self.commands.append((self.reported_um, z_um))
        if self.response is None:
            self.reported_um = self.true_um = z_um
        else:
            self.reported_um, self.true_um = self.response(z_um, self)

    def stop(self) -> None:
        self.n_stops += 1


@dataclass
class FakeCamera:
    exposure_ms: float = 10.0
    snap_image: Callable[[], Image] = lambda: np.zeros((4, 4), np.uint8)
    n_images: int = 0

    def snap(self) -> Snapshot:
        self.n_images += 1
        return Snapshot(self.snap_image())


def scope_of(stage: FakeStage, camera: FakeCamera | None = None) -> Microscope:
    eye: Camera = camera or FakeCamera()
    drive: FocusStage = stage
    return Microscope(eye, drive)


def plane_at(
    refp_um: float, stage: FakeStage, half_um: float = 1.0, range_um: tuple[float, float] = RANGE_UM
) -> FocusModel:
    """A model without error whose plane is at a position of the stage."""
    return FocusModel(lambda _: estimate_of(stage.true_um - refp_um, half_um), range_um)


def answers(given: Sequence[FocusEstimate]) -> FocusModel:
    """A model that returns given estimates, the last one again and again."""
    left = list(given)
    return FocusModel(lambda _: left.pop(0) if len(left) > 1 else left[0], RANGE_UM)
