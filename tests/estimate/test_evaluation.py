"""Statistics of errors, against closed forms and a second computation."""

import math
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.estimate.evaluation import THRESHOLDS_UM, Summary, summarise

NUMBERS = st.floats(-60, 60)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30)


def table(errors: list[float], truth: list[float], half: float = 4.0) -> pd.DataFrame:
    error, true = np.array(errors, dtype=float), np.array(truth, dtype=float)
    estimated = true + error
    return pd.DataFrame(
        {
            "status": ["ok"] * len(error),
            "error_um": error,
            "delta_z_true_um": true,
            "lower_um": estimated - half,
            "upper_um": estimated + half,
            "coverage": 0.95,
        }
    )


def refuse(errors: pd.DataFrame, n: int) -> pd.DataFrame:
    nan = float("nan")
    row = {
        "status": "refused",
        "error_um": nan,
        "delta_z_true_um": 50.0,
        "lower_um": nan,
        "upper_um": nan,
        "coverage": 0.95,
    }
    lost = pd.DataFrame([row] * n).astype({"error_um": float})
    return pd.concat([errors, lost], ignore_index=True) if len(errors) else lost


def test_closed_forms() -> None:
    made = summarise(table([3.0, -4.0, 0.0, 5.0], [-10.0, 0.0, 0.0, 10.0]))
    assert (made.n_images, made.n_ok, made.n_refused) == (4, 4, 0)
    assert made.rms_um == pytest.approx(math.sqrt(50 / 4))
    assert made.bias_um == pytest.approx(1.0)
    assert made.largest_um == 5.0
    assert made.within == (0.25, 1.0, 1.0, 1.0)
    assert made.constant_rms_um == pytest.approx(math.sqrt(50))
    assert made.skill == pytest.approx(0.5)
    assert made.coverage_observed == 0.75


def test_coverage_includes_the_label_uncertainty() -> None:
    errors = table([3.0, -4.0, 0.0, 5.0], [-10.0, 0.0, 0.0, 10.0])
    assert summarise(errors.assign(label_u_um=0.1)).coverage_observed == 0.75
    assert summarise(errors.assign(label_u_um=3.0)).coverage_observed == 1.0
    own = summarise(errors.assign(label_u_um=[0.1, 0.1, 0.1, 3.0]))  # each image's own
    assert own.coverage_observed == 1.0
    assert own.label_u_um == pytest.approx(math.sqrt(9.03 / 4))


@given(PAIRS)
def test_against_a_second_computation(pairs: list[tuple[float, float]]) -> None:
    errors, truth = [p[0] for p in pairs], [p[1] for p in pairs]
    made = summarise(table(errors, truth))
    squares = [error * error for error in errors]
    assert made.rms_um == pytest.approx(math.sqrt(statistics.fmean(squares)))
    assert made.bias_um == pytest.approx(statistics.fmean(errors), abs=1e-9)
    assert made.largest_um == max(abs(error) for error in errors)
    assert made.constant_rms_um == pytest.approx(statistics.pstdev(truth), abs=1e-6)
    for limit, fraction in zip(THRESHOLDS_UM, made.within, strict=True):
        assert fraction == sum(abs(error) <= limit for error in errors) / len(errors)


@given(PAIRS)
def test_fractions_rise_with_the_limit(pairs: list[tuple[float, float]]) -> None:
    made = summarise(table([p[0] for p in pairs], [p[1] for p in pairs]))
    assert list(made.within) == sorted(made.within)


@pytest.mark.parametrize(
    ("scale", "skill"),
    [
        pytest.param(0.0, 1.0, id="no error"),
        pytest.param(1.0, 0.0, id="the mean"),
        pytest.param(2.0, -1.0, id="worse"),
    ],
)
def test_skill(scale: float, skill: float) -> None:
    truth = [-20.0, -5.0, 5.0, 20.0]
    assert summarise(table([-scale * t for t in truth], truth)).skill == pytest.approx(skill)


def test_refused_images_are_counted_only() -> None:
    errors = table([1.0, -2.0], [0.0, 10.0])
    made, without = summarise(refuse(errors, 3)), summarise(errors)
    assert (made.n_images, made.n_ok, made.n_refused) == (5, 2, 3)
    assert made.rms_um == without.rms_um
    assert made.constant_rms_um == without.constant_rms_um


@pytest.mark.parametrize("n_refused", [0, 4])
def test_nothing_estimated(n_refused: int) -> None:
    made = summarise(refuse(table([], []), n_refused) if n_refused else table([], []))
    assert (made.n_images, made.n_ok, made.n_refused) == (n_refused, 0, n_refused)
    assert np.isnan(values_of(made)).all()


def values_of(made: Summary) -> list[float]:
    counts = ("n_images", "n_ok", "n_refused", "label_u_um")
    return [value for name, value in made.as_dict().items() if name not in counts]


def test_one_dz_has_no_skill() -> None:
    assert math.isnan(summarise(table([1.0, 2.0], [5.0, 5.0])).skill)


def test_flat_row() -> None:
    assert list(summarise(table([1.0], [0.0])).as_dict()) == [
        *("n_images", "n_ok", "n_refused", "rms_um", "bias_um", "largest_um"),
        *("constant_rms_um", "skill", "coverage_observed", "coverage_nominal", "coverage_p_value"),
        "label_u_um",
        *("within_2.5_um", "within_5_um", "within_7.5_um", "within_10_um"),
    ]
