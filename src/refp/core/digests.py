"""SHA-256 of content: bytes, values, files, folders and the package's own code.

All cache keys and all records of the origin of results use these functions.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:  # settings, which are imported first, need no numpy
    import numpy as np

PACKAGE = Path(__file__).parent.parent


def digest_bytes(*parts: "bytes | np.ndarray[Any, Any]") -> str:
    """Return the SHA-256 of bytes and arrays, one after the other.

    Parameters
    ----------
    parts
        Bytes, or arrays of any shape, taken in C order; shape and data type do not change the digest.
    """
    digest = hashlib.sha256()
    for part in parts:
        view = memoryview(cast("Any", part))
        digest.update(view if view.c_contiguous else view.tobytes())
    return digest.hexdigest()


def digest_json(value: object) -> str:
    """Return the SHA-256 of a value as JSON; the order of keys does not change it.

    Parameters
    ----------
    value
        Numbers, strings, lists and mappings; any other value is converted to a string.
    """
    return digest_bytes(json.dumps(value, sort_keys=True, default=str).encode())


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_path(path: Path) -> str:
    """Return the SHA-256 of the content of a file or of a folder, such as an OME-Zarr.

    The digest does not depend on the name of the path itself. For a folder it depends on the relative
    name and the bytes of each file.

    Returns
    -------
    str
        Empty if the path cannot be read. An unreadable file in a folder contributes its name only.
    """
    if path.is_dir():
        files = sorted((p.relative_to(path).as_posix(), p) for p in path.rglob("*"))
        return digest_json([(name, hash_path(p)) for name, p in files if not p.is_dir()])
    try:
        return hash_file(path)
    except OSError:
        return ""


def hash_paths(paths: Iterable[Path], read: Callable[[Path], str] = hash_path) -> str:
    """Return the SHA-256 over the names and contents of files and folders.

    The digest does not depend on their order, nor on the folders that contain them.

    Parameters
    ----------
    paths
        Files and folders.
    read
        Digest of the content of one, such as :meth:`Contents.of`, which reads each once.
    """
    return digest_json(sorted((path.name, read(path)) for path in set(paths)))


def hash_code(*parts: str) -> str:
    """Return the SHA-256 of the code on which a result depends.

    Unlike the version number, this digest changes with every edit of the code.

    Parameters
    ----------
    parts
        Subpackages and modules of the package, relative to it: ``"measure"``, ``"study.predictions"``.

    Raises
    ------
    ValueError
        If there is no such subpackage or module.
    """
    files = [file for part in parts for file in _sources(part)]
    named = {file.relative_to(PACKAGE).as_posix(): hash_file(file) for file in files}
    return digest_json(named)


def _sources(part: str) -> list[Path]:
    path = PACKAGE.joinpath(*part.split("."))
    module = path.with_suffix(".py")
    files = [module] if module.is_file() else list(path.rglob("*.py"))
    if not files:
        raise ValueError(f"{part}: no subpackage or module of refp")
    return files


class Contents:
    """Digests of files and folders, each read once."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Return the digest of :func:`hash_path` from the first call for this path."""
        whole = path.absolute()
        if whole not in self._known:
            self._known[whole] = hash_path(whole)
        return self._known[whole]
