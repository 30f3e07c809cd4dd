"""Functions of workers for the page Live: the newest estimates of the history."""

from refp.estimate.focus_estimate import Status
from refp.estimate.verdict import judge_interval
from refp.history import Direction, Selection, StageLog
from refp.history.newest import rejecting_rules
from refp.web.messages import LiveView, RecordQuery, Row
from refp.web.workers.history import open_if_any, read_history

N_SHOWN = 50
"""Estimates of the strip."""


def read_live(
    database: str, instrument: str, tolerance_um: float | None, direction: Direction = 0
) -> LiveView:
    """Return the newest estimates.

    Parameters
    ----------
    database
        File or URL of the history; a missing file counts as an empty one.
    instrument
        Name of an instrument; empty: all.
    tolerance_um
        Tolerance of the verdicts, um; ``None``: no verdicts.
    direction
        Direction of the stage as given for the server; 0: that of each instrument.

    Raises
    ------
    HistoryError
        If the database cannot be read.
    """
    history = open_if_any(database)
    if history is None:
        return LiveView()
    rows = read_history(database, RecordQuery(instrument, kind="estimate", limit=N_SHOWN))
    judged = [{**row, "outcome": _judge(row, tolerance_um)} for row in rows]
    rules: tuple[str, ...] = ()
    if rows and rows[0]["status"] == "ok":
        name = str(rows[0]["instrument"])
        rules = rejecting_rules(history, name)
        known = history.share(StageLog).latest().get(name)
        way = direction or (known.direction if known else 0)
        judged[0]["stage_move_um"] = -way * float(str(rows[0]["delta_z_um"])) if way else None
    return LiveView(history.instruments(), judged, rules)


def newest_id(database: str, instrument: str) -> str:
    """Return the id of the newest estimate; empty without one. Errors as of :func:`read_live`."""
    history = open_if_any(database)
    if history is None:
        return ""
    chosen = Selection(instrument, kind="estimate", newest=1)
    found = history.select(chosen, columns=("id",))["id"]
    return str(found.iloc[0]) if len(found) else ""


def _judge(row: Row, tolerance_um: float | None) -> str:
    """Return the verdict on a record, or its status without a tolerance or an interval."""
    status, lower_um, upper_um = _status(row), row["lower_um"], row["upper_um"]
    if tolerance_um is None or not (isinstance(lower_um, float) and isinstance(upper_um, float)):
        return status
    return judge_interval(status, lower_um, upper_um, tolerance_um)


def _status(row: Row) -> Status:
    """Return the status of the estimate that a record is of.

    The status of a record is ``ok`` wherever there is a value. The verdict states an unverified
    instrument; a record without a tolerance has no verdict, and the code of its reason states it.
    """
    if row["status"] == "refused":
        return "refused"
    code = str(row["reason"]).partition(": ")[0]
    return "unverified" if "unverified" in (row["verdict"], code) else "ok"
