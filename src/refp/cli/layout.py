"""Lines of tables and messages for a terminal of any width.

No number is broken over two lines. A table too wide for the terminal first gets its headers on several
lines, then its long names shortened in the middle; columns for which no room is left are listed under
their row.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
MISSING = "-"
GAP, INDENT = "  ", "    "
MIN_NAME = 16
"""Columns to which a longer name is shortened at least."""
_NUMBER = re.compile(rf"[+-]?\d[\d.]*(?:e[+-]?\d+)?%?(?: (?:{PLUS_MINUS}|of|to) [+-]?\d[\d.]*)?")
_UNIT = re.compile(r"(?<=[\d.]) (?=(?:um|px|ms|%)\b)")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_PIECES = re.compile(r"[^/\\_]*[/\\_]*")

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its header in words, its cells, and the widths that it may have."""

    name: str
    cells: tuple[str, ...]
    is_numeric: bool
    minimum: int
    natural: int


def table_lines(
    rows: Sequence[Row], columns: Sequence[str], width: int, below: Sequence[str] = ()
) -> list[str]:
    """Return the lines of a table: header, rule, and the rows.

    Parameters
    ----------
    rows
        Rows with all ``columns``; a missing value is ``None`` or NaN.
    columns
        Names of the columns; the first is kept beside the numbers at every width.
    width
        Columns of the terminal.
    below
        Names of texts, such as a reason, that are printed under their row where they are not empty.
    """
    made = [_column(name, rows) for name in columns]
    widths = _fit(made, width)
    moved: list[_Column] = []
    while not widths:
        moved.insert(0, made.pop())
        widths = _fit(made, width)
    lines = [*_header(made, widths), GAP.join("-" * w for w in widths)]
    for k, row in enumerate(rows):
        lines.append(_line([c.cells[k] for c in made], made, widths))
        items = ", ".join(_item(c, k) for c in moved if c.cells[k] not in ("", MISSING))
        for text in (items, *(cell_text(row.get(name, "")) for name in below)):
            lines += wrap(text, width, INDENT, INDENT) if text else []
    return lines


def property_lines(properties: Iterable[tuple[str, object]], width: int) -> list[str]:
    """Return a line per property, its value beside its name; long values take several lines."""
    pairs = [(name, cell_text(value)) for name, value in properties]
    name_width = min(max((cell_len(name) for name, _ in pairs), default=0), width // 2)
    indent = " " * name_width + GAP
    lines: list[str] = []
    for name, text in pairs:
        names = wrap(name, name_width)
        first = _pad(names.pop(), name_width) + GAP
        lines += names
        lines += wrap(text, width, first, indent)
    return lines


def wrap(text: str, width: int, first: str = "", indent: str = "") -> list[str]:
    """Break a text between words into lines of at most ``width``, numbers beside their units.

    ``first`` begins the first line, ``indent`` the others. Only a word longer than a line is broken,
    after a slash or an underscore where it has one.
    """
    room = max(width - cell_len(indent), 1)
    lines, line = [], first
    is_empty = True
    for word in _UNIT.sub(_NO_BREAK, text).split(" "):
        pieces = [word] if cell_len(word) <= room else _pieces(word, room)
        for k, piece in enumerate(pieces):
            space = "" if is_empty or k else " "
            if not is_empty and cell_len(line + space + piece) > width:
                lines.append(line)
                line, space = indent, ""
            line, is_empty = line + space + piece, False
    return [one.replace(_NO_BREAK, " ") for one in (*lines, line)]


def shorten(text: str, width: int) -> str:
    """Return a text of at most ``width`` columns, its middle replaced by an ellipsis if it is longer.

    More is kept of the end, in which the names of a folder differ.
    """
    if cell_len(text) <= width:
        return text
    head, tail = text[: max(width - 1, 0) // 3], text[-max(width, 1) :]
    while tail and cell_len(head + ELLIPSIS + tail) > width:
        tail = tail[1:]
    shown = head + ELLIPSIS + tail
    return shown if cell_len(shown) <= width else ELLIPSIS[:width]


def cell_text(value: object) -> str:
    """Return the text of a value: four digits of a number, whole numbers whole."""
    if value is None:
        return MISSING
    if isinstance(value, float):
        digits = 6 if abs(value) >= 1000 else 4
        return MISSING if math.isnan(value) else f"{value:.{digits}g}"
    return "".join(c if c.isprintable() else "?" for c in str(value))


def with_u(value: float | None, u: float | None, *, sign: bool = False) -> str:
    """Return a value and its uncertainty, of two digits; ``-`` for a value that is not known.

    With ``sign`` positive values have a sign too.
    """
    if value is None or math.isnan(value):
        return MISSING
    plus = "+" if sign else ""
    if u is None or not math.isfinite(u) or u <= 0:
        return f"{value:{plus}.2f}"
    decimals = min(max(1 - math.floor(math.log10(u)), 0), 3)
    return f"{value:{plus}.{decimals}f} {PLUS_MINUS} {u:.{decimals}f}"


def _item(column: _Column, k: int) -> str:
    """Return name and value of a cell below its row; a short one is not broken."""
    text = f"{column.name} {column.cells[k]}"
    return text.replace(" ", _NO_BREAK) if cell_len(column.cells[k]) <= MIN_NAME else text


def _column(name: str, rows: Sequence[Row]) -> _Column:
    cells = tuple(cell_text(row.get(name)) for row in rows)
    known = [cell for cell in cells if cell != MISSING]
    is_numeric = bool(known) and all(map(_NUMBER.fullmatch, known))
    longest = max(map(cell_len, cells), default=0)
    word = max(map(cell_len, _words(name)))
    needed = longest if is_numeric else min(longest, MIN_NAME)
    return _Column(name, cells, is_numeric, max(word, needed), max(cell_len(name), longest))


def _fit(columns: Sequence[_Column], width: int) -> list[int]:
    """Return the widths of columns; empty if they do not fit, unless there is one only."""
    room = width - cell_len(GAP) * (len(columns) - 1)
    widths = [column.minimum for column in columns]
    spare = room - sum(widths)
    if spare < 0:
        return [max(room, 1)] if len(columns) == 1 else []
    for k in sorted(range(len(columns)), key=lambda k: columns[k].is_numeric):
        more = min(columns[k].natural - widths[k], spare)
        widths[k], spare = widths[k] + more, spare - more
    return widths


def _header(columns: Sequence[_Column], widths: Sequence[int]) -> list[str]:
    """Return the lines of the header, the names broken between words, their ends on one line."""
    names = [_broken(c.name, w) for c, w in zip(columns, widths, strict=True)]
    n = max(map(len, names))
    padded = [[""] * (n - len(parts)) + parts for parts in names]
    return [_line([parts[k] for parts in padded], columns, widths) for k in range(n)]


def _broken(name: str, width: int) -> list[str]:
    lines = [""]
    for word in _words(name):
        if cell_len(lines[-1] + word) > width and lines[-1]:
            lines.append("")
        lines[-1] += word
    return [shorten(line.rstrip(), width) for line in lines]


def _words(name: str) -> list[str]:
    """Return the parts between which a header may be broken."""
    return re.findall(r"[^ _]*[ _]?", name)[:-1] or [name]


def _line(cells: Iterable[str], columns: Sequence[_Column], widths: Sequence[int]) -> str:
    padded = [
        _pad(shorten(cell, w), w, right=column.is_numeric)
        for cell, column, w in zip(cells, columns, widths, strict=True)
    ]
    return GAP.join(padded).rstrip()


def _pad(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def _pieces(word: str, room: int) -> list[str]:
    """Return the parts of a word that is longer than a line."""
    parts = [part for part in _PIECES.findall(word) if part]
    return [piece for part in parts for piece in chop_cells(part, room)]
