"""Boundary to the hardware: a camera and a focus stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from refp.core.arrays import Image


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One image of a camera.

    Attributes
    ----------
    image
        Shape ``(y, x)``, unsigned integers.
    metadata
        Metadata of the camera, as JSON holds them.
    """

    image: Image
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Camera(Protocol):
    """A camera. Calls may block; the refocus loop limits their time.

    Attributes
    ----------
    exposure_ms
        Exposure, ms; it can be set.
    """

    exposure_ms: float

    def snap(self) -> Snapshot:
        """Take one image."""
        ...


class FocusStage(Protocol):
    """A stage that moves sample or objective along Z. Calls may block."""

    @property
    def limits_um(self) -> tuple[float, float]:
        """Lowest and highest Z that the stage itself allows, um; infinite where it states none."""
        ...

    def position_um(self) -> float:
        """Return the position that the stage reports, um."""
        ...

    def move_to_um(self, z_um: float) -> None:
        """Move to a position, and return when the stage reports that it has ended."""
        ...

    def stop(self) -> None:
        """Stop a move."""
        ...


@dataclass(frozen=True, slots=True)
class Microscope:
    """The devices of one microscope that the refocus loop uses."""

    camera: Camera
    stage: FocusStage
