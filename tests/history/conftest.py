"""Databases: a file of SQLite, and one on a server of PostgreSQL."""

from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")
pytest.importorskip("alembic", reason="a history needs extra 'history'")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{(tmp_path / 'history.db').as_posix()}"
    return str(request.getfixturevalue("postgresql"))
