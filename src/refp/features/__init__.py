"""Steepest slope and centre intensity of beads, and their curves against Z.

Hands on :class:`BeadFeatures`, :class:`SweepMeasurement` and :class:`FeatureCurve`.
"""

from refp.features.curve import feature_curve
from refp.features.features import BeadFeatures, FeatureCurve, SweepMeasurement
from refp.features.measure import measure_features, take_off_black_level
from refp.features.outliers import flag_outliers
from refp.features.settings import FeatureSettings

__all__ = [
    "BeadFeatures",
    "FeatureCurve",
    "FeatureSettings",
    "SweepMeasurement",
    "feature_curve",
    "flag_outliers",
    "measure_features",
    "take_off_black_level",
]
