"""Keep what was measured of each frame, so that an interrupted run goes on where it stopped.

Frames are told apart by content: the bytes of their file, the page, and everything that the measuring
depends on. A file that changed is another frame; one that was moved or renamed is the same. They lie
in batches, one ``.npz`` each, arrays without pickle, written whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, get_type_hints

import numpy as np
import numpy.typing as npt

from refp.core.digests import Contents, digest_bytes
from refp.core.parallel import (
    SERIAL,
    Execution,
    iter_ordered,
)
from refp.core.rows import Rows, join, take
from refp.core.store import ArrayStore
from refp.sweeps.frame import Frame

BATCH = 32
"""Frames of a batch: about a second's work of a core is lost when a run is killed."""
KEYS, SIZES = "key", "n"
"""Arrays of a batch beside those of the frames: a digest and the number of rows of each frame."""

Arrays = dict[str, npt.NDArray[Any]]
D = TypeVar("D")
P = TypeVar("P", bound=Rows)


class FrameStore(ArrayStore, Generic[D]):
    """Measured frames in a folder, a file for each batch.

    Parameters
    ----------
    folder
        Where the batches lie; it is made when the first one is written.
    kind
        Data class of one frame, made of data classes of arrays (:mod:`refp.core.rows`).
    contents
        Digests of the files.
    """

    def __init__(self, folder: Path, kind: type[D], contents: Contents) -> None:
        super().__init__(folder)
        self.n_recalled = 0
        self._kind = kind
        self._contents = contents
        self._index = dict(self._list_frames())
        self._used: set[Path] = set()
        self._open: tuple[str, list[D]] | None = None
        self._waiting: dict[str, D] = {}

    def __len__(self) -> int:
        """Number of frames kept."""
        return len(self._index) + len(self._waiting)

    def map_ordered(
        self,
        function: Callable[[Frame], D | str],
        frames: Sequence[Frame],
        settings: str,
        *,
        execution: Execution = SERIAL,
        title: str = "",
    ) -> list[D | str]:
        """Do what :func:`refp.core.parallel.map_ordered` does, without the frames that are kept.

        Parameters
        ----------
        function
            Measures a frame, or says why it cannot; a reason is not kept, since it may pass.
        frames
            What to measure.
        settings
            Digest of everything beside the frame that the result depends on.
        workers, title, progress
            As there.
        """
        results: dict[Frame, D | str] = {}
        for frame in frames if self._index else ():
            known = self.recall(self.sign(frame, settings))
            if known is not None:
                results[frame] = known
                execution.progress(title, len(results), len(frames))
        todo = [frame for frame in frames if frame not in results]
        # Signed when it is handed out: the worker then finds the bytes in the system's cache.
        signed = (frame for frame in todo if self.sign(frame, settings))
        measured = iter_ordered(function, signed, len(todo), execution.workers)
        for frame, result in zip(todo, measured, strict=True):
            if isinstance(result, self._kind):
                self.keep(self.sign(frame, settings), result)
            results[frame] = result
            execution.progress(title, len(results), len(frames))
        self.flush()  # the next frames may be another instrument's: rings that differ do not join
        return [results[frame] for frame in frames]

    def sign(self, frame: Frame, settings: str) -> str:
        """Return the key of a frame measured with ``settings``, a digest of them."""
        text = f"{self._contents.of(frame.path)} {frame.page} {settings}"
        return digest_bytes(text.encode())

    def recall(self, key: str) -> D | None:
        """Return what was measured; ``None`` where nothing is kept or its batch is damaged."""
        batch, row = self._index.get(key, (None, 0))
        if batch is None:
            return None
        if self._open is None or self._open[0] != batch:
            arrays = self.read(batch, [*array_names(self._kind), SIZES])
            if arrays is None:
                self._index = {k: place for k, place in self._index.items() if place[0] != batch}
                return None
            self._open = (batch, unpack_frames(arrays, self._kind))
        self._used.add(self.path(batch))
        self.n_recalled += 1
        return self._open[1][row]

    def keep(self, key: str, measured: D) -> None:
        """Keep one frame; it is on disk when its batch is full, or after :meth:`flush`."""
        self._waiting[key] = measured
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what waits for its batch to fill.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        if not self._waiting:
            return
        keys = list(self._waiting)
        batch = digest_bytes("".join(keys).encode())[:32]
        arrays = pack_frames(list(self._waiting.values())) | {KEYS: np.array(keys)}
        # Not compressed: noise does not shrink, and compressing took longer than all else here.
        self.write(batch, arrays, compressed=False)
        self._index.update((key, (batch, row)) for row, key in enumerate(keys))
        self._used.add(self.path(batch))
        self._waiting = {}

    def _list_frames(self) -> Iterator[tuple[str, tuple[str, int]]]:
        """Batch and row of each frame; a batch that cannot be read holds none."""
        for batch in self.keys():
            arrays = self.read(batch, [KEYS]) or {KEYS: np.array([], dtype=np.str_)}
            for row, key in enumerate(arrays[KEYS]):
                yield str(key), (batch, row)

    def tidy(self) -> None:
        """Remove everything that this run neither wrote nor used: what is stale, damaged, cut off."""
        self.flush()
        if self.folder.is_dir():
            for path in set(self.folder.iterdir()) - self._used:
                path.unlink()


def array_names(kind: type[Any]) -> list[str]:
    """Return the names under which :func:`pack_frames` writes the arrays of a data class."""
    return [f"{part}.{f.name}" for part, cls in _parts(kind).items() for f in fields(cls)]


def pack_frames(frames: Sequence[D]) -> Arrays:
    """Join frames to arrays, one per field of their parts, with the number of rows of each frame.

    Parameters
    ----------
    frames
        At least one; a field that all rows share is the same in all of them.
    """
    kind = type(frames[0])
    arrays: Arrays = {}
    for part, cls in _parts(kind).items():
        joined = join([getattr(frame, part) for frame in frames])
        arrays |= {f"{part}.{f.name}": np.asarray(getattr(joined, f.name)) for f in fields(cls)}
    first = next(iter(_parts(kind)))
    arrays[SIZES] = np.array([len(getattr(frame, first)) for frame in frames])
    return arrays


def unpack_frames(arrays: Mapping[str, npt.NDArray[Any]], kind: type[D]) -> list[D]:
    """Undo :func:`pack_frames`; types, shapes and values are those that went in."""
    joined = {part: _from_arrays(arrays, part, cls) for part, cls in _parts(kind).items()}
    stop = np.cumsum(arrays[SIZES])
    rows = [slice(end - n, end) for n, end in zip(arrays[SIZES], stop, strict=True)]
    return [kind(**{part: take(value, r) for part, value in joined.items()}) for r in rows]


def _parts(kind: type[Any]) -> dict[str, Any]:
    return {name: cls for name, cls in get_type_hints(kind).items() if is_dataclass(cls)}


def _from_arrays(arrays: Mapping[str, npt.NDArray[Any]], part: str, cls: type[P]) -> P:
    values = {f.name: arrays[f"{part}.{f.name}"] for f in fields(cls)}
    return cls(**{name: v if v.ndim else v.item() for name, v in values.items()})
