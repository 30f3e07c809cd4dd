"""Predictions of members for beads, and errors of images."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from refp.core.robust import iqr_inliers
from refp.estimate.combine import Spread, combine
from refp.estimate.evaluation import THRESHOLDS_UM
from refp.models import Predictions
from refp.settings import EstimateSettings
from refp.study.items.fig10 import _count
from refp.study.items.ours import _bound, _scatter
from refp.study.predictions import MemberPredictions, draw_beads, image_errors, mean_of_inliers


def predictions_of(
    member_um: np.ndarray, truth: np.ndarray, exposures: np.ndarray | None = None
) -> MemberPredictions:
    """Make predictions, shape (images, beads, members), um, of images of known dZ."""
    rows = []
    for i, image in enumerate(member_um):
        for bead, members in enumerate(image):
            if np.isnan(members).any():
                continue
            exposure = 12.0 if exposures is None else exposures[i]
            row = ["A2K test 1", 1, 1, exposure, 100.0 + i, f"{i}.tif", bead, truth[i], *members]
            rows.append(row)
    columns = ["dataset", "experiment", "fov", "exposure_ms", "z_um", "image", "bead"]
    names = [f"member_{m + 1:02d}_um" for m in range(member_um.shape[2])]
    table = pd.DataFrame(rows, columns=[*columns, "delta_z_true_um", *names])
    return MemberPredictions(table, pd.DataFrame())


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.integers(1, 12)),
        elements=st.floats(-100, 100, width=32),
    )
)
def test_the_mean_of_inliers_is_that_of_the_rule_defined_once(values: np.ndarray) -> None:
    means, counted = mean_of_inliers(values)
    for row, mean, n in zip(values, means, counted, strict=True):
        inside = iqr_inliers(row)
        assert n == inside.sum()
        assert mean == pytest.approx(row[inside].mean(), abs=1e-9)


def test_images_are_combined_as_recipe_paper_does() -> None:
    rng = np.random.default_rng(0)
    member_um = rng.normal(0, 5, (6, 9, 4))
    member_um[:, 0] += 80.0  # an outlier
    truth = np.linspace(-20, 20, 6)
    table = image_errors(predictions_of(member_um, truth))
    settings, spread = EstimateSettings(order="members"), Spread(1.0, 1.0, 0.0, 0.0)
    for i, row in table.iterrows():
        stated = np.full(member_um[i].T.shape, np.nan)
        expected = combine(
            Predictions(member_um[i].T, stated), np.zeros((9, 2)), np.ones(9), spread, settings
        )
        assert row["delta_z_um"] == pytest.approx(expected.dz_um)
        assert row["error_um"] == pytest.approx(expected.dz_um - truth[i])
        counted = [iqr_inliers(member).sum() for member in member_um[i].T]
        assert row["n_beads_used"] == int(np.median(counted)) < 9


def test_fewer_members_are_the_first_ones() -> None:
    member_um = np.zeros((1, 3, 2))
    member_um[..., 1] = 10.0
    predictions = predictions_of(member_um, np.zeros(1))
    assert image_errors(predictions, 1)["error_um"].tolist() == [0.0]
    assert image_errors(predictions)["error_um"].tolist() == [5.0]


def test_an_image_with_too_few_beads_is_not_counted() -> None:
    member_um = np.zeros((2, 5, 1))
    member_um[1, 3:] = np.nan
    draws = draw_beads(predictions_of(member_um, np.zeros(2)), 4, 1, 7, 0)
    assert draws.error_um.shape == (7, 2)
    assert np.isfinite(draws.error_um[:, 0]).all()
    assert np.isnan(draws.error_um[:, 1]).all()


def test_a_draw_takes_the_same_beads_through_the_sweep() -> None:
    own = np.arange(8.0) * 10
    member_um = np.broadcast_to(own[None, :, None], (5, 8, 1))
    error = draw_beads(predictions_of(member_um, np.zeros(5)), 2, 1, 50, 0).error_um
    assert (error == error[:, :1]).all()
    assert len(np.unique(error[:, 0])) > 5
    np.testing.assert_array_equal(
        error, draw_beads(predictions_of(member_um, np.zeros(5)), 2, 1, 50, 0).error_um
    )


def test_all_beads_and_members_leave_nothing_to_draw() -> None:
    rng = np.random.default_rng(1)
    member_um, truth = rng.normal(0, 3, (4, 6, 3)), rng.normal(0, 50, 4)
    error = draw_beads(predictions_of(member_um, truth), 6, 3, 9, 0).error_um
    per_bead = np.median(member_um, axis=2)
    expected = [bead[iqr_inliers(bead)].mean() for bead in per_bead] - truth
    np.testing.assert_allclose(error, np.broadcast_to(expected, error.shape))


def test_members_are_drawn_too() -> None:
    member_um = np.zeros((1, 6, 5))
    member_um[..., :] = np.arange(5.0)
    error = draw_beads(predictions_of(member_um, np.zeros(1)), 6, 1, 60, 0).error_um
    assert set(np.unique(error)) == set(range(5))


def test_draws_hold_the_exposures() -> None:
    predictions = predictions_of(np.zeros((3, 6, 1)), np.zeros(3), np.array([6.0, 12.0, 6.0]))
    assert sorted(draw_beads(predictions, 2, 1, 3, 0).exposure_ms) == [6.0, 6.0, 12.0]


def test_images_of_unknown_exposure_are_counted() -> None:
    exposures = np.array([6.0, np.nan, 6.0, np.nan])
    predictions = predictions_of(np.zeros((4, 6, 1)), np.array([0.0, 3.0, 0.0, 3.0]), exposures)
    assert len(image_errors(predictions)) == 4
    rows = list(_count(draw_beads(predictions, 2, 1, 3, 0), 1, 2))
    within = {(exposure, threshold): share for exposure, _, _, threshold, share, *_ in rows}
    assert within[6.0, min(THRESHOLDS_UM)] == 1
    unknown = [row for row in rows if np.isnan(row[0])]
    assert [row[4] for row in unknown] == [float(t >= 3.0) for t in THRESHOLDS_UM]
    assert {row[-1] for row in rows} == {2}


def test_the_scatter_of_images_of_unknown_exposure() -> None:
    member_um = np.broadcast_to(np.array([-1.0, 0.0, 1.0])[None, :, None], (3, 3, 2))
    predictions = predictions_of(member_um, np.zeros(3), np.full(3, np.nan))
    assert _scatter(predictions, predictions.beads) == pytest.approx(1.0)
    assert np.isnan(_bound(None, np.zeros(2), np.nan))


def test_a_set_without_a_plane_has_no_predictions_and_no_errors() -> None:
    nothing = predictions_of(np.zeros((0, 6, 2)), np.zeros(0))
    assert image_errors(nothing).empty
    draws = draw_beads(nothing, 6, 1, 5, 0)
    assert draws.error_um.shape == (5, 0)
    assert draws.exposure_ms.shape == (0,)
