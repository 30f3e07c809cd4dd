"""Records to append."""

from datetime import datetime, timedelta, timezone

from refp.history import HistoryRecord, new_id

START = datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=1)))


def at(hours: float) -> datetime:
    """A time some hours after the start."""
    return START + timedelta(hours=hours)


def record(hours: float = 0.0, **values: object) -> HistoryRecord:
    """An estimate of instrument a2k, some hours after the start."""
    known: dict[str, object] = {
        "id": new_id(),
        "recorded_at": at(hours),
        "kind": "estimate",
        "instrument": "a2k",
        "status": "ok",
        "delta_z_um": 1.5,
        "u_um": 0.5,
    }
    return HistoryRecord(**{**known, **values})  # type: ignore[arg-type]


def series(*values: float, **others: object) -> list[HistoryRecord]:
    """An estimate an hour, with these dZ."""
    return [record(k, delta_z_um=value, **others) for k, value in enumerate(values)]
