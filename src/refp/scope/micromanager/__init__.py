"""Micro-Manager through pymmcore-plus (extra ``scope``); no other package imports it.

:func:`load_core` loads a configuration file, :func:`simulated_core` has a simulated microscope as Python
devices, and :class:`RefocusEngine` runs acquisitions whose autofocus is the refocus loop.
"""

from refp.core.errors import MissingExtraError

try:
    from refp.scope.micromanager.devices import simulated_core
    from refp.scope.micromanager.engine import AutofocusError, OnFailure, RefocusEngine
    from refp.scope.micromanager.hardware import CoreCamera, CoreStage, core_microscope, load_core
except ModuleNotFoundError as error:
    library = str(error.name).partition(".")[0]
    if library not in ("pymmcore", "pymmcore_plus", "useq"):
        raise
    raise MissingExtraError(library, "scope", "Micro-Manager") from error

__all__ = [
    "AutofocusError",
    "CoreCamera",
    "CoreStage",
    "OnFailure",
    "RefocusEngine",
    "core_microscope",
    "load_core",
    "simulated_core",
]
