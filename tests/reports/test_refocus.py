"""The figure of a refocus run."""

import math

import numpy as np
import pandas as pd
import pytest

from refp.reports import draw_refocus, svg_text


@pytest.fixture
def steps() -> pd.DataFrame:
    """A run of two images, whose second one was refused."""
    own = {"delta_z_um": 120.0, "lower_um": 118.0, "upper_um": 122.0, "true_delta_z_um": 121.0}
    refused = dict.fromkeys(own, math.nan) | {"true_delta_z_um": 106.0}
    rows = [
        {"z_um": 1620.0, "move_um": -15.0, "status": "ok"} | own,
        {"z_um": 1605.0, "move_um": 15.0, "status": "refused"} | refused,
    ]
    return pd.DataFrame(rows)


def test_stage_dz_and_uncertainty_have_a_panel_each(steps: pd.DataFrame) -> None:
    stage, dz, u = draw_refocus(steps, 7.5, "a run").axes
    assert [axes.get_ylabel() for axes in (stage, dz, u)] == [
        "Z of the stage (um)",
        "dZ (um)",
        "U (um)",
    ]
    assert [text.get_text() for text in u.get_xticklabels()] == ["1", "2", "end"]
    assert dz.get_yscale() == "symlog"
    low_um, high_um = dz.get_ylim()
    assert low_um < -121.0 < 121.0 < high_um


def test_the_end_of_the_stage_and_refused_images_are_marked(steps: pd.DataFrame) -> None:
    stage = draw_refocus(steps, 7.5).axes[0]
    marks = {line.get_marker(): line.get_xydata() for line in stage.lines}
    np.testing.assert_allclose(marks["X"], [[2, 1605]])
    np.testing.assert_allclose(marks["s"], [[3, 1620]])


def test_a_run_without_any_estimate_is_drawn(steps: pd.DataFrame) -> None:
    nothing = steps.iloc[1:].reset_index(drop=True).drop(columns="true_delta_z_um")
    assert svg_text(draw_refocus(nothing, 7.5)).startswith("<?xml")
