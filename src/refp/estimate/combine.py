"""Combine the members' predictions of the beads of one image into one dZ."""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.core.robust import fit_bisquare, iqr_inliers, nan_median
from refp.models.card import Predictions
from refp.settings import EstimateSettings


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviations of beads and slides.

    Attributes
    ----------
    bead_factor
        Factor on the standard deviation that members state of a bead; where they state none, the
        standard deviation itself, um.
    height_um
        Standard deviation of beads' own planes about the slide.
    rise_um_per_size
        Rise of a bead's own plane with its relative size.
    tilt_um_per_px
        Standard deviation of slide tilts along y and x; 0 for level slides.
    """

    bead_factor: float
    height_um: float
    rise_um_per_size: float
    tilt_um_per_px: float


@dataclass(frozen=True, slots=True)
class Combined:
    """dZ of an image before calibration.

    Attributes
    ----------
    dz_um
        The combined dZ, in the middle of the image.
    u_beads_um
        Standard uncertainty from the beads: stated standard deviations, heights and the slide's tilt;
        enlarged where the beads disagree by more.
    noise_um
        Contribution to it that varies between images of the same beads: stated standard deviations,
        propagated.
    u_members_um
        Standard deviation of the members' dZ about their mean.
    used
        Shape ``(n,)``: beads with weight in the result.
    tilt_um_per_px, tilt_u_um_per_px
        Shape ``(2,)``, rise of the beads' planes along ``(y, x)``, and its standard uncertainty; NaN
        where it was not fitted.
    """

    dz_um: float
    u_beads_um: float
    noise_um: float
    u_members_um: float
    used: BoolArray
    tilt_um_per_px: FloatArray
    tilt_u_um_per_px: FloatArray


def combine(
    predictions: Predictions,
    offset_px: FloatArray,
    size: FloatArray,
    spread: Spread,
    settings: EstimateSettings,
) -> Combined:
    """Combine beads and members into the dZ of an image.

    Parameters
    ----------
    predictions
        Of ``n`` beads, at least one, by one or more members; NaN where a member has none, at least one
        value per bead.
    offset_px
        Shape ``(n, 2)``, positions of the beads from the middle of the image.
    size
        Shape ``(n,)``, the beads' radii over the typical bead's.
    spread
        Standard deviations of beads and slides.
    settings
        Order of the means, interquartile factor.

    Notes
    -----
    Order ``weighted``: a bead at ``p`` measures ``dZ - height - tilt . p`` with its own variance,
    heights and tilts have priors, and beads are down-weighted by Tukey's biweight. Where the residuals
    are larger than stated, all uncertainties grow by the Birge ratio. The article's orders: Chalfoun et
    al. 2024, "Inferencing with multiple trained models" (``members``) and "Number of models and
    number of beads" (``beads``). No result depends on the order of beads or members.

    References
    ----------
    Birge 1932, "The calculation of errors by the method of least squares".
    """
    noise_um = spread.bead_factor * stated_sd(predictions)
    # Each bead measures the height above its own plane. The field's plane is that of its median bead,
    # so the effect of size is corrected relative to the field's beads, not to the training's.
    risen = predictions.dz_um + spread.rise_um_per_size * (size - np.median(size))
    predictions = Predictions(risen, predictions.sd_um)
    if settings.order == "weighted":
        return _weighted(predictions, noise_um, offset_px, spread)
    return _averaged(predictions, noise_um, spread, settings)


def stated_sd(predictions: Predictions) -> FloatArray:
    """Return the standard deviation that members state of each bead, shape ``(n,)``; 1 where none."""
    stated = predictions.sd_um
    known = np.isfinite(stated)
    squares = np.where(known, stated, 0.0) ** 2
    mean_square = squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known.any(axis=0), np.sqrt(mean_square), 1.0)


def _weighted(
    predictions: Predictions, noise_um: FloatArray, offset_px: FloatArray, spread: Spread
) -> Combined:
    dz, sd_um = nan_median(predictions.dz_um), np.hypot(noise_um, spread.height_um)
    n = len(dz)
    tilted = spread.tilt_um_per_px > 0
    # Where the slide rises, beads are higher and the focal plane is lower above them.
    design = np.column_stack([np.ones(n), -offset_px]) if tilted else np.ones((n, 1))
    zeros = np.zeros(design.shape[1])
    prior = zeros.copy()
    prior[1:] = 1.0 / spread.tilt_um_per_px**2 if tilted else 0.0
    start = zeros.copy()
    start[0] = _weighted_median(dz, 1.0 / sd_um**2)
    fit = fit_bisquare(design, dz, sd_um, start=start, prior=prior, expected=zeros)
    freedom = fit.weight.sum() - 1.0
    surplus = (
        float((fit.weight * fit.standardised_residual**2).sum()) / freedom if freedom > 0.5 else 1.0
    )
    u = np.sqrt(max(surplus, 1.0) * np.diag(fit.covariance))
    unknown = np.full(2, np.nan)
    return Combined(
        dz_um=float(fit.coefficients[0]),
        u_beads_um=float(u[0]),
        noise_um=float(np.linalg.norm(fit.influence[0] * noise_um)),
        u_members_um=_between(predictions.dz_um @ fit.influence[0]),
        used=fit.weight > 0,
        tilt_um_per_px=fit.coefficients[1:] if tilted else unknown,
        tilt_u_um_per_px=u[1:] if tilted else unknown,
    )


def _weighted_median(values: FloatArray, weight: FloatArray) -> float:
    """Return the weighted median; the mean of both where two values qualify."""
    order = np.argsort(values)
    below = np.cumsum(weight[order]) / weight.sum()
    low = values[order][np.searchsorted(below, 0.5 - 1e-12)]
    high = values[order][np.searchsorted(below, 0.5 + 1e-12)]
    return float(low + high) / 2


def _averaged(
    predictions: Predictions, noise_um: FloatArray, spread: Spread, settings: EstimateSettings
) -> Combined:
    """Combine by the article's means."""
    dz, sd_um = predictions.dz_um, np.hypot(noise_um, spread.height_um)
    if settings.order == "members":
        inliers = np.array([iqr_inliers(row, settings.iqr_factor) for row in dz])
        per_member = np.array(
            [row[ok].mean() for row, ok in zip(dz, inliers, strict=True) if ok.any()]
        )
        used = 2 * inliers.sum(axis=0) >= np.maximum(np.isfinite(dz).sum(axis=0), 1)
        dz_um = float(per_member.mean())
    else:
        per_bead = nan_median(dz)
        used = iqr_inliers(per_bead, settings.iqr_factor)
        inlying = dz[:, used]
        per_member = np.nanmean(inlying[np.isfinite(inlying).any(axis=1)], axis=1)
        dz_um = float(per_bead[used].mean())
    n = max(1, int(used.sum()))
    standardised = (np.nanmean(dz[:, used], axis=0) - dz_um) / sd_um[used]
    birge = float(np.sqrt(max((standardised**2).sum() / (n - 1), 1.0))) if n > 1 else 1.0
    return Combined(
        dz_um=dz_um,
        u_beads_um=birge * float(np.linalg.norm(sd_um[used])) / n,
        noise_um=float(np.linalg.norm(noise_um[used])) / n,
        u_members_um=_between(per_member),
        used=used,
        tilt_um_per_px=np.full(2, np.nan),
        tilt_u_um_per_px=np.full(2, np.nan),
    )


def _between(per_member: FloatArray) -> float:
    known = per_member[np.isfinite(per_member)]
    return float(known.std(ddof=1)) if len(known) > 1 else 0.0
