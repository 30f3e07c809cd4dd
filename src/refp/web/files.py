"""Files that people send, kept under the SHA-256 of their content: the same content once."""

import hashlib
import re
from http import HTTPStatus
from pathlib import Path

from refp.web.problems import Problem

FOLDER = "files"
CHUNK = 1 << 20
_NAME = re.compile(r"[0-9a-f]{64}(\.[a-z0-9]+)*")


class Files:
    """Files by content, under a server's home.

    Parameters
    ----------
    home
        Folder that they are kept below.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER

    def keep(self, path: Path, suffix: str) -> str:
        """Move a file here; return its name here, which is its content's SHA-256 and the suffix."""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        name = digest.hexdigest() + suffix
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        return name

    def path(self, name: str) -> Path:
        """Return where a file of a name lies, or would."""
        return self.folder / name[:2] / name

    def find(self, name: str) -> Path:
        """Return where a file lies.

        Raises
        ------
        Problem
            If it is not there, or there can be none of this name.
        """
        path = self.path(name)
        if not _NAME.fullmatch(name) or not path.is_file():
            raise Problem(HTTPStatus.NOT_FOUND, "no_file", f"{name}: not kept here; send it again")
        return path
