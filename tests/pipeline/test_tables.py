"""Column names, order and types of every table are a contract."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from refp import pipeline
from refp.core.files import write_csv, write_parquet
from refp.core.labels import Label
from refp.core.rows import take
from refp.estimate.estimator import Estimator
from refp.measure.features import FeatureCurve, SweepMeasurement
from refp.models import load_model
from refp.pipeline import Planes, inspection, tables
from refp.plane import ReferencePlane, compare_planes
from refp.settings import Recipe
from refp.sweeps import Frame, SweepKey, list_images, open_dataset

KEYS = {"dataset": "str", "experiment": "int64", "fov": "int64", "exposure_ms": "float64"}
PLANES = KEYS | {
    "refp_um": "float64",
    "refp_u_um": "float64",
    "refp_ss_um": "float64",
    "refp_ss_u_um": "float64",
    "refp_ci_um": "float64",
    "refp_ci_u_um": "float64",
    "n_frames": "int64",
    "n_frames_used": "int64",
    "n_beads": "int64",
    "flags": "str",
}
ESTIMATES = {
    "image": "str",
    "delta_z_um": "float64",
    "u_um": "float64",
    "lower_um": "float64",
    "upper_um": "float64",
    "coverage": "float64",
    "n_beads": "int64",
    "n_beads_used": "int64",
    "status": "str",
    "reason": "str",
    "model": "str",
}
DETAILS = dict.fromkeys(tables.DETAIL_COLUMNS, "float64") | {"verification": "str"}
ERRORS = (
    ESTIMATES
    | KEYS
    | {"z_um": "float64", "delta_z_true_um": "float64", "error_um": "float64"}
    | {"label_u_um": "float64", "label": "str"}
)
BEADS = KEYS | {
    "z_um": "float64",
    "image": "str",
    "bead": "int64",
    "y_px": "float64",
    "x_px": "float64",
    "area_px": "float64",
    "circularity": "float64",
    "contrast": "float64",
    "center_y_px": "float64",
    "center_x_px": "float64",
    "steepest_slope": "float64",
    "center_intensity": "float64",
    "background": "float64",
    "n_saturated_px": "int64",
    "confidence": "float64",
    "flags": "str",
}
CURVES = KEYS | {
    "z_um": "float64",
    "steepest_slope": "float64",
    "center_intensity": "float64",
    "ss_saturated": "bool",
    "ci_saturated": "bool",
    "n_beads": "int64",
    "ss_fitted": "float64",
    "ci_fitted": "float64",
    "stage_error_um": "float64",
    "stage_error_u_um": "float64",
    "trusted": "bool",
}
TEXT_KEYS = {"experiment": "str", "fov": "int64"}


def dtypes_of(table: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in table.dtypes.items()}


def renamed(key: SweepKey) -> SweepKey:
    return replace(key, experiment=f"day {key.experiment}")


def sweeps_of(planes: Planes) -> list[SweepMeasurement]:
    return list(planes.measurements[0].sweeps)


def curves_and_planes(
    planes: Planes, *, text: bool = False
) -> tuple[Sequence[FeatureCurve], Sequence[ReferencePlane]]:
    if not text:
        return planes.curves, planes.result.planes
    curves = [replace(c, key=renamed(c.key)) for c in planes.curves]
    return curves, [replace(p, key=renamed(p.key)) for p in planes.result.planes]


@pytest.fixture(scope="module")
def estimates(lookup_model: Path, tiny_test: Path) -> pd.DataFrame:
    estimator = Estimator(load_model(lookup_model))
    return pipeline.estimate_images(estimator, list_images([tiny_test]))[0]


def frames_of(folder: Path, *, text: bool = False) -> list[Frame]:
    frames = list(open_dataset(folder).frames)
    return [replace(f, key=renamed(f.key)) for f in frames] if text else frames


def through_csv(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    write_csv(table, folder / "table.csv")
    return pd.read_csv(folder / "table.csv", keep_default_na=True, na_filter=False)


@pytest.mark.parametrize("text", [False, True])
def test_planes(planes: Planes, tmp_path: Path, text: bool) -> None:
    table = tables.plane_table(curves_and_planes(planes, text=text)[1])
    expected = PLANES | (TEXT_KEYS if text else {})
    assert list(table.columns) == list(expected)
    assert dtypes_of(table) == expected
    assert list(through_csv(table, tmp_path).columns) == list(expected)
    assert list(table["exposure_ms"]) == [8.0, 12.0, 8.0, 12.0]


@pytest.mark.parametrize("text", [False, True])
def test_curves(planes: Planes, tmp_path: Path, text: bool) -> None:
    table = tables.curve_table(*curves_and_planes(planes, text=text))
    expected = CURVES | (TEXT_KEYS if text else {})
    assert dtypes_of(table) == expected
    assert list(table.columns) == list(expected)
    write_parquet(table, tmp_path / "curves.parquet")
    assert dtypes_of(pd.read_parquet(tmp_path / "curves.parquet")) == expected
    assert len(table) == 60


def test_an_exposure_that_is_not_known_is_empty(planes: Planes, tmp_path: Path) -> None:
    unknown = [replace(p, key=replace(p.key, exposure_ms=0.0)) for p in planes.result.planes[:1]]
    table = tables.plane_table([*unknown, *planes.result.planes[1:]])
    assert dtypes_of(table) == PLANES
    write_csv(table, tmp_path / "planes.csv")
    write_csv(table.fillna({"exposure_ms": 0.0}), tmp_path / "older.csv")
    first, *_ = (tmp_path / "planes.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert first.split(",")[3] == ""
    for name in ("planes.csv", "older.csv"):
        read = tables.read_plane_table(tmp_path / name)
        assert np.isnan(read["exposure_ms"][0])
        assert list(read["exposure_ms"][1:]) == list(table["exposure_ms"][1:])


def test_stage_errors_are_in_the_rows_of_their_frames(planes: Planes) -> None:
    result = planes.result
    table = tables.curve_table(planes.curves, result.planes, result.axes)
    assert table["trusted"].all()
    axis = result.axes[0]
    first = axis.profiles.sweep == 0
    rows = table[: len(planes.curves[0].z_um)]
    np.testing.assert_array_equal(rows["z_um"], axis.profiles.z_um[first])
    np.testing.assert_array_equal(rows["stage_error_um"], axis.stage_error_um[first])


def test_tables_beside_the_planes(planes: Planes) -> None:
    result = planes.result
    budget = tables.budget_table(result.planes)
    assert list(budget.columns) == list(tables.BUDGET_COLUMNS)
    for plane in result.planes:
        own = budget[
            (budget["fov"] == plane.key.fov) & (budget["exposure_ms"] == plane.key.exposure_ms)
        ]
        assert np.sqrt((own["u_um"] ** 2).sum()) == pytest.approx(plane.refp_u_um, rel=1e-6)
    intervals = tables.interval_table(result.planes)
    assert (intervals["lower_um"] < intervals["refp_um"]).all()
    assert (intervals["refp_um"] < intervals["upper_um"]).all()
    fields = tables.field_table(result.axes, result.beads)
    assert list(fields.columns) == list(tables.FIELD_COLUMNS)
    assert (fields["stage_sigma_um"] > 0).all()
    beads = tables.bead_plane_table(result.beads)
    assert list(beads.columns) == list(tables.BEAD_PLANE_COLUMNS)
    assert len(beads) == fields["n_beads"].sum()
    compared = tables.comparison_table(compare_planes([("a2k", result.planes)]))
    assert list(compared.columns) == list(tables.COMPARISON_COLUMNS)
    assert set(compared["kind"]) == {"exposure", "fov"}


@pytest.mark.parametrize("text", [False, True])
def test_beads(planes: Planes, tmp_path: Path, text: bool) -> None:
    sweeps = [replace(s, key=renamed(s.key)) if text else s for s in sweeps_of(planes)]
    table = tables.bead_table(sweeps)
    expected = BEADS | (TEXT_KEYS if text else {})
    assert list(table.columns) == list(expected)
    assert dtypes_of(table) == expected
    write_parquet(table, tmp_path / "beads.parquet")
    assert dtypes_of(pd.read_parquet(tmp_path / "beads.parquet")) == expected


def test_estimates(estimates: pd.DataFrame) -> None:
    assert list(estimates.columns) == list(ESTIMATES | DETAILS)
    assert dtypes_of(estimates) == ESTIMATES | DETAILS
    assert list(estimates["image"]) == sorted(estimates["image"])


@pytest.mark.parametrize("text", [False, True])
def test_errors(estimates: pd.DataFrame, tiny_test: Path, text: bool) -> None:
    frames = frames_of(tiny_test, text=text)
    labels = [Label(frame.z_um - 1520.0, 2.5, "nominal") for frame in frames]
    table = tables.error_table(frames, estimates, labels)
    expected = ERRORS | (TEXT_KEYS if text else {})
    assert list(table.columns) == list(expected)
    assert dtypes_of(table) == expected
    np.testing.assert_allclose(table["delta_z_true_um"], table["z_um"] - 1520.0)
    np.testing.assert_allclose(table["error_um"], table["delta_z_um"] - table["z_um"] + 1520.0)
    assert set(table["label_u_um"]) == {2.5}
    assert set(table["label"]) == {"nominal"}


def without_beads(sweep: SweepMeasurement) -> SweepMeasurement:
    no = np.zeros(0, dtype=np.int64)
    return replace(
        sweep,
        frame_index=no,
        bead_number=no,
        beads=take(sweep.beads, no),
        profiles=take(sweep.profiles, no),
        features=take(sweep.features, no),
    )


def test_a_sweep_without_beads_does_not_change_the_types(planes: Planes) -> None:
    first, second = sweeps_of(planes)[:2]
    table = tables.bead_table([without_beads(first), second])
    assert dtypes_of(table) == BEADS
    assert len(table) == len(second.beads)


def test_no_bead_at_all_has_the_same_columns_and_types(planes: Planes) -> None:
    table = tables.bead_table([without_beads(sweeps_of(planes)[0])])
    assert len(table) == 0
    assert dtypes_of(table) == BEADS


def test_inspection(planes: Planes) -> None:
    table = inspection.inspection_table(planes.measurements, Recipe())
    assert list(table.columns) == [
        *KEYS,
        *("z_first_um", "z_last_um", "z_step_um", "n_frames", "n_beads_found", "n_beads_usable"),
        *("n_frames_without_beads", "n_frames_saturated", "notes"),
    ]
    assert list(table["z_step_um"]) == [12.0] * 4
