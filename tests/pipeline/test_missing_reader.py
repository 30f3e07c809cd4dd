"""A file whose format needs a library that is not installed is refused; the others are estimated."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refp import pipeline
from refp.core.parallel import SERIAL
from refp.estimate.estimator import Estimator
from refp.models import load_model
from refp.pipeline.daily_check import _estimate
from refp.sweeps import list_images
from refp.web.messages import Task
from refp.web.workers.estimates import estimate_file

RunRefp = Callable[..., Any]
REMEDY = "needs nd2, which is not installed: python -m pip install 'refp[formats]'"


@pytest.fixture
def folder(tiny_test: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images, and one whose library is hidden."""
    monkeypatch.setitem(sys.modules, "nd2", None)
    made = tmp_path / "images"
    made.mkdir()
    for path in sorted(tiny_test.glob("*.tif"))[3:5]:
        shutil.copy(path, made)
    (made / "other.nd2").write_bytes(b"anything")
    return made


def check(rows: list[dict[str, Any]]) -> None:
    refused = [row for row in rows if row["status"] == "refused"]
    assert len(rows) == 3
    (row,) = refused
    assert str(row["image"]).endswith("other.nd2")
    assert str(row["reason"]).startswith("missing_library: reading other.nd2 needs nd2")
    assert REMEDY in str(row["reason"])


def test_estimate(folder: Path, lookup_model: Path, tmp_path: Path, run_refp: RunRefp) -> None:
    output = ("-o", tmp_path / "estimates.csv", "--overlay", tmp_path / "pictures")
    done = run_refp("estimate", lookup_model, folder, "--json", *output)
    assert done.code == 0, done.stderr
    check(json.loads(done.stdout))
    assert len(list((tmp_path / "pictures").iterdir())) == 2


def test_the_only_file(folder: Path, lookup_model: Path, run_refp: RunRefp) -> None:
    done = run_refp("estimate", lookup_model, folder / "other.nd2", "--json")
    assert done.code == 3
    assert REMEDY in json.loads(done.stdout)[0]["reason"]


def test_estimate_of_the_interface(folder: Path, lookup_model: Path) -> None:
    estimator = Estimator(load_model(lookup_model))
    table, _ = pipeline.estimate_images(estimator, list_images([folder]), execution=SERIAL)
    check(table.to_dict("records"))


def test_audit(folder: Path, lookup_model: Path, tmp_path: Path, run_refp: RunRefp) -> None:
    done = run_refp("audit", folder, "--model", lookup_model, "-o", tmp_path / "audit", "--json")
    assert done.code == 0, done.stderr
    text = (tmp_path / "audit" / "audit.csv").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("other.nd2")]
    assert REMEDY in line


def test_history_record(
    folder: Path, lookup_model: Path, tmp_path: Path, run_refp: RunRefp
) -> None:
    pytest.importorskip("sqlalchemy", reason="needs the extra 'history'")
    database = ("--database", f"sqlite:///{tmp_path / 'history.db'}")
    done = run_refp("history", "record", lookup_model, folder, *database)
    assert done.code == 0, done.stderr
    listed = run_refp("history", "list", *database, "--json")
    check(json.loads(listed.stdout))


def test_daily_check(folder: Path, lookup_model: Path) -> None:
    estimator = Estimator(load_model(lookup_model))
    (image,) = list_images([folder / "other.nd2"])
    result, assessment = _estimate(estimator, image)
    assert REMEDY in result.estimate.reason
    assert assessment is None


def test_server(folder: Path, lookup_model: Path) -> None:
    path = folder / "other.nd2"
    stored = folder / "0123456789abcdef.nd2"
    path.rename(stored)
    task = Task(lookup_model, stored, path.name, None, max_pixels=2_000_000, max_pages=100)
    (page,) = estimate_file(task, view=True)
    assert page.row["status"] == "refused"
    assert f"reading other.nd2 {REMEDY}" in str(page.row["reason"])
