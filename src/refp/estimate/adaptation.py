"""Take a model to another instrument: find how its answers are off there, and take that off.

Two instruments of one model differ in aberrations, bead lot, light. To first order what a model says
there is a straight line in the true dZ, ``said = bias + slope * dZ``. A few images of known dZ tell bias
and slope; what they leave, beyond the stage and the beads, stays in the interval.
"""

from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.errors import DataError
from refp.core.robust import fit_bisquare
from refp.estimate.combine import Combined
from refp.models.card import Adaptation, ResponseLine
from refp.models.lookup import Match

MIN_IMAGES = 3
SLOPE_SD = 0.1
"""Standard deviation of gains among instruments of one model; assumed."""
MIN_SLOPE = 0.5
"""Instruments that differ by more than this, or twice, are not of one kind."""
SIZE_SIGMAS = 2.6
"""One in a hundred of images or instruments shows beads of one lot further off in size than this."""


@dataclass(frozen=True, slots=True)
class KnownAnswers:
    """What a model says of images of known dZ.

    Attributes
    ----------
    dz_um
        Shape ``(n,)``, known.
    said_um, lookup_um
        Shape ``(n,)``, what the family and the look-up say, not adapted.
    u_um
        Shape ``(n,)``, standard uncertainty of one image's answer and of its known dZ together.
    size, size_sd
        Shape ``(n,)``, typical bead size, and how far off is normal among images.
    reduced_chi2
        Shape ``(n,)``, to the pooled stack.
    """

    dz_um: FloatArray
    said_um: FloatArray
    lookup_um: FloatArray
    u_um: FloatArray
    size: FloatArray
    size_sd: FloatArray
    reduced_chi2: FloatArray


def fit_adaptation(
    answers: KnownAnswers, source: str, sweeps: tuple[str, ...], data_sha256: str
) -> Adaptation:
    """Fit how a model's answers are off.

    Parameters
    ----------
    answers
        At least three images.
    source
        Name of the model that is adapted.
    sweeps, data_sha256
        Where the images are from, and the hash over their bytes.

    Raises
    ------
    DataError
        If there are too few images, they lie in too few places, or the answers do not follow Z.
    """
    n = len(answers.dz_um)
    if n < MIN_IMAGES or len(np.unique(answers.dz_um)) < MIN_IMAGES:
        raise DataError(
            f"{n} usable images of known dZ; at least {MIN_IMAGES} at different Z are needed to "
            "adapt a model"
        )
    line, covariance, residual_um = _fit_line(answers.dz_um, answers.said_um, answers.u_um)
    lookup, _, _ = _fit_line(answers.dz_um, answers.lookup_um, answers.u_um)
    return Adaptation(
        source=source,
        sweeps=sweeps,
        n_images=n,
        data_sha256=data_sha256,
        line=line,
        bias_u_um=float(np.sqrt(covariance[0, 0])),
        slope_u=float(np.sqrt(covariance[1, 1])),
        covariance_um=float(covariance[0, 1]),
        residual_um=residual_um,
        lookup=lookup,
        size=_typical_size(answers),
    )


def adapt_match(match: Match, adaptation: Adaptation | None) -> Match:
    """Return what the look-up says on the instrument that the model was adapted to."""
    if adaptation is None:
        return match
    line = adaptation.lookup
    return replace(
        match,
        dz_um=(match.dz_um - line.bias_um) / line.slope,
        sd_um=match.sd_um / line.slope,
        size=match.size / adaptation.size,
    )


def adapt_combined(combined: Combined, adaptation: Adaptation | None) -> Combined:
    """Return what the family says on the instrument that the model was adapted to."""
    if adaptation is None:
        return combined
    line = adaptation.line
    return replace(
        combined,
        dz_um=(combined.dz_um - line.bias_um) / line.slope,
        u_beads_um=combined.u_beads_um / line.slope,
        noise_um=combined.noise_um / line.slope,
        u_members_um=combined.u_members_um / line.slope,
        tilt_um_per_px=combined.tilt_um_per_px / line.slope,
        tilt_u_um_per_px=combined.tilt_u_um_per_px / line.slope,
    )


def adaptation_uncertainty(adaptation: Adaptation | None, dz_um: float) -> float:
    """Return the standard uncertainty that an adaptation adds at a dZ; 0 without one."""
    if adaptation is None:
        return 0.0
    variance = (
        adaptation.bias_u_um**2
        + 2 * dz_um * adaptation.covariance_um
        + (dz_um * adaptation.slope_u) ** 2
        + adaptation.residual_um**2
    )
    return float(np.sqrt(max(variance, 0.0))) / adaptation.line.slope


def _typical_size(answers: KnownAnswers) -> float:
    """Return the size of the instrument's beads: the training's, unless they are clearly others.

    The images of a short sweep show the same few beads, so their number does not count.
    """
    size = float(np.median(answers.size))
    return size if abs(size - 1.0) > SIZE_SIGMAS * float(np.median(answers.size_sd)) else 1.0


def _fit_line(
    dz_um: FloatArray, said_um: FloatArray, u_um: FloatArray
) -> tuple[ResponseLine, FloatArray, float]:
    """Fit a robust line; return it, the covariance of bias and slope, and what it leaves."""
    fit = fit_bisquare(
        np.column_stack([np.ones(len(dz_um)), dz_um]),
        said_um,
        u_um,
        start=np.array([float(np.median(said_um - dz_um)), 1.0]),
        prior=np.array([0.0, 1.0 / SLOPE_SD**2]),
        expected=np.array([0.0, 1.0]),
    )
    bias, slope = fit.coefficients
    if not MIN_SLOPE < slope < 1 / MIN_SLOPE:
        raise DataError(
            f"the model's answers rise by {slope:.2f} um a micrometre of the sweep's Z; is the sign of "
            "Z turned, or is this another kind of instrument? train anew there"
        )
    freedom = max(float(fit.weight.sum()) - 2.0, 1.0)
    variance = float((fit.weight * (fit.standardised_residual * u_um) ** 2).sum()) / freedom
    expected = float(np.average(u_um**2, weights=fit.weight))
    residual_um = float(np.sqrt(max(variance - expected, 0.0)))
    line = ResponseLine(bias_um=float(bias), slope=float(slope))
    return line, fit.covariance * max(1.0, variance / expected), residual_um
