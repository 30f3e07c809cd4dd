"""One image to one dZ with an interval, or a refusal that says why: hands on :class:`FocusEstimate`."""

from refp.estimate.adaptation import KnownAnswers, fit_adaptation
from refp.estimate.calibrate import calibrate
from refp.estimate.combine import Combined, Spread, combine
from refp.estimate.decide import Found, Look, estimate_focus, look_at, tilt_um_per_px
from refp.estimate.focus_estimate import FocusEstimate, Parts, refused
from refp.estimate.verdict import VERDICTS, Verdict, judge_focus

__all__ = [
    "VERDICTS",
    "Combined",
    "FocusEstimate",
    "Found",
    "KnownAnswers",
    "Look",
    "Parts",
    "Spread",
    "Verdict",
    "calibrate",
    "combine",
    "estimate_focus",
    "fit_adaptation",
    "judge_focus",
    "look_at",
    "refused",
    "tilt_um_per_px",
]
