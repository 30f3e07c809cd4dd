"""Return a microscope to the reference plane: snap, estimate dZ, guarded move, verify.

:class:`Refocuser` runs the loop on a :class:`Microscope`, a :class:`Camera` and a :class:`FocusStage`;
:mod:`refp.scope.guards` decides every move. :func:`open_recorded` opens a loop that records every step.
:class:`SimulatedMicroscope` has camera and stage without hardware, and :mod:`refp.scope.micromanager` those
of Micro-Manager (extra ``scope``).
"""

from refp.scope.guards import OUTCOMES, Outcome
from refp.scope.protocols import Camera, FocusStage, Microscope, Snapshot
from refp.scope.recorded import RecordedRefocuser, Records, open_recorded
from refp.scope.refocus import FocusModel, Refocuser
from refp.scope.simulated import FAULTS, SimulatedBehaviour, SimulatedMicroscope
from refp.scope.step import Refocused, Step

__all__ = [
    "FAULTS",
    "OUTCOMES",
    "Camera",
    "FocusModel",
    "FocusStage",
    "Microscope",
    "Outcome",
    "RecordedRefocuser",
    "Records",
    "Refocused",
    "Refocuser",
    "SimulatedBehaviour",
    "SimulatedMicroscope",
    "Snapshot",
    "Step",
    "open_recorded",
]
