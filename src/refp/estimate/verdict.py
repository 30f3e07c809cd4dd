"""Judge an image against a tolerance, with the interval as guard band.

References
----------
JCGM 106:2012, "The role of measurement uncertainty in conformity assessment", 8.3: guarded acceptance
and, its mirror image, guarded rejection. The guard band is as wide as the interval reaches, so that
either decision is wrong at most as often as the interval misses.
"""

from typing import Literal

from refp.estimate.focus_estimate import FocusEstimate

Verdict = Literal["pass", "fail", "inconclusive", "refused"]
VERDICTS: tuple[Verdict, ...] = ("pass", "fail", "inconclusive", "refused")


def judge_focus(estimate: FocusEstimate, tolerance_um: float) -> Verdict:
    """Return what may be said of an image whose dZ must lie within ``+-tolerance_um``.

    Parameters
    ----------
    estimate
        The image's dZ with its interval, or a refusal.
    tolerance_um
        Largest dZ that is tolerated on either side, um; above 0.

    Returns
    -------
    Verdict
        ``pass`` where the whole interval lies within the tolerance, its ends included; ``fail`` where
        all of it lies outside, on one side; ``inconclusive`` where it reaches over a limit;
        ``refused`` where there is no interval.
    """
    if estimate.status == "refused":
        return "refused"
    if -tolerance_um <= estimate.lower_um and estimate.upper_um <= tolerance_um:
        return "pass"
    if estimate.lower_um > tolerance_um or estimate.upper_um < -tolerance_um:
        return "fail"
    return "inconclusive"
