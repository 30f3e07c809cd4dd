"""``refp tolerance`` end to end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def table(tmp_path: Path) -> Path:
    z_um = np.arange(1450.0, 1560.0, 5.0)
    path = tmp_path / "viability.csv"
    pd.DataFrame({"z_um": z_um, "viability": 90 + 0.2 * (z_um - 1503)}).to_csv(path, index=False)
    return path


def test_a_tolerance_is_written_as_table_and_page(
    run_refp: Callable[..., Any], table: Path, tmp_path: Path
) -> None:
    out, audit = tmp_path / "out", tmp_path / "estimates.csv"
    pd.DataFrame({"delta_z_um": [0.0, 12.0], "status": "ok"}).to_csv(audit, index=False)
    done = run_refp(
        *("tolerance", table, "--allowed-bias", 2, "--unit", "%", "--refp-um", 1503),
        *("--audit", audit, "-o", out, "--json"),
    )
    assert done.code == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["slope_per_um"] == pytest.approx(0.2, rel=1e-3)
    assert row["tolerance_high_um"] == pytest.approx(10.0, rel=1e-3)
    assert (row["n_images"], row["n_changed"]) == (2, 1)
    assert pd.read_csv(out / "tolerance.csv").columns.tolist() == list(row)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Focus tolerance of viability" in page
    assert "The archive" in page
    again = run_refp("tolerance", table, "--allowed-bias", 2, "--refp-um", 1503, "-o", out)
    assert again.code == 2
    assert "exists already" in again.stderr


def test_a_table_on_one_side_of_the_plane_is_refused(
    run_refp: Callable[..., Any], table: Path
) -> None:
    done = run_refp("tolerance", table, "--allowed-bias", 2, "--refp-um", 1400)
    assert done.code == 2
    assert done.stderr.startswith(f"refp: {table}: viability, viability: 0 Z positions below")
    assert len(done.stderr.splitlines()) == 1
