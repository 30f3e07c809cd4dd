"""Estimate dZ of all images of an archive, resumably and with constant memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from refp.core.digests import digest_json, hash_code, hash_path
from refp.core.errors import DataError, ModelError, RefpError
from refp.core.parallel import SERIAL, Execution, iter_ordered
from refp.estimate import FocusEstimate, refused
from refp.estimate.estimator import Estimator, recipe_of
from refp.estimate.focus_estimate import Reason
from refp.estimate.rows import estimate_rows
from refp.measure.frame import check_seen
from refp.models import ModelCard
from refp.pipeline.audit_store import STORED_COLUMNS, AuditStore, KnownFile, Row
from refp.pipeline.checks import check_declared
from refp.pipeline.qualification import Qualifier
from refp.settings import Identity, is_alike
from refp.sweeps import SingleImage, declared_identity, declared_instrument
from refp.sweeps.dates import Acquired, acquired
from refp.sweeps.images import images_of
from refp.sweeps.listing import walk_images
from refp.sweeps.pages import ALL_PAGES, Choice

CODE = ("core", "settings", "sweeps", "measure", "models", "estimate")
"""Packages whose code an estimate depends on."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file of an archive to audit.

    Attributes
    ----------
    path
        The file.
    name
        Its path within the archive, with ``/``.
    known
        Its state when it was audited before.
    stamp
        Its state now.
    """

    path: Path
    name: str
    known: KnownFile
    stamp: str


@dataclass(frozen=True, slots=True)
class AuditedImage:
    """One page of a file: date, instrument and estimate.

    Attributes
    ----------
    source
        The image.
    acquired
        Date of acquisition.
    instrument
        Name of the instrument type.
    identity
        Serial number and parts of the instrument, as stated.
    estimate
        dZ with its interval, or a refusal.
    """

    source: SingleImage
    acquired: Acquired
    instrument: str
    identity: Identity
    estimate: FocusEstimate


@dataclass(frozen=True, slots=True)
class AuditedFile:
    """Result of one file.

    Attributes
    ----------
    file
        The file.
    sha256
        Digest of its content; if it equals the known one, there are no images.
    images
        Its pages, in order.
    """

    file: ArchiveFile
    sha256: str
    images: tuple[AuditedImage, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """Whether the content is that of the earlier audit."""
        return bool(self.sha256) and self.sha256 == self.file.known.sha256


@dataclass(frozen=True, slots=True)
class AuditPass:
    """Counts of one pass over an archive.

    Attributes
    ----------
    n_files
        Image files found.
    n_estimated
        Files read and estimated in this pass; the others are unchanged since an earlier one.
    n_gone
        Files of an earlier pass that no longer exist.
    """

    n_files: int
    n_estimated: int
    n_gone: int

    def describe(self) -> str:
        """Return one line with the counts."""
        gone = f", {self.n_gone} gone since the last audit" if self.n_gone else ""
        unchanged = self.n_files - self.n_estimated
        known = f", {unchanged} unchanged since the last audit" if unchanged else ""
        return f"{self.n_files} image files: {self.n_estimated} new or changed{known}{gone}"


def audit_inputs(
    estimator: Estimator, archive: Path, choice: Choice, qualifier: Qualifier, max_beads: int | None
) -> dict[str, str]:
    """Return digests of all that an audit depends on besides the images, for :class:`AuditStore`.

    A verification that expires between two passes is another state. Directions of stages do not count: no
    column of an audit depends on them.
    """
    verifications = qualifier.known().verifications
    known = {serial: [str(v), v.is_valid(qualifier.at)] for serial, v in verifications.items()}
    settings = (choice.channel, choice.t, choice.pixel_size_um, max_beads, qualifier.given.serial)
    return {
        "archive": str(archive.resolve()),
        "model": estimator.file_sha256,
        "choice of images": digest_json(settings),
        "state of verification": digest_json(known),
        "version of refp": hash_code(*CODE),
    }


def audit_archive(
    estimator: Estimator,
    archive: Path,
    store: AuditStore,
    qualifier: Qualifier,
    *,
    choice: Choice = ALL_PAGES,
    execution: Execution = SERIAL,
) -> AuditPass:
    """Estimate every image of an archive that the store does not hold, or whose content changed.

    Results are stored file by file as they are completed. Files are listed while they are estimated, so
    that neither images nor results accumulate in memory.

    Parameters
    ----------
    estimator
        Loaded model.
    archive
        A folder, with folders below it to any depth.
    store
        Results of this and earlier passes.
    qualifier
        Applied to each estimate.
    choice
        Channel, time point and pixel size.
    execution
        Executor for the work, and callback for progress.

    Raises
    ------
    DataError
        If the archive is not a folder, or holds no image.
    ModelError
        If the given pixel size is not that of the model.
    WorkersError
        If the workers are lost, or cannot read the images; results so far are kept.
    """
    n_files = _count(archive)
    _check_pixel_size(estimator.card, choice)
    workers = execution.workers if estimator.picklable else SERIAL.workers
    audit = FileAudit(estimator, choice)
    n_estimated = 0
    changed = _changed_files(archive.absolute(), store)
    for result in iter_ordered(audit, changed, n_files, workers):
        if workers.scheduler is not None:
            check_seen([one.source for one in result.images if one.estimate.is_unread])
        _store(result, store, estimator.card, qualifier)
        n_estimated += not result.is_unchanged
        execution.progress("auditing", store.n_met, n_files)
    return AuditPass(n_files, n_estimated, store.forget_missing())


@dataclass(frozen=True, slots=True)
class FileAudit:
    """Audit of one file at a time, in any process.

    Attributes
    ----------
    estimator
        Loaded model.
    choice
        Channel, time point and pixel size.
    """

    estimator: Estimator
    choice: Choice

    def __call__(self, file: ArchiveFile) -> AuditedFile:
        """Return the estimates of a file, or its digest alone if that did not change."""
        sha256 = hash_path(file.path)
        result = AuditedFile(file, sha256)
        if result.is_unchanged:
            return result
        images = tuple(self._audit(source, file.name) for source in self._pages(file.path))
        return AuditedFile(file, sha256, images)

    def _pages(self, path: Path) -> Sequence[SingleImage]:
        try:
            return images_of(path, self.choice)
        except RefpError as error:
            return [SingleImage(path, problem=str(error))]

    def _audit(self, source: SingleImage, name: str) -> AuditedImage:
        instrument, identity = self.estimator.card.instrument.name, Identity()
        try:
            identity = declared_identity(source.path)
            declared = declared_instrument(source.path)
            instrument = declared.name if declared else instrument
            self._check_instrument(source)
            estimate = self.estimator.estimate_source(source).estimate
        except ModelError as error:
            estimate = self._refuse("other_instrument", error)
        except RefpError as error:
            estimate = self._refuse(error.unread_code, error)
        at = acquired(source.path, source.page, name)
        return AuditedImage(source, at, instrument, identity, estimate)

    def _check_instrument(self, source: SingleImage) -> None:
        if self.choice.pixel_size_um is None and not source.problem:
            stated_um = {source.path: source.pixel_size_um} if source.pixel_size_um else {}
            check_declared(self.estimator.card, None, [source.path], stated_um)

    def _refuse(self, code: Reason, error: RefpError) -> FocusEstimate:
        coverage = recipe_of(self.estimator.card).estimate.coverage
        return refused(code, str(error), coverage)


def _count(archive: Path) -> int:
    if not archive.is_dir():
        raise DataError(f"{archive}: not a folder; give the folder of the archive")
    n_files = sum(1 for _ in walk_images(archive))
    if not n_files:
        raise DataError(f"{archive}: no image in this folder or below it; check the path")
    return n_files


def _check_pixel_size(card: ModelCard, choice: Choice) -> None:
    given_um, own_um = choice.pixel_size_um, card.instrument.optics.pixel_size_um
    if given_um is not None and not is_alike(given_um, own_um):
        raise ModelError(
            f"--pixel-size-um {given_um:g}: the model is for {own_um:g} um; train a model on this "
            "instrument"
        )


def _changed_files(archive: Path, store: AuditStore) -> Iterator[ArchiveFile]:
    """Yield the files that are new or may have changed; keep the results of the others."""
    for path in walk_images(archive):
        name = path.relative_to(archive).as_posix()
        known, stamp = store.known(name), _stamp(path)
        if stamp and stamp == known.stamp:
            store.keep(name, stamp, known.sha256)
        else:
            yield ArchiveFile(path, name, known, stamp)


def _stamp(path: Path) -> str:
    """Return size and times of a file; empty for a folder, whose times do not show its content.

    The time of status changes too when a file is rewritten under its former time of modification.
    """
    try:
        status = path.stat()
    except OSError:
        return ""
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    return "" if path.is_dir() else f"{status.st_size} {times}"


def _store(result: AuditedFile, store: AuditStore, card: ModelCard, qualifier: Qualifier) -> None:
    file = result.file
    if result.is_unchanged:
        store.keep(file.name, file.stamp, result.sha256)
        return
    rows = [(one.source.page, _row(one, result, card.name, qualifier)) for one in result.images]
    store.put(file.name, file.stamp, result.sha256, rows)


def _row(image: AuditedImage, result: AuditedFile, model: str, qualifier: Qualifier) -> Row:
    page, at = image.source.page, image.acquired
    name = result.file.name + (f"#{page}" if page else "")
    estimate = qualifier.apply(image.identity, image.estimate)
    (row,) = estimate_rows([name], [estimate], model)
    row |= {
        "acquired_at": at.at.isoformat(timespec="seconds") if at.at else None,
        "dated_by": at.source,
        "instrument": image.instrument,
        "serial": qualifier.given.completed(image.identity).serial,
        "sha256": result.sha256,
    }
    return {column: row[column] for column in STORED_COLUMNS}
