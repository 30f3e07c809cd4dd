"""Verifications on both databases: kept as they were, and never changed."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from refp.core.errors import HistoryError
from refp.history import (
    Criterion,
    Verification,
    VerificationLog,
    latest_by_serial,
    new_id,
    verification_rows,
)

from .samples import START, at

BIAS = Criterion("bias_um", 0.5, 0.2, 0.5, 3.75, "pass")
FIT = Criterion("reduced_chi2", 1.2, math.nan, math.nan, 3.0, "pass")


def verification(hours: float = 0.0, **values: object) -> Verification:
    """A verification that passed, some hours after the start."""
    known: dict[str, object] = {
        "id": new_id(),
        "verified_at": at(hours),
        "valid_until": at(hours) + timedelta(days=30),
        "instrument": "a2k",
        "serial": "A1",
        "objective": "",
        "condenser": "0.3",
        "operator": "Ada",
        "note": "",
        "model": "lookup-a2k",
        "model_sha256": "0" * 64,
        "data_sha256": "1" * 64,
        "version": "0.1.0",
        "tolerance_um": 7.5,
        "half_range_um": 40.0,
        "n_images": 9,
        "outcome": "pass",
        "criteria": (BIAS, FIT),
    }
    return Verification(**{**known, **values})  # type: ignore[arg-type]


def test_a_record_comes_back_as_it_was(database: str) -> None:
    kept = verification()
    with VerificationLog.open(database) as log:
        log.append(kept)
        (back,) = log.select()
    assert repr(back) == repr(kept)  # NaN is not equal to itself
    assert back.verified_at.utcoffset() == START.utcoffset()
    assert back.instrument_name == "a2k #A1"


def test_selection_and_the_last_of_each_instrument(database: str) -> None:
    late, early = verification(5), verification(1, outcome="fail")
    other = verification(3, serial="B2", model_sha256="2" * 64)
    with VerificationLog.open(database) as log:
        for one in (late, early, other):
            log.append(one)
        assert [one.id for one in log.select()] == [early.id, other.id, late.id]
        assert [one.id for one in log.select(serial="A1")] == [early.id, late.id]
        assert [one.id for one in log.select(model_sha256="2" * 64)] == [other.id]
        assert log.select(instrument="b") == []
        last = latest_by_serial(log.select())
    assert {serial: one.id for serial, one in last.items()} == {"A1": late.id, "B2": other.id}


@pytest.mark.parametrize(
    "statement",
    ["UPDATE refp_verifications SET outcome = 'pass'", "DELETE FROM refp_verifications"],
)
def test_the_database_itself_refuses_changes(database: str, statement: str) -> None:
    with VerificationLog.open(database) as log:
        log.append(verification(outcome="fail"))
        with (
            pytest.raises(sa.exc.DBAPIError, match="appended only"),
            log._engine.begin() as connection,
        ):
            connection.exec_driver_sql(statement)
        assert [one.outcome for one in log.select()] == ["fail"]


def test_only_a_pass_is_valid_and_until_it_expires() -> None:
    one = verification()
    assert one.is_valid(at(1))
    assert not one.is_valid(one.valid_until)
    assert not replace(one, outcome="inconclusive").is_valid(at(1))


def test_rows_have_the_columns_of_all() -> None:
    t_squared = Criterion("t_squared", 12.0, math.nan, math.nan, 20.0, "pass")
    first, second = verification_rows(
        [verification(), verification(criteria=(BIAS, FIT, t_squared))]
    )
    assert tuple(first) == tuple(second)
    assert (first["bias_um"], first["bias_u_um"], first["bias_limit_um"]) == (0.5, 0.2, 3.75)
    assert (first["reduced_chi2"], first["reduced_chi2_limit"]) == (1.2, 3.0)
    assert (first["t_squared"], second["t_squared"]) == (None, 12.0)
    assert first["verified_at"] == START.isoformat()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"serial": ""}, "give --serial"),
        ({"outcome": "fine"}, "outcome 'fine': choose pass"),
        ({"id": "1"}, "not a UUID"),
        ({"valid_until": START.replace(tzinfo=None)}, "valid_until .*needs a zone"),
    ],
)
def test_an_invalid_record_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(HistoryError, match=message):
        verification(**changes)
