"""Estimate dZ of one image with its interval, or refuse it with a reason: :class:`FocusEstimate`."""

from refp.estimate.adaptation import KnownImages, fit_adaptation
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
    "KnownImages",
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
