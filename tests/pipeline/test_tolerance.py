"""Slope and tolerance of an assay's result against dZ."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress

from refp.core.errors import DataError
from refp.pipeline.tolerance import AssayFit, _first_above, fit_assay
from refp.pipeline.tolerance_table import (
    AllowedBias,
    changed_table,
    fit_sets,
    fit_table,
    read_assay,
)

DZ_UM = np.linspace(-60, 60, 25)
ALLOWED = AllowedBias("viability", "%", 2.0)


def noisy(signal: np.ndarray, seed: int, sd: float | np.ndarray = 1.0) -> np.ndarray:
    return signal + sd * np.random.default_rng(seed).normal(size=len(signal))


def test_a_line_in_closed_form() -> None:
    fit = fit_assay(DZ_UM, 50 + 0.4 * DZ_UM)
    assert fit.at_plane().value == pytest.approx(50.0)
    assert fit.at_plane(1).value == pytest.approx(0.4)
    assert fit.at_plane(2).value == pytest.approx(0.0, abs=1e-6)
    allowed = fit.tolerance(2.0)
    assert (allowed.low_um, allowed.high_um) == pytest.approx((-5.0, 5.0))
    assert (allowed.guarded_low_um, allowed.guarded_high_um) == pytest.approx((-5.0, 5.0), abs=1e-3)


def test_a_parabola_in_closed_form_is_not_symmetric() -> None:
    fit = fit_assay(DZ_UM, 70 - 0.002 * (DZ_UM - 10) ** 2)
    assert fit.at_plane(1).value == pytest.approx(0.04, abs=1e-6)
    assert fit.at_plane(2).value == pytest.approx(-0.004, abs=1e-6)
    # 0.04 d - 0.002 d^2 = -2 at d = 10 -+ sqrt(100 + 1000); it rises by 0.2 at most.
    allowed = fit.tolerance(2.0)
    expected = (10 - np.sqrt(1100), 10 + np.sqrt(1100))
    assert (allowed.low_um, allowed.high_um) == pytest.approx(expected, abs=0.01)


def test_a_noisy_line_is_mostly_that_of_least_squares() -> None:
    results = [noisy(50 + 0.4 * DZ_UM, seed) for seed in range(15)]
    slopes = [fit_assay(DZ_UM, result).at_plane(1) for result in results]
    lines = [linregress(DZ_UM, result) for result in results]
    ratios = [s.u / line.stderr for s, line in zip(slopes, lines, strict=True)]
    assert 0.8 < np.median(ratios) < 1.5
    assert min(ratios) > 0.5
    assert all(s.lower < line.slope < s.upper for s, line in zip(slopes, lines, strict=True))


@pytest.mark.parametrize(
    "curve",
    [
        lambda dz: 50 + 0.4 * dz,
        lambda dz: 70 - 0.002 * (dz - 10) ** 2,
        lambda dz: 80 / (1 + np.exp(-(dz - 10) / 8)),
    ],
    ids=["line", "parabola", "edge"],
)
@pytest.mark.parametrize("rise", [0.0, 0.05], ids=["even", "uneven"])
def test_intervals_hold_the_true_slope_and_tolerance(
    curve: Callable[[np.ndarray], np.ndarray], rise: float
) -> None:
    step, fine = 1e-3, np.linspace(0, 60, 6001)
    true_slope = float(np.diff(curve(np.array([-step, step])))[0] / (2 * step))
    beyond = np.flatnonzero(np.abs(curve(fine) - curve(np.zeros(1))) > 2.0)
    true_high_um, sd = fine[beyond[0]], 1 + rise * np.abs(DZ_UM)
    fits = [fit_assay(DZ_UM, noisy(curve(DZ_UM), seed, sd)) for seed in range(40)]
    slopes = [fit.at_plane(1) for fit in fits]
    assert sum(s.lower < true_slope < s.upper for s in slopes) >= 35
    # Guarded tolerances are too wide in at most 2.5 %.
    assert sum(fit.tolerance(2.0).guarded_high_um > true_high_um for fit in fits) <= 4


def test_fields_may_have_levels_of_their_own() -> None:
    levels = np.repeat([-20.0, 0.0, 20.0], 25)
    dz_um, fields = np.tile(DZ_UM, 3), np.repeat(["a", "b", "c"], 25)
    result = noisy(50 + 0.4 * dz_um + levels, 0)
    fit, without = fit_assay(dz_um, result, fields.tolist()), fit_assay(dz_um, result)
    assert fit.at_plane(1).lower < 0.4 < fit.at_plane(1).upper
    assert fit.at_plane().value == pytest.approx(50.0, abs=0.5)
    assert fit.at_plane(1).u < 0.3 * without.at_plane(1).u


@given(st.floats(0.01, 100), st.floats(-1000, 1000), st.floats(-5, 5))
def test_the_unit_and_zero_of_the_result_do_not_matter(
    scale: float, zero: float, shift_um: float
) -> None:
    dz_um = DZ_UM + shift_um
    result = noisy(70 - 0.002 * (dz_um - 10) ** 2, 1)
    one, other = fit_assay(dz_um, result), fit_assay(dz_um, zero + scale * result)
    assert other.at_plane(1).value == pytest.approx(
        scale * one.at_plane(1).value, rel=0.01, abs=1e-3
    )
    lows = [fit.tolerance(b).guarded_low_um for fit, b in ((one, 2.0), (other, 2.0 * scale))]
    assert lows[1] == pytest.approx(lows[0], rel=0.02)


def test_a_result_within_the_bias_to_the_end_has_no_tolerance() -> None:
    allowed = fit_assay(DZ_UM, np.full(25, 50.0)).tolerance(2.0)
    assert np.isnan([allowed.low_um, allowed.high_um, allowed.guarded_low_um]).all()


def test_the_tolerance_is_the_nearest_dz_where_it_is_exceeded() -> None:
    dz_um = np.linspace(-10, 10, 4001)
    assert _first_above(dz_um, np.abs(3 * np.sin(dz_um)), 2.0) == pytest.approx(
        np.arcsin(2 / 3), abs=1e-4
    )


@pytest.mark.parametrize(
    ("dz_um", "fields", "message"),
    [
        (DZ_UM[:5], None, "assay: 5 Z positions; a tolerance needs at least 6"),
        (np.repeat([-2.0, -1, 0, 1, 2], 9), None, "5 Z positions"),
        (DZ_UM[14:], None, "0 Z positions below the reference plane and 11 above"),
        (DZ_UM[11:], None, "1 Z positions below"),
        (np.empty(0), None, "0 Z positions"),
        (DZ_UM, [str(k) for k in range(25)], "the levels of 25 fields cannot be separated"),
    ],
)
def test_too_little_about_the_plane_is_refused(
    dz_um: np.ndarray, fields: list[str] | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        fit_assay(dz_um, 50 + 0.4 * dz_um, fields, "assay")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "refp_um", "message"),
    [
        ("", None, "cannot be read"),
        ("z_um,viability\n1,2\n", None, "no column delta_z_um; add it, or give z_um and the plane"),
        ("z_um,a,b\n1,2,3\n", 0.0, "columns of numbers: a, b; name that of the result"),
        ("delta_z_um,a\n1,2\n", 3.0, "which --refp-um would change"),
        ("delta_z_um,a,b\n1,2,3\nx,2,3\n", None, "name that of the result"),
        ("delta_z_um,viability\n1,2\n3,many\n", None, "name that of the result"),
    ],
)
def test_tables_that_are_not_clear_are_errors(
    tmp_path: Path, text: str, refp_um: float | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_assay(write(tmp_path / "t.csv", text), "", refp_um)


def test_a_text_among_the_results_is_named_with_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "delta_z_um,viability\n1,2\n3,many\n")
    with pytest.raises(DataError, match="viability 'many' is not a number; correct row 3"):
        read_assay(path, "viability")


def test_an_assay_is_read_with_its_fields_and_data_sets(tmp_path: Path) -> None:
    text = "dataset,z_um,fov,count\nA,1500,1,10\nB,1510,2,\nB,1520,2,12\n"
    name, points = read_assay(write(tmp_path / "t.csv", text), "", 1505.0)
    assert name == "count"
    assert points.to_dict("records") == [
        {"dataset": "A", "delta_z_um": -5.0, "result": 10.0, "field": "1"},
        {"dataset": "B", "delta_z_um": 15.0, "result": 12.0, "field": "2"},
    ]


def test_a_data_set_that_cannot_be_fitted_leaves_the_others() -> None:
    good = pd.DataFrame({"dataset": "A", "delta_z_um": DZ_UM, "result": 50 + 0.4 * DZ_UM})
    points = pd.concat([good, good[:3].assign(dataset="B")])
    fits, reasons = fit_sets(points, ALLOWED, "t.csv")
    assert list(fits) == ["A"]
    assert reasons["B"].startswith("t.csv: B, viability: 3 Z positions")
    table = fit_table(points, fits, ALLOWED).set_index("dataset")
    assert table.loc["A", "tolerance_high_um"] == pytest.approx(5.0)
    assert np.isnan(table.loc["B", "slope_per_um"])


@pytest.fixture
def line() -> dict[str, AssayFit]:
    return {"A": fit_assay(DZ_UM, 50 + 0.4 * DZ_UM)}


def test_the_archives_changed_results_are_counted(
    line: dict[str, AssayFit], tmp_path: Path
) -> None:
    dz_um = [0.0, 4.9, -4.9, 5.1, -30.0, 61.0, np.nan]
    status = ["ok", "ok", "unverified", "ok", "ok", "ok", "refused"]
    pd.DataFrame({"delta_z_um": dz_um, "status": status}).to_csv(tmp_path / "audit.csv")
    (row,) = changed_table(line, ALLOWED, tmp_path).to_dict("records")
    assert (row["n_images"], row["n_changed"], row["n_beyond"]) == (6, 2, 1)
    assert row["fraction_lower"] < 2 / 6 < 3 / 6 < row["fraction_upper"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "not a table of estimates"),
        ("delta_z_um,status\n,refused\n", "no estimated image"),
    ],
)
def test_an_archive_without_estimates_is_an_error(
    line: dict[str, AssayFit], tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        changed_table(line, ALLOWED, write(tmp_path / "x.csv", text))
