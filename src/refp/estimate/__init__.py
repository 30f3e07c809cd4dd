"""One image to one dZ with an interval, or a refusal that says why: hands on :class:`FocusEstimate`."""

from refp.estimate.calibrate import calibrate
from refp.estimate.combine import Combined, combine
from refp.estimate.decide import estimate_focus
from refp.estimate.estimate import FocusEstimate, refused
from refp.estimate.settings import EstimateSettings
from refp.estimate.verdict import VERDICTS, Verdict, judge_focus

__all__ = [
    "VERDICTS",
    "Combined",
    "EstimateSettings",
    "FocusEstimate",
    "Verdict",
    "calibrate",
    "combine",
    "estimate_focus",
    "judge_focus",
    "refused",
]
