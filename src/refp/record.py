"""Write results whole or not at all, and stamp where they come from."""

import hashlib
import importlib.metadata
import io
import json
import platform
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from refp.arrays import FloatArray
from refp.errors import DataError, OutputError

RECORD_VERSION = 1


def library_versions(*names: str) -> dict[str, str]:
    """Return the installed versions of refp, Python and the named libraries."""
    versions = {"refp": importlib.metadata.version("refp"), "python": platform.python_version()}
    return versions | {name: importlib.metadata.version(name) for name in names}


def hash_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 over the names and bytes of files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(set(paths)):
        digest.update(path.name.encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def provenance(recipe_digest: str, data: str) -> dict[str, str]:
    """Return the stamp of a result: versions, recipe and data."""
    return {
        **library_versions("numpy", "scipy"),
        "recipe": recipe_digest,
        "data": data,
        "record": str(RECORD_VERSION),
    }


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then move it there.

    Raises
    ------
    OutputError
        If the folder or the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(partial)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise OutputError(f"{path}: cannot be written: {reason}") from error


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, numbers with nine significant digits."""
    write_whole(path, lambda part: table.to_csv(part, index=False, float_format="%.9g"))


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table as parquet."""
    write_whole(path, lambda part: table.to_parquet(part, index=False))


def write_json(value: object, path: Path) -> None:
    """Write JSON; NaN becomes null."""
    write_whole(path, lambda part: part.write_text(to_json(value, indent=1) + "\n", "utf-8"))


def to_json(value: object, indent: int | None = None) -> str:
    """Return JSON text; NaN and infinities become null, which every reader understands."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as a list of rows of plain values."""
    return [{str(k): _plain(v) for k, v in row.items()} for row in table.to_dict("records")]


def write_arrays(arrays: Mapping[str, FloatArray], path: Path) -> None:
    """Write named arrays as a compressed ``.npz`` without pickle."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_whole(path, lambda part: part.write_bytes(buffer.getvalue()))


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, FloatArray]:
    """Read named arrays of a ``.npz``; nothing in it can run code.

    Raises
    ------
    DataError
        If the file is missing, damaged or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except Exception as error:  # numpy and zipfile raise whatever the bytes make them
        raise DataError(f"{path}: not a whole array file ({error}); make it again") from error


def _plain(value: Any) -> Any:
    """Return the value as JSON knows it."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return None if value is pd.NA else value
