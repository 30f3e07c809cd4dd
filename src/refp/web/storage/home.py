"""The folder that a server keeps its things in."""

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
    """A server's home: sent ``images`` and ``sweeps`` by content, ``planes``, ``models``, ``uploads``.

    Parameters
    ----------
    folder
        It is made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def models(self) -> Path:
        """Where models go that are trained or uploaded."""
        return self.folder / MODELS

    def sweeps(self) -> Files:
        """Return the archives and stacks that planes were defined from."""
        return Files(self.folder / "sweeps")

    def images(self, most_bytes: int) -> NewestFiles:
        """Return the images that were estimated last."""
        return NewestFiles(self.folder / "images", most_bytes)

    def uploads(self) -> Path:
        """Return where uploads lie while they are needed."""
        folder = self.folder / "uploads"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def server_id(self) -> str:
        """Return the id under which this home's jobs are logged, wherever the log is."""
        path = self.folder / "server-id"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(f"{uuid.uuid4()}\n".encode())
            part.rename(path)
        return path.read_text().strip()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other servers out of the home, and clear what one that was killed left on its way.

        Raises
        ------
        RecipeError
            If another server has it, or it cannot be written.
        """
        from filelock import FileLock, Timeout

        try:
            self.models.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "server.lock", timeout=0)
            lock.acquire()
        except Timeout as error:
            raise RecipeError(
                f"--home {self.folder}: another refp serve uses it; end that one, or name another folder"
            ) from error
        except OSError as error:
            raise RecipeError(f"--home {self.folder}: not made: {error.strerror}") from error
        try:
            self._clear()
            yield
        finally:
            lock.release()

    def _clear(self) -> None:
        """Remove what a server that was killed left on its way."""
        for passing in ("uploads", DATA):
            rmtree(self.folder / passing, ignore_errors=True)
        for part in self.models.glob(".*.part"):
            with suppress(OSError):
                part.unlink()
