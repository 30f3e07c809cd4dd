"""Images that were altered after the camera: contrast, and blur.

An added offset, a linear stretch or another black level change a profile over background ``p`` to
``1 - k (1 - p)``: the contrast about the background is ``k`` times that of the training, in all beads
alike. A filter or a resampling blurs or sharpens, and correlates the noise of neighbouring pixels,
by which such an image is recognised. Both are nuisances of the look-up: they are found with dZ, and
their uncertainty goes into that of dZ.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import FloatArray
from refp.models.card import BeadInputs
from refp.models.lookup import Lookup, Match

MIN_WHITENESS = 0.9
"""Six beads show white noise within 0.05; interpolation leaves 0.8 and less, filters 0.85 and less."""
CONTRASTS = np.geomspace(0.25, 8.0, 36)
"""Of the search; the two on either side of the best are about a tenth away."""
FINE_CONTRASTS = np.linspace(0.92, 1.08, 9)
MAX_BLUR_RADII2 = 0.004
"""Of a blur that the first term of its series describes; half a pixel of ten a radius is 0.00125."""
BLUR_SD_RADII2 = 0.0015
"""Standard deviation of blurs by filters and resampling; assumed."""
CONTRAST_STEP = 0.01
BLUR_STEP_RADII2 = 0.0004
SEARCH_BEADS = 6
ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Alteration:
    """Contrast and blur of an image against the training's.

    Attributes
    ----------
    contrast
        Contrast about the background; 1 in the training.
    blur_radii2
        Half the variance of the blur, bead radii squared; 0 in the training.
    covariance
        Shape ``(2, 2)``, of the two.
    """

    contrast: float
    blur_radii2: float
    covariance: FloatArray


UNALTERED = Alteration(1.0, 0.0, np.zeros((2, 2)))


def typical_noise(noise: FloatArray, light: FloatArray) -> float:
    """Return the median standard deviation of a pixel over the light, 0 where it is not known."""
    known = np.isfinite(noise)
    return float(np.median(noise[known] / light[known])) if known.any() else 0.0


def is_filtered(inputs: BeadInputs) -> bool:
    """Return whether the noise shows that an image was filtered, resampled or compressed."""
    known = np.isfinite(inputs.whiteness)
    return bool(known.any() and np.median(inputs.whiteness[known]) < MIN_WHITENESS)


def restore_contrast(inputs: BeadInputs, contrast: float) -> BeadInputs:
    """Return the profiles as they would be with the contrast of the training."""
    return replace(inputs, profile=1.0 - (1.0 - inputs.profile) / contrast)


def match_altered(
    lookup: Lookup,
    inputs: BeadInputs,
    contrast: float,
    blur_radii2: float,
    near: Match | None = None,
) -> Match:
    """Match beads with the stack, given contrast and blur; ``near`` is a match at similar ones."""
    profile = restore_contrast(inputs, contrast).profile
    blurred = lookup.blurred(blur_radii2)
    if near is None:
        return blurred.match(profile, inputs.saturated)
    return blurred.match_near(profile, inputs.saturated, near)


def find_alteration(
    lookup: Lookup, inputs: BeadInputs, *, filtered: bool, fits: bool
) -> Alteration:
    """Find contrast and blur at which the beads of an image fit the stack best.

    Parameters
    ----------
    lookup
        The look-up in the training's stack.
    inputs
        The image's usable beads.
    filtered
        Whether a blur is sought; that of an image with white noise is 0.
    fits
        Whether the beads fit the stack as they are, so that the search starts at contrast 1.

    Notes
    -----
    Newton's method on the profile likelihood, in which every bead takes its best dZ and size, from the
    best contrast of a grid.
    """
    start = 1.0 if fits else _best_contrast(lookup, inputs)
    near = match_altered(lookup, inputs, start, 0.0)
    temper = max(float(np.median(near.reduced_chi2)), 1.0)

    def cost(at: FloatArray) -> float:
        match = match_altered(lookup, inputs, float(at[0]), float(at[1]), near)
        return _total_cost(match, float(at[0])) / temper + float(at[1] / BLUR_SD_RADII2) ** 2

    at, bend = _descend(cost, np.array([start, 0.0]), free=2 if filtered else 1)
    covariance = np.zeros((2, 2))
    free = slice(2 if filtered else 1)
    covariance[free, free] = 2.0 * np.linalg.inv(bend[free, free])
    return Alteration(float(at[0]), float(at[1]), covariance)


def _best_contrast(lookup: Lookup, inputs: BeadInputs) -> float:
    few = replace(
        inputs, profile=inputs.profile[:SEARCH_BEADS], saturated=inputs.saturated[:SEARCH_BEADS]
    )
    best = 1.0
    for grid in (CONTRASTS, FINE_CONTRASTS):
        contrasts = (best * grid).tolist()
        costs = [_total_cost(match_altered(lookup, few, k, 0.0), k) for k in contrasts]
        best = contrasts[int(np.argmin(costs))]
    return best


def _total_cost(match: Match, contrast: float) -> float:
    """Return the cost of all beads.

    Restoring the contrast scales the noise too: the density has the factor ``1 / k`` for each ring.
    """
    return float(match.cost.sum() + 2.0 * match.n_rings.sum() * np.log(contrast))


def _descend(
    cost: Callable[[FloatArray], float], at: FloatArray, *, free: int
) -> tuple[FloatArray, FloatArray]:
    """Return the minimum of a cost in its first ``free`` coordinates, and its second derivatives."""
    bend = np.eye(2)
    for _ in range(ROUNDS):
        steps = np.array([CONTRAST_STEP * at[0], BLUR_STEP_RADII2])
        here = cost(at)
        gradient, bend = np.zeros(2), np.eye(2)
        moved = np.diag(steps)
        for i in range(free):
            below, above = cost(at - moved[i]), cost(at + moved[i])
            gradient[i] = (above - below) / (2 * steps[i])
            bend[i, i] = max((above - 2 * here + below) / steps[i] ** 2, 1e-3 / steps[i] ** 2)
        if free == 2:
            both = cost(at + moved[0] + moved[1]) - cost(at + moved[0] - moved[1])
            both -= cost(at - moved[0] + moved[1]) - cost(at - moved[0] - moved[1])
            mixed = both / (4 * steps[0] * steps[1])
            limit = 0.95 * np.sqrt(bend[0, 0] * bend[1, 1])
            bend[0, 1] = bend[1, 0] = np.clip(mixed, -limit, limit)
        change = np.zeros(2)
        change[:free] = -np.linalg.solve(bend[:free, :free], gradient[:free])
        change = np.clip(change, -5 * steps, 5 * steps)
        trial = at + change
        trial[1] = np.clip(trial[1], -MAX_BLUR_RADII2, MAX_BLUR_RADII2)
        at = trial if cost(trial) <= here else at
    return at, bend
