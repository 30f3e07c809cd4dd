"""Watch a folder: every image that appears below it is estimated once, recorded and reported."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from refp.core.errors import HistoryError, ModelError, WorkersError
from refp.core.parallel import SERIAL, Execution
from refp.estimate.estimator import ImageEstimate
from refp.pipeline.watching.answering import Answer, Answerer, PageOf
from refp.pipeline.watching.folder import WatchedFolder
from refp.pipeline.watching.listing import stamp_of
from refp.pipeline.watching.opening import LockedError, OpenedFile, Page, open_file
from refp.pipeline.watching.settling import Stamp
from refp.sweeps.pages import ALL_PAGES, Choice

BATCH = 128
"""Most files that are estimated before the folder is looked at again; enough for worker processes."""
Report = Callable[[Answer], None]


class Watch:
    """Estimate, record and report the files of a watched folder.

    Parameters
    ----------
    folder
        The files that are not answered yet.
    answerer
        Estimates and records.
    reports
        Called with each answer, after it was recorded.
    choice
        Channel, time point and pixel size of the images.
    execution
        Executor of the estimates.
    """

    def __init__(
        self,
        folder: WatchedFolder,
        answerer: Answerer,
        reports: Sequence[Report],
        choice: Choice = ALL_PAGES,
        execution: Execution = SERIAL,
    ) -> None:
        self._folder, self._answerer, self._reports = folder, answerer, reports
        self._choice, self._execution = choice, execution
        self._left: Counter[Path] = Counter()
        self.outcomes: Counter[str] = Counter()

    def run(self) -> None:
        """Watch until interrupted."""
        while True:
            self.step()

    def step(self) -> None:
        """Answer the files that are due, then wait for changes."""
        opened = (self._open(path, stamp) for path, stamp in self._folder.due(BATCH))
        files = [file for file in opened if file is not None]
        if files:
            self._answer(files)
        self._folder.wait()

    def _open(self, path: Path, stamp: Stamp) -> OpenedFile | None:
        """Return a file that is whole, or that has been without a change for long; else ``None``."""
        file = None
        try:
            file = open_file(path, stamp, self._folder.path, self._answerer.card, self._choice)
        except FileNotFoundError:
            self._folder.forget(path)
        except LockedError as error:
            if self._folder.is_abandoned(path):
                self._folder.note(path, str(error))
            self._folder.postpone([path])
        if file is not None and not file.is_whole and not self._folder.is_abandoned(path):
            self._folder.postpone([path])
            return None
        return file

    def _answer(self, files: Sequence[OpenedFile]) -> None:
        """Estimate and record files; those that cannot be recorded are due again later."""
        try:
            pages = self._unrecorded(files)
            self._left = Counter(file.path for file, _ in pages)
            self._answerer.estimate(pages, self._execution, self._take)
        except HistoryError as error:
            self._folder.note(self._folder.path, f"not recorded, and tried again: {error}")
        except (WorkersError, ModelError) as error:
            self._execution = SERIAL
            self._folder.note(self._folder.path, f"{error}; continuing in this process")
        self._folder.postpone([file.path for file in files])

    def _unrecorded(self, files: Sequence[OpenedFile]) -> list[PageOf]:
        """Return the pages without a record; files that have none are answered."""
        known = self._answerer.recorded([page.record_id for file in files for page in file.pages])
        pages = [(f, page) for f in files for page in f.pages if page.record_id not in known]
        unanswered = {file.path for file, _ in pages}
        for file in files:
            if file.path not in unanswered:
                self._finish(file)
        return pages

    def _take(self, file: OpenedFile, page: Page, result: ImageEstimate) -> None:
        """Record and report an estimate, unless the file has changed since it was opened."""
        stamp = stamp_of(file.path)
        is_gone = stamp is None and result.estimate.is_unread
        if is_gone or (stamp is not None and stamp != file.stamp):
            return  # it stays among those that are due, and its stamp is checked again
        answer = self._answerer.record(file, page, result)
        self._left[file.path] -= 1
        if not self._left[file.path]:
            self._finish(file)
        if answer is not None:
            self.outcomes[answer.outcome] += 1
            for report in self._reports:
                report(answer)

    def _finish(self, file: OpenedFile) -> None:
        record_id = file.pages[0].record_id if file.pages else ""
        self._folder.finish(file.path, file.stamp, record_id)
