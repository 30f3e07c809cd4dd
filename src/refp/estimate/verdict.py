"""Judge an image against a tolerance, with the interval as guard band.

References
----------
JCGM 106:2012, "The role of measurement uncertainty in conformity assessment", 8.3: guarded acceptance
and guarded rejection. The guard band is half the width of the interval, so that either decision is
wrong at most as often as the interval misses the true value.
"""

from typing import Literal

from refp.estimate.focus_estimate import FocusEstimate, Status

Verdict = Literal["pass", "fail", "inconclusive", "unverified", "refused"]
VERDICTS: tuple[Verdict, ...] = ("pass", "fail", "inconclusive", "unverified", "refused")


def judge_focus(estimate: FocusEstimate, tolerance_um: float) -> Verdict:
    """Return the verdict on an image whose dZ must be within ``+-tolerance_um``.

    Parameters
    ----------
    estimate
        The image's dZ with its interval, or a refusal.
    tolerance_um
        Largest tolerated absolute dZ, um; above 0.

    Returns
    -------
    Verdict
        ``pass`` where the whole interval is within the tolerance, ends included; ``fail`` where all
        of it is outside, on one side; ``inconclusive`` where it contains a limit; ``unverified`` where
        the instrument is not verified, wherever the interval is; ``refused`` where there is none.
    """
    return judge_interval(estimate.status, estimate.lower_um, estimate.upper_um, tolerance_um)


def judge_interval(
    status: Status, lower_um: float, upper_um: float, tolerance_um: float
) -> Verdict:
    """Return the verdict on an interval of dZ, as :func:`judge_focus` on an estimate."""
    if status != "ok":
        return status
    if -tolerance_um <= lower_um and upper_um <= tolerance_um:
        return "pass"
    if lower_um > tolerance_um or upper_um < -tolerance_um:
        return "fail"
    return "inconclusive"
