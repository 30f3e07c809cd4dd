"""A run of ``refp plane`` and its output folder: new, interrupted, or done.

What was measured lies in ``.measured`` from the first batch on; ``run.json`` is written last and says
what the result was made from and the SHA-256 of each of its files. So a folder with ``run.json`` holds
a whole result, one with ``.measured`` alone an interrupted run, which goes on where it stopped.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from refp.core.digests import Contents, digest_json, hash_code, hash_path
from refp.core.errors import DataError, OutputError, RecipeError, WorkersError
from refp.core.files import INSTEAD, library_versions, refuse_existing, write_json
from refp.core.parallel import Progress, ignore_progress
from refp.measure.cache import FrameStore
from refp.sweeps import DataSet

if TYPE_CHECKING:  # worker processes start sooner when this process imports the method after them
    from refp.measure.dataset import FrameMeasurement
    from refp.settings import Recipe

CODE = ("core", "settings", "sweeps", "measure", "plane", "models.tiles", "reports", "pipeline")
"""Rooms and modules on whose code the files of ``refp plane`` depend."""
RUN_FILE = "run.json"
MEASURED = ".measured"

Inputs = Callable[[], dict[str, str]]
"""Digests of what a result is made from, by what a user calls it."""


def at_fault(error: BaseException | None) -> bool:
    """Whether a run ended because of its input: what was measured of that is no use."""
    return isinstance(error, DataError | RecipeError)


def is_worth_keeping(error: BaseException | None) -> bool:
    """Whether a run that ended so will be taken up: it was broken off, and could write."""
    return error is not None and not isinstance(error, OutputError)


class Run(AbstractContextManager["Run"]):
    """One run in its output folder.

    Parameters
    ----------
    folder
        Output; made when there is something to write.
    overwrite
        Whether a result of another run, or what else is there, may be replaced.

    Raises
    ------
    OutputError
        If there is something else than a run, and it may not be replaced.
    """

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self.folder = folder
        self.contents = Contents()
        self._overwrite = overwrite
        self._was_there = folder.exists()
        self._record = _read_record(folder / RUN_FILE)
        self._had_store = (folder / MEASURED).is_dir()
        ours = folder.is_dir() and (self._record or self._had_store)
        if not (overwrite or ours):
            refuse_existing(folder)

    @cached_property
    def store(self) -> "FrameStore[FrameMeasurement]":
        """What was measured so far."""
        from refp.measure.dataset import FrameMeasurement

        return FrameStore(self.folder / MEASURED, FrameMeasurement, self.contents)

    @property
    def has_work(self) -> bool:
        """Whether there is work for certain, as far as can be told before the input is read."""
        return self._overwrite or not self._record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep what was measured, unless the input was at fault: a refused run leaves no trace."""
        if at_fault(error) and not self._had_store:
            rmtree(self.folder / MEASURED, ignore_errors=True)
            if not self._was_there:
                with suppress(OSError):  # not there, or not empty
                    self.folder.rmdir()
        elif is_worth_keeping(error):
            self.store.flush()
        if isinstance(error, WorkersError) and len(self.store):
            kept = f"what was measured, {len(self.store)} frames, is kept and will be taken up"
            raise WorkersError(f"{error}; {kept}") from error

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
