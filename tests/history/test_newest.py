"""Rules at the newest record are those of the whole chart at its last value."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.history import (
    ChartRequest,
    History,
    HistoryRecord,
    Selection,
    new_id,
    select_chart,
)
from refp.history.history import Purpose
from refp.history.newest import rejecting_rules
from refp.history.rules import WARNING

START = datetime(2026, 3, 1, tzinfo=UTC)
ALL_DZ = ChartRequest(series="all")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History.open(tmp_path / "history.db") as history:
        yield history


def append(
    history: History,
    number: int,
    dz_um: float,
    instrument: str = "a2k",
    purpose: Purpose = "",
) -> None:
    record = HistoryRecord(
        id=new_id(),
        recorded_at=START + timedelta(hours=12 * number),
        kind="estimate",
        instrument=instrument,
        status="refused" if np.isnan(dz_um) else "ok",
        delta_z_um=dz_um,
        purpose=purpose,
    )
    history.append([record])


def test_as_the_chart_at_its_last_value(history: History) -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(0, 1, 24), rng.normal(0.8, 1.6, 60)])
    values[rng.random(len(values)) < 0.1] = np.nan
    fired = set()
    for number, dz_um in enumerate(values):
        append(history, number, dz_um)
        append(history, number, 50.0, "another")
        if number == 24:
            end = START + timedelta(hours=12 * 24)
            history.freeze("first", Selection("a2k", START, end), ALL_DZ)
        if number >= 24:
            chart = select_chart(history, Selection("a2k"), ALL_DZ)
            last = [one.rule for one in chart.firings if one.index == number]
            expected = tuple(rule for rule in last if rule != WARNING)
            assert rejecting_rules(history, "a2k") == expected
            fired |= set(expected)
    assert len(fired) >= 3


def test_without_limits_no_rule(history: History) -> None:
    append(history, 0, 99.0)
    assert rejecting_rules(history, "a2k") == ()
    assert rejecting_rules(history, "nobody") == ()


def test_limits_of_daily_checks_are_not_for_other_images(history: History) -> None:
    """An image that is no check fires no rule; the next check does."""
    for number in range(25):
        append(history, number, float(number % 3), purpose="daily")
    history.freeze("first", Selection("a2k", START, START + timedelta(days=30)))
    append(history, 30, 90.0)
    assert rejecting_rules(history, "a2k") == ()
    append(history, 31, 90.0, purpose="daily")
    assert "1_3s" in rejecting_rules(history, "a2k")
