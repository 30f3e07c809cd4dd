"""Learn from held-out fields how large errors are, and what a training image looks like.

The raw uncertainty of an image (scatter of beads and members over the root of their number) says
which images are worse, not by how much: beads of one image err together. One factor, found on images
whose beads the networks have not seen, makes the interval cover. The labels of those images carry the
stage's repeatability, which is taken off where it is known: the interval is for the true plane.

With a single field of view, beads are held out instead, and that hides how fields differ: the errors of
its beads cancel in the mean, because their own mean made the labels. There the factor is never below
one, and the spread of the beads' systematic errors over the root of their number is added.
"""

from collections.abc import Iterator

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from refp.arrays import FloatArray, IntArray
from refp.estimate.combine import combine
from refp.estimate.settings import EstimateSettings
from refp.models.ensemble import Calibration, Predictions
from refp.models.lookup import Match
from refp.tiles.tiles import LabelledTiles

LEAST_FACTOR = 0.3
REFUSAL_QUANTILE = 0.995
REFUSAL_MARGIN = 1.5
"""Held-out fields are few: the limit lies above what 99.5 % of their images show, by half."""


def calibrate(
    tiles: LabelledTiles,
    held_out: Predictions,
    match: Match,
    settings: EstimateSettings,
    *,
    stage_sigma_um: float,
    split: str,
) -> Calibration:
    """Calibrate interval and refusal on held-out images.

    Parameters
    ----------
    tiles
        Labelled beads.
    held_out
        Predictions of each bead by networks that have not seen it; NaN where there is none.
    match
        The look-up's word on each bead.
    settings
        Combination and coverage.
    stage_sigma_um
        Repeatability of the stage, part of the labels' error.
    split
        What was held out, for the card.
    """
    errors: list[float] = []
    raw: list[float] = []
    apart: list[float] = []
    misfits: list[float] = []
    for rows, predictions in _images(tiles, held_out):
        combined = combine(predictions, settings)
        errors.append(combined.dz_um - float(tiles.dz_um[rows[0]]))
        raw.append(combined.u_raw_um)
        apart.append(abs(combined.dz_um - float(np.median(match.dz_um[rows]))))
        misfits.append(float(np.median(match.misfit[rows])))
    error, u_raw = np.array(errors), np.array(raw)
    by_field = split == "field"
    least = LEAST_FACTOR if by_field else 1.0
    return Calibration(
        factor=max(least, _factor(np.abs(error), u_raw, stage_sigma_um, settings.coverage)),
        refp_u_um=tiles.refp_u_um,
        beads_u_um=0.0 if by_field else _beads_uncertainty(tiles, held_out),
        maximum_misfit=_limit(misfits),
        maximum_disagreement_um=_limit(apart),
        held_out=split,
        n_images=len(errors),
        rms_um=float(np.sqrt(np.mean(error**2))),
    )


def _images(tiles: LabelledTiles, held_out: Predictions) -> Iterator[tuple[IntArray, Predictions]]:
    """Rows and predictions of each image that has any."""
    predicted = np.isfinite(held_out.dz_um).any(axis=0)
    for frame in np.unique(tiles.frame):
        rows = np.flatnonzero((tiles.frame == frame) & predicted)
        if len(rows):
            members = np.isfinite(held_out.dz_um[:, rows]).all(axis=1)
            yield (
                rows,
                Predictions(
                    held_out.dz_um[members][:, rows],
                    held_out.sd_um[members][:, rows],
                ),
            )


def _beads_uncertainty(tiles: LabelledTiles, held_out: Predictions) -> float:
    """Standard uncertainty of the mean systematic error of the beads that were trained on."""
    known = np.flatnonzero(np.isfinite(held_out.dz_um).any(axis=0))
    error = np.nanmean(held_out.dz_um[:, known], axis=0) - tiles.dz_um[known]
    beads = tiles.bead[known]
    typical = np.array([np.median(error[beads == bead]) for bead in np.unique(beads)])
    return float(typical.std(ddof=1) / np.sqrt(len(typical))) if len(typical) > 1 else 0.0


def _limit(values: list[float]) -> float:
    return float(np.quantile(values, REFUSAL_QUANTILE)) * REFUSAL_MARGIN


def _factor(error: FloatArray, u_raw: FloatArray, stage_sigma_um: float, coverage: float) -> float:
    """Least factor with which the stated share of held-out images lies inside its interval.

    Images that say nothing of their own uncertainty do not take part.
    """
    telling = u_raw > 0
    if not telling.any():
        return 1.0
    error, u_raw = error[telling], u_raw[telling]
    width = float(ndtri(0.5 + coverage / 2))

    def excess(factor: float) -> float:
        half = width * np.hypot(factor * u_raw, stage_sigma_um)
        return float(np.quantile(error / half, coverage)) - 1.0

    if excess(LEAST_FACTOR) <= 0:
        return LEAST_FACTOR
    return float(brentq(excess, LEAST_FACTOR, 1e4, xtol=1e-3))
