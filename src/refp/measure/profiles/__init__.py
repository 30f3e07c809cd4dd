"""Sub-pixel centre and radial profile of every bead (:class:`RadialProfiles`)."""

from refp.measure.profiles.black_level import estimate_black_level, typical_black_level
from refp.measure.profiles.evaluate import evaluate, extreme_slopes
from refp.measure.profiles.fit import fit_profiles
from refp.measure.profiles.judge import judge_beads, judge_placed
from refp.measure.profiles.noise import ring_noise
from refp.measure.profiles.own_rings import find_own_rings
from refp.measure.profiles.profiles import RadialProfiles

__all__ = [
    "RadialProfiles",
    "estimate_black_level",
    "evaluate",
    "extreme_slopes",
    "find_own_rings",
    "fit_profiles",
    "judge_beads",
    "judge_placed",
    "ring_noise",
    "typical_black_level",
]
