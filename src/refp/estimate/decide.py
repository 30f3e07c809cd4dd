"""Turn predictions of an image's beads into a number with an interval, or into a refusal."""

from functools import partial

import numpy as np
from scipy.special import ndtri

from refp.estimate.combine import Combined, combine
from refp.estimate.estimate import FocusEstimate, Reason, refused
from refp.estimate.settings import EstimateSettings
from refp.models.ensemble import BeadInputs, ModelCard, Predictor
from refp.models.lookup import Lookup, Match


def estimate_focus(
    inputs: BeadInputs,
    n_beads: int,
    card: ModelCard,
    predictor: Predictor,
    lookup: Lookup,
    settings: EstimateSettings,
) -> FocusEstimate:
    """Estimate dZ of one image.

    Parameters
    ----------
    inputs
        The image's usable beads.
    n_beads
        Beads found in all, usable or not.
    card
        The model's range and calibration.
    predictor
        The family that speaks.
    lookup
        The second opinion.
    settings
        Combination and coverage.

    Returns
    -------
    FocusEstimate
        ``used`` has one entry per usable bead.
    """
    n = len(inputs)
    refuse = partial(refused, coverage=settings.coverage, n_beads=n_beads, n_usable=n)
    if n == 0:
        sentence = "no bead was found" if not n_beads else f"none of {n_beads} beads is usable"
        return refuse("no_beads", sentence)
    if n < card.minimum_beads:
        sentence = f"{n} usable beads, at least {card.minimum_beads} are needed"
        return refuse("too_few_beads", sentence)
    match = lookup.match(inputs.profile, inputs.saturated)
    combined = combine(predictor.predict(inputs), settings)
    if combined.u_raw_um <= 0:
        return refuse("too_few_beads", "one bead and one network say nothing of their uncertainty")
    estimate = _with_interval(combined, n_beads, card, settings)
    code, sentence = _objection(combined, estimate, match, card)
    if code:
        return refuse(code, sentence)
    return estimate


def _with_interval(
    combined: Combined, n_beads: int, card: ModelCard, settings: EstimateSettings
) -> FocusEstimate:
    known = card.calibration
    parts = (known.factor * combined.u_raw_um, known.refp_u_um, known.beads_u_um)
    u_um = float(np.sqrt(np.sum(np.square(parts))))
    half = float(ndtri(0.5 + settings.coverage / 2)) * u_um
    dz = combined.dz_um
    return FocusEstimate(
        delta_z_um=dz,
        u_um=u_um,
        lower_um=dz - half,
        upper_um=dz + half,
        coverage=settings.coverage,
        n_beads=n_beads,
        n_beads_used=int(combined.used.sum()),
        status="ok",
        reason="",
        used=combined.used,
    )


def _objection(
    combined: Combined, estimate: FocusEstimate, match: Match, card: ModelCard
) -> tuple[Reason, str]:
    """Return the first reason to refuse, most telling first; empty where there is none."""
    low, high = card.dz_range_um
    trained = f"the trained range of {low:.4g} to {high:.4g} um"
    misfit = float(np.median(match.misfit))
    limit = card.calibration.maximum_misfit
    if misfit > limit:
        unlike = (
            f"the beads do not look like those of the training (misfit {misfit:.1f} > {limit:.1f})"
        )
        return "unlike_training", unlike
    if match.at_end.mean() >= 0.5 or not low <= combined.dz_um <= high:
        return "outside_range", f"the focal plane lies outside {trained}"
    if estimate.lower_um < low or estimate.upper_um > high:
        interval = f"{estimate.lower_um:.4g} to {estimate.upper_um:.4g} um"
        return "outside_range", f"the interval {interval} reaches outside {trained}"
    apart = abs(combined.dz_um - float(np.median(match.dz_um)))
    limit = card.calibration.maximum_disagreement_um
    if apart > limit:
        return (
            "families_disagree",
            f"look-up and {card.family} differ by {apart:.1f} um (> {limit:.1f})",
        )
    return "", ""
