"""The camera and the focus stage of a Micro-Manager core."""

import math
import time
from pathlib import Path
from typing import Any

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.experimental.unicore import UniMMCore

from refp.core.errors import DataError
from refp.scope.protocols import Microscope, Snapshot
from refp.settings import Instrument, is_alike

POLL_S = 0.01
POSITION = "Position"
"""Property in which a stage of Micro-Manager states its limits."""


class CoreCamera:
    """The camera of a core; its shutter opens as the core's autoshutter is set."""

    def __init__(self, core: CMMCorePlus) -> None:
        self._core = core

    @property
    def exposure_ms(self) -> float:
        """Exposure, ms."""
        return float(self._core.getExposure())

    @exposure_ms.setter
    def exposure_ms(self, value: float) -> None:
        self._core.setExposure(value)

    def snap(self) -> Snapshot:
        """Take one image."""
        self._core.snapImage()
        metadata: dict[str, Any] = {
            "camera": self._core.getCameraDevice(),
            "exposure_ms": self.exposure_ms,
        }
        return Snapshot(self._core.getImage(), metadata)


class CoreStage:
    """The focus stage of a core."""

    def __init__(self, core: CMMCorePlus) -> None:
        self._core = core

    @property
    def limits_um(self) -> tuple[float, float]:
        """Limits that the device states for its position, um; infinite without."""
        core, stage = self._core, self._core.getFocusDevice()
        stated = core.hasProperty(stage, POSITION) and core.hasPropertyLimits(stage, POSITION)
        if not stated:
            return -math.inf, math.inf
        lower_um = core.getPropertyLowerLimit(stage, POSITION)
        return float(lower_um), float(core.getPropertyUpperLimit(stage, POSITION))

    def position_um(self) -> float:
        """Return the position that the stage reports, um."""
        return float(self._core.getPosition(self._core.getFocusDevice()))

    def move_to_um(self, z_um: float) -> None:
        """Move to a position and wait until the device is no longer busy.

        The core's own wait has a limit of time of its own, shorter than that of the loop.
        """
        stage = self._core.getFocusDevice()
        self._core.setPosition(stage, z_um)
        while self._core.deviceBusy(stage):
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Stop a move."""
        self._core.stop(self._core.getFocusDevice())


def load_core(config: Path) -> CMMCorePlus:
    """Load a configuration file of Micro-Manager.

    Parameters
    ----------
    config
        The file; its devices are those of the installed Micro-Manager, or Python devices.

    Raises
    ------
    DataError
        If there is no such file, or a device in it does not start; the message names it.
    """
    if not config.is_file():
        raise DataError(f"{config}: no such configuration file of Micro-Manager")
    core = UniMMCore()
    try:
        core.loadSystemConfiguration(str(config))
    except Exception as error:  # the core raises RuntimeError, its Python devices any exception
        text = " ".join(str(error).split())
        raise DataError(
            f"{config}: not loaded: {text}; load it in Micro-Manager, or install its devices with "
            "'mmcore install'"
        ) from error
    return core


def core_microscope(core: CMMCorePlus, instrument: Instrument) -> Microscope:
    """Return the devices of a core, once they are checked against a model's instrument.

    Raises
    ------
    DataError
        If the core has no camera or no focus stage, or another pixel size than the instrument.
    """
    for device, role in (
        (core.getCameraDevice(), "camera"),
        (core.getFocusDevice(), "focus stage"),
    ):
        if not device:
            raise DataError(
                f"no {role} is set in Micro-Manager; set Core-{role.split()[0].title()}"
            )
    pixel_um, own_um = float(core.getPixelSizeUm()), instrument.optics.pixel_size_um
    if pixel_um > 0 and not is_alike(pixel_um, own_um):
        raise DataError(
            f"pixel size: Micro-Manager states {pixel_um:.4g} um, the model's instrument "
            f"{instrument.name!r} has {own_um:.4g} um; use the objective and binning of the training"
        )
    return Microscope(CoreCamera(core), CoreStage(core))
