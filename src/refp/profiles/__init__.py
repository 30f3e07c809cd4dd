"""Sub-pixel centre and radial profile of every bead: hands on :class:`RadialProfiles`."""

from refp.profiles.black_level import estimate_black_level, typical_black_level
from refp.profiles.evaluate import evaluate, extreme_slopes
from refp.profiles.fit import fit_profiles
from refp.profiles.judge import judge_beads, judge_placed
from refp.profiles.profiles import RadialProfiles
from refp.profiles.settings import JudgeSettings, ProfileSettings

__all__ = [
    "JudgeSettings",
    "ProfileSettings",
    "RadialProfiles",
    "estimate_black_level",
    "evaluate",
    "extreme_slopes",
    "fit_profiles",
    "judge_beads",
    "judge_placed",
    "typical_black_level",
]
