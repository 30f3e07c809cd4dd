"""Uploaded files, stored under the SHA-256 of their content."""

import os
import re
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from refp.core.digests import hash_file
from refp.core.errors import DataError
from refp.core.moves import move

_NAME = re.compile(r"[0-9a-f]{64}(\.[a-z0-9]+)*")


class Files:
    """Store of files by content in a folder.

    Parameters
    ----------
    folder
        Folder of the store, made with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, path: Path, suffix: str) -> str:
        """Move a file to the store; return its name, the SHA-256 of its content with the suffix."""
        name = hash_file(path) + suffix
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_file():  # Windows cannot replace a file that is being read
            path.unlink()
            with suppress(OSError):
                os.utime(target)
        else:
            move(path, target)
        return name

    def path(self, name: str) -> Path:
        """Return the path of a name, whether the file exists or not."""
        return self.folder / name[:2] / name

    def find(self, name: str) -> Path:
        """Return the path of a stored file.

        Raises
        ------
        DataError
            If it does not exist, or the name is invalid.
        """
        path = self.path(name)
        if not _NAME.fullmatch(name) or not path.is_file():
            raise DataError(f"{name}: not kept any more; send it again")
        return path


class NewestFiles(Files):
    """Store of files by content that removes the oldest beyond a total size.

    Parameters
    ----------
    folder
        As of :class:`Files`; existing files count.
    max_bytes
        Total size. The newest file is kept whatever its size.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        super().__init__(folder)
        self._max_bytes = max_bytes
        self._sizes: OrderedDict[str, int] | None = None
        self._changing = threading.Lock()

    def keep(self, path: Path, suffix: str) -> str:
        """Move a file to the store and remove the oldest; errors as of :meth:`Files.keep`."""
        size = path.stat().st_size
        with self._changing:
            sizes = self._known()
            name = super().keep(path, suffix)
            sizes[name] = size
            sizes.move_to_end(name)
            total = sum(sizes.values())
            while total > self._max_bytes and len(sizes) > 1:
                oldest, freed = sizes.popitem(last=False)
                with suppress(OSError):
                    self.path(oldest).unlink(missing_ok=True)
                total -= freed
        return name

    def _known(self) -> OrderedDict[str, int]:
        if self._sizes is None:
            found = [(path, path.stat()) for path in self.folder.glob("*/*") if path.is_file()]
            found.sort(key=lambda one: one[1].st_mtime_ns)
            self._sizes = OrderedDict((path.name, status.st_size) for path, status in found)
        return self._sizes
