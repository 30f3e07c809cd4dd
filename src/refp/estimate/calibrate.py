"""Calibrate the interval and the limits of refusal on held-out beads.

The error of an image has contributions that are determined in different ways:

* *beads*: scatter of the beads of one image about their combined dZ. One factor on the stated standard
  deviations makes the stated fraction of held-out beads fall inside their intervals (split conformal
  prediction, normalised by the stated deviation). Heights of the beads above the slide come from the
  sweep.
* *calibration*: error that all beads of an image have in common, determined from held-out images after
  subtraction of the plane of their field, the contribution of the beads and the label uncertainty.
* *REFP* and *stage*: errors of the labels that all images have in common, which held-out images do not
  show. They come from the plane's uncertainty budget.

The coverage of the resulting intervals on held-out images is observed. Where it is significantly below the
nominal one, a factor widens all intervals; no interval becomes narrower.

References
----------
Lei et al. 2018, "Distribution-free predictive inference for regression" (normalised conformal scores).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import nnls
from scipy.special import ndtri

from refp.core.arrays import FloatArray, IntArray
from refp.core.labels import reach_um
from refp.core.robust import nan_median
from refp.core.rows import take
from refp.estimate.combine import Combined, Spread, combine, stated_sd
from refp.estimate.coverage import observe_coverage, widening
from refp.estimate.interval import MAX_DOF, make_interval
from refp.estimate.resemblance import least_limit, spread_residuals, t_squared
from refp.models.card import (
    WHITE,
    Calibration,
    PixelNoise,
    Predictions,
    ResidualSpread,
    StageCurve,
    typical_noise,
    typical_whiteness,
)
from refp.models.lookup import Match, predictions_of
from refp.models.tiles.label_errors import TYPICAL_FREEDOM, LabelErrors
from refp.models.tiles.tiles import LabelledTiles
from refp.settings import EstimateSettings

MIN_FACTOR = 0.1
REFUSAL_QUANTILE = 0.995
FEW_IMAGES = 5
"""Images a ring below which their covariance fits them better than others; from ten on, by a tenth."""
COVARIANCE_FOLDS = 5
WHITE_MARGIN = 1.05
"""Factor on the range of whiteness of held-out images: its relative error for one bead."""
MAX_TAIL = 1.0
"""Largest logarithm of the factor for the tail that few images do not show."""
REFUSAL_MARGIN = 1.5
"""Factor on the quantile of held-out images for a limit, since held-out fields are few."""


def calibrate(
    tiles: LabelledTiles,
    held_out: Predictions,
    match: Match,
    settings: EstimateSettings,
    labels: LabelErrors,
    *,
    tilt_um_per_px: float,
    split: str,
) -> Calibration:
    """Calibrate interval and refusal on held-out images.

    Parameters
    ----------
    tiles
        Labelled beads.
    held_out
        Predictions of each bead by networks that were not trained on it; NaN where there is none.
    match
        Look-up's match of each bead, with stacks pooled without it.
    settings
        Combination and coverage.
    labels
        Standard uncertainties of the labels.
    tilt_um_per_px
        Standard deviation of slide tilts.
    split
        Kind of held-out groups, for the card.
    """
    factor = _bead_factor(tiles, held_out, settings.coverage)
    spread = Spread(factor, labels.height_um, labels.rise_um_per_size, tilt_um_per_px)
    combined = partial(combine, spread=spread, settings=settings)
    assessed = [_assess(tiles, rows, p, match, combined) for rows, p in _images(tiles, held_out)]
    # An image outside the range of the stack that it is matched with would be refused.
    images = [image for image in assessed if image.inside] or assessed
    error = np.array([image.error_um for image in images])
    reduced_chi2, reduced_chi2_noise = _usual_chi2(images)
    expected = [reduced_chi2 + reduced_chi2_noise * image.noise_variance for image in images]
    relative = [image.reduced_chi2 / usual for image, usual in zip(images, expected, strict=True)]
    n_fields = len({image.field for image in images})
    sizes = tiles.size[np.unique(tiles.bead, return_index=True)[1]]
    calibration = Calibration(
        bead_factor=factor,
        height_um=labels.height_um,
        rise_um_per_size=labels.rise_um_per_size,
        beads_dof=float(max(len(sizes) - n_fields, 1)),
        refp_u_um=labels.refp_u_um,
        refp_dof=min(labels.refp_dof, MAX_DOF),
        stage=StageCurve(
            dz_um=tuple(labels.stage.dz_um),
            u_um=tuple(labels.stage.u_um),
            dof=min(labels.stage.dof, MAX_DOF),
        ),
        model_u_um=_model_uncertainty(images, labels, by_field=split == "field"),
        model_dof=_freedom(len(images), n_fields),
        size_sd=float(sizes.std(ddof=1)) if len(sizes) > 1 else 0.0,
        n_sizes=len(sizes),
        reduced_chi2=reduced_chi2,
        reduced_chi2_noise=reduced_chi2_noise,
        noise=_usual_noise(images, typical_whiteness(tiles.whiteness)),
        maximum_reduced_chi2=_limit(relative),
        residuals=_usual_residuals(images, expected),
        maximum_disagreement_um=_limit([image.apart_um for image in images]),
        held_out=split,
        n_images=len(images),
        rms_um=float(np.sqrt(np.mean(error**2))),
    )
    label_u_um = image_label_u_um(tiles, labels)
    return _with_coverage(calibration, images, label_u_um, settings.coverage)


def image_label_u_um(tiles: LabelledTiles, labels: LabelErrors) -> FloatArray:
    """Return the standard uncertainty of each tile's image label by its own field, shape ``(n,)``, um.

    It is that of the frame's position, of the field's plane, and of the stage errors that the labels of
    the field keep; the latter two are those of the mean of all fields times the root of their number.
    """
    n_fields = len(np.unique(tiles.field))
    of_field = n_fields * (labels.refp_u_um**2 + labels.stage.at(tiles.image_dz_um) ** 2)
    u_um: FloatArray = np.sqrt(tiles.label_u_um**2 + of_field)
    return u_um


def _with_coverage(
    calibration: Calibration, images: list["_Image"], label_u_um: FloatArray, nominal: float
) -> Calibration:
    """Return the calibration with the observed coverage of its intervals, and the widening they need."""
    error = np.array([image.error_um for image in images])
    u_um = label_u_um[[image.row for image in images]]
    half = np.array(
        [make_interval(i.combined, calibration, i.members, nominal).half_um for i in images]
    )
    coverage = observe_coverage(
        np.abs(error) <= reach_um(half, u_um),
        np.array([image.field for image in images]),
        np.array([image.dz_um for image in images]),
        nominal,
    )
    factor = widening(error, half, u_um, nominal) if coverage.is_low else 1.0
    return calibration.model_copy(update={"coverage": coverage, "widening": factor})


@dataclass(frozen=True, slots=True)
class _Image:
    """A held-out image: its error, the expected error, its fit to the stack, light and noise.

    ``noise`` is the standard deviation of a pixel, NaN where it is not known; ``residual`` has the
    residual profiles of the beads in use, and ``unevenness`` those of uneven light. ``row`` is its first
    tile, and ``members`` the number of those that predicted it.
    """

    row: int
    combined: Combined
    members: int
    field: int
    dz_um: float
    error_um: float
    noise_um: float
    label_u_um: float
    apart_um: float
    reduced_chi2: float
    light: float
    noise: float
    whiteness: float
    inside: bool
    residual: FloatArray
    unevenness: FloatArray

    @property
    def noise_variance(self) -> float:
        """Variance of a pixel over the light squared; 0 where it is not known."""
        return (self.noise / self.light) ** 2 if np.isfinite(self.noise) else 0.0


def _assess(
    tiles: LabelledTiles,
    rows: IntArray,
    predictions: Predictions,
    match: Match,
    combine_beads: Callable[[Predictions, FloatArray, FloatArray], Combined],
) -> _Image:
    """Combine the beads of an image by family and look-up, and compare with the label."""
    offset, fit = tiles.offset_px[rows], take(match, rows)
    combined = combine_beads(predictions, offset, fit.size)
    looked_up = predictions_of(fit)
    by_family = fit.has_match and not np.array_equal(predictions.dz_um, looked_up.dz_um)
    second = combine_beads(looked_up, offset, fit.size) if by_family else combined
    label_um = float(np.median(tiles.image_dz_um[rows]))
    return _Image(
        row=int(rows[0]),
        combined=combined,
        members=len(predictions.dz_um),
        field=int(tiles.field[rows[0]]),
        dz_um=label_um,
        error_um=combined.dz_um - label_um,
        noise_um=combined.noise_um,
        label_u_um=float(tiles.label_u_um[rows[0]]),
        apart_um=abs(combined.dz_um - second.dz_um),
        reduced_chi2=float(np.median(fit.reduced_chi2)),
        light=float(np.median(tiles.light[rows])),
        noise=typical_noise(tiles.noise[rows]),
        whiteness=typical_whiteness(tiles.whiteness[rows]),
        inside=bool(fit.at_end.mean() < 0.5),
        residual=fit.residual[combined.used],
        unevenness=fit.unevenness[combined.used],
    )


def _images(tiles: LabelledTiles, held_out: Predictions) -> Iterator[tuple[IntArray, Predictions]]:
    """Yield rows and predictions of each image that has any.

    Only members that predict all of its beads are used; where a random split leaves none, all are.
    """
    predicted = np.isfinite(held_out.dz_um).any(axis=0)
    for frame in np.unique(tiles.frame):
        rows = np.flatnonzero((tiles.frame == frame) & predicted)
        if len(rows):
            known = np.isfinite(held_out.dz_um[:, rows])
            members = known.all(axis=1) if known.all(axis=1).any() else known.any(axis=1)
            yield (
                rows,
                Predictions(
                    held_out.dz_um[members][:, rows],
                    held_out.sd_um[members][:, rows],
                ),
            )


def _bead_factor(tiles: LabelledTiles, held_out: Predictions, coverage: float) -> float:
    """Return the factor with which the stated fraction of beads is inside their intervals.

    A bead is compared with the others of its image, which have the label's error in common, or with its
    label where every image has only one bead.
    """
    scores: list[FloatArray] = []
    alone: list[FloatArray] = []
    for rows, predictions in _images(tiles, held_out):
        error = nan_median(predictions.dz_um) - tiles.dz_um[rows]
        sd = stated_sd(predictions)
        if len(rows) > 1:
            weight = 1.0 / sd**2
            # Distance of a bead from the weighted mean, to which it contributes.
            residual = error - np.average(error, weights=weight)
            scores.append(residual / np.sqrt(sd**2 - 1.0 / weight.sum()))
        else:
            alone.append(error / sd)
    score = np.abs(np.concatenate(scores or alone))
    return max(float(np.quantile(score, coverage) / ndtri(0.5 + coverage / 2)), MIN_FACTOR)


def _model_uncertainty(images: list[_Image], labels: LabelErrors, *, by_field: bool) -> float:
    """Return the error of images beyond the plane of their field, their beads and their labels."""
    error = np.array([image.error_um for image in images])
    field = np.array([image.field for image in images])
    for number in np.unique(field):
        error[field == number] -= np.median(error[field == number])
    # Heights of the beads and tilt of a field shift all its images alike; this is subtracted with the
    # plane.
    expected = np.square([[image.noise_um, image.label_u_um] for image in images]).sum(axis=1)
    stage = _stage_variance(images, labels, len(np.unique(field))) if by_field else 0.0
    return float(np.sqrt(max(float(np.mean(error**2 - expected)) - stage, 0.0)))


def _stage_variance(images: list[_Image], labels: LabelErrors, n_fields: int) -> float:
    """Return the contribution of stage errors in the labels to the variance of held-out errors.

    The labels of all fields together have the error of ``labels.stage``, so those of one field have
    that times the root of the number of fields. A held-out field has its own error, its networks those
    of the others. These differences cancel in the mean of the fields, whose error is a contribution of
    its own. A joint axis leaves a part of them, 0.1 of their variance on simulated sweeps and 0.3 on the
    twin's, so that on it this is an upper bound.
    """
    mean = float(np.mean(labels.stage.at(np.array([image.dz_um for image in images])) ** 2))
    return mean * n_fields * (1 + 1 / max(n_fields - 1, 1))


def _freedom(n_images: int, n_fields: int) -> float:
    """Return the degrees of freedom of the common error of images.

    Errors of neighbouring images of a field are alike, as smooth functions of dZ with about
    :data:`TYPICAL_FREEDOM` degrees of freedom; the plane of each field was subtracted.
    """
    return float(max(min(n_fields * TYPICAL_FREEDOM, n_images) - n_fields, 1))


def _usual_chi2(images: list[_Image]) -> tuple[float, float]:
    """Return the reduced chi squared without noise, and the coefficient of relative noise squared."""
    known = [image for image in images if image.reduced_chi2 > 0]  # 0 where every ring is saturated
    if not known:
        return 1.0, 0.0
    reduced_chi2 = np.array([image.reduced_chi2 for image in known])
    terms = np.column_stack([np.ones(len(known)), [image.noise_variance for image in known]])
    # Relative deviations, so that noisy images do not outweigh the others.
    (clean, noise), _ = nnls(terms / reduced_chi2[:, None], np.ones(len(known)))
    return float(clean), float(noise)


def _usual_noise(images: list[_Image], whiteness: float) -> PixelNoise:
    """Fit the variance of a pixel as a line in the light, by relative deviations."""
    light, noise = np.array([[image.light, image.noise] for image in images]).T
    known = np.isfinite(noise) & (noise > 0)
    range_ = _whiteness_range([image.whiteness / whiteness for image in images])
    if not known.any():
        return PixelNoise(
            floor=0.0, gain=0.0, spread=0.0, whiteness=whiteness, whiteness_range=range_
        )
    light, variance = light[known], noise[known] ** 2
    terms = np.column_stack([np.ones(len(light)), light]) / variance[:, None]
    (floor, gain), _ = nnls(terms, np.ones(len(light)))
    relative = 0.5 * np.log(variance / (floor + gain * light))
    spread = float(np.sqrt(np.mean(relative**2)))
    return PixelNoise(
        floor=float(floor),
        gain=float(gain),
        spread=spread,
        whiteness=whiteness,
        whiteness_range=range_,
    )


def _whiteness_range(relative: list[float]) -> tuple[float, float]:
    """Return the range of whiteness of images like these, at least that of white noise.

    The rings of a bead in coherent light reach into the ring in which its noise is measured.
    """
    low, high = np.quantile(relative, [1.0 - REFUSAL_QUANTILE, REFUSAL_QUANTILE])
    return (
        float(low) / WHITE_MARGIN if low < WHITE[0] else WHITE[0],
        float(high) * WHITE_MARGIN if high > WHITE[1] else WHITE[1],
    )


def _usual_residuals(images: list[_Image], expected_chi2: list[float]) -> ResidualSpread:
    """Return the covariances of residual profiles, with the limit of T squared."""
    spread = spread_residuals([i.residual for i in images], float(np.mean(expected_chi2)))
    seen = _t_squared_of(images, expected_chi2, spread)
    limit = max(_limit(seen), least_limit(images[0].residual.shape[1]))
    return spread.model_copy(update={"maximum_t_squared": limit})


def _t_squared_of(
    images: list[_Image], expected_chi2: list[float], spread: ResidualSpread
) -> list[float]:
    """Return T squared of each image, of few images with the covariance of the others.

    A covariance of few images fits these images better than others.
    """
    n = len(images)
    spreads = [spread]
    if 2 * COVARIANCE_FOLDS <= n < FEW_IMAGES * images[0].residual.shape[1]:
        spreads = [
            spread_residuals(
                [images[i].residual for i in range(n) if i % COVARIANCE_FOLDS != fold],
                spread.reduced_chi2,
            )
            for fold in range(COVARIANCE_FOLDS)
        ]
    return [
        t_squared(image.residual, spreads[i % len(spreads)], usual, unevenness=image.unevenness)
        for i, (image, usual) in enumerate(zip(images, expected_chi2, strict=True))
    ]


def _limit(values: list[float]) -> float:
    """Return the limit of a statistic, from its values for held-out images.

    The largest of few values is below the quantile sought, by as much as a log-normal distribution of
    their spread rises from its rank to that quantile.
    """
    n = len(values)
    missing = max(float(ndtri(REFUSAL_QUANTILE) - ndtri(n / (n + 1))), 0.0)
    spread = float(np.std(np.log(np.maximum(values, 1e-12)))) if max(values) > 0 else 0.0
    margin = REFUSAL_MARGIN * np.exp(min(missing * spread, MAX_TAIL))
    return float(np.quantile(values, REFUSAL_QUANTILE)) * float(margin)
