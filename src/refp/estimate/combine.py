"""Combine what the members say of the beads of one image."""

from dataclasses import dataclass

import numpy as np

from refp.arrays import BoolArray, FloatArray
from refp.estimate.settings import EstimateSettings
from refp.models.ensemble import Predictions
from refp.robust import iqr_inliers


@dataclass(frozen=True, slots=True)
class Combined:
    """dZ of an image before calibration.

    Attributes
    ----------
    dz_um
        The combined dZ.
    u_raw_um
        Standard uncertainty from the scatter of beads and members, before calibration; 0 where one
        bead and one member that states no spread say nothing of it.
    used
        Shape ``(n,)``: beads that are inliers for at least half of the members.
    """

    dz_um: float
    u_raw_um: float
    used: BoolArray


def combine(predictions: Predictions, settings: EstimateSettings) -> Combined:
    """Combine beads and members.

    Parameters
    ----------
    predictions
        Of ``n`` beads, at least one, by one or more members; columns or rows of NaN do not count.
    settings
        Order of the means, interquartile factor.

    Notes
    -----
    Chalfoun et al. 2024, "Inferencing with multiple trained models" (``members``) and "Number of
    models and number of beads" (``beads``). The result depends on the order of neither.
    """
    dz = predictions.dz_um
    if settings.order == "members":
        inliers = np.array([iqr_inliers(row, settings.iqr_factor) for row in dz])
        per_member = np.array(
            [row[ok].mean() for row, ok in zip(dz, inliers, strict=True) if ok.any()]
        )
        used = inliers.mean(axis=0) >= 0.5
    else:
        per_bead = np.nanmedian(dz, axis=0)
        used = iqr_inliers(per_bead, settings.iqr_factor)
        per_member = np.nanmean(dz[:, used], axis=1)
    dz_um = float(per_member.mean())
    if settings.order == "beads":
        dz_um = float(per_bead[used].mean())
    return Combined(dz_um, _uncertainty(predictions, used, per_member), used)


def _uncertainty(predictions: Predictions, used: BoolArray, per_member: FloatArray) -> float:
    """Join the scatter of beads, what the members state of each bead, and their disagreement."""
    beads = np.nanmean(predictions.dz_um[:, used], axis=0)
    n = max(1, len(beads))
    scatter = float(beads.std(ddof=1)) if n > 1 else 0.0
    stated = predictions.sd_um[:, used]
    stated_sd = float(np.sqrt(np.nanmean(stated**2))) if np.isfinite(stated).any() else 0.0
    between = float(per_member.std(ddof=1)) if len(per_member) > 1 else 0.0
    return float(np.hypot(max(scatter, stated_sd) / np.sqrt(n), between))
