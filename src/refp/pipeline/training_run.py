"""A run of ``refp train`` and what lies beside its model: new, or taken up where it stopped.

Until the model is written, a folder beside it keeps what was measured and every fit's newest snapshot.
The report is written before the model, which is the last thing of all, so a model that is there is whole.
"""

from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import TYPE_CHECKING, Self

from refp.core.digests import Contents, digest_bytes, hash_path
from refp.core.errors import OutputError
from refp.core.files import refuse_existing, write_bytes
from refp.measure.cache import FrameStore
from refp.pipeline.runs import MEASURED, at_fault, is_worth_keeping

if TYPE_CHECKING:  # worker processes start sooner when this process imports the method after them
    from refp.measure.dataset import FrameMeasurement

REPORT_DIGEST = "report.sha256"
"""In the folder: which report this run was about to write."""


class TrainingRun(AbstractContextManager["TrainingRun"]):
    """One training and its files.

    Parameters
    ----------
    model
        Model file to write; the report has its name, with ``.html``.
    overwrite
        Whether files of these names may be replaced.

    Raises
    ------
    OutputError
        If there is a model or a report, and it may not be replaced.
    """

    def __init__(self, model: Path, *, overwrite: bool) -> None:
        self.model = model
        self.report = model.with_suffix(".html")
        self.checkpoints = model.with_name(f"{model.name}.checkpoints")
        self._was_there = self.checkpoints.is_dir()
        if self.report == model:
            raise OutputError(f"{model}: is where the report goes; name the model *.refp")
        if not overwrite:
            refuse_existing(model)
            if not self._wrote_report():
                refuse_existing(self.report)

    @cached_property
    def store(self) -> "FrameStore[FrameMeasurement]":
        """What was measured so far, by ``refp plane`` in the same folder or by this training."""
        from refp.measure.dataset import FrameMeasurement

        of_plane = self.model.parent / MEASURED
        folder = of_plane if of_plane.is_dir() else self.checkpoints / MEASURED
        return FrameStore(folder, FrameMeasurement, Contents())

    def write_report(self, page: bytes) -> None:
        """Write the report, so that this run knows it again should it be killed before its end."""
        digest = digest_bytes(page)
        write_bytes(digest.encode(), self.checkpoints / REPORT_DIGEST)
        write_bytes(page, self.report)

    def finish(self) -> None:
        """Remove what was kept; the model is written."""
        rmtree(self.checkpoints, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep what was measured, unless the input was at fault: a refused run leaves no trace."""
        if at_fault(error) and not self._was_there:
            self.finish()
        elif is_worth_keeping(error):
            self.store.flush()

    def _wrote_report(self) -> bool:
        """Whether the report that is there is one that this run wrote before it was killed."""
        with suppress(OSError):
            digest = (self.checkpoints / REPORT_DIGEST).read_text()
            return hash_path(self.report) == digest
        return False
