"""Jobs and their progress."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

from refp.history.job_state import ENDED
from refp.web.settings import Limits

JobKind = Literal["plane", "train", "adapt", "demo", "audit"]
OPTIONS = (
    "instrument",
    "pattern",
    "pixel_size_um",
    "bead_diameter_um",
    "z_step_um",
    "channel",
    "t",
    "bit_depth",
)
"""Fields of a request that describe its data sets."""
Curve = Mapping[str, Any]
"""A learning curve, by the names of :class:`refp.models.LearningCurve`; ``None`` if no number."""


class NameReading(TypedDict):
    """A file name as a pattern reads it; an exposure of 0 is not known."""

    name: str
    z_um: float
    exposure_ms: float
    experiment: str
    fov: str


class Proposal(TypedDict):
    """Contents of a folder whose names are not read as sweeps, and the pattern that fits them.

    Attributes
    ----------
    number
        Number of the data set in the request of the job.
    stated
        Pattern of the request or of ``sweep.toml``, which matches no name; empty without one.
    kinds
        Number ``n``, ``suffix`` and ``size`` of the images of each kind, the commonest first.
    folders, n_folders
        ``name``, number of images ``n`` and ``has_sweep_file`` of the first folders below, and the number
        of all.
    left_out, n_left_out
        ``name`` and ``reason`` of the first images that cannot be read, and the number of all.
    holds_datasets
        Whether the folders below are data sets of their own.
    pattern
        Pattern that fits; empty if none does.
    needs_step, needs_instrument
        Whether the distance of two frames, or the instrument, is not known.
    problem
        Reason why the data set does not open with the pattern; empty if it opens.
    names, n_names
        The first names that the pattern is for, and the number of all.
    n_frames
        Number of frames of each sweep.
    examples
        Frames of different sweeps; ``z_um`` is the number of the frame if ``needs_step``.
    """

    number: int
    stated: str
    kinds: list[dict[str, Any]]
    folders: list[dict[str, Any]]
    n_folders: int
    left_out: list[dict[str, str]]
    n_left_out: int
    holds_datasets: bool
    pattern: str
    needs_step: bool
    needs_instrument: bool
    problem: str
    names: list[str]
    n_names: int
    n_frames: list[int]
    examples: list[NameReading]


@dataclass(frozen=True, slots=True)
class Job:
    """A job and its state.

    Attributes
    ----------
    id
        UUID as text.
    kind, title, operator
        Kind of work, display name, operator.
    request
        Fields of the request.
    state
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    made_at, started_at, ended_at
        ISO 8601 with zone; ``started_at`` is that of the last start. Empty before.
    starts
        Number of starts: more than one after a restart of the server.
    result
        Result of a job that is done.
    code, detail
        Code and message of a failure; empty otherwise.
    proposal
        Of a job that failed at the names of its images: how to read them; else ``None``.
    """

    id: str
    kind: str
    title: str
    operator: str
    request: Mapping[str, Any]
    state: str
    made_at: str
    started_at: str = ""
    ended_at: str = ""
    starts: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    detail: str = ""
    proposal: Proposal | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self.state in ENDED

    @property
    def took_s(self) -> float | None:
        """Time from the last start to the end, s; ``None`` before the end, or if it never started."""
        if not (self.started_at and self.ended_at):
            return None
        start, end = map(datetime.fromisoformat, (self.started_at, self.ended_at))
        return (end - start).total_seconds()

    def after(self, at: str, state: str, about: Mapping[str, Any]) -> "Job":
        """Return the job after an event."""
        return replace(
            self,
            state=state,
            started_at=at if state == "running" else self.started_at,
            ended_at=at if state in ENDED else "",
            starts=self.starts + (state == "running"),
            result=about.get("result", {}),
            code=about.get("code", ""),
            detail=about.get("detail", ""),
            proposal=about.get("proposal"),
        )


@dataclass(slots=True)
class Live:
    """Progress of a running job: its stage, and the learning curves of a training.

    ``version`` counts changes; ``curves`` holds each curve with the version of its last change.
    """

    stage: str = ""
    done: int = 0
    total: int = 0
    since: float = 0.0
    version: int = 0
    curves: dict[str, tuple[int, Curve]] = field(default_factory=dict)

    def set_progress(self, stage: str, done: int, total: int) -> None:
        """Set the stage and the number of its completed steps."""
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
        """Estimated time to the end of the stage, s; ``None`` if unknown."""
        spent_s = time.monotonic() - self.since
        if not self.done or spent_s < 1:
            return None
        return spent_s / self.done * (self.total - self.done)


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Folders and limits of the server, for the process of a job.

    Attributes
    ----------
    home
        Home of the server, with the results.
    models
        Folder of models.
    roots
        Folders that requests may name data in.
    history
        Database of the history; empty without a history.
    limits
        Limits on the size of data.
    processes
        Number of processes of a job.
    """

    home: Path
    models: Path
    roots: tuple[Path, ...]
    history: str
    limits: Limits
    processes: int
