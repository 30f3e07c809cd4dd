"""Estimate dZ of an image with its interval from predictions of its beads, or refuse it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.special import ndtri, stdtrit

from refp.core.arrays import FloatArray
from refp.core.labels import WIDTH_95
from refp.estimate.adaptation import (
    SIZE_SIGMAS,
    adapt_combined,
    adapt_match,
    adaptation_uncertainty,
)
from refp.estimate.alteration import (
    FILTERED_NOISE,
    UNALTERED,
    Alteration,
    find_blur,
    find_contrast,
    find_gamma,
    is_filtered,
    is_offset,
    match_altered,
    restore_contrast,
    rounding_pattern,
    with_rounding,
)
from refp.estimate.combine import Combined, Spread, combine
from refp.estimate.focus_estimate import FocusEstimate, Reason, refused
from refp.estimate.interval import make_interval
from refp.estimate.resemblance import t_squared
from refp.models.card import BeadInputs, Calibration, ModelCard, Predictions, Predictor
from refp.models.lookup import Lookup, Match, NoLookup, predictions_of
from refp.settings import EstimateSettings, Instrument

MAX_SATURATED = 0.3
"""Fraction of saturated rings, or of pixels, above which an image is refused."""
LIMIT_QUANTILE = 0.995
MIN_EXPLAINED = 0.4
"""Smallest fraction of the variance of the typical profile that the stack must explain. It is above 0.8 for
nearly all beads of a training, 0.5 where their cores are saturated, and under 0.35 for real images of other
beads, which a model of one bead, whose limit of chi squared is wide, would accept."""
NOT_LINEAR = (
    "the grey levels were changed after the camera, and not linearly ({}); "
    "use the image as the camera delivers it"
)
BLUR_MODEL = 0.5
"""Standard uncertainty of the effect of a blur on dZ, relative: filters are no Gaussians; assumed."""
MIN_SIZE_SD = 0.003
"""Smallest standard deviation of sizes, from beads and optics."""


@dataclass(frozen=True, slots=True)
class Found:
    """Number of beads of an image, usable or not, and its fraction of saturated pixels."""

    n_beads: int
    saturated_fraction: float = 0.0


@dataclass(frozen=True, slots=True)
class Size:
    """Typical bead radius over the training's, its uncertainty, and its normal standard deviation."""

    value: float
    u: float
    normal_sd: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """Results of family and look-up for an image, combined over its beads.

    ``reduced_chi2`` is that of the typical bead over its expected value at the image's light;
    ``t_squared`` is that of the mean residual profile of the beads, a ring; ``residual`` has the
    profiles of the beads in use, shape ``(n, k)``; ``explained`` is the fraction of the variance of the
    typical bead's profile that its match explains; ``gamma`` is the change of gamma that the beads fit
    better than any contrast, 1 where there is none.
    """

    match: Match
    combined: Combined
    lookup_um: float
    size: Size
    reduced_chi2: float
    t_squared: float
    residual: FloatArray
    explained: float
    alteration_u_um: float = 0.0
    filtered_noise: float = 1.0
    gamma: float = 1.0


def estimate_focus(
    inputs: BeadInputs,
    found: Found,
    card: ModelCard,
    predictor: Predictor,
    lookup: Lookup | NoLookup,
    settings: EstimateSettings,
    *,
    rescaled: bool = False,
) -> FocusEstimate:
    """Estimate dZ of one image.

    Parameters
    ----------
    inputs
        The image's usable beads.
    found
        Number of beads, and fraction of saturated pixels.
    card
        The model's instrument, range and calibration.
    predictor
        Predictor of the family.
    lookup
        Look-up for comparison with the family, and for sizes.
    settings
        Combination and coverage.
    rescaled
        Whether the grey levels are known to be scaled, and rounded again, after the camera.

    Returns
    -------
    FocusEstimate
        ``used`` has one entry per usable bead.
    """
    n = len(inputs)
    refuse = partial(refused, coverage=settings.coverage, n_beads=found.n_beads, n_usable=n)
    missing = _missing(inputs, found, card)
    if missing:
        return refuse(*missing)
    assessment = assess_beads(inputs, card, predictor, lookup, settings, rescaled=rescaled)
    estimate = _with_interval(assessment, found.n_beads, card, settings)
    objection = _objection(assessment, estimate, card)
    return refuse(*objection) if objection else estimate


def assess_beads(
    inputs: BeadInputs,
    card: ModelCard,
    predictor: Predictor,
    lookup: Lookup | NoLookup,
    settings: EstimateSettings,
    *,
    rescaled: bool = False,
) -> Assessment:
    """Apply family and look-up to the beads of an image; parameters as of :func:`estimate_focus`."""
    assess_as = partial(_assess_as, inputs, card, predictor, lookup, settings)
    plain = assess_as(UNALTERED)
    if not isinstance(lookup, Lookup) or not plain.match.has_match:
        return plain
    known = card.calibration
    light, noise = inputs.light_and_noise
    if is_filtered(inputs, known.noise):
        relative = known.noise.relative(light, noise)
        return _assess_filtered(plain, assess_as, find_blur(lookup, inputs), relative)

    def assess_rescaled(altered: Alteration) -> Assessment:
        # Of the look-up, the factor by which beads scatter more than their likelihood states.
        factor = max(known.bead_factor, 1.0) if card.family == "lookup" else 1.0
        return replace(
            assess_as(altered),
            alteration_u_um=factor * _effect_um(assess_as, altered),
            gamma=find_gamma(lookup, inputs, altered, card.instrument.white_level),
        )

    if rescaled or not known.noise.agrees(light, noise):
        fits = plain.reduced_chi2 <= known.maximum_reduced_chi2
        pattern = rounding_pattern(known.noise.relative(light, noise), rescaled=rescaled)
        altered = with_rounding(find_contrast(lookup, inputs, fits=fits), light, pattern)
        return assess_rescaled(altered)
    if _is_alike(plain, known):
        return plain
    offset = find_contrast(lookup, inputs)
    if not is_offset(offset):
        return plain
    found = assess_rescaled(offset)
    return found if _is_alike(found, known) else plain


def _is_alike(assessment: Assessment, known: Calibration) -> bool:
    """Return whether the beads fit the stack, each and together."""
    return (
        assessment.reduced_chi2 <= known.maximum_reduced_chi2
        and assessment.t_squared <= known.residuals.maximum_t_squared
    )


AssessAs = Callable[[Alteration], Assessment]


def _assess_filtered(
    plain: Assessment, assess_as: AssessAs, blurred: Alteration, relative_noise: float
) -> Assessment:
    """Assess a filtered image, whose magnification may have changed as well."""
    found = assess_as(blurred)
    size_um = abs(found.size.value - 1.0) * abs(found.lookup_um)
    model_um = BLUR_MODEL * abs(found.lookup_um - plain.lookup_um)
    u_um = float(np.linalg.norm([_effect_um(assess_as, blurred), size_um, model_um]))
    return replace(found, alteration_u_um=u_um, filtered_noise=relative_noise)


def _effect_um(assess_as: AssessAs, altered: Alteration) -> float:
    """Return the effect on dZ of one standard uncertainty of the alteration, um."""
    low, high = (assess_as(end).lookup_um for end in altered.ends)
    return abs(high - low) / 2


def _assess_as(
    inputs: BeadInputs,
    card: ModelCard,
    predictor: Predictor,
    lookup: Lookup | NoLookup,
    settings: EstimateSettings,
    altered: Alteration,
) -> Assessment:
    """Assess the beads of an image, given its contrast and blur."""
    known = card.calibration
    light, noise = inputs.light_and_noise
    light *= altered.contrast
    inputs = restore_contrast(inputs, altered.contrast)
    sharp = matched = lookup.match(inputs.profile, inputs.saturated)
    if isinstance(lookup, Lookup) and altered.blur_radii2:
        matched = match_altered(lookup, inputs, Alteration(blur_radii2=altered.blur_radii2))
    match = adapt_match(matched, card.adaptation)
    tilt = tilt_um_per_px(settings, card.instrument)
    spread = Spread(known.bead_factor, known.height_um, known.rise_um_per_size, tilt)
    places = (inputs.offset_px, match.size, spread, settings)
    if altered.blur_u:  # a filter reduces the noise more than its effect on the fit
        noise = max(noise, known.noise.expected(light))
    predicted = _predict(predictor, inputs, sharp, matched)
    combined = adapt_combined(combine(predicted, *places), card.adaptation)
    second = combine(predictions_of(match), *places) if match.has_match else combined
    residual, unevenness = match.residual[combined.used], match.unevenness[combined.used]
    raised = altered.rounding * unevenness[:, 0]
    of_rounding = float(np.mean(raised**2)) if raised.size else 0.0
    return Assessment(
        match=match,
        combined=combined,
        lookup_um=second.dz_um,
        size=_typical_size(match, combined, known),
        reduced_chi2=known.relative_chi2(
            float(np.median(match.reduced_chi2)), light, noise, of_rounding
        ),
        t_squared=t_squared(
            residual,
            known.residuals,
            known.expected_chi2(light, noise),
            unevenness=unevenness,
            n_reference=card.adaptation.deviation.n_beads if card.adaptation else 0,
            rounding=altered.rounding,
        ),
        residual=residual,
        explained=float(np.median(match.explained)),
    )


def _predict(predictor: Predictor, inputs: BeadInputs, sharp: Match, matched: Match) -> Predictions:
    """Predict each bead's dZ, corrected by the look-up where the image is blurred.

    Networks are trained on sharp images; of a look-up family the match is the prediction.
    """
    predicted = (
        predictions_of(sharp) if isinstance(predictor, Lookup) else predictor.predict(inputs)
    )
    if matched is sharp:
        return predicted
    return replace(predicted, dz_um=predicted.dz_um + (matched.dz_um - sharp.dz_um))


def tilt_um_per_px(settings: EstimateSettings, instrument: Instrument) -> float:
    """Return the standard deviation of slide tilts, um per pixel."""
    return settings.tilt_mrad * 1e-3 * instrument.optics.pixel_size_um


def _missing(inputs: BeadInputs, found: Found, card: ModelCard) -> tuple[Reason, str] | None:
    """Return the reason why no estimate is possible; ``None`` where one is."""
    n = len(inputs)
    rings = float(np.median(inputs.saturated_fraction)) if n else found.saturated_fraction
    if rings > MAX_SATURATED:
        part = "the typical bead's rings" if n else "the image"
        return "saturated", f"{100 * rings:.0f} % of {part} are saturated; use less light"
    if n >= max(card.minimum_beads, 1):
        return None
    if n == 0:
        unusable = f"none of {found.n_beads} beads is usable"
        return "no_beads", unusable if found.n_beads else "no bead was found"
    return "too_few_beads", f"{n} usable beads, at least {card.minimum_beads} are needed"


def _with_interval(
    assessment: Assessment, n_beads: int, card: ModelCard, settings: EstimateSettings
) -> FocusEstimate:
    combined = assessment.combined
    adapted = adaptation_uncertainty(card.adaptation, combined.dz_um)
    interval = make_interval(
        combined,
        card.calibration,
        card.members,
        settings.coverage,
        float(np.hypot(adapted, assessment.alteration_u_um)),
    )
    return FocusEstimate(
        delta_z_um=combined.dz_um,
        u_um=interval.parts.total_um,
        lower_um=combined.dz_um - interval.half_um,
        upper_um=combined.dz_um + interval.half_um,
        coverage=settings.coverage,
        n_beads=n_beads,
        n_beads_used=int(combined.used.sum()),
        status="ok",
        reason="",
        used=combined.used,
        parts=interval.parts,
        dof=interval.dof,
        tilt_um_per_px=combined.tilt_um_per_px,
        tilt_u_um_per_px=combined.tilt_u_um_per_px,
        size=assessment.size.value,
        size_u=assessment.size.u,
    )


def _typical_size(match: Match, combined: Combined, known: Calibration) -> Size:
    """Compare the size of the beads in use with that of the training's."""
    used = combined.used
    n = max(int(used.sum()), 1)
    own = np.maximum(match.size_sd[used], MIN_SIZE_SD)
    u = float(np.sqrt((own**2).sum())) / n
    spread = known.size_sd * _for_few(known.n_sizes)
    among = spread**2 * (1 / n + 1 / max(known.n_sizes, 1))
    return Size(float(np.mean(match.size[used])), u, float(np.sqrt(among + u**2)))


def _for_few(n: int) -> float:
    """Return the factor on a limit whose standard deviation is estimated from ``n`` values.

    It is Student's quantile over the normal one, for one in a hundred beyond either limit.
    """
    return float(stdtrit(n - 1, LIMIT_QUANTILE) / ndtri(LIMIT_QUANTILE)) if n > 1 else 1.0


def _objection(
    assessment: Assessment, estimate: FocusEstimate, card: ModelCard
) -> tuple[Reason, str] | None:
    """Return the first reason to refuse an estimate; ``None`` where there is none."""
    known = card.calibration
    low, high = FILTERED_NOISE
    if not low <= assessment.filtered_noise <= high:
        return "unlike_training", (
            "the image was smoothed, sharpened or compressed after the camera (noise "
            f"{assessment.filtered_noise:.2g} of that expected); use the image as the camera delivers it"
        )
    if assessment.reduced_chi2 > known.maximum_reduced_chi2:
        reduced_chi2 = (
            f"reduced chi squared {assessment.reduced_chi2:.1f} > {known.maximum_reduced_chi2:.1f}"
        )
        return (
            "unlike_training",
            f"the beads do not look like those of the training ({reduced_chi2})",
        )
    if assessment.explained < MIN_EXPLAINED:
        percent = 100 * max(assessment.explained, 0.0)
        return "unlike_training", (
            "the beads do not look like those of the training (their best match explains "
            f"{percent:.0f} % of the profile, less than {100 * MIN_EXPLAINED:.0f} %)"
        )
    if assessment.gamma != 1.0:
        sign = f"the beads fit a gamma of {assessment.gamma:.2f} better than any contrast"
        return "unlike_training", NOT_LINEAR.format(sign)
    outside = _outside(assessment, estimate, card.dz_range_um)
    if outside:
        return "outside_range", outside
    limit = known.residuals.maximum_t_squared
    if assessment.t_squared > limit:
        return "unlike_training", (
            "the beads together deviate from those of the training (T squared a ring "
            f"{assessment.t_squared:.1f} > {limit:.1f}): other optics, condenser or beads"
        )
    difference = abs(assessment.combined.dz_um - assessment.lookup_um)
    limit_um = known.maximum_disagreement_um
    if card.family != "lookup" and difference > limit_um:
        return (
            "families_disagree",
            f"look-up and {card.family} differ by {difference:.1f} um (> {limit_um:.1f})",
        )
    other = _other_size(assessment.size) if known.size_sd > 0 else ""
    return ("unlike_training", other) if other else None


def _outside(
    assessment: Assessment, estimate: FocusEstimate, trained_um: tuple[float, float]
) -> str:
    """Describe how an image is outside the trained range; empty where it is inside."""
    low, high = trained_um
    trained = f"the trained range of {low:.4g} to {high:.4g} um"
    if assessment.match.at_end.mean() >= 0.5 or not low <= assessment.combined.dz_um <= high:
        return f"the focal plane is outside {trained}"
    # The range and the estimate have the labels' error in common, so it is left out.
    half = WIDTH_95 * estimate.parts.own_um
    lower, upper = assessment.combined.dz_um - half, assessment.combined.dz_um + half
    if lower < low or upper > high:
        return f"the focal plane, at {lower:.4g} to {upper:.4g} um, may be outside {trained}"
    return ""


def _other_size(size: Size) -> str:
    """Describe the difference in size from the training's beads; empty where it is normal."""
    deviation, normal = abs(size.value - 1), SIZE_SIGMAS * size.normal_sd
    if deviation <= normal:
        return ""
    return (
        f"the beads look {100 * deviation:.1f} % {'larger' if size.value > 1 else 'smaller'} than "
        f"those of the training (up to {100 * normal:.1f} % is normal): other beads, or another "
        "magnification"
    )
