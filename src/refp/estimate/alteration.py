"""Images that were altered after the camera: contrast, or blur.

An added offset, a linear stretch or another black level change a profile over background ``p`` to
``1 - k (1 - p)``: the contrast about the background is ``k`` times that of the training, for all beads.
The noise shows it, which a lamp or an exposure changes with the light and a stretch does not. A filter or
a resampling blurs or sharpens, and correlates the noise of neighbouring pixels. Contrast and blur are
nuisance parameters of the look-up: each is estimated together with dZ, and its uncertainty contributes
to that of dZ. Beads that do not fit at normal noise are not given this freedom: they differ in optics.

A change of gamma is about the background a stretch too, but not for much brighter or darker parts. Where
beads fit it clearly better than any contrast, the image is refused.

References
----------
Kass and Raftery 1995, "Bayes factors" (evidence on the scale of twice the logarithm).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from refp.core.arrays import FloatArray
from refp.core.rows import take
from refp.models.card import BeadInputs, PixelNoise
from refp.models.lookup import Lookup, Match

FILTERED_NOISE = (0.45, 1.15)
"""Noise of a filtered image over that expected: a rotation or a weak compression leaves 0.5 to 0.9, a blur
of a pixel or a median 0.3, sharpening raises it."""
CONTRASTS = np.geomspace(0.25, 8.0, 36)
"""Of the search; the two on either side of the best are a tenth away."""
FINE_CONTRASTS = np.linspace(0.92, 1.08, 9)
GAMMAS = np.geomspace(0.7, 1.5, 9)
"""Of the search."""
GAMMA_TOLERANCE = 0.005
"""Of the best one."""
MAX_BEND = 0.03
"""Largest change of gamma that is disregarded: a second rounding can pretend one of 0.01."""
VERY_STRONG = 10.0
"""Evidence on the scale of Kass and Raftery."""
MIN_LIGHT = 1.0
"""Least light, grey levels, of an image before the change of gamma that is tried."""
MIN_RATIO = 1e-3
"""Smallest brightness over background of a ring; darker ones are noise about black."""
CONTRAST_STEP = 0.01
"""Relative, of the numerical derivatives."""
BLUR_STEP_RADII2 = 0.0004
BLUR_SD_RADII2 = 0.0015
"""Prior standard deviation of blurs by filters and resampling; assumed."""
MAX_BLUR_RADII2 = 0.004
"""Up to here one Laplacian describes a blur; half a pixel at ten pixels a radius is 0.00125."""
ROUNDING_SD = 12**-0.5
"""Grey levels."""
ROUNDING_PATTERN = 0.1
"""Standard deviation, grey levels, of the error of a second rounding in the mean over noise of about one
grey level, which rings of one brightness have in common; assumed. After scaling by 0.7 it is 0.06."""
MERGED_PATTERN = 0.2
"""The same where peaks of the histogram show a factor below 1: that of 0.9, the largest of factors that are
recognised."""
RESCALED_NOISE = 1.1
"""Noise of a rescaled image over that expected, or its inverse, at least: grey levels times 0.8 or 1.2."""
MAX_OFFSET = 0.25
"""Largest offset, over the light, that is looked for in an image of normal noise; assumed."""
WHITEST = 0.9
"""Quantile of the beads' whiteness that shows smoothing: a neighbour's rings correlate the noise about
single beads, a filter that about all."""
SEARCH_BEADS = 6
OUTLYING_CHI2 = 5.0
"""Reduced chi squared of a bead over the typical one, or 1, above which it has no part in the search."""
ROUNDS = 6
MAX_STEPS = 5.0
"""Of a round of Newton's method."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """Contrast and blur of an image relative to the training's.

    Attributes
    ----------
    contrast, contrast_u
        Contrast about the background, 1 in the training, and its standard uncertainty; 0 where the
        contrast is that of the training.
    blur_radii2, blur_u
        Half the variance of the blur along one axis, bead radii squared, 0 in the training, and its
        standard uncertainty; 0 where the image was not filtered.
    rounding
        Standard deviation of deviations that rings of one brightness have in common after a second
        rounding, over background.
    """

    contrast: float = 1.0
    blur_radii2: float = 0.0
    contrast_u: float = 0.0
    blur_u: float = 0.0
    rounding: float = 0.0

    @property
    def ends(self) -> tuple["Alteration", "Alteration"]:
        """The alterations one standard uncertainty below and above."""
        low, high = (
            Alteration(
                self.contrast + sign * self.contrast_u, self.blur_radii2 + sign * self.blur_u
            )
            for sign in (-1, 1)
        )
        return low, high


UNALTERED = Alteration()


def is_white(whiteness: FloatArray, usual: PixelNoise) -> bool:
    """Return whether the noise about beads ``(n,)`` is as white as in the training, or not known."""
    known = whiteness[np.isfinite(whiteness)] / usual.whiteness
    if not len(known):
        return True
    low, high = usual.whiteness_range
    return bool(np.quantile(known, WHITEST) >= low and np.median(known) <= high)


def is_filtered(inputs: BeadInputs, usual: PixelNoise) -> bool:
    """Return whether an image was filtered, resampled or compressed, as the training was not.

    The noise of neighbouring pixels is then more or less correlated than in the training, or there is
    hardly any.
    """
    if not is_white(inputs.whiteness, usual):
        return True
    measured = np.isfinite(inputs.whiteness).any()
    return not measured and usual.relative(*inputs.light_and_noise) < FILTERED_NOISE[0]


def restore_contrast(inputs: BeadInputs, contrast: float) -> BeadInputs:
    """Return the profiles with the contrast of the training."""
    return inputs if contrast == 1 else replace(inputs, profile=1 - (1 - inputs.profile) / contrast)


def match_altered(
    lookup: Lookup, inputs: BeadInputs, altered: Alteration, near: Match | None = None
) -> Match:
    """Match beads with the stack, given contrast and blur.

    Parameters
    ----------
    near
        A match at a similar alteration, from which the search starts.
    """
    profile = restore_contrast(inputs, altered.contrast).profile
    blurred = lookup.blurred(altered.blur_radii2)
    if near is None:
        return blurred.match(profile, inputs.saturated)
    return blurred.match_near(profile, inputs.saturated, near)


def find_contrast(lookup: Lookup, inputs: BeadInputs, *, fits: bool = False) -> Alteration:
    """Find the contrast at which the beads of an image fit the stack best.

    Parameters
    ----------
    fits
        Whether the beads fit as they are, so that the search starts at 1.

    Notes
    -----
    Newton's method on the profile likelihood, in which every bead has its best dZ and size, from the
    best contrast of a grid.
    """
    start = 1.0 if fits else _best_contrast(lookup, inputs)
    cost = _tempered_cost(lookup, inputs, Alteration(contrast=start))
    contrast, u = _descend(lambda k: cost(Alteration(contrast=k)), start, CONTRAST_STEP * start)
    return Alteration(contrast=contrast, contrast_u=u)


def find_gamma(
    lookup: Lookup, inputs: BeadInputs, altered: Alteration, white_level: float
) -> float:
    """Return the change of gamma that explains the beads of an image better than one of contrast.

    It is 1 where the change is small, and unless the evidence is very strong: twice the logarithm of the
    ratio of their likelihoods, each at its best, the contrast that of ``altered``. ``white_level`` is that
    of the camera.
    """
    inputs = _comparable(lookup, inputs, altered)
    linear = match_altered(lookup, inputs, altered)

    def cost(gamma: float) -> tuple[float, float]:
        restored, log_slope = restore_gamma(inputs, gamma, white_level)
        match = lookup.match(restored.profile, inputs.saturated)
        seen = np.isfinite(match.residual)
        log_slope = np.where(seen, log_slope[:, : seen.shape[1]], 0.0)
        return float(match.cost.sum() - 2.0 * log_slope.sum()), float(np.median(match.reduced_chi2))

    start = min(GAMMAS.tolist(), key=lambda gamma: cost(gamma)[0])
    step = GAMMAS[1] / GAMMAS[0]
    best = minimize_scalar(
        lambda gamma: cost(gamma)[0],
        bounds=(start / step, start * step),
        method="bounded",
        options={"xatol": GAMMA_TOLERANCE},
    )
    bent, reduced_chi2 = cost(float(best.x))
    temper = max(min(reduced_chi2, float(np.median(linear.reduced_chi2))), 1.0)
    evidence = (float(_costs(linear, altered.contrast).sum()) - bent) / temper
    bends = abs(float(best.x) - 1.0) > MAX_BEND
    return float(best.x) if bends and evidence > VERY_STRONG else 1.0


def restore_gamma(
    inputs: BeadInputs, gamma: float, white_level: float
) -> tuple[BeadInputs, FloatArray]:
    """Return the profiles without a change of gamma, and the logarithm of their slope by those with it.

    Grey levels were raised to the power ``gamma``, of the ``white_level``, black level included.
    """
    light, black = inputs.light[:, None], inputs.black_level[:, None]
    shown = light + black
    ratio = np.maximum((inputs.profile * light + black) / shown, MIN_RATIO)
    background = white_level * (shown / white_level) ** (1.0 / gamma)
    background = np.maximum(background, black + MIN_LIGHT)
    profile = (ratio ** (1.0 / gamma) * background - black) / (background - black)
    slope = background / (background - black) * ratio ** (1.0 / gamma - 1.0) / gamma * light / shown
    return replace(inputs, profile=profile), np.log(slope)


def rounding_pattern(relative_noise: float, *, rescaled: bool) -> float:
    """Return the standard deviation of errors of a second rounding in rings, grey levels.

    Rounding a rescaled image moves grey levels by up to a half, and equal ones alike, so that it does not
    average out in a ring. Unless the histogram shows that an image was ``rescaled``, only noise that
    differs clearly from that expected does; another camera has a little more or less.
    """
    if rescaled:
        return MERGED_PATTERN
    unusual = not 1.0 / RESCALED_NOISE <= relative_noise <= RESCALED_NOISE
    return ROUNDING_PATTERN if unusual else 0.0


def with_rounding(altered: Alteration, light: float, pattern: float) -> Alteration:
    """Return the alteration with the uncertainty of grey levels that were rounded twice.

    ``light`` is the background less black, ``pattern`` that of :func:`rounding_pattern`, in grey levels.
    """
    rounding = altered.contrast * ROUNDING_SD / light
    return replace(
        altered,
        contrast_u=float(np.hypot(altered.contrast_u, rounding)),
        rounding=pattern / light,
    )


def is_offset(altered: Alteration) -> bool:
    """Return whether a camera's offset may explain the contrast of an image of normal noise."""
    return abs(altered.contrast - 1.0) <= MAX_OFFSET


def find_blur(lookup: Lookup, inputs: BeadInputs) -> Alteration:
    """Find the blur at which the beads of an image fit the stack best; see :func:`find_contrast`."""
    cost = _tempered_cost(lookup, inputs, UNALTERED)

    def with_prior(blur_radii2: float) -> float:
        return cost(Alteration(blur_radii2=blur_radii2)) + (blur_radii2 / BLUR_SD_RADII2) ** 2

    blur, u = _descend(with_prior, 0.0, BLUR_STEP_RADII2)
    blur = float(np.clip(blur, -MAX_BLUR_RADII2, MAX_BLUR_RADII2))
    return Alteration(blur_radii2=blur, blur_u=u)


def _tempered_cost(
    lookup: Lookup, inputs: BeadInputs, start: Alteration
) -> Callable[[Alteration], float]:
    """Return the cost of comparable beads against the alteration, over reduced chi squared at the start."""
    inputs = _comparable(lookup, inputs, start)
    near = match_altered(lookup, inputs, start)
    temper = max(float(np.median(near.reduced_chi2)), 1.0)
    least = np.inf

    def cost(altered: Alteration) -> float:
        nonlocal near, least
        match = match_altered(lookup, inputs, altered, near)
        value = float(_costs(match, altered.contrast).sum()) / temper
        if value < least:  # the next searches start from here
            near, least = match, value
        return value

    return cost


def _comparable(lookup: Lookup, inputs: BeadInputs, at: Alteration) -> BeadInputs:
    """Return the profiles without outlying ones and those beyond the stack, unless all are.

    They would fit better at any other contrast or blur.
    """
    match = match_altered(lookup, inputs, at)
    limit = OUTLYING_CHI2 * max(float(np.median(match.reduced_chi2)), 1.0)
    comparable = ~match.at_end & (match.reduced_chi2 <= limit)
    return take(inputs, comparable) if comparable.any() else inputs


def _best_contrast(lookup: Lookup, inputs: BeadInputs) -> float:
    few = take(inputs, slice(SEARCH_BEADS))
    best = 1.0
    for grid in (CONTRASTS, FINE_CONTRASTS):
        contrasts = (best * grid).tolist()
        matches = [match_altered(lookup, few, Alteration(contrast=k)) for k in contrasts]
        costs = [np.median(_costs(match, k)) for match, k in zip(matches, contrasts, strict=True)]
        best = contrasts[int(np.argmin(costs))]
    return best


def _costs(match: Match, contrast: float) -> FloatArray:
    """Return the cost of each bead.

    Restoring the contrast scales the noise too: the density has the factor ``1 / k`` for each ring.
    """
    return match.cost + 2.0 * match.n_rings * np.log(contrast)


def _descend(cost: Callable[[float], float], at: float, step: float) -> tuple[float, float]:
    """Return the minimum of a cost, twice a negative log-likelihood, and its standard uncertainty."""
    bend = 1.0
    for _ in range(ROUNDS):
        below, here, above = cost(at - step), cost(at), cost(at + step)
        bend = max((above - 2 * here + below) / step**2, 1e-3 / step**2)
        change = -(above - below) / (2 * step) / bend
        trial = at + float(np.clip(change, -MAX_STEPS * step, MAX_STEPS * step))
        at = trial if cost(trial) <= here else at
    return at, float(np.sqrt(2.0 / bend))
