"""Sub-pixel centre and radial profile of every bead: hands on :class:`RadialProfiles`."""

from refp.profiles.evaluate import evaluate, extreme_slopes
from refp.profiles.fit import fit_profiles
from refp.profiles.judge import judge_beads
from refp.profiles.profiles import RadialProfiles
from refp.profiles.settings import JudgeSettings, ProfileSettings

__all__ = [
    "JudgeSettings",
    "ProfileSettings",
    "RadialProfiles",
    "evaluate",
    "extreme_slopes",
    "fit_profiles",
    "judge_beads",
]
