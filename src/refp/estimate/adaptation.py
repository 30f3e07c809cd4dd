"""Adapt a model to another instrument: fit its systematic error there, and correct for it.

Two instruments of one model differ in aberrations, bead lot and illumination. To first order the
model's estimate there is a straight line in the true dZ, ``estimate = bias + slope * dZ``. A few images
of known dZ determine bias and slope; the residual beyond stage and beads widens the interval.
"""

from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.errors import DataError
from refp.core.robust import fit_bisquare
from refp.estimate.combine import Combined
from refp.models.card import Adaptation, Calibration, ResponseLine
from refp.models.lookup import Match

MIN_IMAGES = 3
SLOPE_SD = 0.1
"""Standard deviation of slopes among instruments of one model; assumed."""
MIN_SLOPE = 0.5
"""Instruments with a slope below this, or above its inverse, are not of one kind."""
SIZE_SIGMAS = 2.6
"""Deviation in size that one in a hundred images or instruments with beads of one lot exceeds."""


@dataclass(frozen=True, slots=True)
class KnownImages:
    """A model's estimates of images of known dZ.

    Attributes
    ----------
    dz_um
        Shape ``(n,)``, known dZ.
    estimated_um, lookup_um
        Shape ``(n,)``, dZ by the family and by the look-up, before adaptation.
    u_um
        Shape ``(n,)``, combined standard uncertainty of the estimate of an image and of its known dZ.
    size, size_sd
        Shape ``(n,)``, typical bead size over that of the training, and its standard deviation among
        images.
    reduced_chi2
        Shape ``(n,)``, against the pooled stack.
    """

    dz_um: FloatArray
    estimated_um: FloatArray
    lookup_um: FloatArray
    u_um: FloatArray
    size: FloatArray
    size_sd: FloatArray
    reduced_chi2: FloatArray


def fit_adaptation(
    images: KnownImages, source: str, sweeps: tuple[str, ...], data_sha256: str
) -> Adaptation:
    """Fit bias and slope of a model's estimates against known dZ.

    Parameters
    ----------
    images
        At least three images.
    source
        Name of the model that is adapted.
    sweeps, data_sha256
        Sweeps of the images, and the digest over their bytes.

    Raises
    ------
    DataError
        If there are fewer than three images or three distinct dZ, or the estimates do not follow Z.
    """
    n = len(images.dz_um)
    if n < MIN_IMAGES or len(np.unique(images.dz_um)) < MIN_IMAGES:
        raise DataError(
            f"{n} usable images of known dZ; at least {MIN_IMAGES} at different Z are needed to "
            "adapt a model"
        )
    line, covariance, residual_um = _fit_line(images.dz_um, images.estimated_um, images.u_um)
    lookup, _, _ = _fit_line(images.dz_um, images.lookup_um, images.u_um)
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
        size=_typical_size(images),
    )


def check_limits(images: KnownImages, adaptation: Adaptation, known: Calibration) -> None:
    """Refuse an adaptation if most of its images are beyond the model's limits of refusal.

    A line corrects bias and slope. Profiles of another shape are those of other optics, on which the
    error within the range is not known.

    Raises
    ------
    DataError
        With the number of such images, the largest value and the limit.
    """
    by_family, by_lookup = adapted_dz(images, adaptation)
    for name, values, limit in (
        ("reduced chi squared", images.reduced_chi2, known.maximum_reduced_chi2),
        (
            "um between family and look-up",
            abs(by_family - by_lookup),
            known.maximum_disagreement_um,
        ),
    ):
        beyond = values > limit
        if beyond.mean() > 0.5:
            raise DataError(
                f"{beyond.sum()} of {len(values)} images do not look like those of the training ({name} "
                f"up to {values.max():.1f} > {limit:.1f}): the optics differ by more than an adaptation "
                "corrects; train a model on this instrument"
            )


def adapted_dz(images: KnownImages, adaptation: Adaptation) -> tuple[FloatArray, FloatArray]:
    """Return dZ of images by family and by look-up, adapted, um."""
    line, lookup = adaptation.line, adaptation.lookup
    return (
        (images.estimated_um - line.bias_um) / line.slope,
        (images.lookup_um - lookup.bias_um) / lookup.slope,
    )


def adapt_match(match: Match, adaptation: Adaptation | None) -> Match:
    """Return the look-up's match, corrected for the instrument that the model was adapted to."""
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
    """Return the family's dZ, corrected for the instrument that the model was adapted to."""
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


def _typical_size(images: KnownImages) -> float:
    """Return the size of the instrument's beads over the training's; 1 unless it clearly differs.

    The images of a short sweep show the same few beads, so the limit does not depend on their number.
    """
    size = float(np.median(images.size))
    return size if abs(size - 1.0) > SIZE_SIGMAS * float(np.median(images.size_sd)) else 1.0


def _fit_line(
    dz_um: FloatArray, estimated_um: FloatArray, u_um: FloatArray
) -> tuple[ResponseLine, FloatArray, float]:
    """Fit a robust line; return it, the covariance of bias and slope, and the residual."""
    fit = fit_bisquare(
        np.column_stack([np.ones(len(dz_um)), dz_um]),
        estimated_um,
        u_um,
        start=np.array([float(np.median(estimated_um - dz_um)), 1.0]),
        prior=np.array([0.0, 1.0 / SLOPE_SD**2]),
        expected=np.array([0.0, 1.0]),
    )
    bias, slope = fit.coefficients
    if not MIN_SLOPE < slope < 1 / MIN_SLOPE:
        raise DataError(
            f"the model's estimates change by {slope:.2f} um per um of the sweep's Z; check the sign of "
            "Z; on another kind of instrument, train a new model"
        )
    freedom = max(float(fit.weight.sum()) - 2.0, 1.0)
    variance = float((fit.weight * (fit.standardised_residual * u_um) ** 2).sum()) / freedom
    expected = float(np.average(u_um**2, weights=fit.weight))
    residual_um = float(np.sqrt(max(variance - expected, 0.0)))
    line = ResponseLine(bias_um=float(bias), slope=float(slope))
    return line, fit.covariance * max(1.0, variance / expected), residual_um
