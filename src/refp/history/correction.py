"""Changes that a correction makes to the record that it replaces."""

from collections.abc import Iterable, Mapping
from typing import Any

from refp.core.errors import HistoryError
from refp.history.history import NAN, HistoryRecord, serial_of

_INTERVAL = {"u_um": NAN, "lower_um": NAN, "upper_um": NAN, "verdict": ""}
_NOTHING = {
    "delta_z_um": NAN,
    **_INTERVAL,
    "background": NAN,
    "tilt_y_um_per_px": NAN,
    "tilt_x_um_per_px": NAN,
    "refp_um": NAN,
    "refp_u_um": NAN,
    "slope": NAN,
    "slope_u": NAN,
    "t_squared": NAN,
    "n_beads_used": 0,
}


def correction(given: Mapping[str, Any], *, withdraw: bool = False) -> dict[str, Any]:
    """Return the changes of a correction; a new dZ clears uncertainty, interval and verdict.

    Parameters
    ----------
    given
        Fields of a record and their new values; ``None`` leaves a field unchanged.
    withdraw
        Whether the value is withdrawn; the record is then treated as refused.

    Raises
    ------
    HistoryError
        If nothing changes, or a value is given for a withdrawn record.
    """
    changes = {name: value for name, value in given.items() if value is not None}
    if "instrument" in changes:
        changes["serial"] = serial_of(changes["instrument"])
    values = sorted({"delta_z_um", "u_um"} & set(changes))
    if withdraw:
        if values:
            raise HistoryError(
                f"a record that is withdrawn has no {values[0]}; give one or the other"
            )
        reason = f"withdrawn: {changes.get('note', 'no reason given')}"
        return {**changes, **_NOTHING, "status": "refused", "reason": reason}
    if not changes:
        raise HistoryError("nothing to correct: give a new value or a note, or withdraw the record")
    if "delta_z_um" in changes:
        return {**_INTERVAL, "status": "ok", "reason": "", **changes}
    return changes


def check_kinds(old: Iterable[HistoryRecord], changes: Mapping[str, Any]) -> None:
    """Refuse a dZ for a record other than an estimate, and the withdrawal of a note.

    Raises
    ------
    HistoryError
        With the id of the record.
    """
    withdrawn = changes.get("status") == "refused"
    for record in old:
        if withdrawn and record.kind == "annotation":
            raise HistoryError(
                f"{record.id}: is a note, which has no value to withdraw; correct it"
            )
        if not withdrawn and record.kind != "estimate" and {"delta_z_um", "u_um"} & set(changes):
            raise HistoryError(f"{record.id}: is of kind {record.kind}, which has no dZ")
