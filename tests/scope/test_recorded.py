"""A loop that records its runs, with the verifications of its instrument."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.estimate.estimator import Estimator
from refp.history import History, Verification, VerificationLog, new_id
from refp.scope import Records, SimulatedMicroscope, open_recorded


def verification(estimator: Estimator, serial: str) -> Verification:
    now = datetime.now().astimezone()
    card = estimator.card
    return Verification(
        id=new_id(), verified_at=now, valid_until=now + timedelta(days=1),
        instrument=card.instrument.name, serial=serial, objective="", condenser="", operator="",
        note="", model=card.name, model_sha256=estimator.file_sha256, data_sha256="", version="",
        tolerance_um=7.5, half_range_um=40.0, n_images=9, outcome="pass", criteria=(),
    )  # fmt: skip


def test_a_verification_that_is_recorded_between_two_runs_counts(
    lookup_model: Path, tmp_path: Path
) -> None:
    estimator, database = Estimator.load(lookup_model), tmp_path / "history.db"
    scope = SimulatedMicroscope("a2k", start_um=0.0, seed=3)
    given = scope.microscope, estimator, scope.settings, Records(database, serial="A2K-7")
    with open_recorded(*given) as refocuser:
        refocuser.run()
        with VerificationLog.open(database) as log:
            log.append(verification(estimator, "A2K-7"))
        assert refocuser.run().reached
    with History.open(database) as history:
        states = history.select(columns=("verification",))["verification"].tolist()
    assert states[0] == "not verified"
    assert states[-1].startswith("verified until")


def test_without_a_history_no_instrument_is_verified(lookup_model: Path) -> None:
    scope = SimulatedMicroscope("a2k", start_um=0.0, seed=3)
    given = scope.microscope, Estimator.load(lookup_model), scope.settings, Records(serial="A2K-7")
    with open_recorded(*given) as refocuser:
        result = refocuser.run()
    assert result.steps[0].estimate is not None
    assert result.steps[0].estimate.verification == "not verified"
    assert refocuser.new_stage is None
