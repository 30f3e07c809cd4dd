"""The refocus loop: a state machine over a camera, a focus stage and a model."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from refp.core.arrays import Image
from refp.core.errors import RecipeError
from refp.estimate import FocusEstimate
from refp.history.stage import StageRecord
from refp.scope.guards import (
    Halt,
    Outcome,
    Reading,
    first_learnt,
    is_reached,
    judge_arrival,
    judge_move,
    next_waypoint,
    plan_path,
    plan_target,
    read_estimate,
)
from refp.scope.protocols import Microscope, Snapshot
from refp.scope.step import Refocused, Step
from refp.scope.timeouts import call_within
from refp.settings import RefocusSettings

T = TypeVar("T")
Each = Callable[[Step], object]
"""Callback with each step, once its move has ended."""


@dataclass(frozen=True, slots=True)
class FocusModel:
    """A model as the loop uses it.

    Attributes
    ----------
    estimate
        Returns dZ of an image, shape ``(y, x)``, or a refusal.
    dz_range_um
        Trained range of dZ.
    """

    estimate: Callable[[Image], FocusEstimate]
    dz_range_um: tuple[float, float]


def ignore_step(_step: Step) -> None:
    """Do nothing with a step."""


class Refocuser:
    """Returns a microscope to the reference plane, as often as it is run.

    Direction and backlash that one run has shown hold for the later ones.

    Parameters
    ----------
    microscope
        Camera and stage.
    model
        Model of this instrument.
    settings
        Limits and guards; the limits of the stage itself narrow them.
    known
        Record of the stage in the history: its direction needs no small first move; ``None`` for none.

    Raises
    ------
    RecipeError
        If no position is within the limits of both settings and stage.

    Examples
    --------
    >>> from refp.scope import FocusModel, Refocuser, SimulatedMicroscope
    >>> scope = SimulatedMicroscope("a2k", start_um=-40.0, seed=1)
    >>> model = FocusModel(scope.true_estimate, (-150.0, 150.0))
    >>> Refocuser(scope.microscope, model, scope.settings).run().outcome
    'reached'
    """

    def __init__(
        self,
        microscope: Microscope,
        model: FocusModel,
        settings: RefocusSettings,
        known: StageRecord | None = None,
    ) -> None:
        self.microscope = microscope
        self.model = model
        self.settings = _within_stage(settings, microscope.stage.limits_um)
        self.learnt = first_learnt(settings, known)

    def run(self, each: Each = ignore_step) -> Refocused:
        """Take images and move until the image is in the reference plane, or a guard stops the loop.

        A stopped loop moves the stage back to where it began, unless that is outside the limits. An
        interrupt from the keyboard stops the stage where it is.
        """
        return _Run(self, each).run()


class _Run:
    """One run of the loop.

    Attributes
    ----------
    z_um
        Position that the stage reported last.
    """

    def __init__(self, owner: Refocuser, each: Each) -> None:
        self._owner = owner
        self._settings = owner.settings
        self._each = each
        self._steps: list[Step] = []
        self._open = Step(math.nan, None)
        self._start_um = self._origin_um = self.z_um = math.nan
        self._run_up_um = 0.0
        self._moved = False

    def run(self) -> Refocused:
        try:
            self._start_um = self._origin_um = self._read_position()
            self._loop()
        except Halt as halt:
            self._restore()
            return self._end(halt.outcome, halt.reason)
        except Exception:
            self._restore()
            raise
        except BaseException:
            self._stop_stage()
            raise
        return self._end("reached", "")

    def _loop(self) -> None:
        owner, settings = self._owner, self._settings
        before = first = self._look()
        while not is_reached(before, settings):
            self._count_move()
            target_um = plan_target(before, owner.learnt, settings, owner.model.dz_range_um)
            path = plan_path(self.z_um, target_um, self._run_up_um, owner.learnt, settings)
            self._origin_um = self.z_um
            self._move(path)
            self._close()
            time.sleep(settings.settle_ms / 1000)
            after = self._look()
            # Until the direction is proved all moves together show it: one may be below the noise.
            since = before if owner.learnt.proved else first
            owner.learnt = judge_move(since, after, path, owner.learnt, settings)
            before = after

    def _count_move(self) -> None:
        most = self._settings.max_moves
        if len(self._steps) >= most:
            raise Halt("max_moves", f"not within the tolerance after max_moves = {most} moves")

    def _look(self) -> Reading:
        """Take an image and estimate its dZ."""
        self._open = Step(self.z_um, None)
        taken = self._ask_camera()
        estimate = self._owner.model.estimate(taken.image)
        self._open = Step(self.z_um, estimate, reason=estimate.reason, metadata=taken.metadata)
        return read_estimate(self.z_um, estimate)

    def _close(self) -> None:
        """Hand on the open step, whose move has ended."""
        step = replace(self._open, move_um=self.z_um - self._open.z_um)
        self._steps.append(step)
        self._each(step)

    def _end(self, outcome: Outcome, reason: str) -> Refocused:
        self._open = replace(self._open, outcome=outcome, reason=reason or self._open.reason)
        self._close()
        restored = not abs(self.z_um - self._start_um) > self._settings.arrival_um
        restored = restored and math.isfinite(self.z_um)
        return Refocused(outcome, reason, self._steps, self._start_um, self.z_um, restored)

    def _move(self, path: list[float]) -> None:
        side = 1 if self._settings.approach_from == "below" else -1
        for target_um in path:
            onward_um = side * (target_um - self.z_um)
            self._run_up_um = self._run_up_um + onward_um if onward_um >= 0 else 0.0
            while True:
                waypoint_um = next_waypoint(self.z_um, target_um, self._settings)
                self._command(waypoint_um)
                if waypoint_um == target_um:
                    break

    def _command(self, z_um: float) -> None:
        """Send the stage to a position, which no plan puts outside the limits or too far away."""
        if not self._settings.holds(z_um):
            raise Halt("outside_limits", f"Z {z_um:.1f} um is outside the limits")
        self._moved = True
        self._ask_stage(lambda: self._owner.microscope.stage.move_to_um(z_um))
        judge_arrival(self._read_position(), z_um, self._settings)

    def _restore(self) -> None:
        """Move back to the start, or to where the last move began, if that is within the limits."""
        if not self._moved:
            return
        choices = filter(self._settings.holds, (self._start_um, self._origin_um))
        target_um = next(choices, None)
        with suppress(Halt):
            self._read_position()
            if target_um is not None:
                learnt = self._owner.learnt
                self._move(plan_path(self.z_um, target_um, 0.0, learnt, self._settings))

    def _ask_camera(self) -> Snapshot:
        timeout_ms = self._settings.camera_timeout_ms
        try:
            taken = call_within(timeout_ms, self._owner.microscope.camera.snap)
        except TimeoutError as error:
            raise Halt(
                "camera_timeout",
                f"the camera took no image within camera_timeout_ms = {timeout_ms:g}; check that it is on "
                "and no other program uses it",
            ) from error
        except Exception as error:
            raise Halt("camera_error", f"the camera: {_describe(error)}") from error
        if taken.image.ndim != 2 or not np.issubdtype(taken.image.dtype, np.unsignedinteger):
            raise Halt(
                "camera_error",
                f"the camera took an image of {taken.image.dtype} with shape {taken.image.shape}; set it "
                "to grey images of 8 or 16 bits",
            )
        return taken

    def _read_position(self) -> float:
        """Read the position of the stage; NaN while it is not known."""
        self.z_um = math.nan
        z_um = self._ask_stage(self._owner.microscope.stage.position_um)
        if not math.isfinite(z_um):
            raise Halt("stage_error", f"the stage reports its position as {z_um}; check its driver")
        self.z_um = z_um
        return z_um

    def _ask_stage(self, call: Callable[[], T]) -> T:
        timeout_ms = self._settings.stage_timeout_ms
        try:
            return call_within(timeout_ms, call)
        except TimeoutError as error:
            self._stop_stage()
            raise Halt(
                "stage_timeout",
                f"the stage did not answer within stage_timeout_ms = {timeout_ms:g}; check it before the "
                "next command, it may still move",
            ) from error
        except Exception as error:
            raise Halt("stage_error", f"the stage: {_describe(error)}") from error

    def _stop_stage(self) -> None:
        with suppress(Exception):  # the first failure is the one that is reported
            call_within(self._settings.stage_timeout_ms, self._owner.microscope.stage.stop)


def _within_stage(settings: RefocusSettings, limits_um: tuple[float, float]) -> RefocusSettings:
    """Return the settings with limits narrowed to those of the stage."""
    lower_um, upper_um = limits_um
    if upper_um <= settings.lower_um or lower_um >= settings.upper_um:
        raise RecipeError(
            f"limits {settings.lower_um:g} to {settings.upper_um:g} um: the stage allows {lower_um:g} to "
            f"{upper_um:g} um; state limits within them"
        )
    narrow = {
        "lower_um": max(settings.lower_um, lower_um),
        "upper_um": min(settings.upper_um, upper_um),
    }
    return settings.replace(narrow, source="limits of the stage")


def _describe(error: Exception) -> str:
    """Return an exception of a driver as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
