"""Estimate the pages of files and record each in the history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from refp.core.errors import HistoryConflictError
from refp.core.parallel import Execution
from refp.estimate import FocusEstimate, refused
from refp.estimate.batch import estimate_each
from refp.estimate.estimator import Estimator, ImageEstimate, recipe_of
from refp.estimate.rows import VERDICT_COLUMN, Row, estimate_rows
from refp.estimate.verdict import judge_focus
from refp.history import Direction, History, HistoryRecord, Selection
from refp.history.newest import rejecting_rules
from refp.pipeline.qualification import Qualifier, make_qualifier
from refp.pipeline.recording import Origin, record_estimate
from refp.pipeline.watching.opening import OpenedFile, Page
from refp.settings import Identity

IDS_AT_ONCE = 500
"""Ids of one query; databases limit their number."""
EVERY_RECORD = Selection(with_corrected=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """The recorded estimate of an image.

    Attributes
    ----------
    path
        The image file.
    row
        Columns of ``estimates.csv``, with the verdict where a tolerance is given.
    outcome
        Verdict where a tolerance is given, else the status.
    causes
        Causes of an alert: ``fail``, ``refused``, and control rules that reject; usually none.
    at
        Time of the record.
    """

    path: Path
    row: Row
    outcome: str
    causes: tuple[str, ...]
    at: datetime


PageOf = tuple[OpenedFile, Page]
Take = Callable[[OpenedFile, Page, ImageEstimate], None]


class Answerer:
    """Estimate and record pages.

    Parameters
    ----------
    estimator
        Loaded model.
    history, database
        The open history, and its address for the verifications.
    origin
        Operator, remark and serial number of the records.
    tolerance_um
        Tolerance of the verdict, um; ``None``: no verdict.
    direction
        Direction of the stage as given by the user; 0 for none.
    """

    def __init__(
        self,
        estimator: Estimator,
        history: History,
        database: str | Path,
        origin: Origin,
        tolerance_um: float | None,
        *,
        direction: Direction = 0,
    ) -> None:
        self.card = estimator.card
        self._estimator, self._history, self._database = estimator, history, database
        self._origin, self._tolerance_um, self._direction = origin, tolerance_um, direction
        self._coverage = recipe_of(estimator.card).estimate.coverage
        self._qualifier = self._new_qualifier()

    def recorded(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that the history has."""
        found: set[str] = set()
        for start in range(0, len(ids), IDS_AT_ONCE):
            part = ids[start : start + IDS_AT_ONCE]
            known = self._history.select(EVERY_RECORD, ids=part, columns=("id",))
            found.update(known["id"])
        return found

    def estimate(self, pages: Sequence[PageOf], execution: Execution, take: Take) -> None:
        """Estimate pages; ``take`` gets each with its estimate, or with its refusal.

        Raises
        ------
        WorkersError, ModelError
            As :func:`refp.estimate.batch.estimate_each`.
        """
        self._qualifier = self._new_qualifier()
        for file, page in pages:
            if page.code:
                take(file, page, self._refusal(page))
        readable = [(file, page) for file, page in pages if not page.code]
        estimate_each(
            self._estimator,
            [page.image for _, page in readable],
            execution=execution,
            each=lambda k, result: take(*readable[k], result),
        )

    def record(self, file: OpenedFile, page: Page, result: ImageEstimate) -> Answer | None:
        """Record an estimate; return the answer, or ``None`` if another process has recorded the image.

        Raises
        ------
        HistoryError
            If the history cannot be written.
        """
        estimate = self._qualifier.apply(file.identity, result.estimate)
        record = self._make_record(file, page, replace(result, estimate=estimate))
        try:
            is_new = bool(self._history.append([record]))
        except HistoryConflictError:
            is_new = False
        return self._answer(file, page, estimate, record) if is_new else None

    def _make_record(self, file: OpenedFile, page: Page, result: ImageEstimate) -> HistoryRecord:
        serial = self._origin.serial or file.identity.serial
        origin = replace(self._origin, at=datetime.now().astimezone(), serial=serial)
        record = record_estimate(result, self._estimator, file.sha256, origin)
        return replace(record, id=page.record_id, image=page.label)

    def _answer(
        self, file: OpenedFile, page: Page, estimate: FocusEstimate, record: HistoryRecord
    ) -> Answer:
        (row,) = estimate_rows([page.label], [estimate], self.card.name)
        outcome: str = estimate.status
        if self._tolerance_um is not None:
            outcome = judge_focus(estimate, self._tolerance_um)
            row[VERDICT_COLUMN] = outcome
        causes = [outcome] if outcome in ("fail", "refused") else []
        if estimate.status != "refused":
            causes += rejecting_rules(self._history, record.instrument)
        return Answer(file.path, row, outcome, tuple(causes), record.recorded_at)

    def _refusal(self, page: Page) -> ImageEstimate:
        assert page.code
        estimate = refused(page.code, page.problem, self._coverage)
        return ImageEstimate(page.label, estimate, None, np.zeros(0, dtype=np.bool_))

    def _new_qualifier(self) -> Qualifier:
        """Return a qualifier of this moment, as verifications and stages change during a watch."""
        given = Identity(serial=self._origin.serial)
        direction = self._direction
        return make_qualifier(self._estimator, self._database, given, direction=direction)
