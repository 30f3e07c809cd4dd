"""What worker processes do with the history: append, list, correct, freeze; tell and draw its charts."""

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
from refp.history import (
    ControlChart,
    History,
    HistoryRecord,
    Period,
    Quantity,
    check_purpose,
    check_quantity,
    correction,
    parse_time,
    select_points,
    with_local_times,
)
from refp.history.history import NAN
from refp.pipeline.recording import Origin, record_estimate, record_planes
from refp.web.messages import Answer, Asked, Check, ModelUsage, Past, Records, Row, Task
from refp.web.workers.charts import (
    describe_baseline,
    describe_chart,
    in_control,
    newest_firings,
    period_of,
    rules_at,
)

SHOWN_RECORDS, SHOWN_FIRINGS = 30, 6
NOTHING_YET = "nothing was recorded yet; estimate an image first"
CHECKED: Quantity = "delta_z_um"
"""What a daily check is held against limits of."""
UNKNOWN = frozenset({"recorded_at", "utc_offset_s", "appended_at"})


def append_estimates(
    task: Task,
    estimator: Estimator,
    results: Sequence[ImageEstimate],
    answers: Sequence[Answer],
) -> list[str]:
    """Append a record of each estimate, named and explained as its row is; return their ids.

    Raises
    ------
    HistoryError
        If the database cannot be reached or written.
    """
    origin = Origin(task.by.operator, purpose=check_purpose(task.by.purpose))
    records: list[HistoryRecord] = []
    for result, answer in zip(results, answers, strict=True):
        record = record_estimate(result, estimator, answer.image_sha256, origin)
        image, reason = str(answer.row["image"]), str(answer.row["reason"])
        records.append(replace(record, image=image, reason=reason))
    _open(task.history, create=True).append(records)
    return [record.id for record in records]


def append_planes(
    database: str, table: Path, instruments: Mapping[str, str], operator: str, job: str
) -> int:
    """Append a record of each plane that a job determined; begun again, it appends none twice.

    Parameters
    ----------
    database
        File or URL.
    table
        ``planes.csv``.
    instruments
        Instrument of each data set.
    operator, job
        Who asked for it; id of the job.

    Returns
    -------
    int
        Records of the job.
    """
    at = datetime.fromtimestamp(table.stat().st_mtime).astimezone()  # the same each time
    try:
        records = record_planes(table, instruments, Origin(operator, f"job {job}", at=at))
    except HistoryError:
        return 0  # no plane was determined
    own = [replace(one, id=str(uuid.uuid5(uuid.UUID(job), one.image))) for one in records]
    _open(database, create=True).append(own)
    return len(own)


def read_history(database: str, asked: Records) -> list[Row]:
    """Return the newest records first, as ``refp history list --json`` prints them.

    Parameters
    ----------
    database
        File or URL; one that is not there yet holds nothing.
    asked
        Which of them.

    Raises
    ------
    HistoryError
        If the database cannot be read, or a time is none.
    """
    _span(asked.since, asked.until)
    if not _is_there(database):
        return []
    return _rows(_select(_open(database), asked))


def write_history(database: str, asked: Records) -> str:
    """Return records by rising time as ``refp history export`` writes them, as CSV."""
    if not _is_there(database):
        raise HistoryError(NOTHING_YET)
    return _select(_open(database), asked).to_csv(index=False, float_format="%.9g")


def read_page(database: str, asked: Asked) -> Past:
    """Return what the page of an instrument shows; an instrument without a value has no chart.

    Raises
    ------
    HistoryError
        If the database cannot be read, or quantity, baseline or a time is none.
    """
    quantity, span = check_quantity(asked.quantity), _span(asked.since, asked.until, asked.only)
    if not _is_there(database):
        return Past([], asked)
    history = _open(database)
    past = Past(
        history.instruments(), replace(asked, instrument=asked.instrument or _last(history))
    )
    name = past.asked.instrument
    if name not in past.instruments:
        return past
    frozen = history.baselines(name)
    chosen = Records(name, asked.since, asked.until, "", span.purpose, limit=SHOWN_RECORDS)
    past = replace(
        past,
        rows=_rows(_select(history, chosen)),
        baselines=[describe_baseline(one) for one in frozen if one.quantity == quantity],
        check=_last_check(history, name),
    )
    try:
        chart, records = _chart(history, past.asked)
    except HistoryError:
        if asked.baseline and asked.baseline not in {one["name"] for one in past.baselines}:
            raise
        return past
    shown = {**describe_chart(chart, records), "firings": newest_firings(chart, SHOWN_FIRINGS)}
    return replace(past, chart=shown, period=period_of(chart))


def read_chart(database: str, asked: Asked) -> Row:
    """Return the control chart of a quantity as plain values.

    Raises
    ------
    HistoryError
        If there is no such quantity or baseline, or nothing to draw.
    """
    return describe_chart(*_chart(_there(database), asked))


def draw_history(database: str, asked: Asked) -> bytes:
    """Return the control chart of a quantity as SVG; errors as of :func:`read_chart`."""
    from refp.reports import draw_control, svg_text  # takes a second to load

    chart, _ = _chart(_there(database), asked)
    return svg_text(draw_control(chart, asked.instrument)).encode()


def read_check(database: str, record_id: str) -> Check:
    """Return what a daily check, just recorded, came to against the limits of its instrument."""
    history = _there(database)
    return _judge(history, history.select(ids=[record_id], with_corrected=True))


def list_baselines(database: str, instrument: str) -> list[Row]:
    """Return the frozen baselines, of one instrument or all."""
    if not _is_there(database):
        return []
    return [describe_baseline(one) for one in _open(database).baselines(instrument)]


def freeze(database: str, asked: Asked, operator: str) -> Row:
    """Freeze the limits of a period under ``asked.baseline``; errors as of ``History.freeze``."""
    history = _there(database)
    quantity = check_quantity(asked.quantity)
    since, until, purpose = _span(asked.since, asked.until, asked.only)
    if since is None or until is None:
        raise HistoryError(
            "baseline: needs a period; give its first day and the one after its last"
        )
    frozen = history.freeze(
        asked.baseline, asked.instrument, quantity, since, until, purpose=purpose, by=operator
    )
    return describe_baseline(frozen)


def annotate(database: str, instrument: str, text: str, at: str, operator: str) -> Row:
    """Append a note about an instrument; return its record."""
    when = parse_time(at) if at else None
    history = _open(database, create=True)
    return _found(history, [history.annotate(text, instrument, when, operator).id])[0]


def correct(
    database: str, ids: Sequence[str], given: Mapping[str, Any], withdraw: bool, by: str
) -> list[Row]:
    """Append corrections; return them. Errors as of ``correction`` and ``History.correct``."""
    changes = correction(given, withdraw=withdraw)
    history = _there(database)
    return _found(history, [one.id for one in history.correct(ids, by=by, **changes)])


def append(database: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Append records that others made, all or none; return how many were not there already.

    Raises
    ------
    HistoryError
        If one is no record, or there is one of its id with other content.
    """
    return _open(database, create=True).append([_record(row) for row in rows])


def _record(row: Mapping[str, Any]) -> HistoryRecord:
    values: dict[str, Any] = {
        k: NAN if v is None else v for k, v in row.items() if k not in UNKNOWN
    }
    at = datetime.fromisoformat(str(row["recorded_at"]))
    return HistoryRecord(recorded_at=at, **values)


def _select(history: History, asked: Records) -> pd.DataFrame:
    since, until, purpose = _span(asked.since, asked.until, asked.purpose)
    return history.select(
        instrument=asked.instrument,
        since=since,
        until=until,
        kind=asked.kind,
        purpose=purpose,
        with_corrected=asked.with_corrected,
        newest=asked.limit,
    )


def _rows(table: pd.DataFrame) -> list[Row]:
    """Return records as rows, the newest first."""
    local = with_local_times(table[::-1], table["utc_offset_s"][::-1])
    rows: list[Row] = json.loads(to_json(rows_of(local)))
    return rows


def _found(history: History, ids: Sequence[str]) -> list[Row]:
    """Return the rows of records that were appended just now."""
    by_id = {row["id"]: row for row in _rows(history.select(ids=ids, with_corrected=True))}
    return [by_id[one] for one in ids]


def _chart(history: History, asked: Asked) -> tuple[ControlChart, pd.DataFrame]:
    span = _span(asked.since, asked.until, asked.only)
    quantity = check_quantity(asked.quantity)
    return select_points(
        history, asked.instrument, quantity, asked.baseline, span, also=("id", "image")
    )


def _last(history: History) -> str:
    newest = history.select(newest=1, columns=("instrument",))["instrument"]
    return str(newest.iloc[0]) if len(newest) else ""


def _last_check(history: History, instrument: str) -> Check | None:
    last = history.select(instrument=instrument, kind="estimate", purpose="daily", newest=1)
    return None if last.empty else _judge(history, last)


def _judge(history: History, record: pd.DataFrame) -> Check:
    """Hold a daily check, a table of one row, against the checks before it and the last limits."""
    (row,) = _rows(record)
    asked = Asked(str(row["instrument"]), CHECKED, only="daily")
    chart, records = _chart(history, asked)
    name = chart.baseline.name if chart.baseline else ""
    at = (records["id"] == row["id"]).to_numpy().nonzero()[0]
    if not len(at):  # a correction stands in its place
        return Check(row, name, None, [])
    index = int(at[0])
    return Check(row, name, in_control(chart, index), rules_at(chart, index))


def _span(since: str, until: str, purpose: str = "") -> Period:
    start, end = (parse_time(text) if text else None for text in (since, until))
    return Period(start, end, check_purpose(purpose))


def read_uses(database: str) -> dict[str, ModelUsage]:
    """Return how often each model estimated, by the SHA-256 of its file.

    Raises
    ------
    HistoryError
        If the database cannot be read.
    """
    if not _is_there(database):
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


def _is_there(database: str) -> bool:
    return "://" in database or Path(database).is_file()


def _there(database: str) -> History:
    if not _is_there(database):
        raise HistoryError(NOTHING_YET)
    return _open(database)


@lru_cache(maxsize=2)
def _open(database: str, *, create: bool = False) -> History:
    return History.open(database if "://" in database else Path(database), create=create)
