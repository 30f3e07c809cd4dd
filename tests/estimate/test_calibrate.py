"""Held-out images tell how large errors are, and what a training image looks like."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from refp.arrays import FloatArray
from refp.estimate import EstimateSettings, calibrate
from refp.models import Predictions
from refp.models.ensemble import Calibration
from refp.models.lookup import Match
from refp.tiles import LabelledTiles

N_IMAGES, N_BEADS = 200, 4


def tiles_at(dz_um: FloatArray) -> LabelledTiles:
    frame = np.arange(len(dz_um)).repeat(N_BEADS)
    n = len(frame)
    return LabelledTiles(
        dz_um=dz_um[frame],
        profile=np.ones((n, 2)),
        saturated=np.zeros((n, 2), dtype=np.bool_),
        light=np.ones(n),
        pixels=np.empty((n, 0, 0)),
        frame=frame,
        bead=np.tile(np.arange(N_BEADS), len(dz_um)),
        field=np.zeros(n, dtype=np.int64),
        radius_radii=np.array([0.0, 1.0]),
        sweeps=(),
        refp_u_um=0.4,
    )


def calibrated(
    error: FloatArray, sd_um: float, stage_um: float = 0.0, split: str = "field", **more: Any
) -> Calibration:
    """Calibrate on images whose beads are all wrong by the image's ``error``."""
    dz_um = np.linspace(-60, 60, len(error))
    tiles = tiles_at(dz_um)
    dz = tiles.dz_um + error[tiles.frame]
    n = len(tiles)
    given = {"dz": dz[None], "match_dz": dz, "misfit": np.ones(n), **more}
    return calibrate(
        tiles,
        Predictions(given["dz"], np.full_like(given["dz"], sd_um)),
        Match(given["match_dz"], np.ones(n), given["misfit"], np.zeros(n, dtype=np.bool_)),
        EstimateSettings(),
        stage_sigma_um=stage_um,
        split=split,
    )


@pytest.fixture
def error() -> FloatArray:
    return np.random.default_rng(0).normal(0, 3.0, N_IMAGES)


def share_inside(error: FloatArray, made: Calibration, u_raw: float, stage_um: float) -> float:
    half = norm.ppf(0.975) * np.hypot(made.factor * u_raw, stage_um)
    return float(np.mean(np.abs(error) <= half + 1e-9))


@pytest.mark.parametrize("sd_um", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("stage_um", [0.0, 1.5])
def test_stated_share_of_held_out_images_lies_inside(
    error: FloatArray, sd_um: float, stage_um: float
) -> None:
    made = calibrated(error, sd_um, stage_um)
    inside = share_inside(error, made, sd_um / np.sqrt(N_BEADS), stage_um)
    assert inside == pytest.approx(0.95, abs=1.5 / N_IMAGES)


def test_factor_scales_with_what_is_stated(error: FloatArray) -> None:
    first, second = calibrated(error, 1.0), calibrated(error, 2.0)
    assert first.factor == pytest.approx(2 * second.factor, rel=1e-2)


def test_error_of_the_stage_is_taken_off(error: FloatArray) -> None:
    known, unknown = calibrated(error, 1.0, stage_um=2.5), calibrated(error, 1.0)
    assert known.factor < unknown.factor


def test_interval_is_never_without_width(error: FloatArray) -> None:
    assert calibrated(error * 1e-6, 1.0).factor == 0.3


def test_card_of_the_errors(error: FloatArray) -> None:
    made = calibrated(error, 1.0)
    assert made.rms_um == pytest.approx(np.sqrt(np.mean(error**2)))
    assert (made.n_images, made.held_out, made.refp_u_um) == (N_IMAGES, "field", 0.4)


def test_limits_lie_above_what_training_shows(error: FloatArray) -> None:
    rng = np.random.default_rng(1)
    misfit = rng.uniform(0.5, 2.0, N_IMAGES).repeat(N_BEADS)
    made = calibrated(error, 1.0, misfit=misfit, match_dz=tiles_at(np.zeros(N_IMAGES)).dz_um)
    assert made.maximum_misfit == pytest.approx(1.5 * np.quantile(misfit, 0.995), rel=0.02)
    far = np.abs(np.linspace(-60, 60, N_IMAGES) + error)
    assert made.maximum_disagreement_um == pytest.approx(1.5 * np.quantile(far, 0.995))


def test_images_that_no_member_predicts_do_not_count(error: FloatArray) -> None:
    tiles = tiles_at(np.linspace(-60, 60, N_IMAGES))
    dz = (tiles.dz_um + error[tiles.frame])[None].repeat(2, axis=0)
    dz[0, tiles.frame % 2 == 0] = np.nan  # each member predicts what it has not seen
    dz[1, tiles.frame % 4 != 0] = np.nan
    made = calibrated(error, 1.0, dz=dz)
    counted = np.arange(N_IMAGES) % 4 != 2
    assert made.n_images == np.count_nonzero(counted)
    assert made.rms_um == pytest.approx(np.sqrt(np.mean(error[counted] ** 2)))


@pytest.mark.parametrize("split", ["bead", "frames", "random"])
def test_without_whole_fields_held_out_the_factor_is_at_least_one(
    error: FloatArray, split: str
) -> None:
    assert calibrated(error * 1e-6, 1.0, split=split).factor == 1.0


def test_systematic_errors_of_few_beads_are_added(error: FloatArray) -> None:
    tiles = tiles_at(np.linspace(-60, 60, N_IMAGES))
    lift = np.array([-3.0, -1.0, 1.0, 3.0])
    dz = (tiles.dz_um + lift[tiles.bead])[None]
    made = calibrated(error, 1.0, split="bead", dz=dz)
    assert made.beads_u_um == pytest.approx(np.std(lift, ddof=1) / np.sqrt(N_BEADS))
    assert calibrated(error, 1.0, split="field", dz=dz).beads_u_um == 0.0


def test_images_that_state_no_uncertainty_do_not_set_the_factor(error: FloatArray) -> None:
    alone = Predictions(error[None, :].copy(), np.full((1, N_IMAGES), np.nan))
    tiles = tiles_at(np.zeros(N_IMAGES))
    rows = np.arange(0, len(tiles), N_BEADS)  # one bead an image, one member, no spread stated
    dz = np.full((1, len(tiles)), np.nan)
    dz[:, rows] = alone.dz_um
    nothing = np.full_like(dz, np.nan)
    match = Match(np.zeros(len(tiles)), nothing[0], np.ones(len(tiles)), np.zeros(len(tiles), bool))
    made = calibrate(
        tiles,
        Predictions(dz, nothing),
        match,
        EstimateSettings(),
        stage_sigma_um=0.0,
        split="field",
    )
    assert made.factor == 1.0
