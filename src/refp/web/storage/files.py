"""Files that people send, kept under the SHA-256 of their content: the same content once."""

import os
import re
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from refp.core.digests import hash_file
from refp.core.errors import DataError

_NAME = re.compile(r"[0-9a-f]{64}(\.[a-z0-9]+)*")


class Files:
    """Files by content in a folder.

    Parameters
    ----------
    folder
        It is made when a file is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, path: Path, suffix: str) -> str:
        """Move a file here; return its name here, which is its content's SHA-256 and the suffix."""
        name = hash_file(path) + suffix
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_file():  # perhaps being read, when Windows lets nobody replace it
            path.unlink()
            with suppress(OSError):
                os.utime(target)
        else:
            path.replace(target)
        return name

    def path(self, name: str) -> Path:
        """Return where a file of a name lies, or would."""
        return self.folder / name[:2] / name

    def find(self, name: str) -> Path:
        """Return where a file lies.

        Raises
        ------
        DataError
            If it is not there, or there can be none of this name.
        """
        path = self.path(name)
        if not _NAME.fullmatch(name) or not path.is_file():
            raise DataError(f"{name}: not kept here; send it again")
        return path


class NewestFiles(Files):
    """Files by content, of which those sent longest ago go when they come to more than allowed.

    Parameters
    ----------
    folder
        As of :class:`Files`; what an earlier server kept counts.
    most_bytes
        Of all together. The file that was sent last is kept however large it is.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        super().__init__(folder)
        self._most_bytes = most_bytes
        self._sizes: OrderedDict[str, int] | None = None
        self._changing = threading.Lock()

    def keep(self, path: Path, suffix: str) -> str:
        """Move a file here, and let the oldest go; errors as of :meth:`Files.keep`."""
        size = path.stat().st_size
        with self._changing:
            sizes = self._known()
            name = super().keep(path, suffix)
            sizes[name] = size
            sizes.move_to_end(name)
            total = sum(sizes.values())
            while total > self._most_bytes and len(sizes) > 1:
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
