"""SHA-256 of files: what a result was made from, and whether it is still that."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def hash_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 over the names and bytes of files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(set(paths)):
        digest.update(path.name.encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_code() -> str:
    """Return the SHA-256 of the package's own code, which a version under work does not tell."""
    return hash_files(Path(__file__).parent.parent.rglob("*.py"))
