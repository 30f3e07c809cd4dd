"""Steepest slope and centre intensity of beads, and their curves against Z.

Defines :class:`BeadFeatures`, :class:`SweepMeasurement` and :class:`FeatureCurve`.
"""

from refp.measure.features.curve import feature_curve
from refp.measure.features.features import BeadFeatures, FeatureCurve, SweepMeasurement
from refp.measure.features.measure import measure_features, take_off_black_level
from refp.measure.features.outliers import flag_outliers

__all__ = [
    "BeadFeatures",
    "FeatureCurve",
    "SweepMeasurement",
    "feature_curve",
    "flag_outliers",
    "measure_features",
    "take_off_black_level",
]
