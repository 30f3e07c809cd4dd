"""Tables and messages at any width: no number is broken, no line is wider than the terminal."""

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from refp.cli.console import print_message
from refp.cli.layout import (
    ELLIPSIS,
    MIN_NAME,
    cell_text,
    property_lines,
    shorten,
    table_lines,
    with_u,
    wrap,
)

WIDTHS = (60, 80, 120)
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=90)
NUMBERS = st.one_of(
    st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False)
)
ROW = st.fixed_dictionaries(
    {"image": NAMES}
    | {f"quantity_{k}_um": NUMBERS for k in range(9)}
    | {"status": st.sampled_from(["ok", "refused", "inconclusive"]), "reason": st.text()}
)


@pytest.mark.parametrize("width", WIDTHS)
@given(rows=st.lists(ROW, min_size=1, max_size=4))
def test_every_number_is_whole_and_no_line_too_wide(
    width: int, rows: list[dict[str, object]]
) -> None:
    columns = ["image", *(f"quantity_{k}_um" for k in range(9)), "status"]
    lines = table_lines(rows, columns, width, below=["reason"])
    assert max(map(cell_len, lines)) <= width
    words = [word.strip(",") for line in lines for word in line.split()]
    for row in rows:
        for name in columns[1:]:
            assert cell_text(row[name]) in words


@given(name=NAMES, width=st.integers(1, 40))
def test_a_long_name_keeps_both_ends(name: str, width: int) -> None:
    short = shorten(name, width)
    assert cell_len(short) <= width
    if cell_len(name) <= width:
        assert short == name
    else:
        head, _, tail = short.partition(ELLIPSIS)
        assert ELLIPSIS in short
        assert name.startswith(head) or ELLIPSIS in name
        assert name.endswith(tail) or ELLIPSIS in name


def test_the_end_of_a_name_is_kept_longer() -> None:
    assert shorten("experiment1_fov1_z1470_t10ms.tif", 16) == f"exper{ELLIPSIS}_t10ms.tif"


@given(
    words=st.lists(st.text("abcdefgh0123456789.-", min_size=1, max_size=20), max_size=30),
    width=st.integers(30, 80),
)
def test_wrapping_breaks_between_words(words: list[str], width: int) -> None:
    lines = wrap(" ".join(words), width, "  ", "    ")
    assert max(map(len, lines)) <= width
    assert " ".join(lines).split() == words


@pytest.mark.parametrize("width", range(12, 30))
def test_a_number_is_beside_its_unit(width: int) -> None:
    lines = wrap("RMS 0.55 um on 60 images of 1.5 um", width)
    assert any("0.55 um" in line for line in lines)
    assert any("1.5 um" in line for line in lines)


def test_a_path_is_broken_after_a_slash() -> None:
    lines = wrap("wrote " + "/".join(["folder"] * 12), 40)
    assert all(line.endswith("/") for line in lines[1:-1])
    assert "".join(lines).replace("wrote ", "").strip() == "/".join(["folder"] * 12)


def test_columns_without_room_are_listed_under_their_row() -> None:
    row = {"image": "a" * 40, **{f"number_{k}": 123456789 + k for k in range(8)}, "note": None}
    lines = table_lines([row], list(row), 60)
    assert lines[2].startswith("a" * (MIN_NAME // 4))
    assert lines[3].startswith("    number_")
    assert "note" not in lines[-1]


def test_headers_are_broken_before_names_are_shortened() -> None:
    row = {"image": "n" * 30, "a_long_header_um": 1.5, "another_header": 2}
    lines = table_lines([row], list(row), 60)
    assert lines[-1].startswith("n" * 30)
    assert len(lines) == 2 + 2


@pytest.mark.parametrize("width", WIDTHS)
def test_a_digest_of_a_property_is_whole_in_wide_terminals_and_complete_in_all(width: int) -> None:
    digest = "0123456789abcdef" * 4
    lines = property_lines([("training data SHA-256", digest), ("model", "a2k")], width)
    assert max(map(len, lines)) <= width
    assert "".join(line[23:] for line in lines[:-1]) == digest


@pytest.mark.parametrize(
    ("value", "u", "text"),
    [
        (-50.602, 1.924, f"-50.6 {PLUS_MINUS} 1.9"),
        (1502.74, 0.9728, f"1502.74 {PLUS_MINUS} 0.97"),
        (3.0, 24.0, f"3 {PLUS_MINUS} 24"),
        (3.14159, 0.0004, f"3.142 {PLUS_MINUS} 0.000"),
        (3.14159, math.nan, "3.14"),
        (math.nan, 1.0, "-"),
        (None, None, "-"),
    ],
)
def test_values_have_the_decimals_of_their_uncertainty(
    value: float | None, u: float | None, text: str
) -> None:
    assert with_u(value, u) == text


@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("one two three four", "one two\n  three\n  four\n"),
        ("  refp inspect folder", "  refp inspect folder\n"),
    ],
)
def test_messages_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    message: str,
    printed: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "8")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    print_message(message)
    assert capsys.readouterr().err == printed
