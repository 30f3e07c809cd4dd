"""The rule by which an interval holds a label, and the words for labels."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from refp.core.labels import (
    ORIGINS,
    WIDTH_95,
    Origin,
    describe_origins,
    hold_labels,
    name_labels,
    reach_um,
)

UM = st.floats(-300, 300)
WIDTHS = st.floats(0, 30)


@given(UM, WIDTHS, UM, WIDTHS)
def test_a_label_inside_the_interval_is_held_whatever_its_uncertainty(
    middle: float, half: float, label: float, u: float
) -> None:
    held = bool(hold_labels(middle - half, middle + half, label, u))
    exact = bool(hold_labels(middle - half, middle + half, label, 0.0))
    assert held or not exact
    assert held == bool(hold_labels(-middle - half, -middle + half, -label, u))


def test_errors_of_estimate_and_label_add_in_quadrature() -> None:
    """Independent normal errors of both: 95 % of the labels are held."""
    rng = np.random.default_rng(0)
    own, label = 1.5 * rng.normal(size=20_000), 2.0 * rng.normal(size=20_000)
    half = norm.ppf(0.975) * 1.5
    held = hold_labels(own - half, own + half, label, np.full(20_000, 2.0))
    assert held.mean() == pytest.approx(0.95, abs=0.005)
    assert reach_um(3.0, 0.0) == 3.0
    assert reach_um(0.0, 1.0) == WIDTH_95


def test_an_unknown_interval_holds_nothing() -> None:
    assert not hold_labels(np.nan, np.nan, 0.0, 100.0).any()


def test_every_origin_has_words() -> None:
    assert set(ORIGINS) == set(get_args(Origin))
    assert describe_origins(["nominal", "simulated", "nominal"]) == "; ".join(
        (ORIGINS["nominal"], ORIGINS["simulated"])
    )
    assert describe_origins([]) == ""


@pytest.mark.parametrize(
    ("origins", "name"),
    [
        (["simulated"], "true dZ"),
        (["simulated", "nominal"], "labelled dZ"),
        (["stage-corrected"], "labelled dZ"),
        ([], "labelled dZ"),
    ],
)
def test_only_a_simulation_knows_the_truth(origins: list[str], name: str) -> None:
    assert name_labels(origins) == name
