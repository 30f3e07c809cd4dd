"""An exposure that is not known is missing in every table, and its sweeps stay apart from the others."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from refp import pipeline
from refp.pipeline import Planes, tables
from refp.pipeline.held_out import training_tables
from refp.settings import Recipe
from refp.study.items.fig07 import _curves
from refp.sweeps import SweepKey, open_dataset, write_sweep_file

KNOWN_MS = 12.0
"""Exposure of one sweep of each field; that of the other is not stated."""


@pytest.fixture(scope="module")
def data(tiny_sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training sweeps with a manifest that leaves the shorter exposure blank."""
    folder = tmp_path_factory.mktemp("unknown") / "training"
    folder.mkdir()
    lines = ["path,fov,exposure_ms,z_um"]
    for frame in open_dataset(tiny_sweep).frames:
        exposure = KNOWN_MS if frame.key.exposure_ms == KNOWN_MS else ""
        lines.append(f"{frame.path.as_posix()},{frame.key.fov},{exposure},{frame.z_um}")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    write_sweep_file(folder, dataset="training", instrument="a2k")
    text = (folder / "sweep.toml").read_text(encoding="utf-8")
    changed = re.sub(r"(?m)^pattern = .*$", 'manifest = "manifest.csv"', text)
    (folder / "sweep.toml").write_text(changed, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def own_planes(data: Path) -> Planes:
    return pipeline.define_planes([open_dataset(data)], Recipe())


@pytest.fixture
def run(data: Path, tmp_path: Path, run_refp: Callable[..., Any]) -> tuple[Path, list[Any]]:
    """Output of ``refp plane``: its folder and its rows."""
    done = run_refp("plane", data, "-o", tmp_path / "planes", "--json")
    assert done.code == 0, done.stderr
    return tmp_path / "planes", json.loads(done.stdout)


def test_the_key_of_a_sweep_stays_equal_to_itself() -> None:
    key = SweepKey("d", 1, 1, 0.0)
    assert key == replace(key)
    assert np.isnan(key.known_exposure_ms)
    assert replace(key, exposure_ms=9.0).known_exposure_ms == 9.0
    assert "ms" not in str(key)


def test_the_files_of_planes(run: tuple[Path, list[Any]], own_planes: Planes) -> None:
    folder, rows = run
    written = json.loads((folder / "planes.json").read_text(encoding="utf-8"))["planes"]
    for one in (rows, written):
        assert [row["exposure_ms"] for row in one] == [None, KNOWN_MS] * 2
    assert all(len(row["budget"]) == len(written[0]["budget"]) > 0 for row in written)
    assert all(row["refp_um_by_features"] is not None for row in written)
    for name in ("beads", "curves"):
        table = pd.read_parquet(folder / f"{name}.parquet")
        assert table["exposure_ms"].dtype == np.float64
        assert set(table["exposure_ms"].dropna()) == {KNOWN_MS}
        groups = table.groupby(list(tables.KEY_COLUMNS), dropna=False)
        assert len(groups) == 4
    first = (folder / "planes.csv").read_text(encoding="utf-8").splitlines()[1]
    assert first.split(",")[3] == ""
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert ">not known<" in report
    assert not re.search(r"(?<!\d)0 ms", report)


def test_every_table_has_the_missing_exposure(own_planes: Planes) -> None:
    result = own_planes.result
    for table in (
        tables.plane_table(result.planes),
        tables.budget_table(result.planes),
        tables.interval_table(result.planes),
        tables.curve_table(own_planes.curves, result.planes, result.axes),
        tables.bead_table(own_planes.measurements[0].sweeps),
    ):
        assert table["exposure_ms"].isna().any()
        assert set(table["exposure_ms"].dropna()) == {KNOWN_MS}
        assert len(set(tables.keys_of(table))) == 4


def test_training_and_its_tables(own_planes: Planes, recipe_for: Callable[[str], Recipe]) -> None:
    recipe = recipe_for("lookup")
    training = pipeline.run_training(own_planes, recipe)
    assert "exposures 12 ms and not known, " in training.ensemble.card.conditions
    made = training_tables(training, recipe)
    for table in (made.images, made.beads):
        assert set(table["exposure_ms"].dropna()) == {KNOWN_MS}
        assert table["exposure_ms"].isna().sum() > 0


def test_curves_of_one_sweep(own_planes: Planes) -> None:
    for plane in own_planes.result.planes:
        curves = _curves(own_planes, plane)
        assert len(curves) == 15
        assert curves["exposure_ms"].isna().all() == (plane.key.exposure_ms == 0)
        assert set(curves["fov"]) == {plane.key.fov}


def test_errors_of_an_evaluation(
    data: Path, lookup_model: Path, tmp_path: Path, run_refp: Callable[..., Any]
) -> None:
    done = run_refp("evaluate", lookup_model, data, "-o", tmp_path / "out")
    assert done.code == 0, done.stderr
    errors = pd.read_csv(tmp_path / "out" / "errors.csv")
    assert set(errors["exposure_ms"].dropna()) == {KNOWN_MS}
    assert errors["exposure_ms"].isna().sum() == len(errors) / 2 == 30
    assert ">not known<" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_inspection(data: Path, tmp_path: Path, run_refp: Callable[..., Any]) -> None:
    done = run_refp("inspect", data, "--json", "--beads", tmp_path / "beads.csv")
    assert done.code == 0, done.stderr
    assert [row["exposure_ms"] for row in json.loads(done.stdout)] == [None, KNOWN_MS] * 2
    beads = pd.read_csv(tmp_path / "beads.csv")
    assert set(beads["exposure_ms"].dropna()) == {KNOWN_MS}
    assert beads["exposure_ms"].isna().any()


def test_the_table_of_the_terminal(data: Path, run_refp: Callable[..., Any]) -> None:
    shown = run_refp("inspect", data).stdout
    assert "nan" not in shown.casefold()
    assert "12" in shown


def test_a_field_of_the_server(run: tuple[Path, list[Any]], tmp_path: Path) -> None:
    from refp.web.storage.job_files import planes_folder
    from refp.web.workers.checks import read_planes
    from refp.web.workers.planes import compare_sets, read_curves, read_fields
    from refp.web.workers.views import ComparedSet

    home = tmp_path / "home"

    def look() -> list[list[float | None]]:
        (fields,) = read_fields(home, ["job"])
        points, _ = compare_sets(home, [ComparedSet("job", "Monday", {"training": "a2k"})])
        curves = read_curves(home, "job")
        return [
            sorted((row["exposure_ms"] for row in rows), key=str)  # type: ignore[misc]
            for rows in (
                [row for field in fields for row in field.planes],
                points,
                [row for field in curves.values() for row in field],
                read_planes(home, "job"),
            )
        ]

    folder = planes_folder(home, "job")
    folder.parent.mkdir(parents=True)
    run[0].rename(folder)
    expected = [[KNOWN_MS, KNOWN_MS, None, None]] * 4
    assert look() == expected
    make_old(folder)
    assert look() == expected


def make_old(folder: Path) -> None:
    """Rewrite the files of planes as versions did that wrote 0 for an exposure that is not known."""
    curves = pd.read_parquet(folder / "curves.parquet")
    curves.fillna({"exposure_ms": 0.0}).to_parquet(folder / "curves.parquet", index=False)
    table = pd.read_csv(folder / "planes.csv", keep_default_na=False, na_values={"exposure_ms": ""})
    table.fillna({"exposure_ms": 0.0}).to_csv(folder / "planes.csv", index=False)
    written = json.loads((folder / "planes.json").read_text(encoding="utf-8"))
    for row in written["planes"]:
        row["exposure_ms"] = row["exposure_ms"] or 0.0
    (folder / "planes.json").write_text(json.dumps(written), encoding="utf-8")
