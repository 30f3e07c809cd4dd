"""What worker processes do with the history: append what was estimated, list it, draw its chart."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from refp.errors import HistoryError
from refp.estimator import Estimator, ImageEstimate
from refp.history import (
    History,
    HistoryRecord,
    check_quantity,
    parse_time,
    select_chart,
    with_local_times,
)
from refp.record import rows_of, to_json
from refp.recording import Origin, record_estimate, record_planes
from refp.web.answer import ModelUse, Past, Row

MOST_ROWS = 10_000
"""Of one answer; who wants more asks for a time."""


def append_estimates(
    database: str,
    estimator: Estimator,
    results: Sequence[ImageEstimate],
    rows: Sequence[Row],
    image_sha256: str,
) -> None:
    """Append a record of each estimate, named and explained as its row is.

    Raises
    ------
    HistoryError
        If the database cannot be reached or written.
    """
    origin = Origin()
    records: list[HistoryRecord] = []
    for result, row in zip(results, rows, strict=True):
        record = record_estimate(result, estimator, image_sha256, origin)
        records.append(replace(record, image=str(row["image"]), reason=str(row["reason"])))
    _open(database, create=True).append(records)


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
        records = record_planes(table, instruments, Origin(operator, f"job {job}", at))
    except HistoryError:
        return 0  # no plane was determined
    own = [replace(one, id=str(uuid.uuid5(uuid.UUID(job), one.image))) for one in records]
    _open(database, create=True).append(own)
    return len(own)


def read_history(
    database: str, instrument: str = "", since: str = "", until: str = "", most: int = MOST_ROWS
) -> Past:
    """Return the newest records, their instruments and the frozen baselines.

    Parameters
    ----------
    database
        File or URL; one that is not there yet holds nothing.
    instrument
        Of which; all where it is empty.
    since, until
        Times of ISO 8601; empty for no limit.
    most
        Newest records at most.

    Raises
    ------
    HistoryError
        If the database cannot be read, or a time is none.
    """
    start, end = (parse_time(text) if text else None for text in (since, until))
    if not _is_there(database):
        return Past([], [], [])
    history = _open(database)
    table = history.select(instrument=instrument, since=start, until=end)
    everyone = history.select(columns=("instrument",))["instrument"]
    newest = table.sort_values("recorded_at", kind="stable", ascending=False).head(most)
    local = with_local_times(newest, newest["utc_offset_s"])
    rows: list[Row] = json.loads(to_json(rows_of(local)))
    baselines = [(b.instrument, b.quantity, b.name) for b in history.baselines(instrument)]
    return Past(rows, sorted(set(everyone)), baselines)


def draw_history(database: str, instrument: str, quantity: str, baseline: str) -> bytes:
    """Return the control chart of a quantity as SVG.

    Raises
    ------
    HistoryError
        If there is no such quantity or baseline, or nothing to draw.
    """
    from refp.reports import draw_control, svg_text  # takes a second to load

    if not _is_there(database):
        raise HistoryError("nothing was recorded yet")
    chart = select_chart(_open(database), instrument, check_quantity(quantity), baseline)
    return svg_text(draw_control(chart, instrument)).encode()


def read_uses(database: str) -> dict[str, ModelUse]:
    """Return how often each model estimated, by the SHA-256 of its file.

    Raises
    ------
    HistoryError
        If the database cannot be read.
    """
    if not _is_there(database):
        return {}
    uses: dict[str, ModelUse] = {}
    for used in _open(database).model_uses():  # the newest first
        at = used.last_at.astimezone().isoformat(timespec="seconds")
        known = uses.setdefault(used.model_sha256, ModelUse(0, at, []))
        names = sorted({*known.instruments, used.instrument})
        n = known.n_estimates + used.n_estimates
        uses[used.model_sha256] = ModelUse(n, known.last_at, names)
    return uses


def _is_there(database: str) -> bool:
    return "://" in database or Path(database).is_file()


@lru_cache(maxsize=2)
def _open(database: str, *, create: bool = False) -> History:
    return History.open(database if "://" in database else Path(database), create=create)
