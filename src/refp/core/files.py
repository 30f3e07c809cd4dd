"""Write files atomically, and record the origin of results."""

import importlib.metadata
import io
import json
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from refp.core.arrays import FloatArray
from refp.core.errors import DataError, OutputError
from refp.core.moves import move

if TYPE_CHECKING:  # subpackages that only write images need no tables
    import pandas as pd

RECORD_VERSION = 1


def library_versions(*names: str) -> dict[str, str]:
    """Return the installed versions of refp, Python and the named libraries."""
    versions = {"refp": importlib.metadata.version("refp"), "python": platform.python_version()}
    return versions | {name: importlib.metadata.version(name) for name in names}


def provenance(recipe_digest: str, data: str) -> dict[str, str]:
    """Return the origin of a result: versions, recipe and data."""
    return {
        **library_versions("numpy", "scipy"),
        "recipe": recipe_digest,
        "data": data,
        "record": str(RECORD_VERSION),
    }


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a temporary file beside ``path``, then rename it to ``path``.

    A reader never finds a partial file; if writing fails, an existing file is kept.

    Parameters
    ----------
    path
        File to write; its folder is created if missing.
    write
        Called with the temporary path. All files of refp but logs are written by this function.

    Raises
    ------
    OutputError
        If the folder or the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        move(part, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{path}: not written: {reason}; check the folder") from error
    finally:
        with suppress(OSError):  # for example if the folder is a file
            part.unlink()


def append_line(line: str, path: Path) -> None:
    """Append a line to a log, which grows while it is read; its folder is created if missing.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{line}\n")
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{path}: not written: {reason}; check the folder") from error


def make_folder(path: Path) -> None:
    """Create a folder and those above it, if they are missing.

    Raises
    ------
    OutputError
        If it cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{path}: not created: {reason}; name another folder") from error


def write_bytes(content: bytes, path: Path) -> None:
    """Write bytes."""
    write_whole(path, lambda part: part.write_bytes(content))


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table as CSV, numbers with nine significant digits."""
    write_whole(path, lambda part: table.to_csv(part, index=False, float_format="%.9g"))


def write_parquet(table: "pd.DataFrame", path: Path) -> None:
    """Write a table as parquet."""
    write_whole(path, lambda part: table.to_parquet(part, index=False))


TABLE_WRITERS = {".csv": write_csv, ".parquet": write_parquet}


def check_table_name(path: Path | None) -> None:
    """Check before the work starts that a table's name ends in .csv or .parquet.

    Raises
    ------
    OutputError
        If it has another suffix; the message names the file and both suffixes.
    """
    if path is not None and path.suffix.lower() not in TABLE_WRITERS:
        raise OutputError(f"{path}: tables are written as {' or '.join(TABLE_WRITERS)}")


def write_table(table: "pd.DataFrame", path: Path) -> None:
    """Write a table as parquet or CSV, according to the suffix of the file.

    Raises
    ------
    OutputError
        If the file has another suffix, or cannot be written.
    """
    check_table_name(path)
    TABLE_WRITERS[path.suffix.lower()](table, path)


def write_json(value: object, path: Path) -> None:
    """Write JSON; NaN becomes null."""
    write_bytes((to_json(value, indent=1) + "\n").encode(), path)


def to_json(value: object, indent: int | None = None) -> str:
    """Return JSON text; NaN and infinities become null, as JSON has no such numbers."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def rows_of(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return a table as a list of rows of plain values; missing values are ``None``."""
    known = table.astype(object).where(table.notna(), None)
    return [{str(k): _plain(v) for k, v in row.items()} for row in known.to_dict("records")]


def write_arrays(
    arrays: Mapping[str, npt.NDArray[Any]], path: Path, *, compressed: bool = True
) -> None:
    """Write named arrays as an ``.npz`` without pickle."""
    buffer = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(buffer, allow_pickle=False, **arrays)
    write_bytes(buffer.getvalue(), path)


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, FloatArray]:
    """Read named arrays of a ``.npz`` without pickle, so that no code in it can run.

    Raises
    ------
    DataError
        If the file is missing, damaged or lacks an array.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except Exception as error:  # numpy and zipfile raise nearly any exception on damaged bytes
        raise DataError(f"{path}: not a complete array file ({error}); make it again") from error


def _plain(value: Any) -> Any:
    """Return a value made of JSON types only."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
