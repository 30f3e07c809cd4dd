from .bead_planes import flag_off_plane as flag_off_plane
from .budget import COVERAGE as COVERAGE
from .budget import TERMS as TERMS
from .compare import Comparable as Comparable
from .compare import Difference as Difference
from .compare import FieldPlane as FieldPlane
from .compare import StatedPlane as StatedPlane
from .compare import compare_planes as compare_planes
from .compare import mean_by_field as mean_by_field
from .locate import FeatureResult as FeatureResult
from .locate import locate_by_features as locate_by_features
from .match import chi_squared as chi_squared
from .match import stretch_rings as stretch_rings
from .plane import BeadPlanes as BeadPlanes
from .plane import Contribution as Contribution
from .plane import FeaturePlane as FeaturePlane
from .plane import FieldAxis as FieldAxis
from .plane import PlaneResult as PlaneResult
from .plane import Pool as Pool
from .plane import PooledProfile as PooledProfile
from .plane import PooledStack as PooledStack
from .plane import ReferencePlane as ReferencePlane
from .plane import Slide as Slide
from .reference import find_bead_planes as find_bead_planes
from .reference import locate_planes as locate_planes
from .reference import place_fields as place_fields
from .smooth import Smooth as Smooth
from .smooth import fit_smooth as fit_smooth
from .stack import pool_stack as pool_stack

__all__ = [
    "COVERAGE",
    "TERMS",
    "BeadPlanes",
    "Comparable",
    "Contribution",
    "Difference",
    "FeaturePlane",
    "FeatureResult",
    "FieldAxis",
    "FieldPlane",
    "PlaneResult",
    "Pool",
    "PooledProfile",
    "PooledStack",
    "ReferencePlane",
    "Slide",
    "Smooth",
    "StatedPlane",
    "chi_squared",
    "compare_planes",
    "find_bead_planes",
    "fit_smooth",
    "flag_off_plane",
    "locate_by_features",
    "locate_planes",
    "mean_by_field",
    "place_fields",
    "pool_stack",
    "stretch_rings",
]
