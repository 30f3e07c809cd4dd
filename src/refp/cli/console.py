"""Output of commands: progress and messages to standard error, results to standard output."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    """Print a message that is not part of the result; on a terminal no word or number is broken.

    A message that begins with a space is a command to copy, and stays one line.
    """
    if sys.stderr.isatty() and not message.startswith(" "):
        from refp.cli.layout import wrap

        width = shutil.get_terminal_size().columns
        message = "\n".join(wrap(message, width, indent="  "))
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


def print_table(
    table: "pd.DataFrame", *, as_json: bool, title: str = "", below: Sequence[str] = ()
) -> None:
    """Print a table for a reader, or as one JSON list of rows."""
    columns = [str(name) for name in table.columns]
    print_rows(rows_of(table), as_json=as_json, title=title, columns=columns, below=below)


def print_rows(
    rows: Sequence[Mapping[str, object]],
    *,
    as_json: bool,
    title: str = "",
    columns: Sequence[str] = (),
    below: Sequence[str] = (),
) -> None:
    """Print rows for a reader, or as one JSON list of all their values.

    Parameters
    ----------
    rows
        Rows of the same keys.
    as_json
        Whether to print JSON.
    title
        Title of the table.
    columns, below
        Keys to show as columns, by default all, and as texts under the row;
        see :func:`refp.cli.layout.table_lines`.
    """
    if as_json:
        print(to_json(rows))  # noqa: T201
        return
    from refp.cli.layout import table_lines

    shown = columns or [name for name in rows[0] if name not in below]
    _print_lines(title, lambda width: table_lines(rows, shown, width, below))


def print_properties(properties: Iterable[tuple[str, object]], *, title: str = "") -> None:
    """Print names and values, one beside the other."""
    from refp.cli.layout import property_lines

    _print_lines(title, lambda width: property_lines(properties, width))


def _print_lines(title: str, lines_of: Callable[[int], list[str]]) -> None:
    """Print a title and the lines made for the width of the output."""
    from rich.console import Console

    from refp.cli.layout import wrap

    console = Console(highlight=False, markup=False, emoji=False)
    is_wide = not console.is_terminal and "COLUMNS" not in os.environ
    width = PIPE_WIDTH if is_wide else console.width
    titles = wrap(title, width) if title else []
    for style, lines in (("bold", titles), ("", lines_of(width))):
        for line in lines:
            console.print(line, style=style, soft_wrap=True)
