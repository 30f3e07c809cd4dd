"""Feature curves of sweeps."""

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.core.robust import iqr_inliers, iqr_inliers_of_rows, nan_median
from refp.measure.features.features import FeatureCurve, SweepMeasurement
from refp.settings import FeatureSettings

RESAMPLES = 50
SEED = 21
"""Of the draws: the same beads give the same uncertainty."""


def feature_curve(measurement: SweepMeasurement, settings: FeatureSettings) -> FeatureCurve:
    """Return the typical features of the beads of each frame, without outliers.

    Parameters
    ----------
    measurement
        All beads of one sweep.
    settings
        Interquartile factor, and median or midmean.

    Notes
    -----
    Chalfoun et al. 2024, "Pooled profile": outliers are removed for each feature, the median of the rest
    is taken, and a frame is saturated if the median bead has a saturated pixel. The median of nine beads
    is another bead at each Z, which makes the curve uneven; the midmean, the mean of the middle half, is
    as robust and smoother.
    """
    frames = measurement.frames
    n = len(frames)
    typical = np.full((2, n), np.nan)
    pick = _median if settings.typical == "median" else _midmean
    saturated = np.zeros((2, n), dtype=np.bool_)
    counts = np.zeros(n, dtype=np.int64)
    usable = measurement.usable
    has_saturation = measurement.profiles.n_saturated_px > 0
    features = (measurement.features.steepest_slope, measurement.features.center_intensity)
    for i in range(n):
        rows = np.flatnonzero(usable & (measurement.frame_index == i))
        counts[i] = rows.size
        for k, feature in enumerate(features):
            inliers = rows[iqr_inliers(feature[rows], settings.iqr_factor)]
            if inliers.size:
                typical[k, i], saturated[k, i] = pick(feature[inliers], has_saturation[inliers])
    return FeatureCurve(
        key=measurement.key,
        z_um=np.array([frame.z_um for frame in frames]),
        steepest_slope=typical[0],
        center_intensity=typical[1],
        ss_saturated=saturated[0],
        ci_saturated=saturated[1],
        n_beads=counts,
        resampled=_resample_medians(measurement, settings)
        if settings.typical == "median"
        else np.empty((0, 2, n)),
    )


def _resample_medians(measurement: SweepMeasurement, settings: FeatureSettings) -> FloatArray:
    """Return the medians of draws of as many beads, with repeats, shape ``(draws, 2, f)``.

    A bead is drawn or not for all frames of the sweep: it is the same bead with the same height.
    """
    usable = np.flatnonzero(measurement.usable)
    numbers, column = np.unique(measurement.bead_number[usable], return_inverse=True)
    table = np.full((2, len(measurement.frames), len(numbers)), np.nan)
    features = (measurement.features.steepest_slope, measurement.features.center_intensity)
    for k, feature in enumerate(features):
        table[k, measurement.frame_index[usable], column] = feature[usable]
    rng = np.random.default_rng(SEED)
    draws = rng.integers(0, max(len(numbers), 1), (RESAMPLES, len(numbers)))
    medians = np.full((RESAMPLES, 2, len(measurement.frames)), np.nan)
    for draw, columns in enumerate(draws):
        drawn = table[:, :, columns].reshape(-1, len(columns))
        medians[draw] = _medians_of_rows(drawn, settings.iqr_factor).reshape(2, -1)
    return medians


def _medians_of_rows(rows: FloatArray, factor: float) -> FloatArray:
    """Return the median of each row without its outliers; NaN where a row is empty."""
    kept = np.where(iqr_inliers_of_rows(rows, factor), rows, np.nan)
    return nan_median(kept.T)


def _median(values: FloatArray, saturated: BoolArray) -> tuple[float, bool]:
    """Return the median, and whether the bead or the two beads it comes from are saturated."""
    order = np.argsort(values, kind="stable")
    middle = order[(len(order) - 1) // 2 : len(order) // 2 + 1]
    return float(values[middle].mean()), bool(saturated[middle].any())


def _midmean(values: FloatArray, saturated: BoolArray) -> tuple[float, bool]:
    """Return the mean of the middle half, and whether any bead in it is saturated.

    Of three beads it is the middle one, since the interquartile rule finds no outlier among so few.
    """
    order = np.argsort(values, kind="stable")
    cut = max(len(order) // 4, int(len(order) == 3))
    middle = order[cut : len(order) - cut]
    return float(values[middle].mean()), bool(saturated[middle].any())
