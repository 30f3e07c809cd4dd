"""Estimate dZ of one image with its interval, or refuse it with a reason: :class:`FocusEstimate`."""

from refp.estimate.adaptation import KnownImages, fit_adaptation
from refp.estimate.calibrate import calibrate, image_label_u_um
from refp.estimate.combine import Combined, Spread, combine
from refp.estimate.decide import Assessment, Found, assess_beads, estimate_focus, tilt_um_per_px
from refp.estimate.focus_estimate import FocusEstimate, Parts, refused
from refp.estimate.verdict import VERDICTS, Verdict, judge_focus

__all__ = [
    "VERDICTS",
    "Assessment",
    "Combined",
    "FocusEstimate",
    "Found",
    "KnownImages",
    "Parts",
    "Spread",
    "Verdict",
    "assess_beads",
    "calibrate",
    "combine",
    "estimate_focus",
    "fit_adaptation",
    "image_label_u_um",
    "judge_focus",
    "refused",
    "tilt_um_per_px",
]
