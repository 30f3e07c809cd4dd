"""Feature curves to reference planes: hands on :class:`ReferencePlane` and what sweeps share.

Shared are a :class:`PooledProfile` for each feature and the :class:`PooledStack` of whole profiles.
"""

from refp.plane.locate import locate_planes
from refp.plane.plane import (
    FeaturePlane,
    PlaneResult,
    PooledProfile,
    PooledStack,
    ReferencePlane,
)
from refp.plane.settings import PlaneSettings
from refp.plane.smooth import Smooth, fit_smooth
from refp.plane.stack import pool_stack

__all__ = [
    "FeaturePlane",
    "PlaneResult",
    "PlaneSettings",
    "PooledProfile",
    "PooledStack",
    "ReferencePlane",
    "Smooth",
    "fit_smooth",
    "locate_planes",
    "pool_stack",
]
