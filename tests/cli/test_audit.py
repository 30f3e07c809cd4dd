"""``refp audit`` end to end."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from refp.sweeps import list_images


@pytest.fixture
def archive(tiny_test: Path, tmp_path: Path) -> Path:
    root = tmp_path / "archive"
    for k, image in enumerate(list_images([tiny_test])[3:6]):
        (root / f"2024-03-0{k + 1}").mkdir(parents=True)
        shutil.copy(image.path, root / f"2024-03-0{k + 1}" / "image.tif")
    (root / "2024-03-01" / "cut.png").write_bytes(b"\x89PNG")
    return root


def test_an_audit_writes_tables_and_a_page_and_resumes(
    run_refp: Callable[..., Any], lookup_model: Path, archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ["audit", archive, "--model", lookup_model, "-o", out, "--jobs", "1", "--json"]
    done = run_refp(*command)
    assert done.code == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["n_images"], row["n_ok"], row["n_refused"]) == (4, 3, 1)
    assert "4 image files: 4 new or changed" in done.stderr
    table = pd.read_csv(out / "audit.csv")
    assert table["acquired_at"].tolist() == [f"2024-03-0{k}T00:00:00" for k in (1, 1, 2, 3)]
    page = (out / "report.html").read_text(encoding="utf-8")
    for text in ("Audit of archive", "unreadable", "Images to look at again", "Focus over time"):
        assert text in page
    again = run_refp(*command, "--tolerance-um", "1000")
    assert "0 new or changed, 4 unchanged" in again.stderr
    verdicts = pd.read_csv(out / "audit.csv")["verdict"]
    assert sorted(verdicts) == ["pass", "pass", "pass", "refused"]


def test_an_archive_of_refused_images_has_its_own_exit_code(
    run_refp: Callable[..., Any], lookup_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "cut.png").write_bytes(b"\x89PNG")
    done = run_refp("audit", folder, "--model", lookup_model, "-o", tmp_path / "out")
    assert done.code == 3, done.stderr
    assert "Every image was refused" in (tmp_path / "out" / "report.html").read_text(
        encoding="utf-8"
    )


def test_an_archive_without_an_image_leaves_no_output(
    run_refp: Callable[..., Any], lookup_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "archive").mkdir()
    done = run_refp("audit", tmp_path / "archive", "--model", lookup_model, "-o", tmp_path / "out")
    assert done.code == 2
    assert "no image in this folder or below it" in done.stderr
    assert not (tmp_path / "out").exists()
