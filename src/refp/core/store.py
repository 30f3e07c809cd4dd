"""Arrays kept in a folder, one file for each key."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from refp.core.errors import DataError
from refp.core.files import read_arrays, write_arrays

SUFFIX = ".npz"


class ArrayStore:
    """Arrays in a folder, one ``.npz`` without pickle for each key, written atomically.

    A damaged file, for example one truncated by a full disk, is treated as missing.

    Parameters
    ----------
    folder
        Created when the first file is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Return the file of a key."""
        return self.folder / f"{key}{SUFFIX}"

    def keys(self) -> Iterator[str]:
        """Yield the keys of the files in the folder."""
        return (path.stem for path in sorted(self.folder.glob(f"*{SUFFIX}")))

    def read(self, key: str, names: Iterable[str]) -> dict[str, npt.NDArray[Any]] | None:
        """Return the named arrays of a key; ``None`` if they are missing or damaged."""
        try:
            return dict(read_arrays(self.path(key), names))
        except DataError:
            return None

    def write(
        self, key: str, arrays: Mapping[str, npt.NDArray[Any]], *, compressed: bool = True
    ) -> None:
        """Write the arrays of a key.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        write_arrays(arrays, self.path(key), compressed=compressed)
