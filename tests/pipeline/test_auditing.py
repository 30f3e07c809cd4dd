"""Audits of archives: all images, resumed, with constant memory."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from refp.core.errors import DataError, ModelError, OutputError
from refp.core.parallel import Execution, Workers
from refp.estimate.estimator import Estimator
from refp.history import Criterion, Verification, new_id
from refp.models import ModelCard
from refp.pipeline import auditing
from refp.pipeline.audit_store import AUDIT_COLUMNS, AuditStore
from refp.pipeline.audit_summary import summarise_audit
from refp.pipeline.auditing import AuditedFile, AuditPass, audit_archive, audit_inputs
from refp.pipeline.qualification import make_qualifier
from refp.sweeps import list_images
from refp.sweeps.pages import Choice

OK = ["2024/2024-03-01.tif", "2024/2024-03-02.tif", "2024/2024-03-03.tif"]
N_FILES = 7


@pytest.fixture(scope="module")
def estimator(lookup_model: Path) -> Estimator:
    return Estimator.load(lookup_model)


@pytest.fixture
def archive(tiny_test: Path, tmp_path: Path) -> Path:
    """Three images, two pages of a fourth, one of another serial, of another instrument, and damaged."""
    root = tmp_path / "archive"
    images = list_images([tiny_test])[2:7]
    for folder in ("2024", "pages", "second", "other"):
        (root / folder).mkdir(parents=True)
    for name, image in zip(OK, images, strict=False):
        shutil.copy(image.path, root / name)
    pages = np.stack([images[3].read(), images[4].read()])
    tifffile.imwrite(root / "pages" / "two.tif", pages)
    shutil.copy(images[0].path, root / "second" / "20240304.tif")
    (root / "second" / "sweep.toml").write_text(
        'instrument = "a2k"\n[identity]\nserial = "S2"\n', encoding="utf-8"
    )
    shutil.copy(images[0].path, root / "other" / "20240305.tif")
    (root / "other" / "sweep.toml").write_text('instrument = "nikon-ti2"\n', encoding="utf-8")
    (root / "20240306.tif").write_bytes(b"II*\0 cut")
    return root


Audit = Callable[..., tuple[AuditPass, pd.DataFrame]]


@pytest.fixture
def audit(estimator: Estimator, archive: Path, tmp_path: Path) -> Audit:
    """Audit the archive into one folder: ``audit()`` returns counts and the table."""

    def run(
        progress: Callable[..., None] = lambda *_: None, **inputs: str
    ) -> tuple[AuditPass, pd.DataFrame]:
        qualifier = make_qualifier(estimator, "")
        with AuditStore(tmp_path / "out", {"model": "1", **inputs}, overwrite=False) as store:
            execution = Execution(Workers(), progress)
            counts = audit_archive(estimator, archive, store, qualifier, execution=execution)
            table = pd.read_csv(store.write_table(7.5), keep_default_na=False, na_values=[""])
        return counts, table

    return run


def test_every_page_has_a_row_with_the_estimate_of_the_command(
    audit: Audit, estimator: Estimator, archive: Path
) -> None:
    counts, table = audit()
    assert counts == AuditPass(N_FILES, N_FILES, 0)
    assert tuple(table.columns) == AUDIT_COLUMNS
    rows = table.set_index("image")
    assert set(rows.index) == {
        *OK, "pages/two.tif", "pages/two.tif#1",
        "second/20240304.tif", "other/20240305.tif", "20240306.tif",
    }  # fmt: skip
    for name in OK:
        (image,) = list_images([archive / name])
        expected = estimator.estimate_source(image).estimate
        assert rows.loc[name, "delta_z_um"] == pytest.approx(expected.delta_z_um, rel=1e-8)
        assert rows.loc[name, "acquired_at"] == f"{Path(name).stem}T00:00:00"
    assert np.isfinite(rows.loc["pages/two.tif#1", "delta_z_um"])
    assert pd.isna(rows.loc["pages/two.tif", "acquired_at"])


def test_unreadable_images_and_other_instruments_are_refused_with_the_reason(audit: Audit) -> None:
    rows = audit()[1].set_index("image")
    damaged, other, second = (
        rows.loc[name] for name in ("20240306.tif", "other/20240305.tif", "second/20240304.tif")
    )
    assert damaged["status"] == other["status"] == "refused"
    assert damaged["reason"].startswith("unreadable: ")
    assert other["reason"].startswith("other_instrument: ")
    assert other["instrument"] == "nikon-ti2"
    assert np.isnan([damaged["delta_z_um"], other["delta_z_um"]]).all()
    assert (second["serial"], second["status"], second["verdict"]) == (
        "S2",
        "unverified",
        "unverified",
    )


def test_a_second_audit_estimates_only_what_changed(audit: Audit, archive: Path) -> None:
    _, before = audit()
    assert audit()[0] == AuditPass(N_FILES, 0, 0)
    (archive / OK[0]).touch()  # another time, the same content
    shutil.copy(archive / OK[2], archive / OK[1])
    (archive / "second" / "20240304.tif").unlink()
    shutil.copy(archive / OK[0], archive / "2024" / "2024-03-09.tif")
    counts, after = audit()
    assert counts == AuditPass(N_FILES, 2, 1)
    then, now = before.set_index("image"), after.set_index("image")
    assert now.loc[OK[1], "delta_z_um"] == then.loc[OK[2], "delta_z_um"]
    assert "second/20240304.tif" not in now.index


def verified_on(database: Path, card: ModelCard, sha256: str, serial: str) -> Verification:
    """Record a verification that passed on an instrument and is valid for a week, and its stage."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    slope = Criterion("slope", -1.0, 0.01, 0.02, 0.1, "pass")
    made = Verification(
        id=new_id(), verified_at=start, valid_until=start + timedelta(days=7),
        instrument=card.instrument.name, serial=serial, objective="", condenser="", operator="",
        note="", model=card.name, model_sha256=sha256, data_sha256="", version="", tolerance_um=7.5,
        half_range_um=40.0, n_images=9, outcome="pass", criteria=(slope,),
    )  # fmt: skip
    from refp.history import VerificationLog

    with VerificationLog.open(database) as log:
        log.append(made)
    return made


def test_an_audit_resumes_after_a_direction_is_learnt_not_after_a_verification_has_expired(
    estimator: Estimator, archive: Path, tmp_path: Path
) -> None:
    """The table has no column that depends on the direction of a stage."""
    pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")
    database = tmp_path / "history.db"
    made = verified_on(database, estimator.card, estimator.file_sha256, "S2")
    before, after = (made.valid_until + timedelta(days=days) for days in (-1, 1))

    def state(at: datetime) -> tuple[dict[str, str], bytes]:
        qualifier = make_qualifier(estimator, database, at=at)
        inputs = audit_inputs(estimator, archive, Choice(), qualifier, None)
        with AuditStore(tmp_path / new_id(), inputs, overwrite=False) as store:
            audit_archive(estimator, archive, store, qualifier)
            return inputs, store.write_table(7.5).read_bytes()

    known = state(before)
    from refp.history import StageLog

    with StageLog.open(database) as log:
        log.forget(estimator.card.instrument.name, "S2")
    assert state(before) == known
    inputs, table = state(after)
    assert (b"expired" in table, b"expired" in known[1]) == (True, False)
    changed = [name for name in inputs if inputs[name] != known[0][name]]
    assert changed == ["state of verification"]


class StoppedError(Exception):
    """The user stops the audit."""


def test_an_interrupted_audit_goes_on(audit: Audit) -> None:
    def stop(_title: str, done: int, _total: int) -> None:
        if done == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        audit(stop)
    counts, table = audit()
    assert counts == AuditPass(N_FILES, N_FILES - 3, 0)
    assert len(table) == N_FILES + 1


def test_other_inputs_and_other_files_are_not_replaced(audit: Audit, tmp_path: Path) -> None:
    audit()
    with pytest.raises(
        OutputError, match="another model; choose another output or add --overwrite"
    ):
        audit(model="2")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").touch()
    with pytest.raises(OutputError, match="exists already"):
        AuditStore(foreign, {}, overwrite=False)
    (foreign / "audit.db").write_text("no database " * 100)
    with pytest.raises(OutputError, match="not an audit"):
        AuditStore(foreign, {}, overwrite=False)


def test_two_audits_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with (
        AuditStore(tmp_path / "out", {}, overwrite=False),
        pytest.raises(OutputError, match="another audit writes here"),
    ):
        AuditStore(tmp_path / "out", {}, overwrite=False)


def test_files_are_listed_while_they_are_estimated(
    estimator: Estimator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither files nor results accumulate: at most one file is ahead of its stored result."""
    n, lead, store = 300, [], AuditStore(tmp_path / "out", {}, overwrite=False)

    def walk(folder: Path) -> Iterator[Path]:
        for k in range(n):
            lead.append(k - store.n_met)
            yield folder / f"{k}.tif"

    def audit(_self: object, file: auditing.ArchiveFile) -> AuditedFile:
        return AuditedFile(file, "digest")

    monkeypatch.setattr(auditing, "walk_images", walk)
    monkeypatch.setattr(auditing.FileAudit, "__call__", audit)
    with store:
        counts = audit_archive(estimator, tmp_path, store, make_qualifier(estimator, ""))
    assert counts == AuditPass(n, n, 0)
    listed_while_estimating = lead[n:]
    assert max(listed_while_estimating) <= 1


def test_an_archive_without_images_and_another_pixel_size_are_errors(
    estimator: Estimator, archive: Path, tmp_path: Path
) -> None:
    qualifier = make_qualifier(estimator, "")
    with AuditStore(tmp_path / "out", {}, overwrite=False) as store:
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="no image in this folder or below it"):
            audit_archive(estimator, tmp_path / "empty", store, qualifier)
        with pytest.raises(DataError, match="not a folder"):
            audit_archive(estimator, archive / OK[0], store, qualifier)
        with pytest.raises(ModelError, match="--pixel-size-um 9"):
            audit_archive(estimator, archive, store, qualifier, choice=Choice(pixel_size_um=9.0))


def stored(folder: Path, dz_um: np.ndarray) -> AuditStore:
    """A store of images of instrument ``a2k`` with serial ``S1``, one a day, NaN for a refusal."""
    store = AuditStore(folder, {}, overwrite=False)
    days = np.datetime64("2024-01-01") + np.arange(len(dz_um))
    for k, (dz, day) in enumerate(zip(dz_um.tolist(), days, strict=True)):
        refused = bool(np.isnan(dz))
        row = dict.fromkeys(AUDIT_COLUMNS, "") | {
            "image": f"{k}.tif",
            "acquired_at": f"{day}T12:00:00",
            "instrument": "a2k",
            "serial": "S1",
            "delta_z_um": dz,
            "lower_um": dz - 1,
            "upper_um": dz + 1,
            "status": "refused" if refused else "ok",
            "reason": "no_beads: no bead; move on" if refused else "",
        }
        store.put(f"{k}.tif", "s", "d", [(0, row)])
    return store


def test_tables_of_the_page(tmp_path: Path) -> None:
    dz_um = np.random.default_rng(0).normal(0, 1, 90) + 6.0 * (np.arange(90) >= 60)
    dz_um[[3, 50]] = np.nan
    dz_um[10] = 40.0
    with stored(tmp_path / "out", dz_um) as store:
        tables = summarise_audit(store, 8.5)
    (row,) = tables.instruments.to_dict("records")
    n_outside = int((np.abs(dz_um) > 8.5).sum())
    assert (row["n_images"], row["n_ok"], row["n_refused"]) == (90, 88, 2)
    assert row["n_outside"] == n_outside
    # Wilson's interval in closed form.
    k, n, z = n_outside, 88, 1.959964
    middle, half = (k + z**2 / 2) / (n + z**2), z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    assert row["fraction_lower"] == pytest.approx(middle - half, rel=1e-5)
    assert row["fraction_upper"] == pytest.approx(middle + half, rel=1e-5)
    assert row["instrument"] == "a2k #S1"
    (change,) = tables.changes.to_dict("records")
    assert change["to"] == pd.Timestamp("2024-03-01T12:00:00")
    assert tables.again["image"].iloc[0] == "10.tif"
    assert tables.again["verdict"].iloc[0] == "fail"
    assert tables.reasons.to_dict("records")[0] | {"first image": ""} == {
        "reason": "no_beads", "n_images": 2, "first image": "", "example": "no bead; move on",
    }  # fmt: skip
    assert len(tables.refused) == 2
