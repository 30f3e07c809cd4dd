"""The home folder of a server."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree

from refp.core.errors import RecipeError
from refp.web.settings import MODELS
from refp.web.storage.files import Files, NewestFiles
from refp.web.storage.job_files import DATA


class Home:
    """Home of a server: ``images`` and ``sweeps`` by content, ``planes``, ``models``, ``uploads``.

    Parameters
    ----------
    folder
        The folder, made if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def models(self) -> Path:
        """Folder of trained and uploaded models."""
        return self.folder / MODELS

    def sweeps(self) -> Files:
        """Return the store of uploaded sweeps."""
        return Files(self.folder / "sweeps")

    def images(self, max_bytes: int) -> NewestFiles:
        """Return the store of uploaded images."""
        return NewestFiles(self.folder / "images", max_bytes)

    def uploads(self) -> Path:
        """Return the folder of temporary uploads."""
        folder = self.folder / "uploads"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def server_id(self) -> str:
        """Return the id of this home in the job log."""
        path = self.folder / "server-id"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(f"{uuid.uuid4()}\n".encode())
            part.rename(path)
        return path.read_text().strip()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the home against other servers, and remove partial files of a killed server.

        Raises
        ------
        RecipeError
            If another server has the lock, or the folder cannot be written.
        """
        from filelock import FileLock, Timeout

        try:
            self.models.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "server.lock", timeout=0)
            lock.acquire()
        except Timeout as error:
            raise RecipeError(
                f"--home {self.folder}: another refp serve uses it; stop that server or name another folder"
            ) from error
        except OSError as error:
            raise RecipeError(
                f"--home {self.folder}: cannot be created: {error.strerror}; name another folder"
            ) from error
        try:
            self._clear()
            yield
        finally:
            lock.release()

    def _clear(self) -> None:
        """Remove partial files of a killed server."""
        for temporary in ("uploads", DATA):
            rmtree(self.folder / temporary, ignore_errors=True)
        for part in self.models.glob(".*.part"):
            with suppress(OSError):
                part.unlink()
