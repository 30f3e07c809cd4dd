"""The address of a history, which is shown without its password."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from refp.core.errors import HistoryError, MissingExtraError
from refp.history import History, default_database
from refp.history.connect import mask, read_address

SECRET = "s3cr3t-word"


def test_the_folder_is_given_or_set_or_the_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REFP_HOME", str(tmp_path / "set"))
    assert default_database(tmp_path / "given") == tmp_path / "given" / "history.db"
    assert default_database() == tmp_path / "set" / "history.db"
    monkeypatch.delenv("REFP_HOME")
    assert default_database().name == "history.db"
    assert "refp" in default_database().parts


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_by_any_of_its_names(scheme: str) -> None:
    assert read_address(f"{scheme}://u@h/n").drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@h:1/n",
        f"postgresql://u@h/n?password={SECRET}&sslmode=require",
        f"postgresql://u@h/n?sslpassword={SECRET}",
        f"postgresql://u@h/n?sslkey=/home/{SECRET}",
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str) -> None:
    shown = mask(read_address(url))
    assert SECRET not in shown
    assert "u" in shown
    assert "/n" in shown


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"mysql://u:{SECRET}@h/n", "'mysql' is not known"),
        (f"no url but {SECRET}", "not a URL"),
        (f"postgresql://u:{SECRET}@h:port/n", "not a URL"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_an_invalid_address(url: str, expected: str) -> None:
    with pytest.raises(HistoryError, match=expected) as caught:
        History.open(url)
    assert SECRET not in str(caught.value)


def test_an_unreachable_server(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("psycopg", reason="PostgreSQL needs extra 'postgres'")
    with pytest.raises(HistoryError, match=r"u:\*\*\*@127\.0\.0\.1:1/n.*: .*refused") as caught:
        History.open(f"postgresql://u:{SECRET}@127.0.0.1:1/n?connect_timeout=5")
    error: BaseException | None = caught.value
    while error is not None:  # nor does the error behind it
        assert SECRET not in str(error)
        error = error.__context__
    assert SECRET not in caplog.text


def test_a_wrong_name_on_the_server(postgresql_server: str) -> None:
    with pytest.raises(HistoryError, match='"not-there" does not exist') as caught:
        History.open(postgresql_server.replace("refp@", f"refp:{SECRET}@") + "not-there")
    assert SECRET not in str(caught.value)


def test_without_the_extra(run_python: Callable[[str], str]) -> None:
    """Rules and records need no library; the database names the extra to install."""
    code = """
import sys
sys.modules["sqlalchemy"] = None
from refp.core.errors import MissingExtraError
from refp.history import HistoryRecord, fired, select_chart
import refp.reports
try:
    from refp.history import History
except MissingExtraError as error:
    print(error)
"""
    printed = run_python(code)
    assert "a history needs sqlalchemy, which is not installed" in printed
    assert "pip install 'refp[history]'" in printed


def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"'refp\[postgres\]'"):
        History.open("postgresql://u@h/n")
