"""``refp history``: record, annotate, freeze, correct, list, chart, export."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from refp.cli.history_options import (
    ALL_RECORDS,
    DEFAULT_HISTORY,
    At,
    ChartChoice,
    Instrument,
    Note,
    Of,
    Operator,
    RecordChoice,
    WithCorrected,
    append_records,
    moment,
    operator_name,
    parse_offsets,
    print_outcomes,
    print_records,
    without_empty,
)
from refp.cli.history_stages import forget_stage, stages
from refp.cli.options import (
    EXIT_ALL_REFUSED,
    AsJson,
    GivenSerial,
    HistoryOptions,
    ImageOptions,
    MaxBeads,
    Overwrite,
    Serial,
    Tolerance,
    WorkerOptions,
)
from refp.core.outputs import check_output
from refp.core.parallel import Execution

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
    offsets_um: Annotated[
        str,
        Parameter(
            name="--offsets-um",
            allow_leading_hyphen=True,
            help="Nominal Z of three images of a daily check relative to each other, um, such as "
            "-15,0,15; default: as the images state.",
        ),
    ] = "",
    tolerance_um: Tolerance = None,
    max_beads: MaxBeads = None,
    serial: GivenSerial = "",
    chosen: ImageOptions = ImageOptions(),  # noqa: B008
    place: HistoryOptions = DEFAULT_HISTORY,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
) -> int:
    """Estimate dZ of images as 'refp estimate' does, and record each, refusals included.

    All images of a command are recorded, or none. Exit code 3 when every image was refused.

    With --daily, three images at different known Z, such as 15 um below the plane, in it and 15 um above,
    are one record: that of the middle image, with the slope of dZ and the worst fit of the three. Each
    check is compared with the frozen limits and the tolerance; a dZ outside the tolerance fails, whatever
    the limits.

    Column status is ok or refused; column verdict is the outcome against --tolerance-um: pass, fail,
    inconclusive or unverified, empty without a tolerance.

    Examples
    --------
    refp history record a2k.refp daily.tif

    refp history record a2k.refp daily.tif --daily --tolerance-um 5

    refp history record a2k.refp low.tif middle.tif high.tif --daily --offsets-um -15,0,15

    refp history record a2k.refp images/ --operator Ada --note "slide 12"
    """
    from refp.cli.console import show_measuring
    from refp.estimate.estimator import Estimator
    from refp.pipeline import daily_check, recording
    from refp.pipeline.qualification import make_qualifier
    from refp.settings import Identity

    offsets = parse_offsets(offsets_um, daily=daily)
    origin = recording.Origin(
        operator_name(operator), note, moment(at), "daily" if daily else "", serial, tolerance_um
    )
    with place.open(create=True) as history:
        estimator = Estimator.load(model, max_beads)
        sources = chosen.open(estimator.card, images)
        qualify = make_qualifier(estimator, place.address, Identity(serial=serial), origin.at)
        offsets = offsets or (daily_check.offsets_of(sources) if daily else ())
        with work.start() as workers, show_measuring() as progress:
            execution = Execution(workers, progress)
            if offsets:
                given = estimator, sources, offsets, origin
                made = [daily_check.record_check(*given, qualify=qualify, execution=execution)]
            else:
                made = recording.record_each(
                    estimator, sources, origin, qualify=qualify, execution=execution
                )
        append_records(history, made, as_json=as_json)
        print_outcomes(history, made, tolerance_um)
    return 0 if any(one.status == "ok" for one in made) else EXIT_ALL_REFUSED


@app.command
def record_plane(
    planes: Annotated[Path, Parameter(help="The planes.csv of 'refp plane'.")],
    /,
    *,
    instrument: Instrument,
    serial: Serial = "",
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
    from refp.history import name_instrument
    from refp.pipeline import recording

    origin = recording.Origin(operator_name(operator), note, moment(at))
    made = recording.record_planes(planes, name_instrument(instrument, serial), origin)
    with place.open(create=True) as history:
        append_records(history, made, as_json=as_json)


@app.command
def annotate(
    text: Annotated[str, Parameter(help="Text of the note.")],
    /,
    *,
    instrument: Instrument,
    serial: Serial = "",
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
    from refp.history import name_instrument

    with place.open(create=True) as history:
        named = name_instrument(instrument, serial)
        note = history.annotate(text, named, moment(at), operator_name(operator))
        print_message(
            f"noted for {note.instrument} at {note.recorded_at.isoformat()} in {history.place}"
        )


@app.command
def baseline(
    name: Annotated[str, Parameter(help="Name of the baseline.")],
    /,
    *,
    choice: ChartChoice,
    quantity: Of = "delta_z_um",
    operator: Operator = None,
    place: HistoryOptions = DEFAULT_HISTORY,
    as_json: AsJson = False,
) -> None:
    """Freeze mean and standard deviation of the daily checks of a period as the limits of charts.

    Later records, and corrections of records of the period, do not change them. At least 20 checks on 5
    different days are needed, and both --since and --until. With --all the limits are those of all
    estimates, for charts of all estimates. Planes (--quantity refp_um) have no daily checks: all count.

    Examples
    --------
    refp history baseline spring --instrument a2k --since 2026-03-01 --until 2026-04-01
    """
    from refp.cli.console import print_rows
    from refp.cli.shown import shown_times

    with place.open() as history:
        request = choice.request(quantity)
        frozen = history.freeze(name, choice.chosen, request, by=operator_name(operator))
    times = {key: getattr(frozen, key).isoformat() for key in ("since", "until", "frozen_at")}
    row = {**asdict(frozen), **times}
    print_rows([row if as_json else shown_times(row, list(times))], as_json=as_json)


@app.command
def correct(
    ids: Annotated[
        list[str],
        Parameter(help="Ids of records from 'refp history list', or their first characters."),
    ],
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
    refp history correct 0b1f2c3d-0f1e --note "wrong slide" --withdraw
    """
    from refp.cli.console import print_message
    from refp.history import correction

    values = {"note": note or None, "instrument": instrument, "operator": measured_by}
    measured = {"delta_z_um": delta_z_um, "u_um": u_um}
    changes = correction({**values, **measured}, withdraw=withdraw)
    with place.open() as history:
        made = history.correct(history.whole_ids(ids), by=operator_name(operator), **changes)
        print_message(f"corrected {len(made)} records in {history.place}")
    print_records(made, as_json=as_json)


@app.command(name="list")
def list_records(
    *,
    choice: RecordChoice = ALL_RECORDS,
    with_corrected: WithCorrected = False,
    place: HistoryOptions = DEFAULT_HISTORY,
    as_json: AsJson = False,
) -> None:
    """List records by time, without those that were corrected.

    A terminal shows the first characters of each id, which 'refp history correct' accepts.

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
    print_table(rows if as_json else without_empty(rows), as_json=as_json)


@app.command
def verifications(
    *,
    instrument: Annotated[str, Parameter(help="Recipe of the instrument.")] = "",
    serial: Serial = "",
    place: HistoryOptions = DEFAULT_HISTORY,
    as_json: AsJson = False,
) -> None:
    """List the verifications of models on instruments, the oldest first.

    Examples
    --------
    refp history verifications

    refp history verifications --serial A2K-0417 --json
    """
    from refp.cli.console import print_message, print_rows
    from refp.cli.shown import shown_times
    from refp.history import VerificationLog, verification_rows

    with VerificationLog.open(place.address, create=False) as log:
        rows = verification_rows(log.select(serial=serial, instrument=instrument))
    if not rows and not as_json:
        print_message("no verifications")
        return
    first = ["verified_at", "instrument", "serial", "outcome", "valid_until"]
    others = [name for name in (rows[0] if rows else ()) if name not in first]
    shown = [*first, *(name for name in others if not name.endswith(("sha256", "id")))]
    if not as_json:
        rows = [shown_times(row, ("verified_at", "valid_until")) for row in rows]
    print_rows(rows, as_json=as_json, columns=shown)


@app.command
def chart(
    *,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="File to write: .html, .svg or .png.")
    ],
    choice: ChartChoice,
    quantity: Of = "delta_z_um",
    baseline: Annotated[
        str, Parameter(help="Name of the baseline; default: the last one frozen for these records.")
    ] = "",
    tolerance_um: Tolerance = None,
    place: HistoryOptions = DEFAULT_HISTORY,
    overwrite: Overwrite = False,
) -> None:
    """Draw a control chart (Levey-Jennings) of the daily checks, with the Westgard rules that fire.

    Limits come from a frozen baseline; without one there are neither limits nor rules. A dZ outside the
    tolerance fails whatever the limits; the tolerance is --tolerance-um, or that of the newest record. Bars
    show one standard uncertainty, hollow triangles refused images, dashed lines notes. Of more than 2000
    values a selection is drawn: the lowest and highest of each interval of time, all at which a rule fires,
    and those outside the tolerance.

    Examples
    --------
    refp history chart -o a2k.html --instrument a2k --tolerance-um 5

    refp history chart -o all.html --instrument a2k --all

    refp history chart -o beads.png --instrument a2k --quantity n_beads_used --baseline spring
    """
    from refp.cli.console import print_message
    from refp.history import select_chart
    from refp.reports import check_chart_name, describe_control, write_control

    check_output(output, overwrite=overwrite)
    check_chart_name(output)
    with place.open() as history:
        request = choice.request(quantity, baseline, tolerance_um)
        drawn = select_chart(history, choice.chosen, request)
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


app.command(stages)
app.command(forget_stage)
