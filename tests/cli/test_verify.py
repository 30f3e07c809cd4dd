"""``refp verify`` on the real command line, and estimates of the instruments that it verified."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from refp.core.digests import hash_file

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.history import VerificationLog

RunRefp = Callable[..., Any]


def rows_of(done: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def image(tiny_test: Path) -> Path:
    return sorted(tiny_test.glob("*.tif"))[4]


def mark_as_new(file: Path) -> None:
    """Change the bytes of an image, not its pixels: it is another file than that of the training."""
    file.write_bytes(file.read_bytes() + b"0")


def verified(run_refp: RunRefp, model: Path, sweep: Path, home: Path, *more: object) -> Any:
    return run_refp("verify", model, sweep, "--home", home, *more)


def estimated(run_refp: RunRefp, model: Path, image: Path, home: Path, *more: object) -> Any:
    done = run_refp("estimate", model, image, "--home", home, "--json", *more)
    assert done.code == 0, done.stderr
    (row,) = rows_of(done)
    return row


def test_a_model_is_verified_on_an_instrument(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, home: Path, image: Path
) -> None:
    own = ("--serial", "B2")
    before = estimated(run_refp, lookup_model, image, home, *own, "--tolerance-um", "100")
    assert (before["status"], before["verdict"]) == ("unverified", "unverified")
    assert "run 'refp verify'" in before["reason"]
    done = verified(run_refp, lookup_model, tiny_test, home, *own, "--operator", "Ada", "--json")
    assert done.code == 0, done.stderr
    (row,) = rows_of(done)
    assert (row["outcome"], row["serial"], row["operator"]) == ("pass", "B2", "Ada")
    assert row["model_sha256"] == hash_file(lookup_model)
    assert row["n_images"] == 9
    assert abs(row["bias_um"]) < 3 * row["bias_u_um"] + 0.5
    assert row["slope"] == pytest.approx(1.0, abs=0.03)
    assert "verified until" in done.stderr
    after = estimated(run_refp, lookup_model, image, home, *own, "--tolerance-um", "100")
    assert (after["status"], after["verdict"], after["reason"]) == ("ok", "pass", "")
    assert after["verification"].startswith("verified until")
    assert before["u_um"] > after["u_um"]
    assert before["delta_z_um"] == after["delta_z_um"]
    (listed,) = rows_of(run_refp("history", "verifications", "--home", home, "--json"))
    assert listed == row
    assert "B2" in run_refp("history", "verifications", "--home", home, "--serial", "B2").stdout


def test_estimates_state_the_move_of_the_stage(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, home: Path, image: Path
) -> None:
    own = ("--serial", "B2")
    assert estimated(run_refp, lookup_model, image, home, *own)["stage_move_um"] is None
    assert "move Z" not in run_refp("estimate", lookup_model, image, "--home", home, *own).stdout
    assert verified(run_refp, lookup_model, tiny_test, home, *own).code == 0
    row = estimated(run_refp, lookup_model, image, home, *own)
    assert row["stage_move_um"] == -row["delta_z_um"]
    shown = run_refp("estimate", lookup_model, image, "--home", home, *own).stdout
    assert "move Z (um)" in shown
    assert f"{row['stage_move_um']:+.1f}" in shown
    stated = estimated(run_refp, lookup_model, image, home, *own, "--stage-direction", "down")
    assert stated["stage_move_um"] == row["delta_z_um"]  # the option precedes
    other = estimated(run_refp, lookup_model, image, home, "--serial", "C3")
    assert other["stage_move_um"] is None


def test_a_verification_expires(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, home: Path, image: Path
) -> None:
    options = ("--serial", "B2", "--at", "2026-03-01", "--valid-days", "7")
    assert verified(run_refp, lookup_model, tiny_test, home, *options).code == 0
    row = estimated(run_refp, lookup_model, image, home, "--serial", "B2")
    assert row["status"] == "unverified"
    assert row["verification"] == "verification expired on 2026-03-08"
    record = ("history", "record", lookup_model, image, "--home", home, "--serial", "B2", "--json")
    (late,) = rows_of(run_refp(*record))
    (early,) = rows_of(run_refp(*record, "--at", "2026-03-02"))
    assert (late["status"], late["verification"]) == ("ok", row["verification"])
    assert early["verification"] == "verified until 2026-03-08"
    assert late["u_um"] > early["u_um"]


def test_images_that_state_no_serial_are_answered_as_before(
    run_refp: RunRefp, lookup_model: Path, home: Path, image: Path
) -> None:
    row = estimated(run_refp, lookup_model, image, home)
    assert (row["status"], row["verification"]) == ("ok", "instrument not stated")
    shown = run_refp("estimate", lookup_model, image, "--home", home)
    assert "verification: instrument not stated (1 image)" in shown.stderr
    assert not home.exists()


def test_a_bias_beyond_the_tolerance_fails(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, home: Path, tmp_path: Path
) -> None:
    """A model whose plane is taken 10 um off is adapted to it; then its bias is 10 um on the sweep."""
    off = tmp_path / "off.refp"
    assert run_refp("adapt", lookup_model, tiny_test, "-o", off, "--refp-um", 1510.0).code == 0
    done = verified(run_refp, off, tiny_test, home, "--serial", "B2", "--json")
    assert "the model was trained or adapted on" in done.stderr  # that sweep verifies nothing
    sweep = Path(shutil.copytree(tiny_test, tmp_path / "sweep"))
    for file in sweep.glob("*.tif"):
        mark_as_new(file)
    done = verified(run_refp, off, sweep, home, "--serial", "B2", "--json")
    assert done.code == 3
    (row,) = rows_of(done)
    assert row["outcome"] == "fail"
    assert row["bias_um"] == pytest.approx(10.0, abs=1.5)
    assert "unverified" in done.stderr
    with VerificationLog.open(home / "history.db", create=False) as log:
        (record,) = log.select()
    assert record.criteria[0].outcome == "fail"
    assert record.verified_at <= datetime.now(UTC)


def test_the_serial_number_of_the_sweep_file(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, home: Path, tmp_path: Path
) -> None:
    sweep = Path(shutil.copytree(tiny_test, tmp_path / "sweep"))
    with (sweep / "sweep.toml").open("a", encoding="utf-8") as file:
        file.write('[identity]\nserial = "C3"\ncondenser = "0.3"\n')
    (row,) = rows_of(verified(run_refp, lookup_model, sweep, home, "--json"))
    assert (row["serial"], row["condenser"]) == ("C3", "0.3")
    image = sorted(sweep.glob("*.tif"))[4]
    assert estimated(run_refp, lookup_model, image, home)["status"] == "ok"


@pytest.mark.parametrize(
    ("kept", "options", "message"),
    [
        (slice(None), (), "states no serial number.*--serial"),
        (slice(2, 6), ("--serial", "B2"), "a reference plane needs at least 5 Z positions"),
        (slice(5, None), ("--serial", "B2"), "needs at least 5"),
        (slice(None), ("--serial", "B2", "--valid-days", "0"), "valid-days"),
        (slice(None), ("--serial", "B2", "--pixel-size-um", "1.3"), "the model is for 'a2k'"),
    ],
)
def test_a_sweep_that_does_not_suffice(
    run_refp: RunRefp,
    lookup_model: Path,
    tiny_test: Path,
    tmp_path: Path,
    kept: slice,
    options: tuple[str, ...],
    message: str,
) -> None:
    sweep = Path(shutil.copytree(tiny_test, tmp_path / "sweep"))
    files = sorted(sweep.glob("*.tif"))
    for file in set(files) - set(files[kept]):
        file.unlink()
    done = verified(run_refp, lookup_model, sweep, tmp_path / "home", *options)
    assert done.code == 2
    (line,) = done.stderr.strip().splitlines()
    import re

    assert re.search(message, line), line


@pytest.mark.parametrize("n_renamed", [0, 5], ids=["all", "some, renamed"])
def test_images_of_the_training_verify_nothing(
    run_refp: RunRefp,
    lookup_model: Path,
    tiny_sweep: Path,
    tmp_path: Path,
    home: Path,
    image: Path,
    n_renamed: int,
) -> None:
    sweep = Path(shutil.copytree(tiny_sweep, tmp_path / "sweep"))
    if n_renamed:
        files = sorted(sweep.glob("*.tif"))
        for file in files[:n_renamed]:
            file.rename(file.with_name(file.name.replace("exp1", "exp7")))
        for file in files[n_renamed:]:
            file.unlink()
    done = verified(run_refp, lookup_model, sweep, home, "--serial", "B2")
    assert done.code == 2
    assert "the model was trained or adapted on" in done.stderr
    assert f", {n_renamed or len(list(sweep.glob('*.tif')))} of these files; a verif" in done.stderr
    after = estimated(run_refp, lookup_model, image, home, "--serial", "B2")
    assert after["status"] == "unverified"


def test_a_plane_outside_the_sweep(
    run_refp: RunRefp, lookup_model: Path, tiny_sweep: Path, tmp_path: Path
) -> None:
    sweep = Path(shutil.copytree(tiny_sweep, tmp_path / "sweep"))
    for file in sweep.glob("*.tif"):
        below = any(f"_z{z}" in file.name for z in (1423, 1435, 1447, 1459, 1471))
        if not below or "fov1" not in file.name or "t8ms" not in file.name:
            file.unlink()
        else:
            mark_as_new(file)
    done = verified(run_refp, lookup_model, sweep, tmp_path / "home", "--serial", "B2")
    assert done.code == 2
    assert "no sweep has a determined reference plane" in done.stderr
    assert "on both sides" in done.stderr
