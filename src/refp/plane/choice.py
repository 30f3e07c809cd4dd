"""The plane of a choice of features."""

from typing import TypeVar

from refp.core.arrays import FloatArray
from refp.settings import FeatureChoice

V = TypeVar("V", float, FloatArray)


def of_features(ss: V, ci: V, feature: FeatureChoice) -> V:
    """Return the mean of the values of both features, or the value of one of them."""
    if feature == "ss":
        return ss
    return ci if feature == "ci" else (ss + ci) / 2
