"""``refp history``: record, annotate, freeze, correct, list, chart, export."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from refp.cli.options import (
    EXIT_ALL_REFUSED,
    AsJson,
    ImageOptions,
    MaxBeads,
    Overwrite,
    WorkerOptions,
)
from refp.core.outputs import check_output
from refp.core.parallel import Execution

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from refp.history import History, HistoryRecord, Purpose


SHOWN = (
    *("id", "recorded_at", "kind", "instrument", "operator", "image", "status", "delta_z_um"),
    *("u_um", "refp_um", "refp_u_um", "n_beads_used", "background", "reason", "note", "purpose"),
    *("corrects", "corrected_by"),
)
"""Columns on a terminal; files and JSON have all."""

app = App(
    name="history",
    help="Record results over time, and draw control charts of them.\n\n"
    "Records are appended, never changed; a correction is a new record that names the old one. "
    "Without --database they are kept in history.db in --home, in the folder that the environment "
    "variable REFP_HOME names, or in the system's folder for a user's data. Needs the extra history.",
    help_epilogue="Examples:\n\nrefp history record a2k.refp daily.tif\n\n"
    "refp history baseline spring --instrument a2k --since 2026-03-01 --until 2026-04-01\n\n"
    "refp history chart -o a2k.html --instrument a2k",
)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """Database of the history."""

    home: Path | None = None
    "Folder of history.db; default: the environment variable REFP_HOME, or a user's data folder."
    database: str | None = None
    "URL of another database, such as postgresql://user@host/name; its password is never shown."

    def open(self, *, create: bool = False) -> "History":
        """Open the history; ``create`` makes a missing one."""
        from refp.history import History, default_database

        return History.open(self.database or default_database(self.home), create=create)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class RecordChoice:
    """Selection of records."""

    instrument: str = ""
    "Name of the instrument."
    since: str = ""
    "First time, ISO 8601; without a zone it is local, without an hour it is midnight."
    until: str = ""
    "Records before this time."
    daily: Annotated[bool, Parameter(negative=())] = False
    "Daily checks only."

    def select(self, history: "History", *, with_corrected: bool = False) -> "pd.DataFrame":
        """Return the records."""
        return history.select(
            instrument=self.instrument,
            since=_limit(self.since),
            until=_limit(self.until),
            purpose=_purpose(daily=self.daily),
            with_corrected=with_corrected,
        )


DEFAULT_HISTORY, ALL_RECORDS = HistoryOptions(), RecordChoice()
Instrument = Annotated[str, Parameter(help="Name of the instrument.")]
Operator = Annotated[str | None, Parameter(help="Operator; default: the user's login name.")]
Note = Annotated[str, Parameter(help="A remark.")]
At = Annotated[str, Parameter(help="Time, ISO 8601; without a zone it is local. Default: now.")]
Of = Annotated[
    str,
    Parameter(
        name="--quantity", help="One of delta_z_um, refp_um, n_beads_used, background, tilt."
    ),
]
Daily = Annotated[bool, Parameter(negative=(), help="Daily checks only.")]
WithCorrected = Annotated[
    bool, Parameter(negative=(), help="Include records that later ones correct.")
]


@app.command
def record(
    model: Annotated[Path, Parameter(help="Model file from 'refp train'.")],
    images: Annotated[list[Path], Parameter(help="Images or folders of images.", negative=())],
    /,
    *,
    operator: Operator = None,
    note: Note = "",
    at: At = "",
    daily: Annotated[
        bool, Parameter(negative=(), help="Mark the records as daily checks, a separate series.")
    ] = False,
    max_beads: MaxBeads = None,
    chosen: ImageOptions = ImageOptions(),  # noqa: B008
    place: HistoryOptions = DEFAULT_HISTORY,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
) -> int:
    """Estimate dZ of images as 'refp estimate' does, and record each, refusals included.

    All images of a command are recorded, or none. Exit code 3 when every image was refused.

    Examples
    --------
    refp history record a2k.refp daily.tif

    refp history record a2k.refp daily.tif --daily

    refp history record a2k.refp images/ --operator Ada --note "slide 12"
    """
    from refp.cli.console import show_measuring
    from refp.estimate.estimator import Estimator
    from refp.pipeline import recording

    purpose = _purpose(daily=daily)
    origin = recording.Origin(_operator(operator), note, _moment(at), purpose)
    with place.open(create=True) as history:
        estimator = Estimator.load(model, max_beads)
        sources = chosen.open(estimator.card, images)
        with work.start() as workers, show_measuring() as progress:
            made = recording.record_each(
                estimator, sources, origin, execution=Execution(workers, progress)
            )
        _append(history, made, as_json=as_json)
    return 0 if any(one.status == "ok" for one in made) else EXIT_ALL_REFUSED


@app.command
def record_plane(
    planes: Annotated[Path, Parameter(help="The planes.csv of 'refp plane'.")],
    /,
    *,
    instrument: Instrument,
    operator: Operator = None,
    note: Note = "",
    at: At = "",
    place: HistoryOptions = DEFAULT_HISTORY,
    as_json: AsJson = False,
) -> None:
    """Record the reference planes that 'refp plane' determined.

    The recipe is read from planes.json beside the table; the digest is that of the table.

    Examples
    --------
    refp history record-plane planes/planes.csv --instrument a2k
    """
    from refp.pipeline import recording

    origin = recording.Origin(_operator(operator), note, _moment(at))
    made = recording.record_planes(planes, instrument, origin)
    with place.open(create=True) as history:
        _append(history, made, as_json=as_json)


@app.command
def annotate(
    text: Annotated[str, Parameter(help="Text of the note.")],
    /,
    *,
    instrument: Instrument,
    operator: Operator = None,
    at: At = "",
    place: HistoryOptions = DEFAULT_HISTORY,
) -> None:
    """Record an event of an instrument, such as a service or a new slide lot.

    A chart shows it as a line at its time.

    Examples
    --------
    refp history annotate "stage serviced" --instrument a2k --at 2026-03-31T08:30
    """
    from refp.cli.console import print_message

    with place.open(create=True) as history:
        note = history.annotate(text, instrument, _moment(at), _operator(operator))
        print_message(
            f"noted for {note.instrument} at {note.recorded_at.isoformat()} in {history.place}"
        )


@app.command
def baseline(
    name: Annotated[str, Parameter(help="Name of the baseline.")],
    /,
    *,
    instrument: Instrument,
    since: Annotated[str, Parameter(help="First time of the period, ISO 8601.")],
    until: Annotated[str, Parameter(help="End of the period, exclusive.")],
    quantity: Of = "delta_z_um",
    daily: Daily = False,
    operator: Operator = None,
    place: HistoryOptions = DEFAULT_HISTORY,
    as_json: AsJson = False,
) -> None:
    """Freeze mean and standard deviation of a period as the limits of charts.

    Later records, and corrections of records of the period, do not change them. At least ten values are
    needed.

    Examples
    --------
    refp history baseline spring --instrument a2k --since 2026-03-01 --until 2026-04-01
    """
    from refp.cli.console import print_rows
    from refp.history import check_quantity, parse_time

    with place.open() as history:
        frozen = history.freeze(
            name,
            instrument,
            check_quantity(quantity),
            parse_time(since),
            parse_time(until),
            purpose=_purpose(daily=daily),
            by=_operator(operator),
        )
    times = {key: getattr(frozen, key).isoformat() for key in ("since", "until", "frozen_at")}
    print_rows([{**asdict(frozen), **times}], as_json=as_json)


@app.command
def correct(
    ids: Annotated[list[str], Parameter(help="Ids of records, from 'refp history list'.")],
    /,
    *,
    note: Note = "",
    instrument: Annotated[str | None, Parameter(help="Correct instrument.")] = None,
    measured_by: Annotated[str | None, Parameter(help="Correct operator.")] = None,
    delta_z_um: Annotated[float | None, Parameter(help="Correct dZ, um.")] = None,
    u_um: Annotated[float | None, Parameter(help="Its standard uncertainty, um.")] = None,
    withdraw: Annotated[
        bool,
        Parameter(
            negative=(), help="Withdraw the value: shown as refused, with --note as the reason."
        ),
    ] = False,
    operator: Annotated[
        str | None, Parameter(help="Operator who corrects; default: the user's login name.")
    ] = None,
    place: HistoryOptions = DEFAULT_HISTORY,
    as_json: AsJson = False,
) -> None:
    """Append corrections: new records that replace old ones, which are kept.

    The new records have the times and operators of the old ones; corrected_by and appended_at hold the
    operator and the time of the correction. An interval that does not belong to a new dZ is left empty.

    Examples
    --------
    refp history correct 0b1f2c3d-0f1e-4c5a-9b8d-7e6f5a4b3c2d --note "wrong slide" --withdraw
    """
    from refp.cli.console import print_message
    from refp.history import correction

    values = {"note": note or None, "instrument": instrument, "operator": measured_by}
    measured = {"delta_z_um": delta_z_um, "u_um": u_um}
    changes = correction({**values, **measured}, withdraw=withdraw)
    with place.open() as history:
        made = history.correct(ids, by=_operator(operator), **changes)
        print_message(f"corrected {len(made)} records in {history.place}")
    _print(made, as_json=as_json)


@app.command(name="list")
def list_records(
    *,
    choice: RecordChoice = ALL_RECORDS,
    with_corrected: WithCorrected = False,
    place: HistoryOptions = DEFAULT_HISTORY,
    as_json: AsJson = False,
) -> None:
    """List records by time, without those that were corrected.

    Examples
    --------
    refp history list --instrument a2k --since 2026-03-01

    refp history list --json --with-corrected
    """
    from refp.cli.console import print_message, print_table
    from refp.history import with_local_times

    with place.open() as history:
        table = choice.select(history, with_corrected=with_corrected)
    if table.empty and not as_json:
        print_message("no records")
        return
    rows = with_local_times(table, table["utc_offset_s"])
    print_table(rows if as_json else _filled(rows), as_json=as_json)


@app.command
def chart(
    *,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="File to write: .html, .svg or .png.")
    ],
    instrument: Instrument,
    quantity: Of = "delta_z_um",
    baseline: Annotated[
        str, Parameter(help="Name of the baseline; default: the last one frozen.")
    ] = "",
    since: Annotated[str, Parameter(help="First time, ISO 8601.")] = "",
    until: Annotated[str, Parameter(help="Values before this time.")] = "",
    daily: Daily = False,
    place: HistoryOptions = DEFAULT_HISTORY,
    overwrite: Overwrite = False,
) -> None:
    """Draw a control chart (Levey-Jennings) with the Westgard rules that fire.

    Limits come from a frozen baseline; without one there are neither limits nor rules. Bars show one
    standard uncertainty, hollow triangles refused images, dashed lines notes. Of more than 2000 values a
    selection is drawn: the lowest and highest of each interval of time, and all at which a rule fires.

    Examples
    --------
    refp history chart -o a2k.html --instrument a2k

    refp history chart -o beads.png --instrument a2k --quantity n_beads_used --baseline spring
    """
    from refp.cli.console import print_message
    from refp.history import check_quantity, select_chart
    from refp.reports import check_chart_name, describe_control, write_control

    check_output(output, overwrite=overwrite)
    check_chart_name(output)
    with place.open() as history:
        named, span = check_quantity(quantity), (_limit(since), _limit(until))
        purpose = _purpose(daily=daily)
        drawn = select_chart(history, instrument, named, baseline, *span, purpose=purpose)
        source = history.place
    write_control(drawn, output, source)
    print_message(describe_control(drawn))
    print_message(f"wrote {output}")


@app.command
def export(
    *,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="File to write: .csv or .parquet.")
    ],
    choice: RecordChoice = ALL_RECORDS,
    with_corrected: WithCorrected = False,
    place: HistoryOptions = DEFAULT_HISTORY,
    overwrite: Overwrite = False,
) -> None:
    """Write records as a table, with times in UTC and the offset of their zone.

    Examples
    --------
    refp history export -o history.csv

    refp history export -o a2k.parquet --instrument a2k --with-corrected
    """
    from refp.cli.console import print_message
    from refp.core.files import check_table_name, write_table

    check_output(output, overwrite=overwrite)
    check_table_name(output)
    with place.open() as history:
        table = choice.select(history, with_corrected=with_corrected)
    write_table(table, output)
    print_message(f"wrote {output}: {len(table)} records")


def _operator(name: str | None) -> str:
    """Return the operator, by default the login name; empty if the system has none."""
    import getpass

    if name is not None:
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in some containers
        return ""


def _moment(text: str) -> "datetime":
    """Return a time; the present one if none is given."""
    from datetime import datetime

    return _limit(text) or datetime.now().astimezone()


def _limit(text: str) -> "datetime | None":
    """Return a time, or ``None`` for no limit."""
    from refp.history import parse_time

    return parse_time(text) if text else None


def _purpose(*, daily: bool) -> "Purpose":
    return "daily" if daily else ""


def _append(history: "History", made: "Sequence[HistoryRecord]", *, as_json: bool) -> None:
    from refp.cli.console import print_message

    history.append(made)
    _print(made, as_json=as_json)
    print_message(f"recorded {len(made)} in {history.place}")


def _print(made: "Sequence[HistoryRecord]", *, as_json: bool) -> None:
    import pandas as pd

    from refp.cli.console import print_table

    rows = [{**asdict(one), "recorded_at": one.recorded_at.isoformat()} for one in made]
    table = pd.DataFrame(rows)
    print_table(table if as_json else _filled(table), as_json=as_json)


def _filled(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the columns for a terminal, without those that are empty in all records."""
    return table[[name for name in SHOWN if (table[name].notna() & (table[name] != "")).any()]]
