"""Look-up: the dZ and the size at which a bead's profile is most likely, given the pooled stack.

The stack holds mean and spread of the typical bead's profile against dZ. Beads differ in size, and a
larger sphere refracts alike on a larger scale, radii and distances along Z together: a bead of size
``s`` at ``dz`` shows what the typical bead shows at ``dz / s``. Both are found together, first on a
grid and then by Newton's method, and with them a goodness of fit, which tells images that are unlike
the training's.

Beads are read at the typical bead's rings, as they were when the stack was made of them: so what reading
between rings does to noise is in the stack's spread.
"""

from dataclasses import dataclass

import numpy as np

from refp.arrays import BoolArray, FloatArray
from refp.models.ensemble import BeadInputs, Predictions
from refp.models.settings import LookupSettings
from refp.plane.match import rows_at, stretch_rings
from refp.plane.plane import PooledStack

LARGEST_SIZE = 0.12
N_SIZES = 13
"""Sizes from ``1 - LARGEST_SIZE`` to ``1 + LARGEST_SIZE`` that the search starts from."""
THINNING = 2
"""Every so many planes of the stack are enough to start from."""
END_STEPS = 4
"""Within these planes of the stack's end a best match is taken as lying beyond it."""
SIZE_STEPS = (0.01, 0.005, 0.0025)
PLACE_STEPS = (2.0, 1.0, 1.0)
"""Of the refinement, relative and in planes of the stack."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where ``n`` profiles fit the stack best.

    Attributes
    ----------
    dz_um, sd_um
        Shape ``(n,)``: place of the best match and its standard deviation from the likelihood.
    size, size_sd
        Shape ``(n,)``: the bead's radius over the typical bead's, and its standard deviation.
    misfit
        Shape ``(n,)``: mean squared deviation there in units of the stack's spread; about 1 for a
        bead like those of the training.
    at_end
        Shape ``(n,)``: the best match is at an end of the stack.
    """

    dz_um: FloatArray
    sd_um: FloatArray
    size: FloatArray
    size_sd: FloatArray
    misfit: FloatArray
    at_end: BoolArray


def predictions_of(match: Match) -> Predictions:
    """Return a match as the word of one member."""
    return Predictions(match.dz_um[None], match.sd_um[None])


class Lookup:
    """The look-up family; see the module's text."""

    sees_pixels = False

    def __init__(self, stack: PooledStack, settings: LookupSettings) -> None:
        self._radius = stack.radius_radii
        self._seen = self._radius <= settings.reach_radii
        self._spread = settings.size_spread
        self._grid = stack.dz_um
        self._mean = stack.mean[:, self._seen]
        weight = 1.0 / stack.sd[:, self._seen] ** 2
        self._weight = weight
        # Of what does not depend on the profile the search needs only every few planes.
        thin = slice(None, None, THINNING)
        self._coarse = np.concatenate(
            [
                weight[thin].T,
                -2.0 * (self._mean * weight)[thin].T,
                (self._mean**2 * weight - np.log(weight))[thin].T,
            ]
        )

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ by one member."""
        return predictions_of(self.match(inputs.profile, inputs.saturated))

    def match(self, profile: FloatArray, saturated: BoolArray) -> Match:
        """Match profiles with the stack.

        Parameters
        ----------
        profile
            Shape ``(n, m)``, over background, on the stack's radii.
        saturated
            Shape ``(n, m)``, rings to leave out.
        """
        known = np.where(saturated, np.nan, profile)
        place, size = self._search(known)
        for place_step, size_step in zip(PLACE_STEPS, SIZE_STEPS, strict=True):
            place, size, covariance = self._refine(known, place, size, place_step, size_step)
        return self._read_off(known, place, size, covariance)

    def _search(self, known: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return place in planes of the stack and size of the best match on a grid."""
        sizes = 1.0 + np.linspace(-LARGEST_SIZE, LARGEST_SIZE, N_SIZES)
        if self._spread == 0:
            sizes = np.ones(1)
        costs = []
        for size in sizes:
            profile, clear = self._typical(known, float(size))
            terms = np.concatenate([profile**2, profile, clear], axis=1)
            costs.append(terms @ self._coarse + self._prior(size))
        cost = np.stack(costs, axis=1)
        best = cost.reshape(len(known), -1).argmin(axis=1)
        which, place = np.unravel_index(best, cost.shape[1:])
        return THINNING * place.astype(np.float64), sizes[which]

    def _refine(
        self,
        known: FloatArray,
        place: FloatArray,
        size: FloatArray,
        place_step: float,
        size_step: float,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Take one Newton step on a stencil of nine; return the covariance of place and size too."""
        size_step = size_step if self._spread else 0.0
        inner = np.clip(place, place_step, len(self._grid) - 1 - place_step)
        cost = np.array(
            [
                [
                    self._cost(known, inner + i * place_step, size + j * size_step)
                    for j in (-1, 0, 1)
                ]
                for i in (-1, 0, 1)
            ]
        )
        gradient = 0.5 * np.array([cost[2, 1] - cost[0, 1], cost[1, 2] - cost[1, 0]])
        bend_place = np.maximum(cost[2, 1] - 2 * cost[1, 1] + cost[0, 1], 1e-6)
        if size_step == 0:
            step = np.clip(-gradient[0] / bend_place, -1.0, 1.0)
            covariance = np.zeros((len(known), 2, 2))
            covariance[:, 0, 0] = 2.0 * place_step**2 / bend_place
            return inner + step * place_step, size, covariance
        bend_size = np.maximum(cost[1, 2] - 2 * cost[1, 1] + cost[1, 0], 1e-6)
        mixed = 0.25 * (cost[2, 2] - cost[2, 0] - cost[0, 2] + cost[0, 0])
        # A saddle of the stencil is no minimum: there the two are taken as independent.
        mixed = np.where(mixed**2 < 0.98 * bend_place * bend_size, mixed, 0.0)
        hessian = np.array([[bend_place, mixed], [mixed, bend_size]]).transpose(2, 0, 1)
        inverse = np.linalg.inv(hessian)
        step = np.clip(-np.einsum("nij,jn->in", inverse, gradient), -1.0, 1.0)
        scale = np.array([place_step, size_step])
        moved = self._cost(known, inner + step[0] * place_step, size + step[1] * size_step)
        better = moved <= cost[1, 1]
        return (
            inner + np.where(better, step[0], 0.0) * place_step,
            size + np.where(better, step[1], 0.0) * size_step,
            2.0 * inverse * scale[:, None] * scale,
        )

    def _cost(self, known: FloatArray, place: FloatArray, size: FloatArray) -> FloatArray:
        """Return twice the negative logarithm of likelihood and prior."""
        distance, log_weight, _ = self._distance(known, place, size)
        return np.asarray(distance - log_weight + self._prior(size))

    def _distance(
        self, known: FloatArray, place: FloatArray, size: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return squared distance, sum of the weights' logarithms, and number of rings."""
        profile, clear = self._typical(known, size)
        planes = np.arange(len(self._grid), dtype=np.float64)
        mean = rows_at(self._mean, planes, place)
        weight = rows_at(self._weight, planes, place)
        squared = clear * weight * (profile - mean) ** 2
        return squared.sum(axis=1), (clear * np.log(weight)).sum(axis=1), clear.sum(axis=1)

    def _typical(
        self, known: FloatArray, size: float | FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the profiles at the typical bead's radii, and 1 where they are known."""
        profile = stretch_rings(known, self._radius, size)[:, self._seen]
        clear = np.isfinite(profile)
        return np.where(clear, profile, 0.0), clear.astype(np.float64)

    def _prior(self, size: float | FloatArray) -> FloatArray | float:
        return ((size - 1.0) / self._spread) ** 2 if self._spread else 0.0

    def _read_off(
        self, known: FloatArray, place: FloatArray, size: FloatArray, covariance: FloatArray
    ) -> Match:
        distance, _, n_rings = self._distance(known, place, size)
        misfit = distance / np.maximum(n_rings, 1.0)
        step = self._grid[1] - self._grid[0]
        typical_dz = self._grid[0] + step * place
        # dz = size * typical_dz; neighbouring rings err together, so the misfit tempers both.
        slope = np.stack([size * step, typical_dz], axis=1)
        temper = np.maximum(misfit, 1.0)
        variance = np.einsum("ni,nij,nj->n", slope, covariance, slope) * temper
        at_end = (place < END_STEPS) | (place > len(self._grid) - 1 - END_STEPS)
        return Match(
            dz_um=size * typical_dz,
            sd_um=np.sqrt(np.maximum(variance, 0.0)),
            size=size,
            size_sd=np.sqrt(covariance[:, 1, 1] * temper),
            misfit=misfit,
            at_end=at_end,
        )
