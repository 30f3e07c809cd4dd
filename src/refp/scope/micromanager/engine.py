"""An acquisition engine of pymmcore-plus whose autofocus is the refocus loop."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import MDAEngine, SkipEvent
from useq import HardwareAutofocus, MDAEvent, MDASequence

from refp.core.errors import RecipeError, RefpError
from refp.scope.refocus import Refocuser
from refp.scope.step import Refocused

OnFailure = Literal["stop", "skip", "go_on"]
METADATA = "refp"
"""Key of the last autofocus in the metadata of a frame."""


class AutofocusError(RefpError):
    """The autofocus of an acquisition did not reach the reference plane, and the acquisition stops."""


class RefocusEngine(MDAEngine):
    """Runs a ``useq`` sequence with the refocus loop as its autofocus plan.

    The sequence's autofocus plan, ``useq.AxesBasedAF(axes=("p",))`` or ``("t",)`` or both, determines
    when it runs. The change of Z that it found at a position is added to every later Z of this position.
    The metadata of each frame hold the last autofocus of its position under ``refp``: ``found_um`` (dZ of
    its first image), ``delta_z_um``, ``u_um``, ``lower_um`` and ``upper_um`` (of its last image), the
    applied ``move_um``, ``n_images``, ``outcome`` and ``reason``.

    Autofocus images are taken with channel and exposure of the event that they precede: begin each
    position with the brightfield channel.

    Parameters
    ----------
    core
        Core with camera and focus stage.
    refocuser
        Refocus loop on the devices of the core. One of :func:`refp.scope.open_recorded` records every step,
        and uses and keeps the direction of the stage.
    on_failure
        After a failed autofocus, with the stage where it began: ``stop`` the acquisition with
        :class:`AutofocusError`, ``skip`` the position until its next autofocus, or ``go_on``.
    every
        Run at every so many autofocus events of a position, the first included.

    Raises
    ------
    RecipeError
        If ``on_failure`` or ``every`` is none of these.
    """

    def __init__(
        self,
        core: CMMCorePlus,
        refocuser: Refocuser,
        *,
        on_failure: OnFailure = "stop",
        every: int = 1,
    ) -> None:
        if on_failure not in get_args(OnFailure):
            raise RecipeError(f"on_failure {on_failure!r}: choose {', '.join(get_args(OnFailure))}")
        if every < 1:
            raise RecipeError(f"every = {every}: must be 1 or more")
        # Sequences that the hardware runs by itself would leave out the correction of Z.
        super().__init__(core, use_hardware_sequencing=False)
        self._refocuser = refocuser
        self._on_failure = on_failure
        self._every = every
        self._forget()

    def setup_sequence(self, sequence: MDASequence) -> Any:
        """Begin a sequence without results of an earlier one."""
        self._forget()
        return super().setup_sequence(sequence)

    def setup_event(self, event: MDAEvent) -> None:
        """Set the hardware, unless the position is skipped or its corrected Z is outside the limits.

        Raises
        ------
        SkipEvent
            If the frame is left out.
        AutofocusError
            If the corrected Z is outside the limits and the acquisition is to stop.
        """
        position = event.index.get("p")
        if position in self._skipped and not isinstance(event.action, HardwareAutofocus):
            raise SkipEvent(num_frames=1)
        self._check_limits(event, position)
        super().setup_event(event)

    def exec_event(self, event: MDAEvent) -> Iterable[Any]:
        """Take the frame of an event, or run the autofocus."""
        if isinstance(event.action, HardwareAutofocus):
            self._autofocus(event.index.get("p"))
            return ()
        return super().exec_event(event)

    def get_frame_metadata(self, event: MDAEvent, *given: Any, **named: Any) -> Any:
        """Return the metadata of a frame, with the last autofocus of its position."""
        metadata: Any = super().get_frame_metadata(event, *given, **named)
        last = self._last.get(event.index.get("p"))
        if last is not None:
            metadata[METADATA] = describe_autofocus(last)
        return metadata

    def _forget(self) -> None:
        self._last: dict[int | None, Refocused] = {}
        self._skipped: set[int | None] = set()
        self._n_due: dict[int | None, int] = {}

    def _autofocus(self, position: int | None) -> None:
        number = self._n_due.get(position, 0)
        self._n_due[position] = number + 1
        if number % self._every:
            return
        result = self._refocuser.run()
        self._last[position] = result
        self._skipped.discard(position)
        if result.reached:
            moved_um = result.end_um - result.start_um
            self._z_correction[position] = self._z_correction.get(position, 0.0) + moved_um
        elif self._on_failure == "stop":
            raise AutofocusError(f"autofocus at position {position}: {result.describe()}")
        elif self._on_failure == "skip":
            self._skipped.add(position)

    def _check_limits(self, event: MDAEvent, position: int | None) -> None:
        if event.z_pos is None:
            return
        settings = self._refocuser.settings
        z_um = event.z_pos + self._z_correction.get(position, 0.0)
        if settings.holds(z_um):
            return
        if self._on_failure == "stop":
            raise AutofocusError(
                f"position {position}: Z {z_um:.1f} um is outside the limits {settings.lower_um:g} to "
                f"{settings.upper_um:g} um; change the Z plan or the limits"
            )
        raise SkipEvent(num_frames=int(not isinstance(event.action, HardwareAutofocus)))


def describe_autofocus(result: Refocused) -> dict[str, Any]:
    """Return an autofocus as metadata of a frame."""
    first, last = result.steps[0].as_row(), result.steps[-1].as_row()
    own = ("delta_z_um", "u_um", "lower_um", "upper_um")
    return {
        "found_um": first["delta_z_um"],
        **{name: last[name] for name in own},
        "move_um": result.end_um - result.start_um,
        "n_images": len(result.steps),
        "outcome": result.outcome,
        "reason": result.reason,
    }
