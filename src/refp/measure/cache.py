"""Cache of measured frames, from which an interrupted run continues.

The key of a frame is a digest of the bytes of its file, the page, and everything that the measurement
depends on; moving or renaming a file does not change it. Frames are stored in batches, each one
``.npz`` without pickle, written atomically.
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
from refp.sweeps.formats.guard import GREEN
from refp.sweeps.frame import Frame

BATCH = 32
"""Frames of a batch: a run that is killed loses about one second of work per core."""
KEYS, SIZES = "key", "n"
"""Additional arrays of a batch: the key and the number of rows of each frame."""

Arrays = dict[str, npt.NDArray[Any]]
D = TypeVar("D")
P = TypeVar("P", bound=Rows)


class FrameStore(ArrayStore, Generic[D]):
    """Measured frames in a folder, one file per batch.

    Parameters
    ----------
    folder
        Folder of the batches, created when the first one is written.
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
        """Return the number of frames in the cache."""
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
        """Return the results of a function in the order of the frames, using cached ones.

        Parameters
        ----------
        function
            Returns a measured frame, or the reason of a failure; reasons are not cached, since the
            cause may be temporary.
        frames
            Frames to measure.
        settings
            Digest of everything except the frame that the result depends on.
        execution, title
            As in :func:`refp.core.parallel.map_ordered`.
        """
        results: dict[Frame, D | str] = {}
        for frame in frames if self._index else ():
            known = self.recall(self.key_of(frame, settings))
            if known is not None:
                results[frame] = known
                execution.progress(title, len(results), len(frames))
        todo = [frame for frame in frames if frame not in results]
        # Hashed shortly before submission: the worker then finds the bytes in the system's cache.
        hashed = (frame for frame in todo if self.key_of(frame, settings))
        measured = iter_ordered(function, hashed, len(todo), execution.workers)
        for frame, result in zip(todo, measured, strict=True):
            if isinstance(result, self._kind):
                self.keep(self.key_of(frame, settings), result)
            results[frame] = result
            execution.progress(title, len(results), len(frames))
        self.flush()  # the next frames may have another instrument; different rings cannot be joined
        return [results[frame] for frame in frames]

    def key_of(self, frame: Frame, settings: str) -> str:
        """Return the key of a frame measured with settings of the digest ``settings``."""
        page = f"{frame.page}" if frame.colour == GREEN else f"{frame.page} {frame.colour}"
        text = f"{self._contents.of(frame.path)} {page} {settings}"
        return digest_bytes(text.encode())

    def recall(self, key: str) -> D | None:
        """Return a measured frame; ``None`` if it is not cached or its batch is damaged."""
        batch, row = self._index.get(key, (None, 0))
        if batch is None:
            return None
        if self._open is None or self._open[0] != batch:
            arrays = self.read(batch, [*array_names(self._kind), SIZES])
            if arrays is None:
                self._index = {k: entry for k, entry in self._index.items() if entry[0] != batch}
                return None
            self._open = (batch, unpack_frames(arrays, self._kind))
        self._used.add(self.path(batch))
        self.n_recalled += 1
        return self._open[1][row]

    def keep(self, key: str, measured: D) -> None:
        """Add a frame; it is written to disk when its batch is full, or by :meth:`flush`."""
        self._waiting[key] = measured
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write the frames of the incomplete batch.

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
        # Not compressed: noise is incompressible, and compression took longer than the measurement.
        self.write(batch, arrays, compressed=False)
        self._index.update((key, (batch, row)) for row, key in enumerate(keys))
        self._used.add(self.path(batch))
        self._waiting = {}

    def _list_frames(self) -> Iterator[tuple[str, tuple[str, int]]]:
        """Yield key, batch and row of each frame; an unreadable batch is skipped."""
        for batch in self.keys():
            arrays = self.read(batch, [KEYS]) or {KEYS: np.array([], dtype=np.str_)}
            for row, key in enumerate(arrays[KEYS]):
                yield str(key), (batch, row)

    def tidy(self) -> None:
        """Remove all files that this run neither wrote nor used: stale, damaged or truncated ones."""
        self.flush()
        if self.folder.is_dir():
            for path in set(self.folder.iterdir()) - self._used:
                path.unlink()


def array_names(kind: type[Any]) -> list[str]:
    """Return the names under which :func:`pack_frames` writes the arrays of a data class."""
    return [f"{part}.{f.name}" for part, cls in _parts(kind).items() for f in fields(cls)]


def pack_frames(frames: Sequence[D]) -> Arrays:
    """Join frames to arrays, one per field, with the number of rows of each frame.

    Parameters
    ----------
    frames
        At least one; shared fields have the same value in all of them.
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
    """Undo :func:`pack_frames`, with the original types, shapes and values."""
    joined = {part: _from_arrays(arrays, part, cls) for part, cls in _parts(kind).items()}
    stop = np.cumsum(arrays[SIZES])
    rows = [slice(end - n, end) for n, end in zip(arrays[SIZES], stop, strict=True)]
    return [kind(**{part: take(value, r) for part, value in joined.items()}) for r in rows]


def _parts(kind: type[Any]) -> dict[str, Any]:
    return {name: cls for name, cls in get_type_hints(kind).items() if is_dataclass(cls)}


def _from_arrays(arrays: Mapping[str, npt.NDArray[Any]], part: str, cls: type[P]) -> P:
    values = {f.name: arrays[f"{part}.{f.name}"] for f in fields(cls)}
    return cls(**{name: v if v.ndim else v.item() for name, v in values.items()})
