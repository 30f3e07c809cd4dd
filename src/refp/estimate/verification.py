"""Verify a model on one instrument, and qualify estimates by the verification.

A short sweep across the reference plane shows whether a model's estimates are right on the instrument
at hand: bias, slope, and fit of the frames near the plane, each against its limit. Near the plane the
profiles change most with condenser and aperture, so that a change of either shows there first.

References
----------
JCGM 106:2012, "The role of measurement uncertainty in conformity assessment", 8.3: guarded acceptance
and guarded rejection of each criterion.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from refp.core.arrays import FloatArray
from refp.core.errors import DataError
from refp.core.labels import WIDTH_95
from refp.estimate.adaptation import MIN_SLOPE
from refp.estimate.focus_estimate import FocusEstimate
from refp.estimate.short_sweeps import ShortSweeps
from refp.history.verification import Criterion, Outcome, Verification
from refp.settings import Identity

MIN_IMAGES = 5
NEAR_UM = 15.0
"""Distance from the plane within which the fit of a frame is judged; farther away it shows less."""
COVERAGE = 0.95
"""Of the expanded uncertainties of bias and slope."""


@dataclass(frozen=True, slots=True)
class Line:
    """Slope of estimate against nominal Z, its uncertainty, and the known dZ of the frames.

    Attributes
    ----------
    slope, u, expanded
        Slope with its standard and expanded uncertainty.
    dz_um
        Shape ``(n,)``, nominal Z less that at which the line is at the reference plane.
    """

    slope: float
    u: float
    expanded: float
    dz_um: FloatArray

    @property
    def direction(self) -> float:
        """Sign of the slope: -1 for a stage whose Z falls as the focal plane rises."""
        return math.copysign(1.0, self.slope)


def fit_slope(sweeps: ShortSweeps) -> Line:
    """Fit lines of one slope to the sweeps, by least squares without a prior.

    The uncertainty is that of the frames' own scatter (JCGM 100, 4.2), so that a frame that does not
    follow counts. Each sweep has its own level, because the plane of each is elsewhere on the stage.

    Raises
    ------
    DataError
        If there are too few frames, or the estimates do not follow Z.
    """
    n, n_sweeps = len(sweeps.z_um), len(np.unique(sweeps.sweep))
    if len(np.unique(sweeps.z_um)) < MIN_IMAGES:
        raise DataError(
            f"{n} usable images at {len(np.unique(sweeps.z_um))} Z positions; a verification needs at "
            f"least {MIN_IMAGES}, such as nine from 40 um below to 40 um above the plane"
        )
    z_um, estimated_um = sweeps.centred(sweeps.z_um), sweeps.centred(sweeps.estimated_um)
    spread = float((z_um**2).sum())
    slope = float((z_um * estimated_um).sum()) / spread
    if not MIN_SLOPE < abs(slope) < 1 / MIN_SLOPE:
        raise DataError(
            f"the model's estimates change by {slope:.2f} um per um of the sweep's Z; check the Z "
            "of its frames"
        )
    dof = n - n_sweeps - 1
    u = math.sqrt(float(((estimated_um - slope * z_um) ** 2).sum()) / dof / spread)
    level_um = sweeps.estimated_um - estimated_um  # mean of each sweep
    return Line(
        slope=slope,
        u=u,
        expanded=float(stdtrit(dof, 0.5 + COVERAGE / 2)) * u,
        dz_um=z_um + (level_um - sweeps.bias_um) / slope,
    )


def judge_model(
    sweeps: ShortSweeps,
    line: Line,
    fits: Mapping[str, tuple[FloatArray, float]],
    tolerance_um: float,
) -> tuple[Criterion, ...]:
    """Compare a model's estimates of short sweeps with a tolerance.

    Parameters
    ----------
    sweeps, line
        Estimates with their bias, and their slope.
    fits
        Statistics of fit by name: shape ``(n,)``, and the limit of refusal.
    tolerance_um
        Tolerance, um. Half of it is the limit of the bias, and of the slope's error at the largest
        absolute dZ of the frames.

    Raises
    ------
    DataError
        If no frame is near the plane.
    """
    distance_um = np.abs(line.dz_um)
    near = distance_um <= NEAR_UM
    if not near.any():
        raise DataError(
            f"the image nearest to the plane is {distance_um.min():.1f} um from it; a verification needs "
            f"one within {NEAR_UM:g} um: take the frames closer together"
        )
    bias = sweeps.bias_um, sweeps.bias_u_um, sweeps.bias_expanded_um
    limit_um = tolerance_um / 2
    return (
        _judge_deviation("bias_um", bias, 0.0, limit_um),
        _judge_deviation(
            "slope",
            (line.slope, line.u, line.expanded),
            line.direction,
            limit_um / float(distance_um.max()),
        ),
        *(_judge_fit(name, values[near], limit) for name, (values, limit) in fits.items()),
    )


def overall(criteria: tuple[Criterion, ...]) -> Outcome:
    """Return ``fail`` if one criterion fails, ``pass`` if all pass, else ``inconclusive``."""
    outcomes = {criterion.outcome for criterion in criteria}
    if "fail" in outcomes:
        return "fail"
    return "pass" if outcomes == {"pass"} else "inconclusive"


def enough_images(criteria: tuple[Criterion, ...], n_images: int) -> int:
    """Return the number of images, over the same range of Z, that most likely decides a slope of 1.

    It is 0 where it is not the slope alone that is undecided. With the scatter of the ``n_images``, a slope
    that deviates by two standard uncertainties is then still within its limit.
    """
    slope = next(criterion for criterion in criteria if criterion.name == "slope")
    others = [criterion for criterion in criteria if criterion is not slope]
    if slope.outcome != "inconclusive" or any(c.outcome != "pass" for c in others):
        return 0
    # Of n even positions over a range, the sum of squares is proportional to n (n + 1) / (n - 1).
    as_many = n_images * (n_images + 1) / (n_images - 1)
    return max(math.ceil(as_many * (2 * WIDTH_95 * slope.u / slope.limit) ** 2), n_images + 1)


def _judge_deviation(
    name: str, found: tuple[float, float, float], nominal: float, limit: float
) -> Criterion:
    """Compare a value's deviation from its nominal with a limit; ``found``: value, u, expanded u."""
    value, u, expanded = found
    deviation = abs(value - nominal)
    outcome: Outcome = "fail" if deviation - expanded > limit else "inconclusive"
    if deviation + expanded <= limit:
        outcome = "pass"
    return Criterion(name, value, u, expanded, limit, outcome)


def _judge_fit(name: str, values: FloatArray, limit: float) -> Criterion:
    """Return ``pass`` where all values are within the limit, ``fail`` where most are beyond it."""
    beyond = values > limit
    outcome: Outcome = "fail" if np.median(values) > limit else "inconclusive"
    return Criterion(
        name=name,
        value=float(values.max()),
        u=float("nan"),
        expanded=float("nan"),
        limit=limit,
        outcome=outcome if beyond.any() else "pass",
    )


@dataclass(frozen=True, slots=True)
class Qualification:
    """State of verification of the instrument of an image.

    Attributes
    ----------
    status
        ``ok``, or ``unverified`` for an instrument that the model is not known to be right on.
    note
        State in a few words.
    sentence
        Reason and remedy of an unverified instrument; else empty.
    """

    status: Literal["ok", "unverified"]
    note: str
    sentence: str = ""


NOT_STATED = Qualification("ok", "instrument not stated")
"""Of an image without a serial number: only its own statistics protect it."""
REMEDY = "run 'refp verify' with a short sweep of this instrument"


def qualify(
    image: Identity, training: Identity, last: Verification | None, at: datetime
) -> Qualification:
    """Return the state of verification of the instrument that an image states.

    Parameters
    ----------
    image
        Identity as stated by the image; without a serial number it is answered as it is.
    training
        Identity of the model's instrument.
    last
        Last verification of the model on the instrument of that serial number, if any.
    at
        Time for which the verification must be valid, with its zone.
    """
    if not image.serial:
        return NOT_STATED
    if last is not None:
        return _qualify_verified(image, last, at)
    if image.serial != training.serial:
        own = (
            f"{training.serial!r}, that of the model" if training.serial else "stated by the model"
        )
        return _unverified("not verified", f"serial {image.serial!r} is not {own}, nor verified")
    changed = image.conflict(training)
    if changed:
        return _unverified("changed", _describe_change(image, training, changed, "training"))
    return Qualification("ok", "instrument of the training")


def _qualify_verified(image: Identity, last: Verification, at: datetime) -> Qualification:
    day = f"{last.verified_at:%Y-%m-%d}"
    if last.outcome != "pass":
        ended = "failed" if last.outcome == "fail" else "was inconclusive"
        sentence = f"the verification of serial {image.serial!r} {ended} on {day}"
        return _unverified(f"verification {ended} on {day}", sentence)
    until = f"{last.valid_until:%Y-%m-%d}"
    if not last.is_valid(at):
        sentence = f"the verification of serial {image.serial!r} expired on {until}"
        return _unverified(f"verification expired on {until}", sentence)
    verified = Identity(serial=last.serial, objective=last.objective, condenser=last.condenser)
    changed = image.conflict(verified)
    if changed:
        return _unverified("changed", _describe_change(image, verified, changed, "verification"))
    return Qualification("ok", f"verified until {until}")


def _describe_change(image: Identity, known: Identity, key: str, when: str) -> str:
    return f"{key} {getattr(image, key)!r} differs from {getattr(known, key)!r} of the {when}"


def _unverified(note: str, sentence: str) -> Qualification:
    return Qualification("unverified", note, f"{sentence}; {REMEDY}")


def with_qualification(
    estimate: FocusEstimate, qualification: Qualification, make_u_um: float
) -> FocusEstimate:
    """Return an estimate with the state of verification; an unverified one with a wider interval.

    Parameters
    ----------
    estimate
        Estimate or refusal; a refusal keeps its reason.
    qualification
        State of verification of its instrument.
    make_u_um
        Standard uncertainty that differences among instruments of one make add, um.

    Returns
    -------
    FocusEstimate
        Where unverified: ``status`` and ``reason`` state it, ``make_u_um`` is part of *calibration*, and
        the half width of the interval remains the same multiple of ``u_um``.
    """
    if estimate.status == "refused":
        return replace(estimate, verification=qualification.note)
    if qualification.status == "ok":
        return replace(estimate, verification=qualification.note)
    u_um = float(np.hypot(estimate.u_um, make_u_um))
    factor = u_um / estimate.u_um
    calibration_um = float(np.hypot(estimate.parts.calibration_um, make_u_um))
    return replace(
        estimate,
        u_um=u_um,
        lower_um=estimate.delta_z_um - factor * (estimate.delta_z_um - estimate.lower_um),
        upper_um=estimate.delta_z_um + factor * (estimate.upper_um - estimate.delta_z_um),
        status="unverified",
        reason=f"unverified: {qualification.sentence}",
        verification=qualification.note,
        parts=replace(estimate.parts, calibration_um=calibration_um),
    )
