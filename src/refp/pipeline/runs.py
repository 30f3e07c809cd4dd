"""Output folders of long commands: overwriting, resuming, and the files that are kept."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from refp.core.digests import Contents, digest_bytes, digest_json, hash_code, hash_path
from refp.core.errors import DataError, OutputError, RecipeError, WorkersError
from refp.core.files import library_versions, write_bytes, write_json
from refp.core.outputs import INSTEAD, check_output
from refp.core.parallel import Progress, ignore_progress
from refp.measure.cache import FrameStore
from refp.sweeps import DataSet

if TYPE_CHECKING:  # worker processes start sooner when this process imports the method after them
    from refp.measure.frame import FrameMeasurement
    from refp.settings import Recipe

CODE = ("core", "settings", "sweeps", "measure", "plane", "models.tiles", "reports", "pipeline")
"""Packages whose code the files of ``refp plane`` depend on."""
RUN_FILE = "run.json"
MEASURED = ".measured"
REPORT_DIGEST = "report.sha256"
"""File in the checkpoint folder with the digest of the report that is being written."""

Inputs = Callable[[], dict[str, str]]
"""Returns digests of the inputs of a result, by their name in messages."""


class OutputRun(AbstractContextManager["OutputRun"]):
    """A run of a command, its output, and the files from which an interrupted run resumes.

    When a run fails because of its input, the files that it created are removed. Otherwise measured
    frames are kept. Files that existed before remain in both cases.

    Parameters
    ----------
    output
        File or folder to write; created when the first result is written.
    kept
        Folder from which an interrupted run resumes; within the output folder, or beside a file.
    measured
        Folder of measured frames.
    overwrite
        Whether an existing output may be replaced: by option, or because this command wrote it.

    Raises
    ------
    OutputError
        If the output exists and may not be replaced.
    """

    def __init__(self, output: Path, kept: Path, measured: Path, *, overwrite: bool) -> None:
        check_output(output, overwrite=overwrite)
        self.contents = Contents()
        self._output, self._kept, self._measured = output, kept, measured
        self._output_existed = output.exists()
        self._kept_existed = kept.exists()

    @cached_property
    def store(self) -> "FrameStore[FrameMeasurement]":
        """Measured frames."""
        from refp.measure.frame import FrameMeasurement

        return FrameStore(self._measured, FrameMeasurement, self.contents)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep the measured frames, unless the input is invalid."""
        if isinstance(error, DataError | RecipeError):
            self._remove_created()
        elif error is not None and not isinstance(error, OutputError):
            self.store.flush()
        if isinstance(error, WorkersError) and len(self.store):
            kept = f"{len(self.store)} measured frames are kept; run the command again to resume"
            raise WorkersError(f"{error}; {kept}") from error

    def _remove_created(self) -> None:
        if not self._kept_existed:
            rmtree(self._kept, ignore_errors=True)
            if not self._output_existed:
                with suppress(OSError):  # missing, a file, or not empty
                    self._output.rmdir()


class PlaneRun(OutputRun):
    """A run of ``refp plane`` in its output folder: new, interrupted, or done.

    Measured frames are in ``.measured`` from the first batch on. ``run.json`` is written last and holds
    digests of the inputs and of each file. A folder with ``run.json`` therefore holds a complete result;
    one with ``.measured`` alone holds an interrupted run, which resumes.

    Parameters
    ----------
    folder
        Output folder.
    overwrite
        Whether the result of another run, or other files, may be replaced.

    Raises
    ------
    OutputError
        If the folder holds anything but a run, and may not be replaced.
    """

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self.folder = folder
        self._overwrite = overwrite
        self._record = _read_record(folder / RUN_FILE)
        measured = folder / MEASURED
        ours = bool(self._record) or measured.is_dir()
        super().__init__(folder, measured, measured, overwrite=overwrite or ours)

    @property
    def has_work(self) -> bool:
        """True if the run certainly has work, judged before the input is read."""
        return self._overwrite or not self._record

    def is_done(self, inputs: Inputs) -> bool:
        """Return whether the folder holds the complete result of the same inputs.

        Raises
        ------
        OutputError
            If it holds a result of other inputs, or an edited one, and may not be replaced.
        """
        if not self._record or self._overwrite:
            return False
        now, then = inputs(), self._record["inputs"]
        changed = [name for name in now if now[name] != then.get(name)]
        if changed:
            names = " and ".join(changed)
            raise OutputError(f"{self.folder}: holds the result of other {names}; {INSTEAD}")
        files = {self.folder / name: sha for name, sha in self._record["results"].items()}
        edited = [p for p, sha in files.items() if p.is_file() and hash_path(p) != sha]
        if edited:
            raise OutputError(f"{edited[0]}: was changed since it was written; {INSTEAD}")
        return all(path.is_file() for path in files)

    @contextmanager
    def replacing(self, inputs: Inputs) -> Iterator[None]:
        """Record the files written inside the context as a complete result."""
        former = self._record["results"] if self._record else {}
        self.store.flush()  # if writing fails, a later run resumes from here
        before = _stamps(self.folder)
        (self.folder / RUN_FILE).unlink(missing_ok=True)
        yield
        written = [p for p, stamp in _stamps(self.folder).items() if before.get(p) != stamp]
        for name in set(former) - {path.name for path in written}:
            (self.folder / name).unlink(missing_ok=True)
        self.store.tidy()
        results = {path.name: hash_path(path) for path in sorted(written)}
        for name in results:
            for part in self.folder.glob(f".{name}.*.part"):  # of a run killed while it wrote
                part.unlink()
        write_json({"inputs": inputs(), "results": results}, self.folder / RUN_FILE)


class TrainingRun(OutputRun):
    """A run of ``refp train``, new or resumed, that writes a model and its report.

    Until the model is written, a folder beside it keeps the measured frames and the newest checkpoint of
    every fit. The report is written before the model, which is the last file, so that an existing model
    is complete.

    Parameters
    ----------
    model
        Model file to write; the report has its name, with ``.html``.
    overwrite
        Whether existing files of these names may be replaced.

    Raises
    ------
    OutputError
        If a model or a report exists and may not be replaced.
    """

    def __init__(self, model: Path, *, overwrite: bool) -> None:
        self.model = model
        self.report = model.with_suffix(".html")
        self.checkpoints = model.with_name(f"{model.name}.checkpoints")
        if self.report == model:
            raise OutputError(f"{model}: has the name of the report; name the model *.refp")
        of_plane = model.parent / MEASURED  # measured by ``refp plane`` in the same folder
        measured = of_plane if of_plane.is_dir() else self.checkpoints / MEASURED
        super().__init__(model, self.checkpoints, measured, overwrite=overwrite)
        check_output(self.report, overwrite=overwrite or self._wrote_report())

    def write_report(self, page: bytes) -> None:
        """Write the report and its digest, by which a resumed run recognises it."""
        write_bytes(digest_bytes(page).encode(), self.checkpoints / REPORT_DIGEST)
        write_bytes(page, self.report)

    def finish(self) -> None:
        """Remove the checkpoints once the model is written."""
        rmtree(self.checkpoints, ignore_errors=True)

    def _wrote_report(self) -> bool:
        """Return whether this run wrote the existing report before it was interrupted."""
        with suppress(OSError):
            return (self.checkpoints / REPORT_DIGEST).read_text() == hash_path(self.report)
        return False


def digest_inputs(
    datasets: Sequence[DataSet],
    recipe: "Recipe",
    pool: Path | None,
    contents: Contents,
    progress: Progress = ignore_progress,
) -> dict[str, str]:
    """Return digests of all inputs of ``refp plane``.

    Parameters
    ----------
    datasets, recipe, pool
        Inputs of the command: the bytes of every file, and its position in its sweep.
    contents
        Digests of files.
    progress
        Callback after every frame.
    """
    instruments = [dataset.instrument.model_dump(mode="json") for dataset in datasets]
    return {
        "data": digest_json(list(_describe(datasets, contents, progress))),
        "instrument": digest_json(instruments),
        "recipe": digest_json(recipe.model_dump(mode="json")),
        "pooled profiles": contents.of(pool) if pool else "",
        "versions of refp or its libraries": digest_json(
            [
                library_versions("numpy", "scipy", "scikit-image", "numba", "pandas"),
                hash_code(*CODE),
            ]
        ),
    }


def _describe(
    datasets: Sequence[DataSet], contents: Contents, progress: Progress
) -> Iterator[object]:
    total = sum(dataset.n_frames for dataset in datasets)
    done = 0
    for dataset in datasets:
        yield dataset.name, [item.path.name for item in dataset.left_out]
        for frame in dataset.frames:
            yield asdict(frame.key), frame.z_um, frame.label, contents.of(frame.path)
            done += 1
            progress("checking", done, total)


def _read_record(path: Path) -> dict[str, Mapping[str, Any]]:
    """Return the record of a finished run; empty where there is none, or it cannot be read."""
    try:
        record = json.loads(path.read_bytes())
        inputs, results = dict(record["inputs"]), dict(record["results"])
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    # A name that leads out of the folder was not written by refp and must not be removed.
    inside = all(Path(name).name == name for name in results)
    return {"inputs": inputs, "results": results} if inside else {}


def _stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return inode and time of each file, which change when it is replaced."""
    paths = folder.iterdir() if folder.is_dir() else ()
    files = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}
