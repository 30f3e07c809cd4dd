"""Connect to the database of a history, and migrate its tables to the current schema."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError

from refp.core.errors import HistoryAccessError, HistoryError, MissingExtraError

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "refp_history_version"
"""A separate version table, so that a history may share a PostgreSQL database."""
BUSY_S = 30.0
"""Longest wait of a process for another one that writes, s."""
WRITES = {"refp_begin": "IMMEDIATE"}
"""Execution options of write transactions, which acquire the lock at the start, where waiting is safe."""
_POSTGRESQL = "postgresql+psycopg"
_DRIVERS: Mapping[str, str] = {
    "sqlite": "sqlite",
    "postgres": _POSTGRESQL,
    "postgresql": _POSTGRESQL,
    _POSTGRESQL: _POSTGRESQL,
}
_MIGRATION_LOCK = 0x72656670  # "refp"; any number that all processes agree on
_EXAMPLES = "postgresql://user@host/name or sqlite:////folder/history.db"

Address = sa.URL
Opened = TypeVar("Opened", bound="OpenDatabase")


def read_address(database: str | Path) -> Address:
    """Return the address of a database from a file of SQLite or a URL.

    Raises
    ------
    HistoryError
        If it is neither; the message omits the URL, which may contain a password.
    """
    if isinstance(database, Path):
        return sa.URL.create("sqlite", database=str(database))
    try:
        url = sa.make_url(database)
    except (ArgumentError, ValueError):
        raise HistoryError(f"--database: not a URL of a database; such as {_EXAMPLES}") from None
    if url.drivername not in _DRIVERS:
        raise HistoryError(f"--database: {url.drivername!r} is not known; such as {_EXAMPLES}")
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise HistoryError(f"--database: a history needs a file; such as {_EXAMPLES}")
    return url.set(drivername=_DRIVERS[url.drivername])


def mask(url: Address) -> str:
    """Return an address for display: the path of a file, or the URL without secrets."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    secret = [key for key in url.query if "pass" in key.lower() or "key" in key.lower()]
    return url.difference_update_query(secret).render_as_string(hide_password=True)


@contextmanager
def database_errors(url: Address) -> Iterator[None]:
    """Convert errors of a database to one line that names it, without secrets."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        if url.password:
            reason = reason.replace(str(url.password), "***")
        raise HistoryAccessError(f"{mask(url)}: {reason}; check the database") from None


def connect(url: Address) -> sa.Engine:
    """Return the engine of a database, not yet connected.

    Raises
    ------
    MissingExtraError
        If PostgreSQL's driver is not installed.
    """
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, hide_parameters=True)
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", _begin)
        return engine
    try:
        return sa.create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except ImportError as error:
        raise MissingExtraError("psycopg", "postgres", "a PostgreSQL database") from error


def open_engine(database: str | Path, *, create: bool = True) -> sa.Engine:
    """Return the engine of a database with tables of the current schema.

    Parameters and errors are those of :meth:`refp.history.History.open`.
    """
    url = read_address(database)
    _find_file(url, create=create)
    engine = connect(url)
    try:
        with database_errors(url):
            migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def migrate(engine: sa.Engine) -> None:
    """Create the tables, or migrate them to the current schema; one process at a time.

    Raises
    ------
    HistoryError
        If a newer version made the tables.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        if _revisions(connection) == set(scripts.get_heads()):
            return
    if engine.dialect.name == "sqlite":
        _use_wal(engine)
    with engine.connect().execution_options(**WRITES) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        _check_known(_revisions(connection), scripts, engine.url)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revisions(connection: sa.Connection) -> set[str]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return set(context.get_current_heads())


def _check_known(revisions: set[str], scripts: ScriptDirectory, url: Address) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if revisions - known:
        raise HistoryError(
            f"{mask(url)}: made by a newer refp (schema {', '.join(sorted(revisions - known))}); "
            "update refp, or name another --database"
        )


def _prepare(connection: Any, _record: object) -> None:
    """Set up a connection of SQLite, whose session settings are not kept in the file."""
    connection.isolation_level = None  # SQLAlchemy begins transactions, see _begin
    for pragma in (
        f"busy_timeout = {round(1000 * BUSY_S)}",
        "foreign_keys = ON",
        "synchronous = FULL",  # recorded data survive a power cut
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    mode = connection.get_execution_options().get("refp_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _use_wal(engine: sa.Engine) -> None:
    """Switch a file of SQLite to WAL mode, in which readers and a writer do not block each other.

    SQLite itself does not wait for another process that does the same.
    """
    until = time.monotonic() + BUSY_S
    while True:
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise DatabaseError(None, None, error) from error
            time.sleep(0.05)
        else:
            return
        finally:
            raw.close()


def _find_file(url: Address, *, create: bool) -> None:
    if url.get_backend_name() != "sqlite":
        return
    path = Path(str(url.database))
    if not create and not path.is_file():
        raise HistoryError(f"{path}: no history here; 'refp history record' creates one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HistoryAccessError(f"{path}: {error.strerror}; name another folder") from error


class OpenDatabase:
    """An open database of a history; use :meth:`open`. A context manager, which closes it.

    Parameters
    ----------
    engine
        Engine of a database with the current schema.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, database: str | Path, *, create: bool = True) -> Self:
        """Open a database; its tables are created, or migrated to the current schema.

        Parameters
        ----------
        database
            A file of SQLite, or the URL of a database of SQLite or PostgreSQL.
        create
            Whether to create a missing file of SQLite.

        Raises
        ------
        HistoryError
            If the database cannot be reached or used, or was made by a newer version of refp.
        MissingExtraError
            If a library for the database is not installed.
        """
        return cls(open_engine(database, create=create))

    def share(self, kind: type[Opened]) -> Opened:
        """Return the same database as of another kind; closing this one closes both."""
        return kind(self._engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Address of the database, without secrets."""
        return mask(self._engine.url)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
