"""What a job is, and how far it is."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from refp.history.job_state import ENDED
from refp.web.settings import Limits

JobKind = Literal["plane", "train", "adapt", "demo"]
OPTIONS = ("instrument", "pattern", "pixel_size_um", "bead_diameter_um")
"""What a request may say of its data sets."""
Curve = Mapping[str, Any]
"""A learning curve, by the names of :class:`refp.models.LearningCurve`; no number is ``None``."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as people see it.

    Attributes
    ----------
    id
        UUID as text.
    kind, title, operator
        What is done, what people call it, who asked for it.
    request
        What it works on.
    state
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    made_at, ended_at
        ISO 8601 with zone; ``ended_at`` is empty before its end.
    starts
        How often it was begun: more than once where the server was stopped in between.
    result
        What it made.
    code, detail
        Why it failed; empty otherwise.
    """

    id: str
    kind: str
    title: str
    operator: str
    request: Mapping[str, Any]
    state: str
    made_at: str
    ended_at: str = ""
    starts: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    detail: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in ENDED

    def after(self, at: str, state: str, about: Mapping[str, Any]) -> "Job":
        """Return the job after an event."""
        return replace(
            self,
            state=state,
            ended_at=at if state in ENDED else "",
            starts=self.starts + (state == "running"),
            result=about.get("result", {}),
            code=about.get("code", ""),
            detail=about.get("detail", ""),
        )


@dataclass(slots=True)
class Live:
    """How far a job is: the stage that it is in, and learning curves where it trains.

    ``version`` counts what was told, and ``curves`` has with each curve the version it is of.
    """

    stage: str = ""
    done: int = 0
    total: int = 0
    since: float = 0.0
    version: int = 0
    curves: dict[str, tuple[int, Curve]] = field(default_factory=dict)

    def set_progress(self, stage: str, done: int, total: int) -> None:
        """Set the stage, and the number of its steps that are done."""
        if stage != self.stage:
            self.stage, self.since = stage, time.monotonic()
        self.done, self.total = done, total
        self.version += 1

    def add_curve(self, curve: Curve) -> None:
        """Add a learning curve, in place of an earlier one of the same fit."""
        self.version += 1
        self.curves[str(curve["fit"])] = self.version, curve

    @property
    def left_s(self) -> float | None:
        """Seconds to the end of the stage at the pace so far; ``None`` where that is not known."""
        spent_s = time.monotonic() - self.since
        if not self.done or spent_s < 1:
            return None
        return spent_s / self.done * (self.total - self.done)


@dataclass(frozen=True, slots=True)
class JobPlace:
    """What a job's process is told of the server.

    Attributes
    ----------
    home
        Folder that results are kept under.
    models
        Folder that models are put into.
    roots
        Folders that data may be named in.
    history
        Database that planes are recorded in; empty where none is kept.
    limits
        How much data may be.
    processes
        How many processes it may keep busy.
    """

    home: Path
    models: Path
    roots: tuple[Path, ...]
    history: str
    limits: Limits
    processes: int
