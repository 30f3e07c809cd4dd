"""Rules at the newest record are those of the whole chart at its last value."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.history import History, HistoryRecord, new_id, select_chart
from refp.history.newest import rejecting_rules
from refp.history.rules import WARNING

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History.open(tmp_path / "history.db") as history:
        yield history


def append(history: History, number: int, dz_um: float, instrument: str = "a2k") -> None:
    record = HistoryRecord(
        id=new_id(),
        recorded_at=START + timedelta(hours=number),
        kind="estimate",
        instrument=instrument,
        status="refused" if np.isnan(dz_um) else "ok",
        delta_z_um=dz_um,
    )
    history.append([record])


def test_as_the_chart_at_its_last_value(history: History) -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(0, 1, 12), rng.normal(0.8, 1.6, 60)])
    values[rng.random(len(values)) < 0.1] = np.nan
    fired = set()
    for number, dz_um in enumerate(values):
        append(history, number, dz_um)
        append(history, number, 50.0, "another")
        if number == 12:
            end = START + timedelta(hours=12)
            history.freeze("first", "a2k", "delta_z_um", START, end)
        if number >= 12:
            chart = select_chart(history, "a2k", "delta_z_um")
            last = [one.rule for one in chart.firings if one.index == number]
            expected = tuple(rule for rule in last if rule != WARNING)
            assert rejecting_rules(history, "a2k") == expected
            fired |= set(expected)
    assert len(fired) >= 3


def test_without_limits_no_rule(history: History) -> None:
    append(history, 0, 99.0)
    assert rejecting_rules(history, "a2k") == ()
    assert rejecting_rules(history, "nobody") == ()
