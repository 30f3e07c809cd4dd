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
    ControlChart,
    History,
    HistoryRecord,
    Period,
    Quantity,
    Verification,
    VerificationLog,
    check_purpose,
    check_quantity,
    correction,
    latest_by_serial,
    parse_time,
    select_points,
    with_local_times,
)
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
    describe_baseline,
    describe_chart,
    in_control,
    newest_firings,
    period_of,
    rules_at,
)

SHOWN_RECORDS, SHOWN_FIRINGS = 30, 6
EMPTY = "the history has no records yet; estimate an image first"
CHECK_QUANTITY: Quantity = "delta_z_um"
"""Quantity of a daily check."""
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
    origin = Origin(task.requester.operator, purpose=purpose, serial=serial)
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
    found = history.select(image_sha256=image_sha256, until=until, kind="estimate", newest=1)
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
    asked
        Selection of records.

    Raises
    ------
    HistoryError
        If the database cannot be read, or a time is invalid.
    """
    _period(query.since, query.until)
    if not _exists(database):
        return []
    return _rows(_select(_open(database), query))


def write_history(database: str, query: RecordQuery) -> str:
    """Return records by rising time as ``refp history export`` writes them, as CSV."""
    if not _exists(database):
        raise HistoryError(EMPTY)
    return _select(_open(database), query).to_csv(index=False, float_format="%.9g")


def read_page(database: str, query: ChartQuery) -> HistoryView:
    """Return the content of the history page of an instrument; without a value there is no chart.

    Raises
    ------
    HistoryError
        If the database cannot be read, or quantity, baseline or a time is invalid.
    """
    quantity, period = check_quantity(query.quantity), _period(query.since, query.until, query.only)
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
    chosen = RecordQuery(name, query.since, query.until, "", period.purpose, limit=SHOWN_RECORDS)
    view = replace(
        view,
        rows=_rows(_select(history, chosen)),
        baselines=[describe_baseline(one) for one in frozen if one.quantity == quantity],
        check=_last_check(history, name),
    )
    try:
        chart, records = _chart(history, view.query)
    except HistoryError:
        if query.baseline and query.baseline not in {one["name"] for one in view.baselines}:
            raise
        return view
    shown = {**describe_chart(chart, records), "firings": newest_firings(chart, SHOWN_FIRINGS)}
    return replace(view, chart=shown, period=period_of(chart))


def read_chart(database: str, query: ChartQuery) -> Row:
    """Return the control chart of a quantity as plain values.

    Raises
    ------
    HistoryError
        If there is no such quantity, baseline or value.
    """
    return describe_chart(*_chart(_open_existing(database), query))


def draw_history(database: str, query: ChartQuery) -> bytes:
    """Return the control chart of a quantity as SVG; errors as of :func:`read_chart`."""
    from refp.reports import draw_control, svg_text  # takes a second to load

    chart, _ = _chart(_open_existing(database), query)
    return svg_text(draw_control(chart, query.instrument)).encode()


def read_check(database: str, record_id: str) -> DailyCheck:
    """Return the result of a recorded daily check with the limits of its instrument."""
    history = _open_existing(database)
    return _evaluate_check(history, history.select(ids=[record_id], with_corrected=True))


def list_baselines(database: str, instrument: str) -> list[Row]:
    """Return the frozen baselines, of one instrument or all."""
    if not _exists(database):
        return []
    return [describe_baseline(one) for one in _open(database).baselines(instrument)]


def freeze(database: str, query: ChartQuery, operator: str) -> Row:
    """Freeze the limits of a period under ``query.baseline``; errors as of ``History.freeze``."""
    history = _open_existing(database)
    quantity = check_quantity(query.quantity)
    since, until, purpose = _period(query.since, query.until, query.only)
    if since is None or until is None:
        raise HistoryError(
            "baseline: the period is missing; give its first day and the day after its last"
        )
    frozen = history.freeze(
        query.baseline, query.instrument, quantity, since, until, purpose=purpose, by=operator
    )
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


def _select(history: History, query: RecordQuery) -> pd.DataFrame:
    since, until, purpose = _period(query.since, query.until, query.purpose)
    return history.select(
        instrument=query.instrument,
        since=since,
        until=until,
        kind=query.kind,
        purpose=purpose,
        with_corrected=query.with_corrected,
        newest=query.limit,
    )


def _rows(table: pd.DataFrame) -> list[Row]:
    """Return records as rows, the newest first."""
    local = with_local_times(table[::-1], table["utc_offset_s"][::-1])
    rows: list[Row] = json.loads(to_json(rows_of(local)))
    return rows


def _rows_of(history: History, ids: Sequence[str]) -> list[Row]:
    """Return the rows of records by id."""
    by_id = {row["id"]: row for row in _rows(history.select(ids=ids, with_corrected=True))}
    return [by_id[one] for one in ids]


def _chart(history: History, query: ChartQuery) -> tuple[ControlChart, pd.DataFrame]:
    period = _period(query.since, query.until, query.only)
    quantity = check_quantity(query.quantity)
    return select_points(
        history, query.instrument, quantity, query.baseline, period, also=("id", "image")
    )


def _last(history: History) -> str:
    newest = history.select(newest=1, columns=("instrument",))["instrument"]
    return str(newest.iloc[0]) if len(newest) else ""


def _last_check(history: History, instrument: str) -> DailyCheck | None:
    last = history.select(instrument=instrument, kind="estimate", purpose="daily", newest=1)
    return None if last.empty else _evaluate_check(history, last)


def _evaluate_check(history: History, record: pd.DataFrame) -> DailyCheck:
    """Return the result of a daily check, a table of one row, with the last limits."""
    (row,) = _rows(record)
    query = ChartQuery(str(row["instrument"]), CHECK_QUANTITY, only="daily")
    chart, records = _chart(history, query)
    name = chart.baseline.name if chart.baseline else ""
    at = (records["id"] == row["id"]).to_numpy().nonzero()[0]
    if not len(at):  # a correction replaced it
        return DailyCheck(row, name, None, [])
    index = int(at[0])
    digest, own_at = str(row["image_sha256"]), datetime.fromisoformat(str(row["recorded_at"]))
    return DailyCheck(
        record=row,
        baseline=name,
        in_control=in_control(chart, index),
        rules=rules_at(chart, index),
        earlier=_earlier(history, digest, until=own_at) if digest else None,
    )


def _period(since: str, until: str, purpose: str = "") -> Period:
    start, end = (parse_time(text) if text else None for text in (since, until))
    return Period(start, end, check_purpose(purpose))


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
