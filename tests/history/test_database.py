"""The history on both databases: records that are kept, refused, and never changed."""

import math
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from refp.core.errors import HistoryError
from refp.history import (
    History,
    HistoryRecord,
    ModelUse,
    Selection,
    correction,
    name_instrument,
    new_id,
    select_chart,
    serial_of,
)
from refp.history.connect import VERSION_TABLE
from refp.history.schema import metadata

from .samples import START, at, record, series

FULL = HistoryRecord(
    id=new_id(),
    recorded_at=datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-9.5))),
    kind="estimate",
    instrument="Ti2 «left» #A1",
    operator="Ada",
    image="a'b.tif",
    image_sha256="0" * 64,
    model="m",
    model_sha256="1" * 64,
    recipe="default 012345",
    version="0.1.0",
    status="ok",
    reason="",
    delta_z_um=1.0000000000000002,
    u_um=0.5,
    lower_um=-1e-300,
    upper_um=2.0,
    coverage=0.95,
    n_beads=9,
    n_beads_used=7,
    background=12345.678,
    tilt_y_um_per_px=-0.001,
    tilt_x_um_per_px=0.002,
    refp_um=math.nan,
    refp_u_um=math.nan,
    note="50 % of \\ it\nand more",
    serial="A1",
    verification="verified until 2026-04-28",
    slope=1.003,
    slope_u=0.01,
    t_squared=1.25,
    verdict="inconclusive",
    tolerance_um=2.0,
)


def ids(table: pd.DataFrame) -> list[str]:
    return table["id"].tolist()


class TestBoth:
    """Each on SQLite and on PostgreSQL."""

    def test_a_record_comes_back_as_it_was(self, database: str) -> None:
        numpys = {"n_beads": np.int64(9), "background": np.float64(FULL.background)}
        with History.open(database) as history:
            assert history.append([replace(FULL, **numpys)]) == 1
            (back,) = history.find([FULL.id])
        for field in fields(HistoryRecord):
            mine, its = getattr(FULL, field.name), getattr(back, field.name)
            assert its == mine or (mine != mine and its != its), field.name
        assert back.recorded_at.utcoffset() == FULL.recorded_at.utcoffset()

    def test_missing_numbers_are_null_there(self, database: str) -> None:
        with History.open(database) as history:
            history.append([FULL])
            with history._engine.connect() as connection:
                query = "SELECT count(*) FROM refp_records WHERE refp_um IS NULL"
                assert connection.exec_driver_sql(query).scalar() == 1
            table = history.select()
        assert math.isnan(table.loc[0, "refp_um"])

    def test_it_is_there_when_opened_again(self, database: str) -> None:
        with History.open(database) as history:
            history.append(series(1, 2, 3))
        with History.open(database, create=False) as history:
            assert history.select()["delta_z_um"].tolist() == [1, 2, 3]

    def test_an_empty_history_has_typed_columns(self, database: str) -> None:
        with History.open(database) as history:
            empty = history.select()
            history.append([FULL])
            assert empty.dtypes.equals(history.select().dtypes)
        assert empty.empty

    def test_selection(self, database: str) -> None:
        mine = series(1, 2, 3, 4)
        other = record(1.5, instrument="b")
        with History.open(database) as history:
            history.append([mine[2], other, mine[0], mine[3], mine[1]])
            note = history.annotate("service", "a2k", at(2.5))
            assert ids(history.select(Selection(kind="estimate", instrument="a2k"))) == [
                r.id for r in mine
            ]
            assert ids(history.select(Selection(kind="annotation"))) == [note.id]
            # From since on, before until; in whatever zone.
            within = history.select(Selection(since=at(1).astimezone(UTC), until=at(2)))
            assert ids(within) == [mine[1].id, other.id]
            assert list(history.select(columns=("u_um", "recorded_at"))) == ["u_um", "recorded_at"]

    def test_records_of_one_time_keep_their_order(self, database: str) -> None:
        same = [record(0, note=str(k)) for k in range(20)]
        with History.open(database) as history:
            history.append(same)
            assert ids(history.select()) == [r.id for r in same]

    def test_a_correction_takes_the_place_of_the_old(self, database: str) -> None:
        old, other = series(1, 2)
        with History.open(database) as history:
            history.append([old, other])
            (new,) = history.correct([old.id], delta_z_um=7.0)
            expected = replace(old, id=new.id, delta_z_um=7.0, corrects=old.id)
            assert repr(new) == repr(expected)  # NaN is not equal to itself
            assert history.select()["delta_z_um"].tolist() == [7, 2]
            everything = history.select(Selection(with_corrected=True))
            assert everything["delta_z_um"].tolist() == [1, 7, 2]
            (newest,) = history.correct([new.id], note="again")
            assert ids(history.select()) == [newest.id, other.id]

    def test_uses_of_models(self, database: str) -> None:
        mine = [record(k, model_sha256="a") for k in (3, 1)]
        others = [record(9, model_sha256="a", instrument="b"), record(2, model_sha256="c")]
        with History.open(database) as history:
            assert history.model_uses() == []
            history.append([*mine, *others, record(20, kind="plane", model_sha256="a")])
            history.correct([mine[1].id], note="it was another slide")  # counts once still
            assert history.model_uses() == [
                ModelUse("a", "b", 1, at(9)),
                ModelUse("a", "a2k", 2, at(3)),
                ModelUse("c", "a2k", 1, at(2)),
            ]

    def test_a_record_is_corrected_once(self, database: str) -> None:
        old = record()
        with History.open(database) as history:
            history.append([old])
            (new,) = history.correct([old.id], note="x")
            with pytest.raises(HistoryError, match=f"{old.id}: corrected already; .* {new.id}"):
                history.correct([old.id], note="y")
            with pytest.raises(HistoryError, match="no record of this id"):
                history.correct([new_id()], note="y")
            with pytest.raises(HistoryError, match="no record of this id to correct"):
                history.append([record(corrects=new_id())])
            assert len(history.select(Selection(with_corrected=True))) == 2

    def test_records_appended_again_are_not_doubled(self, database: str) -> None:
        many = series(*range(700))
        with History.open(database) as history:
            assert history.append(many[:600]) == 600
            assert history.append(many) == 100
            assert len(history.select()) == 700
            changed = replace(many[3], note="other")
            with pytest.raises(HistoryError, match=f"{changed.id}: recorded already"):
                history.append([record(), changed])
            assert len(history.select()) == 700  # all or none

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE refp_records SET note = 'x'",
            "DELETE FROM refp_records",
            "UPDATE refp_baselines SET mean = 0",
            "DELETE FROM refp_baselines",
        ],
    )
    def test_the_database_itself_refuses_changes(self, database: str, statement: str) -> None:
        with History.open(database) as history:
            history.append(series(*range(20)))
            history.freeze("b", Selection("a2k", START, at(99)))
            before = history.select(), history.baselines()
            with (
                pytest.raises(sa.exc.DBAPIError, match="appended only"),
                history._engine.begin() as connection,
            ):
                connection.exec_driver_sql(statement)
            pd.testing.assert_frame_equal(history.select(), before[0])
            assert history.baselines() == before[1]

    def test_tables_equal_the_schema(self, database: str) -> None:
        with History.open(database) as history, history._engine.connect() as connection:
            options = {"version_table": VERSION_TABLE, "compare_type": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []

    def test_a_newer_schema_is_refused(self, database: str) -> None:
        with History.open(database) as history, history._engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = 'later'")
        with pytest.raises(HistoryError, match=r"newer refp \(schema later\); update refp"):
            History.open(database)

    def test_a_baseline_stays_as_it_was_frozen(self, database: str) -> None:
        values = [float(k) for k in range(1, 21)]
        with History.open(database) as history:
            history.append(series(*values))
            history.append([record(3.5, status="refused", delta_z_um=math.nan)])
            frozen = history.freeze("spring", Selection("a2k", START, at(20)), by="Ada")
            assert (frozen.n, frozen.n_days, frozen.mean, frozen.purpose) == (20, 6, 10.5, "daily")
            assert frozen.sd == pytest.approx(math.sqrt(665 / 19), rel=1e-12)
            history.append([record(4.5, delta_z_um=1000.0)])
            history.correct([history.select()["id"][0]], delta_z_um=500.0)
            assert history.baselines("a2k") == [frozen]
            assert history.baselines("b") == []
            with pytest.raises(HistoryError, match="'spring': frozen already"):
                history.freeze("spring", Selection("a2k", START, at(20)))
            assert len(history.baselines()) == 1

    def test_a_period_without_limits_is_refused(self, database: str) -> None:
        with History.open(database) as history:
            history.append(series(*range(12)))
            history.append(series(*[1.5] * 20, instrument="b"))
            missing = (
                "limits need 20 checks on 5 days; there are 12 on 4 from .*; record more first"
            )
            with pytest.raises(HistoryError, match=missing):
                history.freeze("x", Selection("a2k", START, at(99)))
            with pytest.raises(HistoryError, match=r"is 1\.5 throughout"):
                history.freeze("x", Selection("b", START, at(99)))
            assert history.baselines() == []


def test_a_short_period_is_refused_by_its_days(tmp_path) -> None:
    """A longer period is proposed only where it has enough values."""
    midnight = START.replace(hour=0)
    with History.open(tmp_path / "h.db") as history:
        history.append(series(*range(20)))
        history.append(series(*range(19), instrument="b"))
        history.append(series(*range(40), instrument="copied", image_sha256="0" * 64))
        day, longer = "from 2026-03-01 to 2026-03-02", "take a longer period"
        cases = (
            ("a2k", START, at(4), f"from 2026-03-01 08:00 to 2026-03-02 08:00; {longer}"),
            ("a2k", midnight, midnight + timedelta(1), f"{day}; {longer}"),
            ("b", midnight, midnight + timedelta(1), f"{day}; record more first"),
            (
                *("copied", midnight, midnight + timedelta(1)),
                rf"there is 1 on 1 {day} \(2 more repeat an image and do not count\); record more first",
            ),
        )
        for instrument, since, until, message in cases:
            with pytest.raises(HistoryError, match=message):
                history.freeze("x", Selection(instrument, since, until))


def test_postgresql_refuses_to_empty_a_table(postgresql: str) -> None:
    with History.open(postgresql) as history:
        history.append([record()])
        with (
            pytest.raises(sa.exc.DBAPIError, match="appended only"),
            history._engine.begin() as connection,
        ):
            connection.exec_driver_sql("TRUNCATE refp_records CASCADE")
        assert len(history.select()) == 1


class TestSqlite:
    def test_replacing_is_refused_too(self, tmp_path) -> None:
        """It removes an existing row without the trigger that guards against removal."""
        with History.open(tmp_path / "h.db") as history:
            history.append([record(note="old")])
            query = "INSERT OR REPLACE INTO refp_records SELECT * FROM refp_records"
            with (
                pytest.raises(sa.exc.DBAPIError, match="appended only"),
                history._engine.begin() as connection,
            ):
                connection.exec_driver_sql(query)

    def test_settings_of_a_connection(self, tmp_path) -> None:
        with History.open(tmp_path / "h.db") as history, history._engine.connect() as connection:
            names = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
        assert found == ["wal", 1, 2, 30000]

    def test_a_file_that_is_no_database(self, tmp_path) -> None:
        path = tmp_path / "h.db"
        path.write_bytes(b"not a database at all" * 100)
        with pytest.raises(HistoryError, match=r"h\.db: file is not a database; check"):
            History.open(path)

    def test_a_file_that_is_not_there(self, tmp_path) -> None:
        with pytest.raises(HistoryError, match="no history here"):
            History.open(tmp_path / "sub" / "h.db", create=False)
        assert not (tmp_path / "sub").exists()
        with History.open(tmp_path / "sub" / "h.db") as history:
            assert history.select().empty

    def test_a_name_with_odd_characters(self, tmp_path) -> None:
        path = tmp_path / "a%20b ? #é" / "h.db"
        with History.open(path) as history:
            history.append([record()])
            assert history.place == str(path)
        assert path.is_file()


def test_an_invalid_record_is_refused() -> None:
    with pytest.raises(HistoryError, match="needs a zone"):
        record(recorded_at=datetime(2026, 1, 1))
    with pytest.raises(HistoryError, match="kind 'guess': choose 'estimate', 'plane'"):
        record(kind="guess")
    with pytest.raises(HistoryError, match="status 'fine'"):
        record(status="fine")
    with pytest.raises(HistoryError, match="verdict 'good': choose '', 'pass', 'fail'"):
        record(verdict="good")
    with pytest.raises(HistoryError, match="verdict 'pass': of a record without a value"):
        record(verdict="pass", status="refused", delta_z_um=math.nan)
    with pytest.raises(HistoryError, match="not a UUID"):
        record(id="1")
    with pytest.raises(HistoryError, match="needs the name"):
        record(instrument="")


def test_a_serial_number_is_that_of_the_instrument() -> None:
    with pytest.raises(HistoryError, match="write the instrument as 'a2k #A1'"):
        record(serial="A1")
    with pytest.raises(HistoryError, match="write the instrument as 'a2k #A1'"):
        record(serial="A1", instrument="a2k #B2")
    assert serial_of(name_instrument("a2k", "A1")) == "A1"
    assert (name_instrument("a2k"), serial_of("a2k")) == ("a2k", "")


def test_two_instruments_of_one_make_have_two_charts(database: str) -> None:
    first, second = (name_instrument("a2k", serial) for serial in ("A1", "B2"))
    with History.open(database) as history:
        history.append(series(1, 2, instrument=first, serial="A1"))
        history.append(series(5, instrument=second, serial="B2"))
        assert history.instruments() == [first, second]
        assert select_chart(history, Selection(first)).value.tolist() == [1, 2]
        (moved,) = history.correct(
            [history.select(Selection(instrument=second))["id"][0]],
            **correction({"instrument": first}),
        )
        assert (moved.instrument, moved.serial) == (first, "A1")
        assert select_chart(history, Selection(first)).value.tolist() == [1, 5, 2]
