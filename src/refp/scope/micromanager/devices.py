"""The simulated microscope as Python devices of a core."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from pymmcore_plus.core import FocusDirection
from pymmcore_plus.experimental.unicore import (
    SimpleCameraDevice,
    StageDevice,
    UniMMCore,
    XYStageDevice,
)

from refp.core.arrays import Image
from refp.scope.simulated import SimulatedMicroscope

CAMERA, STAGE, XY_STAGE = "Camera", "Z", "XY"


class SimulatedCameraDevice(SimpleCameraDevice):
    """The camera of a simulated microscope."""

    def __init__(self, scope: SimulatedMicroscope) -> None:
        super().__init__()
        self._camera = scope.camera
        self._dtype = np.uint8 if scope.instrument.camera.bit_depth <= 8 else np.uint16

    def get_exposure(self) -> float:
        """Return the exposure, ms."""
        return self._camera.exposure_ms

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure, ms."""
        self._camera.exposure_ms = exposure

    def sensor_shape(self) -> tuple[int, int]:
        """Return height and width, px."""
        return self._camera.shape_px

    def dtype(self) -> npt.DTypeLike:
        """Return the type of a pixel."""
        return self._dtype

    def snap(self, buffer: Image) -> Mapping[str, Any]:
        """Write an image into a buffer."""
        taken = self._camera.snap()
        buffer[:] = taken.image
        return taken.metadata


class SimulatedStageDevice(StageDevice):
    """The focus stage of a simulated microscope."""

    def __init__(self, scope: SimulatedMicroscope) -> None:
        super().__init__()
        self._stage = scope.stage

    def set_position_um(self, val: float) -> None:
        """Move to a position, um."""
        self._stage.move_to_um(val)

    def get_position_um(self) -> float:
        """Return the reported position, um."""
        return self._stage.position_um()

    def get_focus_direction(self) -> FocusDirection:
        """Return a known direction, without which the engine does not restore Z after a sequence."""
        return FocusDirection.TowardSample

    def home(self) -> None:
        """Do nothing: the stage has no home position."""

    def stop(self) -> None:
        """Stop a move."""
        self._stage.stop()

    def set_origin(self) -> None:
        """Do nothing: the origin is fixed."""


class SimulatedXYStageDevice(XYStageDevice):
    """The XY stage of a simulated microscope; the same beads are seen at every position."""

    def __init__(self, scope: SimulatedMicroscope) -> None:
        super().__init__()
        self._scope = scope

    def set_position_um(self, x: float, y: float) -> None:
        """Move to a position, um."""
        self._scope.xy_um = (y, x)

    def get_position_um(self) -> tuple[float, float]:
        """Return the position, um."""
        y_um, x_um = self._scope.xy_um
        return x_um, y_um

    def home(self) -> None:
        """Do nothing: the stage has no home position."""

    def stop(self) -> None:
        """Do nothing: moves end at once."""

    def set_origin_x(self) -> None:
        """Do nothing: the origin is fixed."""

    def set_origin_y(self) -> None:
        """Do nothing: the origin is fixed."""


def simulated_core(scope: SimulatedMicroscope) -> UniMMCore:
    """Return a core whose devices are those of a simulated microscope."""
    core = UniMMCore()
    core.loadPyDevice(CAMERA, SimulatedCameraDevice(scope))
    core.loadPyDevice(STAGE, SimulatedStageDevice(scope))
    core.loadPyDevice(XY_STAGE, SimulatedXYStageDevice(scope))
    core.initializeAllDevices()
    core.setCameraDevice(CAMERA)
    core.setFocusDevice(STAGE)
    core.setXYStageDevice(XY_STAGE)
    core.setAutoShutter(False)  # it has no shutter
    return core
