"""Runs of commands that take long: whether their output may be written, and what they keep."""

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
"""Rooms and modules on whose code the files of ``refp plane`` depend."""
RUN_FILE = "run.json"
MEASURED = ".measured"
REPORT_DIGEST = "report.sha256"
"""In the folder of a training: digest of the report that it was about to write."""

Inputs = Callable[[], dict[str, str]]
"""Digests of what a result is made from, by what a user calls it."""


class OutputRun(AbstractContextManager["OutputRun"]):
    """A run of a command, its output, and what it keeps so that an interrupted run can go on.

    Where a run ends because of its input, whatever it made is removed. Otherwise what was measured is
    kept. What was there before stays in both cases.

    Parameters
    ----------
    output
        File or folder to write; made when there is something to write.
    kept
        Folder of what an interrupted run goes on from; within the output folder, or beside a file.
    measured
        Folder of measured frames.
    overwrite
        Whether an output that exists may be replaced: the user agrees, or it is of this command.

    Raises
    ------
    OutputError
        If there is an output, and it may not be replaced.
    """

    def __init__(self, output: Path, kept: Path, measured: Path, *, overwrite: bool) -> None:
        check_output(output, overwrite=overwrite)
        self.contents = Contents()
        self._output, self._kept, self._measured = output, kept, measured
        self._was_there = output.exists()
        self._was_kept = kept.exists()

    @cached_property
    def store(self) -> "FrameStore[FrameMeasurement]":
        """Frames measured so far."""
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
        """Keep what was measured, unless the input was at fault."""
        if isinstance(error, DataError | RecipeError):
            self._leave_no_trace()
        elif error is not None and not isinstance(error, OutputError):
            self.store.flush()
        if isinstance(error, WorkersError) and len(self.store):
            kept = f"what was measured, {len(self.store)} frames, is kept and will be taken up"
            raise WorkersError(f"{error}; {kept}") from error

    def _leave_no_trace(self) -> None:
        if not self._was_kept:
            rmtree(self._kept, ignore_errors=True)
            if not self._was_there:
                with suppress(OSError):  # not there, a file, or not empty
                    self._output.rmdir()


class PlaneRun(OutputRun):
    """A run of ``refp plane`` in its output folder: new, interrupted, or done.

    What was measured is in ``.measured`` from the first batch on. ``run.json`` is written last; it has
    the digests of what the result was made from and of each of its files. So a folder with
    ``run.json`` holds a whole result, one with ``.measured`` alone an interrupted run, which goes on
    where it stopped.

    Parameters
    ----------
    folder
        Output.
    overwrite
        Whether a result of another run, or what else is there, may be replaced.

    Raises
    ------
    OutputError
        If there is something else than a run, and it may not be replaced.
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
        """Whether there is work for certain, as far as can be told before the input is read."""
        return self._overwrite or not self._record

    def is_done(self, inputs: Inputs) -> bool:
        """Whether the folder holds the whole result of the same inputs.

        Raises
        ------
        OutputError
            If it holds a result of other inputs, or one that was edited, and it may not be replaced.
        """
        if not self._record or self._overwrite:
            return False
        now, then = inputs(), self._record["inputs"]
        changed = [name for name in now if now[name] != then.get(name)]
        if changed:
            told = " and ".join(changed)
            raise OutputError(f"{self.folder}: holds the result of other {told}; {INSTEAD}")
        files = {self.folder / name: sha for name, sha in self._record["results"].items()}
        edited = [p for p, sha in files.items() if p.is_file() and hash_path(p) != sha]
        if edited:
            raise OutputError(f"{edited[0]}: was changed since it was written; {INSTEAD}")
        return all(path.is_file() for path in files)

    @contextmanager
    def replacing(self, inputs: Inputs) -> Iterator[None]:
        """Let the results be written inside, then record that they are whole."""
        former = self._record["results"] if self._record else {}
        self.store.flush()  # should writing fail, it can be tried again
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
    """A run of ``refp train``: a model and its report, new or taken up where it stopped.

    Until the model is written, a folder beside it keeps what was measured and every fit's newest
    snapshot. The report is written before the model, which is the last file of all, so a model that is
    there is whole.

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
        if self.report == model:
            raise OutputError(f"{model}: is where the report goes; name the model *.refp")
        of_plane = model.parent / MEASURED  # what ``refp plane`` measured in the same folder
        measured = of_plane if of_plane.is_dir() else self.checkpoints / MEASURED
        super().__init__(model, self.checkpoints, measured, overwrite=overwrite)
        check_output(self.report, overwrite=overwrite or self._wrote_report())

    def write_report(self, page: bytes) -> None:
        """Write the report, and its digest, by which the run recognises it if it is killed."""
        write_bytes(digest_bytes(page).encode(), self.checkpoints / REPORT_DIGEST)
        write_bytes(page, self.report)

    def finish(self) -> None:
        """Remove the checkpoints; the model is written."""
        rmtree(self.checkpoints, ignore_errors=True)

    def _wrote_report(self) -> bool:
        """Whether the report that is there was written by this run before it was killed."""
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
    """Return digests of everything that a result of ``refp plane`` is made from.

    Parameters
    ----------
    datasets, recipe, pool
        What the command was given; the bytes of every file count, and where each stands in its sweep.
    contents
        Knows the files' hashes.
    progress
        Told after every frame.
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
    """Return what a finished run wrote; empty where there is none, or none that can be read."""
    try:
        record = json.loads(path.read_bytes())
        inputs, results = dict(record["inputs"]), dict(record["results"])
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    # A name that leads out of the folder was not written by refp, and is not to be removed by it.
    inside = all(Path(name).name == name for name in results)
    return {"inputs": inputs, "results": results} if inside else {}


def _stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    """What changes with a file that is put in place of another."""
    paths = folder.iterdir() if folder.is_dir() else ()
    files = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}
