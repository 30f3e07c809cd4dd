"""A refocus loop that records every step, on a stage whose direction the history keeps."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from refp.estimate import FocusEstimate
from refp.estimate.estimator import Estimator
from refp.history.stage import StageRecord
from refp.pipeline.qualification import make_qualifier
from refp.pipeline.recording import Origin
from refp.scope.guards import first_learnt
from refp.scope.kept import KeptStage
from refp.scope.protocols import Microscope
from refp.scope.record import Recorder
from refp.scope.refocus import Each, Refocuser, ignore_step
from refp.scope.step import Refocused, Step
from refp.settings import Identity, RefocusSettings


@dataclass(frozen=True, slots=True)
class Records:
    """Files of the records of refocus runs, and fields that the records share.

    Attributes
    ----------
    database
        File or URL of the history; ``None`` for none.
    log
        File to which a line of JSON is appended for each step; ``None`` for none.
    serial
        Serial number of the instrument, under which the history holds its verifications and keeps the
        direction of its stage; empty: no direction is kept.
    operator, note
        Operator, and a remark.
    """

    database: str | Path | None = None
    log: Path | None = None
    serial: str = ""
    operator: str = ""
    note: str = ""


class RecordedRefocuser(Refocuser):
    """A :class:`Refocuser` that records its steps and keeps the direction of the stage.

    Use :func:`open_recorded`.

    Parameters
    ----------
    microscope, settings
        As of :class:`Refocuser`.
    recorder
        Recorder of the steps, with the model.
    stage
        The stage in the history; ``None``: no direction is known or kept.

    Attributes
    ----------
    new_stage
        Record of the stage that the last run appended to the history; ``None`` where it showed nothing new.
    """

    def __init__(
        self,
        microscope: Microscope,
        settings: RefocusSettings,
        recorder: Recorder,
        stage: KeptStage | None,
    ) -> None:
        super().__init__(microscope, recorder.model, settings, stage.known if stage else None)
        self._recorder, self._stage = recorder, stage
        self.new_stage: StageRecord | None = None

    def run(self, each: Each = ignore_step) -> Refocused:
        """Run the loop, record its steps, and keep or drop the direction of the stage."""
        self._recorder.begin()

        def keep(step: Step) -> None:
            self._recorder.keep(step)
            each(step)

        result = super().run(keep)
        if self._stage is not None:
            self.new_stage = self._stage.keep(self.learnt, self.settings, result)
            self._learn()
        return result

    def _learn(self) -> None:
        """Apply a new record of the stage, as a later run that reads it from the history does."""
        if self.new_stage is None:
            return
        if self.new_stage.direction:
            self.learnt = replace(self.learnt, kept=True)
        else:
            self.learnt = first_learnt(self.settings, self.new_stage)


@contextmanager
def open_recorded(
    microscope: Microscope,
    estimator: Estimator,
    settings: RefocusSettings,
    records: Records,
    *,
    qualified: bool = True,
) -> Iterator[RecordedRefocuser]:
    """Open history and log, and yield a refocus loop that records every step in them.

    Parameters
    ----------
    microscope
        Camera and stage.
    estimator
        Model of this instrument, loaded from its file.
    settings
        Limits and guards.
    records
        History and log.
    qualified
        Whether estimates have the state of verification of the instrument, by which those of an unverified
        one are widened; a simulated microscope has none.

    Raises
    ------
    HistoryError
        If the history cannot be opened.
    MissingExtraError
        If a history is given, and its libraries are not installed.
    RecipeError
        As of :class:`Refocuser`.
    """
    origin = Origin(
        records.operator,
        records.note,
        purpose="refocus",
        serial=records.serial,
        tolerance_um=settings.tolerance_um,
    )
    append = qualify = stage = None
    with ExitStack() as opened:
        if records.database is not None:
            from refp.history import History, StageLog  # need extra "history"

            history = opened.enter_context(History.open(records.database))
            append = history.append
            if records.serial:
                name = estimator.card.instrument.name
                log = history.share(StageLog)
                stage = KeptStage(log, name, records.serial, records.operator)
        if qualified:
            qualify = partial(_qualify, estimator, records)
        recorder = Recorder(estimator, origin, qualify=qualify, log=records.log, append=append)
        yield RecordedRefocuser(microscope, settings, recorder, stage)


def _qualify(estimator: Estimator, records: Records, estimate: FocusEstimate) -> FocusEstimate:
    """Return an estimate with the state of verification now, which changes during a long acquisition."""
    identity = Identity(serial=records.serial)
    qualifier = make_qualifier(estimator, records.database or "", identity)
    return qualifier.apply(Identity(), estimate)  # an image of a camera states nothing
