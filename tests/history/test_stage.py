"""Stages on both databases: learnt by verifications and moves, and the last record counts."""

import math
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from alembic import command

from refp.core.errors import HistoryError
from refp.history import Criterion, StageLog, StageRecord, VerificationLog
from refp.history import connect as connecting
from refp.history.verification_log import _row_of

from .samples import START, at, insert_row
from .test_verification import verification


def slope(value: float, u: float = 0.01) -> tuple[Criterion, ...]:
    return (Criterion("slope", value, u, 2 * u, 0.1, "pass"),)


def stage(hours: float = 0.0, **values: object) -> StageRecord:
    one = StageRecord(at(hours), "a2k", "A1", 1, "refocus", approach_um=25.0, operator="Ada")
    return replace(one, **values)


def test_the_last_record_of_an_instrument_counts(database: str) -> None:
    late, early = stage(5, direction=-1, approach_um=math.nan), stage(1)
    other = stage(9, instrument="b")
    with StageLog.open(database) as log:
        assert log.latest() == {}
        for one in (late, early, other):
            log.append(one)
        known = log.latest()
        assert log.latest("a2k").keys() == {"a2k #A1"}
    assert known["b #A1"] == other
    assert repr(known["a2k #A1"]) == repr(late)  # NaN is not equal to itself
    assert known["a2k #A1"].learnt_at.utcoffset() == START.utcoffset()


@pytest.mark.parametrize(
    ("value", "u", "direction"), [(0.98, 0.01, 1), (-1.02, 0.3, -1), (0.9, 0.31, 0)]
)
def test_a_verification_shows_the_direction(
    database: str, value: float, u: float, direction: int
) -> None:
    shown = verification(criteria=slope(value, u))
    assert shown.direction == direction
    with VerificationLog.open(database) as log:
        log.append(verification())  # without a slope
        log.append(shown)
        known = log.share(StageLog).latest().get(shown.instrument_name)
    assert (known.direction if known else 0) == direction
    assert known is None or (known.source, known.operator) == ("verify", "Ada")


def test_a_verification_of_the_same_direction_leaves_the_backlash(database: str) -> None:
    with VerificationLog.open(database) as log:
        stages = log.share(StageLog)
        stages.append(stage())
        log.append(verification(3, criteria=slope(1.0)))
        assert stages.latest()["a2k #A1"].approach_um == 25.0
        log.append(verification(4, criteria=slope(-1.0)))
        last = stages.latest()["a2k #A1"]
    assert (last.direction, last.source, math.isnan(last.approach_um)) == (-1, "verify", True)


def test_a_dropped_direction_is_learnt_again(database: str) -> None:
    with VerificationLog.open(database) as log:
        stages = log.share(StageLog)
        stages.append(stage(1, direction=0))
        assert "not known any more" in stages.latest()["a2k #A1"].describe()
        log.append(verification(2, criteria=slope(-1.0)))
        last = stages.latest()["a2k #A1"]
    assert last.describe() == "a2k #A1: the focal plane falls with the Z of the stage"


def test_a_direction_is_forgotten(database: str) -> None:
    ahead = datetime.now().astimezone() + timedelta(days=1)
    with StageLog.open(database) as log:
        log.append(stage(learnt_at=ahead))  # by a clock that is ahead
        log.append(stage(instrument="b"))
        forgotten = log.forget("a2k", "A1", "Grace")
        known = log.latest()
        for missing in (("a2k", "A1"), ("a2k", "B2"), ("c", "A1")):
            with pytest.raises(HistoryError, match=f"{missing[0]} #{missing[1]}: no direction"):
                log.forget(*missing)
    assert repr(known["a2k #A1"]) == repr(forgotten)
    assert (forgotten.direction, forgotten.operator) == (0, "Grace")
    assert math.isnan(forgotten.approach_um)
    assert known["b #A1"].direction == 1


def test_an_older_history_is_filled_from_its_verifications(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _: upgrade(config, "0007"))
    old = [
        verification(1, criteria=slope(1.0)),
        verification(2, criteria=slope(-0.99)),
        verification(3, criteria=slope(0.9, 0.5)),
        verification(4),
        verification(5, serial="B2"),
    ]
    with closing(VerificationLog.open(database)) as log, log._engine.begin() as connection:
        for one in old:
            insert_row(connection, "refp_verifications", _row_of(one))
    monkeypatch.setattr(connecting.command, "upgrade", upgrade)
    with StageLog.open(database) as stages:
        known = stages.latest()
    assert known.keys() == {"a2k #A1"}
    last = known["a2k #A1"]
    assert (last.direction, last.source, last.learnt_at) == (-1, "verify", at(2))


@pytest.mark.parametrize(
    "statement", ["UPDATE refp_stages SET direction = 1", "DELETE FROM refp_stages"]
)
def test_the_database_itself_refuses_changes(database: str, statement: str) -> None:
    with StageLog.open(database) as log:
        log.append(stage(direction=-1))
        with (
            pytest.raises(sa.exc.DBAPIError, match="appended only"),
            log._engine.begin() as connection,
        ):
            connection.exec_driver_sql(statement)
        assert log.latest()["a2k #A1"].direction == -1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"serial": ""}, "give --serial"),
        ({"direction": 2}, "direction 2: choose"),
        ({"learnt_at": START.replace(tzinfo=None)}, "learnt_at .*needs a zone"),
    ],
)
def test_an_invalid_record_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(HistoryError, match=message):
        stage(**changes)
