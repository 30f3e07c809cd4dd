"""Results of an audit in a database file, from which an interrupted audit resumes."""

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from refp.core.errors import OutputError, WorkersError
from refp.core.files import make_folder, write_whole
from refp.core.outputs import INSTEAD, check_output
from refp.estimate.verdict import judge_interval

STORE_FILE = "audit.db"
AUDIT_FILE = "audit.csv"
COMMIT_EVERY = 64
"""Files whose results are written together; a process that is killed loses at most these."""
STORED_COLUMNS = (
    *("image", "acquired_at", "dated_by", "instrument", "serial"),
    *("delta_z_um", "u_um", "lower_um", "upper_um", "coverage", "n_beads", "n_beads_used"),
    *("status", "reason", "model", "verification", "sha256"),
)
AUDIT_COLUMNS = (*STORED_COLUMNS, "verdict")
"""Columns of ``audit.csv``, one row per image."""

_SCHEMA = f"""
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE files (
  path TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL, pass INTEGER NOT NULL
);
CREATE TABLE images (
  path TEXT NOT NULL, page INTEGER NOT NULL, {", ".join(STORED_COLUMNS)}, PRIMARY KEY (path, page)
);
CREATE INDEX in_time ON images (instrument, serial, acquired_at);
CREATE VIEW answered AS SELECT * FROM images WHERE status != 'refused';
"""  # noqa: S608 - no text of a user
_INSERT_IMAGE = f"INSERT INTO images VALUES ({', '.join('?' * (2 + len(STORED_COLUMNS)))})"  # noqa: S608
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was audited before.

    Attributes
    ----------
    stamp
        Size and times of the file.
    sha256
        Digest of its content.
    """

    stamp: str = ""
    sha256: str = ""


class AuditStore(AbstractContextManager["AuditStore"]):
    """Results of an audit; written in transactions, so that each file is stored whole or not at all.

    Parameters
    ----------
    folder
        Output folder of the audit; created if missing.
    inputs
        Digests of all that the results depend on besides the images, by their name in messages.
    overwrite
        Whether results of other inputs, or other files, may be replaced.

    Attributes
    ----------
    n_met
        Files met in this pass, unchanged ones included.

    Raises
    ------
    OutputError
        If the folder holds anything but an audit of the same inputs and may not be replaced, or another
        process writes to it.
    """

    def __init__(self, folder: Path, inputs: Mapping[str, str], *, overwrite: bool) -> None:
        self.folder = folder
        path = folder / STORE_FILE
        check_output(folder, overwrite=overwrite or path.is_file())
        self._is_new = not folder.exists()
        make_folder(folder)
        if overwrite:
            path.unlink(missing_ok=True)
        self.n_met = 0
        self._path = path
        self._database = sqlite3.connect(path, timeout=0.1, isolation_level=None)
        try:
            self._open(inputs)
        except BaseException:
            self._database.close()
            raise

    def _open(self, inputs: Mapping[str, str]) -> None:
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("BEGIN EXCLUSIVE")
            if not self._rows("SELECT name FROM sqlite_master"):
                self._database.executescript(_SCHEMA)
                self._database.execute("BEGIN EXCLUSIVE")
                self._database.execute(
                    "INSERT INTO about VALUES ('inputs', ?)", (json.dumps(dict(inputs)),)
                )
            then = json.loads(self._rows("SELECT value FROM about WHERE key = 'inputs'")[0][0])
        except (sqlite3.Error, ValueError, IndexError) as error:
            if "locked" in str(error):
                raise OutputError(
                    f"{self.folder}: another audit writes here; wait, or choose another output"
                ) from error
            raise OutputError(f"{self._path}: not an audit ({error}); {INSTEAD}") from error
        changed = [name for name in inputs if inputs[name] != then.get(name)]
        if changed:
            names = " and ".join(changed)
            raise OutputError(f"{self.folder}: holds the audit of another {names}; {INSTEAD}")
        self.number = 1 + (self._rows("SELECT max(pass) FROM files")[0][0] or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep all results so far; without any, remove a folder that was made for them."""
        with suppress(sqlite3.Error):  # such as a full disk: earlier results are kept
            self._database.execute("COMMIT")
        n_files = self.n_files
        self._database.close()
        if error is not None and self._is_new and not n_files:
            self._path.unlink()
            with suppress(OSError):  # not empty
                self.folder.rmdir()
        if isinstance(error, WorkersError):
            kept = f"results of {n_files} files are kept; run the command again to resume"
            raise WorkersError(f"{error}; {kept}") from error
        if isinstance(error, sqlite3.Error):
            raise OutputError(f"{self._path}: not written: {error}; check the disk") from error

    def known(self, path: str) -> KnownFile:
        """Return the state of a file when it was audited; empty if it was not."""
        rows = self._rows("SELECT stamp, sha256 FROM files WHERE path = ?", path)
        return KnownFile(*rows[0]) if rows else KnownFile()

    def keep(self, path: str, stamp: str, sha256: str) -> None:
        """Keep the results of a file whose content did not change."""
        values = (path, stamp, sha256, self.number)
        self._database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", values)
        self.n_met += 1
        if self.n_met % COMMIT_EVERY == 0:
            self._database.execute("COMMIT")
            self._database.execute("BEGIN EXCLUSIVE")

    def put(self, path: str, stamp: str, sha256: str, images: Sequence[tuple[int, Row]]) -> None:
        """Store the results of a file, page by page, in place of earlier ones."""
        self._database.execute("DELETE FROM images WHERE path = ?", (path,))
        for page, row in images:
            values = (path, page, *(row[name] for name in STORED_COLUMNS))
            self._database.execute(_INSERT_IMAGE, values)
        self.keep(path, stamp, sha256)

    def forget_missing(self) -> int:
        """Remove the results of files that this pass did not meet, and return their number."""
        missing = "DELETE FROM images WHERE path IN (SELECT path FROM files WHERE pass < ?)"
        self._database.execute(missing, (self.number,))
        gone = self._database.execute("DELETE FROM files WHERE pass < ?", (self.number,))
        return gone.rowcount

    @property
    def n_files(self) -> int:
        """Number of audited files."""
        return int(self._rows("SELECT count(*) FROM files")[0][0])

    def select(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query, one by one, of ``images`` or, without refusals, ``answered``."""
        yield from self._database.execute(query, values)

    def write_table(self, tolerance_um: float) -> Path:
        """Write all rows with their verdicts as CSV, row by row, and return the path."""
        rows = self.select("SELECT * FROM images ORDER BY path, page")
        path = self.folder / AUDIT_FILE
        write_whole(path, lambda part: _write_csv(part, rows, tolerance_um))
        return path

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._database.execute(query, values).fetchall()


def _write_csv(part: Path, rows: Iterable[tuple[Any, ...]], tolerance_um: float) -> None:
    """Write rows of :data:`STORED_COLUMNS` as CSV, numbers with nine significant digits."""
    status, lower, upper = (STORED_COLUMNS.index(c) for c in ("status", "lower_um", "upper_um"))
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(AUDIT_COLUMNS)
        for _, _, *row in rows:
            verdict = judge_interval(row[status], row[lower], row[upper], tolerance_um)
            writer.writerow([*map(_text, row), verdict])


def _text(value: object) -> object:
    return f"{value:.9g}" if isinstance(value, float) else value
