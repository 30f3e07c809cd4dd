"""Records of refocus runs: a JSON line and a history record of every step."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from refp.core.arrays import Image
from refp.core.digests import digest_bytes
from refp.core.files import append_line, to_json
from refp.estimate import FocusEstimate
from refp.estimate.estimator import Estimator, ImageEstimate
from refp.history import HistoryRecord, new_id
from refp.pipeline.recording import Origin, record_estimate
from refp.scope.refocus import FocusModel
from refp.scope.step import STEP_COLUMNS, Refocused, Step

LOG_FILE = "refocus.jsonl"
Qualify = Callable[[FocusEstimate], FocusEstimate]
"""Returns an estimate with the state of verification of the instrument."""
TRUTH = "true_delta_z_um"
"""Column, and key of the simulated camera's metadata."""


def log_line(run: str, number: int, step: Step) -> str:
    """Return a step as one line of JSON, with time, run, number of the image and camera metadata."""
    at = datetime.now().astimezone().isoformat()
    return to_json(
        {"at": at, "run": run, "image": number} | step.as_row() | {"camera": step.metadata}
    )


class Recorder:
    """Estimates the images of refocus runs, one after another, and keeps every step.

    Parameters
    ----------
    estimator
        Loaded model.
    origin
        Operator, remark and serial number of the history records.
    qualify
        Applied to each estimate; default: none.
    log
        File to which a line is appended for each step; ``None`` for none.
    append
        Called with the history record of each step that has an image; ``None`` for none.
    """

    def __init__(
        self,
        estimator: Estimator,
        origin: Origin,
        *,
        qualify: Qualify | None = None,
        log: Path | None = None,
        append: Callable[[list[HistoryRecord]], object] | None = None,
    ) -> None:
        self._estimator = estimator
        self._origin = origin
        self._qualify = qualify
        self._log = log
        self._append = append
        self.begin()

    @property
    def model(self) -> FocusModel:
        """The model of the loop."""
        return FocusModel(self.estimate, self._estimator.card.dz_range_um)

    def begin(self) -> None:
        """Begin a run, whose steps have an id of their own and are numbered from 1."""
        self._run = new_id()
        self._number = 0
        self._last: tuple[ImageEstimate, str] | None = None

    def estimate(self, image: Image) -> FocusEstimate:
        """Estimate an image, and keep its estimate for the record of its step."""
        result = self._estimator.estimate(image, f"refocus image {self._number + 1}")
        if self._qualify is not None:
            result = replace(result, estimate=self._qualify(result.estimate))
        self._last = result, digest_bytes(image)
        return result.estimate

    def keep(self, step: Step) -> None:
        """Write the line and the record of a step."""
        self._number += 1
        if self._log is not None:
            append_line(log_line(self._run, self._number, step), self._log)
        if self._append is not None and self._last is not None:
            self._append([self._record(step, *self._last)])
        self._last = None

    def _record(self, step: Step, result: ImageEstimate, sha256: str) -> HistoryRecord:
        about = f"refocus {self._run[:8]}: Z {step.z_um:.2f} um, move {step.move_um:+.2f} um"
        if step.outcome is not None:
            about += f", {step.outcome}"
        note = f"{self._origin.note}; {about}" if self._origin.note else about
        now = datetime.now().astimezone()
        return record_estimate(
            result, self._estimator, sha256, replace(self._origin, note=note, at=now)
        )


def step_rows(result: Refocused, *, simulated: bool) -> list[dict[str, Any]]:
    """Return the steps of a run as rows; those of a simulation have ``true_delta_z_um`` besides."""
    rows = [step.as_row() for step in result.steps]
    if simulated:
        for row, step in zip(rows, result.steps, strict=True):
            row[TRUTH] = step.metadata.get(TRUTH, math.nan)
    return rows


def printed_columns(rows: list[dict[str, Any]]) -> list[str]:
    """Return the columns for a terminal, without reasons, which a message gives."""
    return [name for name in (*STEP_COLUMNS, TRUTH) if name in rows[0]]


def write_refocus_figure(
    rows: list[dict[str, Any]], tolerance_um: float, model: str, path: Path
) -> None:
    """Write the figure of a run as SVG."""
    import pandas as pd  # these take longer to load than an image to estimate

    from refp.reports import draw_refocus, save_svg

    save_svg(draw_refocus(pd.DataFrame(rows), tolerance_um, f"Refocus with {model}"), path)
