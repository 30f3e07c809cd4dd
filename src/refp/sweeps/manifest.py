"""Manifest: a table of frames, for files whose names state no Z."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from refp.core.errors import DataError
from refp.sweeps.frame import Frame, SweepKey, as_name
from refp.sweeps.group import by_sweep, check_no_repeat, check_not_falling

COLUMNS = ("path", "page", "experiment", "fov", "exposure_ms", "z_um")
REQUIRED = ("path", "z_um")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the table, with its line number."""

    manifest: Path
    line: int
    cells: dict[str, str]

    def text(self, column: str, default: str) -> str:
        return self.cells.get(column) or default

    def number(self, column: str, default: str = "") -> float:
        text = self.text(column, default)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(column, text, "write a number, decimals with a point")
        return value

    def page(self) -> int:
        value = self.number("page", "0")
        if value < 0 or not value.is_integer():
            raise self.error("page", self.text("page", "0"), "write a whole number from 0")
        return int(value)

    def file(self) -> Path:
        text = self.text("path", "")
        folder = self.manifest.parent
        path = _existing(folder / text)
        if not path.exists():  # of a manifest that was written on Windows
            path = _existing(folder / text.replace("\\", "/"))
        if not text or not path.exists():
            raise self.error("path", text, "no such file; paths are relative to the manifest")
        return path

    def error(self, column: str, value: str, remedy: str) -> DataError:
        return DataError(f"{self.manifest}: line {self.line}, {column}: {value!r}: {remedy}")


def read_manifest(path: Path, dataset: str) -> list[Frame]:
    """Read the frames of a manifest.

    Parameters
    ----------
    path
        CSV with the columns ``path, page, experiment, fov, exposure_ms, z_um``; ``page`` (0),
        ``experiment`` (1), ``fov`` (1) and ``exposure_ms`` (0: not known) may be absent or blank.
        Paths are relative to the folder of the table.
    dataset
        Name of the data set.

    Returns
    -------
    list of Frame
        In the order of the table.

    Raises
    ------
    DataError
        If the table cannot be read, lacks a column, has no row, contains a value that is not a
        number or a line of more cells than columns, or names a file that does not exist; the message
        names line, column and value. Also
        if two rows of a sweep have the same Z, or if Z falls from every row of a sweep to the next.
    """
    rows = _rows(path)
    frames = [_frame(row, dataset) for row in rows]
    if not frames:
        raise DataError(f"{path}: the manifest lists no frame; add a line per frame")
    _check_sweeps(rows, frames)
    return frames


def _check_sweeps(rows: Sequence[_Row], frames: Sequence[Frame]) -> None:
    lines = {id(frame): row for row, frame in zip(rows, frames, strict=True)}

    def describe(frame: Frame) -> str:
        row = lines[id(frame)]
        return f"{row.manifest}: line {row.line} ({frame.label})"

    for sweep in by_sweep(frames).values():
        check_no_repeat(sweep, describe)
        check_not_falling(
            sweep, describe, "give Z that rises upwards, or list the rows in rising Z"
        )


def _frame(row: _Row, dataset: str) -> Frame:
    experiment, fov = as_name(row.text("experiment", "1")), as_name(row.text("fov", "1"))
    key = SweepKey(dataset, experiment, fov, row.number("exposure_ms", "0"))
    return Frame(key, row.number("z_um"), row.file(), row.page())


def _rows(path: Path) -> list[_Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            names = reader.fieldnames or ()
            _check_columns(path, names)
            rows = []
            for row in reader:
                _check_cells(path, reader.line_num, row, len(names))
                rows.append(_Row(path, reader.line_num, _cells(row)))
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: the manifest cannot be read: {error}; save it as CSV") from error


def _cells(row: dict[str | None, str | list[str] | None]) -> dict[str, str]:
    """Cells with a column and a text; short and long lines have cells without one of them."""
    return {k.strip(): v.strip() for k, v in row.items() if k is not None and isinstance(v, str)}


def _check_cells(
    path: Path, line: int, row: Mapping[str | None, str | list[str] | None], n_columns: int
) -> None:
    """Check that a line has no more cells than columns: the numbers after a decimal comma would shift."""
    surplus = row.get(None) or ()
    if any(cell.strip() for cell in surplus):
        cells = [cell for cell in row.values() if isinstance(cell, str)] + list(surplus)
        listed = _printable(" | ".join(cells))
        raise DataError(
            f"{path}: line {line}: {len(cells)} cells in {n_columns} columns ({listed}); "
            "write decimals with a point, and texts that contain a comma in quotes"
        )


def _existing(path: Path) -> Path:
    """Return the path of a file whose name may differ in its Unicode composition only."""
    if path.exists():
        return path
    forms = (path.with_name(normalize(form, path.name)) for form in ("NFC", "NFD") if path.name)
    return next((other for other in forms if other.exists()), path)


def _check_columns(path: Path, names: Iterable[str]) -> None:
    given = [name.strip() for name in names]
    missing = [name for name in REQUIRED if name not in given]
    if missing:
        found = _printable(", ".join(given))
        raise DataError(
            f"{path}: line 1, column {', '.join(missing)} is missing (found: {found}); "
            f"columns are {', '.join(COLUMNS)}"
        )


def _printable(text: str) -> str:
    """Return a text in one line, as a message quotes it."""
    return "".join(c if c.isprintable() else "?" for c in text)
