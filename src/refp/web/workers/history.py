"""Functions of workers on the history: append, list, correct, freeze, and control charts."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from refp.core.errors import HistoryError
from refp.core.files import rows_of, to_json
from refp.estimate.estimator import Estimator, ImageEstimate
from refp.estimate.verification import qualify
from refp.history import (
    ChartRequest,
    ControlChart,
    History,
    HistoryRecord,
    Selection,
    Verification,
    VerificationLog,
    check_purpose,
    check_quantity,
    check_series,
    correction,
    evaluate_check,
    latest_by_serial,
    parse_time,
    select_points,
    states_of,
    with_local_times,
)
from refp.history.actions import gravest_first
from refp.history.history import NAN
from refp.pipeline.recording import Origin, record_estimate, record_planes
from refp.settings import Identity
from refp.sweeps import declared_identity
from refp.web.messages import (
    ChartQuery,
    DailyCheck,
    EarlierRecord,
    HistoryView,
    InstrumentVerification,
    ModelUsage,
    PageEstimate,
    RecordQuery,
    Row,
    Task,
)
from refp.web.workers.charts import (
    action_of,
    describe_baseline,
    describe_chart,
    describe_rule,
    finite,
    newest_findings,
    period_of,
)

SHOWN_RECORDS, SHOWN_FINDINGS = 30, 6
ALSO = ("id", "image", "verdict")
"""Columns of the record of each value of a chart."""
EMPTY = "the history has no records yet; estimate an image first"
SET_BY_HISTORY = frozenset({"recorded_at", "utc_offset_s", "appended_at"})


def append_estimates(
    task: Task,
    estimator: Estimator,
    results: Sequence[ImageEstimate],
    page_estimates: Sequence[PageEstimate],
) -> list[str]:
    """Append a record of each estimate, with image and reason of its row; return the ids.

    Raises
    ------
    HistoryError
        If the database cannot be reached or written.
    """
    purpose = check_purpose(task.requester.purpose)
    serial = declared_identity(task.path).serial or task.requester.serial
    origin = Origin(
        task.requester.operator, purpose=purpose, serial=serial, tolerance_um=task.tolerance_um
    )
    records: list[HistoryRecord] = []
    for result, page_estimate in zip(results, page_estimates, strict=True):
        record = record_estimate(result, estimator, page_estimate.image_sha256, origin)
        image, reason = str(page_estimate.row["image"]), str(page_estimate.row["reason"])
        records.append(replace(record, image=image, reason=reason))
    _open(task.history, create=True).append(records)
    return [record.id for record in records]


def find_earlier(database: str, image_sha256: str) -> EarlierRecord | None:
    """Return the newest record of an image, by its content; ``None`` without one.

    Raises
    ------
    HistoryError
        If the database cannot be read.
    """
    return _earlier(_open(database), image_sha256) if _exists(database) else None


def _earlier(
    history: History, image_sha256: str, until: datetime | None = None
) -> EarlierRecord | None:
    """Return the newest record of an image before a time."""
    chosen = Selection(image_sha256=image_sha256, until=until, kind="estimate", newest=1)
    found = history.select(chosen)
    for row in _rows(found):
        return EarlierRecord.model_validate(
            {name: row[name] for name in EarlierRecord.model_fields}
        )
    return None


def append_planes(
    database: str, table: Path, instruments: Mapping[str, str], operator: str, job: str
) -> int:
    """Append a record of each determined plane of a job, once even if the job was restarted.

    Parameters
    ----------
    database
        File or URL.
    table
        ``planes.csv``.
    instruments
        Instrument of each data set.
    operator, job
        Operator and id of the job.

    Returns
    -------
    int
        Records of the job.
    """
    at = datetime.fromtimestamp(table.stat().st_mtime).astimezone()  # the same after a restart
    try:
        records = record_planes(table, instruments, Origin(operator, f"job {job}", at=at))
    except HistoryError:
        return 0  # no plane was determined
    own = [replace(one, id=str(uuid.uuid5(uuid.UUID(job), one.image))) for one in records]
    _open(database, create=True).append(own)
    return len(own)


def read_history(database: str, query: RecordQuery) -> list[Row]:
    """Return the newest records first, as ``refp history list --json`` prints them.

    Parameters
    ----------
    database
        File or URL; a missing file counts as an empty history.
    query
        Selection of records.

    Raises
    ------
    HistoryError
        If the database cannot be read, or a time is invalid.
    """
    chosen = _selection(query)
    if not _exists(database):
        return []
    return _rows(_open(database).select(chosen))


def write_history(database: str, query: RecordQuery) -> str:
    """Return records by rising time as ``refp history export`` writes them, as CSV."""
    if not _exists(database):
        raise HistoryError(EMPTY)
    table = _open(database).select(_selection(query))
    return table.to_csv(index=False, float_format="%.9g")


def read_page(database: str, query: ChartQuery, tolerance_um: float | None) -> HistoryView:
    """Return the content of the history page of an instrument; without a value there is no chart.

    Parameters
    ----------
    database
        File or URL; a missing file counts as an empty history.
    query
        Selection of the chart; the records listed are all of its instrument and period.
    tolerance_um
        Largest tolerated absolute dZ, um; ``None``: that of the newest record that has one.

    Raises
    ------
    HistoryError
        If the database cannot be read, or quantity, series, baseline or a time is invalid.
    """
    request, chosen = _request_of(query, tolerance_um), _selection_of(query)
    if not _exists(database):
        return HistoryView([], query)
    history = _open(database)
    view = HistoryView(
        history.instruments(), replace(query, instrument=query.instrument or _last(history))
    )
    name = view.query.instrument
    if name not in view.instruments:
        return view
    frozen = history.baselines(name)
    listed = replace(chosen, instrument=name, purpose="", newest=SHOWN_RECORDS)
    view = replace(
        view,
        rows=_rows(history.select(listed)),
        baselines=[describe_baseline(one) for one in frozen if one.quantity == request.quantity],
        check=_last_check(history, name, tolerance_um),
    )
    view = replace(view, states=_states(history, name, view.rows, tolerance_um))
    try:
        chart, records = select_points(
            history, replace(chosen, instrument=name), request, also=ALSO
        )
    except HistoryError:
        if query.baseline and query.baseline not in {one["name"] for one in view.baselines}:
            raise
        return view
    found = newest_findings(chart, SHOWN_FINDINGS)
    shown = {**describe_chart(chart, records), "firings": [], "findings": found}
    return replace(view, chart=shown, period=period_of(chart))


def read_chart(database: str, query: ChartQuery, tolerance_um: float | None) -> Row:
    """Return the control chart of a quantity as plain values.

    Raises
    ------
    HistoryError
        If there is no such quantity, series, baseline or value.
    """
    return describe_chart(*_chart(database, query, tolerance_um))


def draw_history(database: str, query: ChartQuery, tolerance_um: float | None) -> bytes:
    """Return the control chart of a quantity as SVG; errors as of :func:`read_chart`."""
    from refp.reports import draw_control, svg_text  # takes a second to load

    chart, _ = _chart(database, query, tolerance_um)
    return svg_text(draw_control(chart)).encode()


def read_check(database: str, record_id: str, tolerance_um: float | None) -> DailyCheck:
    """Return the result of a recorded daily check with limits and tolerance of its instrument."""
    history = _open_existing(database)
    everything = Selection(with_corrected=True)
    return _evaluate_check(history, history.select(everything, ids=[record_id]), tolerance_um)


def list_baselines(database: str, instrument: str) -> list[Row]:
    """Return the frozen baselines, of one instrument or all."""
    if not _exists(database):
        return []
    return [describe_baseline(one) for one in _open(database).baselines(instrument)]


def freeze(database: str, query: ChartQuery, operator: str) -> Row:
    """Freeze the limits of a period under ``query.baseline``; errors as of ``History.freeze``."""
    history = _open_existing(database)
    request = replace(_request_of(query), baseline="")
    frozen = history.freeze(query.baseline, _selection_of(query), request, by=operator)
    return describe_baseline(frozen)


def annotate(database: str, instrument: str, text: str, at: str, operator: str) -> Row:
    """Append a note about an instrument; return its record."""
    when = parse_time(at) if at else None
    history = _open(database, create=True)
    return _rows_of(history, [history.annotate(text, instrument, when, operator).id])[0]


def correct(
    database: str, ids: Sequence[str], given: Mapping[str, Any], withdraw: bool, by: str
) -> list[Row]:
    """Append corrections; return them. Errors as of ``correction`` and ``History.correct``."""
    changes = correction(given, withdraw=withdraw)
    history = _open_existing(database)
    return _rows_of(history, [one.id for one in history.correct(ids, by=by, **changes)])


def append(database: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Append records of another history, all or none; return the number of new ones.

    Raises
    ------
    HistoryError
        If a record is invalid, or its id exists with other content.
    """
    return _open(database, create=True).append([_record(row) for row in rows])


def _record(row: Mapping[str, Any]) -> HistoryRecord:
    values: dict[str, Any] = {
        k: NAN if v is None else v for k, v in row.items() if k not in SET_BY_HISTORY
    }
    at = datetime.fromisoformat(str(row["recorded_at"]))
    return HistoryRecord(recorded_at=at, **values)


def _selection(query: RecordQuery) -> Selection:
    since, until = (parse_time(text) if text else None for text in (query.since, query.until))
    return Selection(
        query.instrument,
        since,
        until,
        query.kind,
        check_purpose(query.purpose),
        query.with_corrected,
        query.limit,
    )


def _selection_of(query: ChartQuery) -> Selection:
    since, until = (parse_time(text) if text else None for text in (query.since, query.until))
    return Selection(query.instrument, since, until)


def _request_of(query: ChartQuery, tolerance_um: float | None = None) -> ChartRequest:
    quantity, series = check_quantity(query.quantity), check_series(query.series)
    return ChartRequest(quantity, series, query.baseline, _number(tolerance_um))


def _rows(table: pd.DataFrame) -> list[Row]:
    """Return records as rows, the newest first."""
    local = with_local_times(table[::-1], table["utc_offset_s"][::-1])
    rows: list[Row] = json.loads(to_json(rows_of(local)))
    return rows


def _rows_of(history: History, ids: Sequence[str]) -> list[Row]:
    """Return the rows of records by id."""
    table = history.select(Selection(with_corrected=True), ids=ids)
    by_id = {row["id"]: row for row in _rows(table)}
    return [by_id[one] for one in ids]


def _chart(
    database: str, query: ChartQuery, tolerance_um: float | None
) -> tuple[ControlChart, pd.DataFrame]:
    request, history = _request_of(query, tolerance_um), _open_existing(database)
    return select_points(history, _selection_of(query), request, also=ALSO)


def _number(value: float | None) -> float:
    return NAN if value is None else value


def _last(history: History) -> str:
    newest = history.select(Selection(newest=1), columns=("instrument",))["instrument"]
    return str(newest.iloc[0]) if len(newest) else ""


def _last_check(history: History, instrument: str, tolerance_um: float | None) -> DailyCheck | None:
    last = history.select(Selection(instrument, kind="estimate", purpose="daily", newest=1))
    return None if last.empty else _evaluate_check(history, last, tolerance_um)


def _states(
    history: History, instrument: str, rows: Sequence[Row], tolerance_um: float | None
) -> dict[str, str]:
    """Return the states of the daily checks among some records, by id, with the last limits."""
    daily = {str(row["id"]) for row in rows if row["purpose"] == "daily"}
    if not daily:
        return {}
    request = ChartRequest(tolerance_um=_number(tolerance_um))
    chart, records = select_points(history, Selection(instrument), request, also=("id",))
    named = zip(records["id"], states_of(chart), strict=True)
    return {one: state for one, state in named if one in daily}


def _evaluate_check(
    history: History, record: pd.DataFrame, tolerance_um: float | None
) -> DailyCheck:
    """Return the result of a daily check, a table of one row, with the last limits."""
    (row,) = _rows(record)
    result = evaluate_check(history, str(row["id"]), str(row["instrument"]), _number(tolerance_um))
    digest, own_at = str(row["image_sha256"]), datetime.fromisoformat(str(row["recorded_at"]))
    return DailyCheck(
        record=row,
        baseline=result.baseline,
        in_control=result.in_control,
        rules=[{**describe_rule(rule)} for rule in gravest_first(result.rules)],
        state=result.state,
        tolerance_um=finite(result.tolerance_um),
        action=action_of(result.state, result.rules),
        notes=list(result.notes),
        earlier=_earlier(history, digest, until=own_at) if digest else None,
    )


def read_uses(database: str) -> dict[str, ModelUsage]:
    """Return the use of each model by the SHA-256 of its file.

    Raises
    ------
    HistoryError
        If the database cannot be read.
    """
    if not _exists(database):
        return {}
    uses: dict[str, ModelUsage] = {}
    for used in _open(database).model_uses():  # the newest first
        at = used.last_at.astimezone().isoformat(timespec="seconds")
        known = uses.setdefault(
            used.model_sha256, ModelUsage(n_estimates=0, last_at=at, instruments=[])
        )
        names = sorted({*known.instruments, used.instrument})
        n = known.n_estimates + used.n_estimates
        uses[used.model_sha256] = ModelUsage(
            n_estimates=n, last_at=known.last_at, instruments=names
        )
    return uses


def read_verifications(database: str) -> dict[str, list[InstrumentVerification]]:
    """Return the state of verification of each model on each instrument, by SHA-256 of its file.

    Raises
    ------
    HistoryError
        If the database cannot be read.
    """
    if not _exists(database):
        return {}
    now = datetime.now().astimezone()
    by_model: dict[str, list[InstrumentVerification]] = {}
    with VerificationLog.open(_location(database)) as log:
        known = log.select()
    for model in dict.fromkeys(one.model_sha256 for one in known):
        last = latest_by_serial(one for one in known if one.model_sha256 == model)
        by_model[model] = [_describe_verification(one, now) for one in last.values()]
    return by_model


def _describe_verification(last: Verification, now: datetime) -> InstrumentVerification:
    state = qualify(Identity(serial=last.serial), Identity(), last, now)
    return InstrumentVerification(
        instrument=last.instrument_name,
        outcome=last.outcome,
        state=state.note,
        valid=state.status == "ok",
        verified_at=last.verified_at.isoformat(timespec="seconds"),
        valid_until=last.valid_until.isoformat(timespec="seconds"),
    )


def open_if_any(database: str) -> History | None:
    """Return the open history; ``None`` if nothing was recorded yet."""
    return _open(database) if _exists(database) else None


def _exists(database: str) -> bool:
    return "://" in database or Path(database).is_file()


def _open_existing(database: str) -> History:
    if not _exists(database):
        raise HistoryError(EMPTY)
    return _open(database)


@lru_cache(maxsize=2)
def _open(database: str, *, create: bool = False) -> History:
    return History.open(_location(database), create=create)


def _location(database: str) -> str | Path:
    return database if "://" in database else Path(database)
