"""Daily checks separate from other images, operators of corrections, and the newest records."""

import math
from contextlib import closing
from datetime import datetime

import pytest
import sqlalchemy as sa
from alembic import command

from refp.core.errors import HistoryConflictError, HistoryError
from refp.history import (
    ChartRequest,
    History,
    Selection,
    check_purpose,
    check_series,
    parse_time,
    select_chart,
    select_points,
)
from refp.history import connect as connecting
from refp.history.newest import rejecting_rules
from refp.history.rows import row_of

from .samples import START, at, insert_row, record, series


def test_the_newest_by_rising_time(database: str) -> None:
    many = series(*range(9))
    with History.open(database) as history:
        history.append([*many[4:], *many[:4], record(0.5, instrument="b")])
        newest = history.select(Selection(newest=3, instrument="a2k"))
        assert newest["delta_z_um"].tolist() == [6, 7, 8]
        assert list(newest.index) == [0, 1, 2]
        whole = history.select(Selection(newest=99))
        assert whole.equals(history.select())
        assert history.select(Selection(newest=0)).empty
        assert history.instruments() == ["a2k", "b"]


def test_of_records_at_one_time_the_newest_are_the_last(database: str) -> None:
    with History.open(database) as history:
        history.append([record(0, note=str(k)) for k in range(5)])
        assert history.select(Selection(newest=2))["note"].tolist() == ["3", "4"]


def test_daily_checks_are_a_series_of_their_own(database: str) -> None:
    checks = series(*range(20))
    with History.open(database) as history:
        history.append([*checks, *series(*[100.0, 90.0] * 10, purpose="")])
        assert history.select(Selection(purpose="daily"))["delta_z_um"].tolist() == list(range(20))
        baseline = history.freeze("c", Selection("a2k", START, at(99)))
        assert (baseline.n, baseline.n_days, baseline.mean) == (20, 6, 9.5)
        everything = ChartRequest(series="all")
        chart = select_chart(history, Selection("a2k"))
        pooled = select_chart(history, Selection("a2k"), everything)
        assert (len(chart), len(pooled)) == (20, 40)
        # Limits of checks are not those of all estimates, and not the other way round.
        assert (chart.baseline, pooled.baseline) == (baseline, None)
        of_all = history.freeze("all", Selection("a2k", START, at(99)), everything)
        assert (of_all.n, of_all.purpose) == (40, "")
        assert select_chart(history, Selection("a2k")).baseline == baseline
        assert select_chart(history, Selection("a2k"), everything).baseline == of_all
        (new,) = history.correct([checks[3].id], note="a remark")
        assert new.purpose == "daily"  # a note does not take a check out of its series
        history.append(series(1, instrument="b", purpose=""))
        with pytest.raises(HistoryError, match="no daily check of instrument 'b'"):
            select_chart(history, Selection("b"))


def test_images_of_refocus_runs_are_no_checks(database: str) -> None:
    moved = series(100.0, -80.0, 3.0, purpose="refocus")
    with History.open(database) as history:
        history.append([*series(*range(20)), *moved])
        found = history.select(Selection(purpose="refocus"))
        assert found["delta_z_um"].tolist() == [100.0, -80.0, 3.0]
        assert set(history.select()["purpose"]) == {"daily", "refocus"}
        limits = history.freeze("c", Selection("a2k", START, at(99)))
        assert (limits.n, limits.purpose) == (20, "daily")
        assert select_chart(history, Selection("a2k")).value.tolist() == list(range(20))
        assert rejecting_rules(history, "a2k")
        history.append([record(50, delta_z_um=100.0, purpose="refocus")])
        assert rejecting_rules(history, "a2k") == ()  # far off, and no check
        (new,) = history.correct([moved[0].id], note="a remark")
        assert new.purpose == "refocus"


def test_a_correction_holds_both_operators(database: str) -> None:
    old = record(operator="Ada")
    with History.open(database) as history:
        history.append([old])
        (new,) = history.correct([old.id], by="Grace", delta_z_um=7.0)
        assert (new.operator, new.corrected_by) == ("Ada", "Grace")
        (again,) = history.correct([new.id], operator="Edith")  # by an unknown operator
        assert (again.operator, again.corrected_by) == ("Edith", "")
        row = history.select().iloc[0]
        assert row["recorded_at"] == old.recorded_at
        assert row["appended_at"] > row["recorded_at"]


def test_columns_of_the_values(database: str) -> None:
    many = series(3, 1, 2)
    with History.open(database) as history:
        history.append(many)
        chart, also = select_points(history, Selection("a2k"), also=("id", "image"))
        assert also["id"].tolist() == [one.id for one in many]
        assert chart.value.tolist() == [3, 1, 2]


def test_a_span_the_wrong_way_round_is_refused(database: str) -> None:
    with History.open(database) as history:
        history.append(series(*range(12)))
        for until in (START, at(-1)):
            with pytest.raises(HistoryError, match="not after since"):
                history.freeze("x", Selection("a2k", START, until))
        with pytest.raises(HistoryError, match="needs a name"):
            history.freeze(" ", Selection("a2k", START, at(99)))
        with pytest.raises(HistoryError, match="the period is missing"):
            history.freeze("x", Selection("a2k", START))


OLD_BASELINE = """
INSERT INTO refp_baselines
(name, instrument, quantity, since_utc, until_utc, n, mean, sd, frozen_utc, frozen_by)
VALUES ('old', 'a2k', 'delta_z_um', '2026-03-01 00:00:00', '2026-03-09 00:00:00', 12, 0, 1,
'2026-03-09 00:00:00', 'Ada')
"""


def test_an_older_history_is_brought_to_these_columns(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _: upgrade(config, "0001"))
    old = record(operator="Ada")
    with closing(History.open(database)) as history:
        row = row_of(old, datetime.now().astimezone())
        added = ("purpose", "corrected_by", "serial", "verification")
        added += ("slope", "slope_u", "t_squared", "verdict", "tolerance_um")
        kept = {k: v for k, v in row.items() if k not in added}
        with history._engine.begin() as connection:
            insert_row(connection, "refp_records", kept)
            connection.exec_driver_sql(OLD_BASELINE)
    monkeypatch.setattr(connecting.command, "upgrade", upgrade)
    with History.open(database) as history:
        (back,) = history.find([old.id])
        assert (back.operator, back.purpose, back.corrected_by) == ("Ada", "", "")
        assert back.serial == ""
        assert (back.verdict, math.isnan(back.tolerance_um)) == ("", True)
        (limits,) = history.baselines()
        assert (limits.n, limits.purpose, limits.n_days) == (12, "", 0)
        assert history.append([old]) == 0  # the same record, sent again
        with (
            pytest.raises(sa.exc.DBAPIError, match="appended only"),
            history._engine.begin() as connection,
        ):
            connection.exec_driver_sql("UPDATE refp_records SET purpose = 'daily'")


def test_an_unknown_purpose_is_refused() -> None:
    assert [check_purpose(name) for name in ("daily", "refocus")] == ["daily", "refocus"]
    with pytest.raises(HistoryError, match="purpose 'weekly': choose 'daily' or 'refocus'"):
        check_purpose("weekly")
    with pytest.raises(HistoryError, match="series 'weekly': choose 'daily' or 'all'"):
        check_series("weekly")
    with pytest.raises(HistoryError, match="purpose 'weekly'"):
        record(purpose="weekly")


@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_a_time_without_utc_is_an_error(text: str) -> None:
    with pytest.raises(HistoryError, match="write it as"):
        parse_time(text)


def test_a_conflict_has_an_error_of_its_own(database: str) -> None:
    old = record()
    with History.open(database) as history:
        history.append([old, *series(*range(20))])
        history.freeze("x", Selection("a2k", START, at(99)))
        history.correct([old.id], note="x")
        with pytest.raises(HistoryConflictError):
            history.correct([old.id], note="y")
        with pytest.raises(HistoryConflictError):
            history.freeze("x", Selection("a2k", START, at(99)))
        with pytest.raises(HistoryConflictError):
            history.append([record(id=old.id, note="other")])
