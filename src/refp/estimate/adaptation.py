"""Adapt a model to another instrument: fit its systematic error there, and correct for it.

Two instruments of one model differ in aberrations, bead lot and illumination. To first order the
model's estimate there is a straight line in the true dZ, ``estimate = bias + slope * dZ``. A few images
of a short sweep determine both: the bias is the estimate at the reference plane, where the features of
the images have their extremes, or follows from a plane that is known on the stage; the slope is that
against the stage. The residual beyond stage and beads widens the interval. The images' mean residual
profiles are the expected deviation of that instrument's beads from the stack, so the limits of refusal
stay those of the training.
"""

from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import FloatArray, IntArray
from refp.core.errors import DataError
from refp.core.robust import fit_bisquare
from refp.estimate.combine import Combined
from refp.estimate.short_sweeps import ShortSweeps
from refp.models.card import Adaptation, Deviation, ResponseLine
from refp.models.lookup import Match
from refp.plane import PooledStack

MIN_IMAGES = 3
SLOPE_SD = 0.05
"""Standard deviation of slopes among instruments that are adapted; twice that of simulated instruments
of one make (``benchmarks/accuracy/make.json``), since those that pass a verification are not adapted."""
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
    residual
        Shape ``(n, k)``, mean residual profile of the beads, in units of the stack's spread.
    n_beads
        Shape ``(n,)``, number of beads in use.
    """

    dz_um: FloatArray
    estimated_um: FloatArray
    lookup_um: FloatArray
    u_um: FloatArray
    size: FloatArray
    size_sd: FloatArray
    residual: FloatArray
    n_beads: IntArray


@dataclass(frozen=True, slots=True)
class FittedLine:
    """Line of a model's estimates in the known dZ of images.

    Attributes
    ----------
    line
        Bias and slope.
    bias_u_um, slope_u, covariance_um
        Their standard uncertainties and their covariance. Where the plane was found by the features, the
        bias has the uncertainty of that plane and none of its own.
    residual_um
        Standard deviation of images about the line beyond their uncertainty.
    """

    line: ResponseLine
    bias_u_um: float
    slope_u: float
    covariance_um: float
    residual_um: float


def fit_known_line(dz_um: FloatArray, estimated_um: FloatArray, u_um: FloatArray) -> FittedLine:
    """Fit a line of estimates in the known dZ of images.

    Parameters
    ----------
    dz_um, estimated_um, u_um
        Shape ``(n,)``: known and estimated dZ, and the standard uncertainty of their difference.

    Raises
    ------
    DataError
        If there are fewer than three images or three distinct dZ, or the estimates do not follow Z.
    """
    fit = _fit_levels(np.ones((len(dz_um), 1)), dz_um, estimated_um, u_um)
    bias, slope = fit.coefficients
    return FittedLine(
        line=ResponseLine(bias_um=float(bias), slope=float(slope)),
        bias_u_um=float(np.sqrt(fit.covariance[0, 0])),
        slope_u=float(np.sqrt(fit.covariance[1, 1])),
        covariance_um=float(fit.covariance[0, 1]),
        residual_um=fit.residual_um,
    )


def fit_located_line(sweeps: ShortSweeps, u_um: FloatArray) -> tuple[FittedLine, FloatArray]:
    """Fit a line through the estimate at the reference plane; return the known dZ of the images too.

    Each sweep has its own level on the stage, which the plane sets to the bias: errors of the stage
    enter the slope and not the bias.

    Parameters
    ----------
    sweeps
        Estimates, and the estimate at the plane.
    u_um
        Shape ``(n,)``, standard uncertainty of the difference of estimate and position of the stage.

    Raises
    ------
    DataError
        If there are fewer than three images or three distinct Z, or the estimates do not follow Z.
    """
    z_um = sweeps.centred(sweeps.z_um)
    of_sweep = np.eye(int(sweeps.sweep.max()) + 1)[sweeps.sweep]
    fit = _fit_levels(of_sweep, z_um, sweeps.estimated_um, u_um)
    slope = float(fit.coefficients[-1])
    levels_um = fit.coefficients[:-1]
    fitted = FittedLine(
        line=ResponseLine(bias_um=sweeps.bias_um, slope=slope),
        bias_u_um=0.0,
        slope_u=float(np.sqrt(fit.covariance[-1, -1])),
        covariance_um=0.0,
        residual_um=fit.residual_um,
    )
    return fitted, z_um + (levels_um[sweeps.sweep] - sweeps.bias_um) / slope


def fit_adaptation(
    images: KnownImages,
    fitted: FittedLine,
    source: str,
    sweeps: tuple[str, ...],
    data_sha256: str,
) -> Adaptation:
    """Return the correction of a model on another instrument.

    Parameters
    ----------
    images
        Images of known dZ.
    fitted
        Line of the family's estimates in it.
    source
        Name of the model that is adapted.
    sweeps, data_sha256
        Sweeps of the images, and the digest over their bytes.

    Raises
    ------
    DataError
        If the look-up's estimates do not follow Z.
    """
    lookup = fit_known_line(images.dz_um, images.lookup_um, images.u_um).line
    return Adaptation(
        source=source,
        sweeps=sweeps,
        n_images=len(images.dz_um),
        data_sha256=data_sha256,
        line=fitted.line,
        bias_u_um=fitted.bias_u_um,
        slope_u=fitted.slope_u,
        covariance_um=fitted.covariance_um,
        residual_um=fitted.residual_um,
        lookup=lookup,
        size=_typical_size(images),
        deviation=_deviation(images, lookup),
    )


def adapt_match(match: Match, adaptation: Adaptation | None) -> Match:
    """Return the look-up's match, corrected for the instrument that the model was adapted to."""
    if adaptation is None:
        return match
    line = adaptation.lookup
    dz_um = (match.dz_um - line.bias_um) / line.slope
    residual = match.residual - adaptation.deviation.at(dz_um)
    known = np.isfinite(residual)
    squares = np.where(known, residual, 0.0) ** 2
    return replace(
        match,
        dz_um=dz_um,
        sd_um=match.sd_um / line.slope,
        size=match.size / adaptation.size,
        reduced_chi2=squares.sum(axis=1) / np.maximum(known.sum(axis=1), 1),
        residual=residual,
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


def adapt_stack(stack: PooledStack, adaptation: Adaptation | None) -> PooledStack:
    """Return the training's stack in the dZ of the instrument that the model was adapted to."""
    if adaptation is None:
        return stack
    line = adaptation.lookup
    return replace(stack, dz_um=(stack.dz_um - line.bias_um) / line.slope)


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


def _deviation(images: KnownImages, lookup: ResponseLine) -> Deviation:
    """Return the mean residual profiles in the order of the adapted dZ."""
    dz_um = (images.lookup_um - lookup.bias_um) / lookup.slope
    order = np.argsort(dz_um, kind="stable")
    residual = np.nan_to_num(images.residual)[order]
    return Deviation(
        dz_um=tuple(dz_um[order].tolist()),
        residual=tuple(tuple(ring) for ring in residual.tolist()),
        n_beads=max(int(np.median(images.n_beads)), 1),
    )


def _typical_size(images: KnownImages) -> float:
    """Return the size of the instrument's beads over the training's; 1 unless it clearly differs.

    The images of a short sweep show the same few beads, so the limit does not depend on their number.
    """
    size = float(np.median(images.size))
    return size if abs(size - 1.0) > SIZE_SIGMAS * float(np.median(images.size_sd)) else 1.0


@dataclass(frozen=True, slots=True)
class _Levels:
    """Levels and, last, the slope of a line; covariance, and residual beyond known uncertainty."""

    coefficients: FloatArray
    covariance: FloatArray
    residual_um: float


def _fit_levels(
    of_sweep: FloatArray, z_um: FloatArray, estimated_um: FloatArray, u_um: FloatArray
) -> _Levels:
    """Fit lines of one slope robustly; column ``k`` of ``of_sweep`` is 1 for the images of sweep ``k``."""
    n = len(z_um)
    if n < MIN_IMAGES or len(np.unique(z_um)) < MIN_IMAGES:
        raise DataError(
            f"{n} usable images of known dZ; at least {MIN_IMAGES} at different Z are needed to "
            "adapt a model"
        )
    n_levels = of_sweep.shape[1]
    levels_um = [float(np.median((estimated_um - z_um)[on > 0])) for on in of_sweep.T]
    fit = fit_bisquare(
        np.column_stack([of_sweep, z_um]),
        estimated_um,
        u_um,
        start=np.array([*levels_um, 1.0]),
        prior=np.array([0.0] * n_levels + [1.0 / SLOPE_SD**2]),
        expected=np.array([0.0] * n_levels + [1.0]),
    )
    slope = fit.coefficients[-1]
    if not MIN_SLOPE < slope < 1 / MIN_SLOPE:
        raise DataError(
            f"the model's estimates change by {slope:.2f} um per um of the sweep's Z; check the sign of "
            "Z; on another kind of instrument, train a new model"
        )
    freedom = max(float(fit.weight.sum()) - n_levels - 1.0, 1.0)
    variance = float((fit.weight * (fit.standardised_residual * u_um) ** 2).sum()) / freedom
    expected = float(np.average(u_um**2, weights=fit.weight))
    return _Levels(
        coefficients=fit.coefficients,
        covariance=fit.covariance * max(1.0, variance / expected),
        residual_um=float(np.sqrt(max(variance - expected, 0.0))),
    )
