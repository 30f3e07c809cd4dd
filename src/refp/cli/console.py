"""Output of commands: progress and messages to standard error, results to standard output."""

import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from refp.core.files import rows_of, to_json
from refp.core.parallel import Progress

if TYPE_CHECKING:
    import pandas as pd

    from refp.measure.dataset import Measurement

PIPE_WIDTH = 200
"""Columns of the output where it is not a terminal, so that tables are not cut."""
COMPILING = "Compiling kernels, once: about 10 s"
QUIET_SECONDS = 2.0
"""Work that takes less shows no progress bar."""


def print_message(message: str) -> None:
    """Print a message that is not part of the result."""
    print(message, file=sys.stderr)  # noqa: T201


def print_left_out(measurements: "Iterable[Measurement]") -> None:
    """Print every file that was left out, with the reason, and the remarks on how data were read."""
    for measurement in measurements:
        for item in measurement.left_out:
            print_message(f"left out: {item.path.name}: {item.reason}")
        for note in measurement.dataset.notes:
            print_message(f"note: {measurement.dataset.name}: {note}")


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Yield a progress callback that draws bars on a terminal when work takes long."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bars = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
    tasks: dict[str, tuple[TaskID, float]] = {}

    def update(title: str, done: int, total: int) -> None:
        if title not in tasks:
            tasks[title] = (bars.add_task(title, total=total, visible=False), time.monotonic())
        task, started = tasks[title]
        visible = time.monotonic() - started > QUIET_SECONDS and done < total
        bars.update(task, completed=done, total=total, visible=visible)

    with bars:
        yield update


@contextmanager
def show_measuring() -> Iterator[Progress]:
    """Yield a progress callback for work that measures beads.

    The first command of a fresh installation compiles the kernels first, with a message.
    """
    from refp.core import jit
    from refp.measure import dataset as _  # noqa: F401 - importing it declares its kernels

    with show_progress() as progress:
        if not jit.kernels_are_compiled():
            print_message(COMPILING)
            jit.compile_kernels(progress)
        yield progress


def print_table(table: "pd.DataFrame", *, as_json: bool, title: str = "") -> None:
    """Print a table as text, or as one JSON list of rows."""
    print_rows(rows_of(table), as_json=as_json, title=title, columns=list(table.columns))


def print_rows(
    rows: Sequence[Mapping[str, object]],
    *,
    as_json: bool,
    title: str = "",
    columns: Sequence[str] = (),
) -> None:
    """Print rows of the same columns as text, or as one JSON list."""
    if as_json:
        print(to_json(rows))  # noqa: T201
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=title or None, title_justify="left")
    for column in columns or rows[0]:
        numeric = all(isinstance(row[column], float | int | None) for row in rows)
        shown.add_column(str(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(escape(_text(row[column])) for column in columns or row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    console.print(shown)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        digits = 6 if abs(value) >= 1000 else 4
        return "-" if math.isnan(value) else f"{value:.{digits}g}"
    return str(value)
