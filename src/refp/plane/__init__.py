"""Feature curves and profiles to reference planes: hands on :class:`ReferencePlane` and the :class:`Pool`.

A pool is what sweeps share: a :class:`PooledProfile` for each feature and the :class:`PooledStack` of
whole profiles.
"""

from refp.plane.bead_planes import flag_off_plane
from refp.plane.budget import COVERAGE, TERMS
from refp.plane.compare import Difference, compare_planes
from refp.plane.locate import FeatureResult, locate_by_features
from refp.plane.match import chi_squared, stretch_rings
from refp.plane.plane import (
    BeadPlanes,
    Contribution,
    FeaturePlane,
    FieldAxis,
    PlaneResult,
    Pool,
    PooledProfile,
    PooledStack,
    ReferencePlane,
    Slide,
)
from refp.plane.reference import locate_planes, place_beads, place_fields
from refp.plane.settings import PlaneSettings
from refp.plane.smooth import Smooth, fit_smooth
from refp.plane.stack import pool_stack

__all__ = [
    "COVERAGE",
    "TERMS",
    "BeadPlanes",
    "Contribution",
    "Difference",
    "FeaturePlane",
    "FeatureResult",
    "FieldAxis",
    "PlaneResult",
    "PlaneSettings",
    "Pool",
    "PooledProfile",
    "PooledStack",
    "ReferencePlane",
    "Slide",
    "Smooth",
    "chi_squared",
    "compare_planes",
    "fit_smooth",
    "flag_off_plane",
    "locate_by_features",
    "locate_planes",
    "place_beads",
    "place_fields",
    "pool_stack",
    "stretch_rings",
]
