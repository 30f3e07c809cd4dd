"""``refp estimate --t all -o``: a figure of dZ over the time points beside the table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

RunRefp = Callable[..., Any]


@pytest.fixture
def lapse(tiny_test: Path, tmp_path: Path) -> Path:
    """Five time points, 12 um apart."""
    pages = np.stack([tifffile.imread(path) for path in sorted(tiny_test.glob("*.tif"))[2:7]])
    path = tmp_path / "lapse.ome.tif"
    tifffile.imwrite(path, pages, ome=True, metadata={"axes": "TYX"})
    return path


def test_a_figure_over_time(run_refp: RunRefp, lookup_model: Path, lapse: Path) -> None:
    table, figure = lapse.with_name("lapse.csv"), lapse.with_name("lapse.svg")
    given = ("estimate", lookup_model, lapse, "--t", "all", "-o", table, "--tolerance-um", "20")
    done = run_refp(*given)
    assert done.code == 0, done.stderr
    assert f"wrote {figure}" in done.stderr
    assert np.diff(pd.read_csv(table)["delta_z_um"]) == pytest.approx([12] * 4, abs=4)
    assert "<svg" in figure.read_text(encoding="utf-8")
    table.unlink()
    again = run_refp(*given)  # the figure exists
    assert (again.code, "lapse.svg: exists already" in again.stderr) == (2, True)
    one = run_refp("estimate", lookup_model, lapse, "--t", "3", "-o", table)
    assert (one.code, len(pd.read_csv(table))) == (0, 1)


def test_no_such_time_point(run_refp: RunRefp) -> None:
    for t in ("-1", "some"):
        done = run_refp("estimate", "m.refp", "x.tif", "--t", t)
        assert (done.code, "--t" in done.stderr, done.stderr.count("\n")) == (2, True, 1)
