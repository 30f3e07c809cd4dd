"""Look-up: the dZ and the size at which a bead's profile is most likely, given the pooled stack.

The stack holds mean and spread of the typical bead's profile against dZ. Beads differ in size, and a
larger sphere refracts in the same way on a larger scale, in radius and along Z: a bead of size
``s`` at ``dz`` has the profile of the typical bead at ``dz / s``. Both are fitted together, first on a
grid and then by the Levenberg-Marquardt method; the goodness of fit detects images unlike the training's.

The stack is interpolated at the bead's rings, not the bead at the stack's: interpolation between two
rings averages their noise, and sizes that interpolate would seem to fit better.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.core.robust import nan_median
from refp.core.rows import take
from refp.core.threads import one_thread
from refp.models.card import BeadInputs, Predictions
from refp.plane.match import fill_rings, least_of_rings, rows_at, stretch_rings
from refp.plane.plane import PooledStack
from refp.settings import LookupSettings

MAX_SIZE = 0.12
N_SIZES = 13
"""Sizes of the initial search, from ``1 - MAX_SIZE`` to ``1 + MAX_SIZE``."""
THINNING = 2
"""Step of the initial search along Z, in planes of the stack."""
END_STEPS = 4
"""A best match within these planes of the stack's end is treated as beyond it."""
PLACE_STEP, SIZE_STEP = 1.0, 0.0025
"""Steps of finite differences: planes of the stack, and relative size."""
FARTHEST = np.array([16.0, 0.02])
"""Longest move of one iteration: planes of the stack, and relative size."""
CONVERGED = np.array([0.05, 5e-5])
"""Moves below these end the descent."""
MAX_MOVES = 6
DAMPED, EASED = 10.0, 10.0
"""Factors of the damping after a move that was worse, and after one that was better."""
MIN_WEIGHT = 0.01
"""Smallest weight of a ring known to the stack: background squared over the variance."""
MIN_BEND = 1e-6
"""Curvature of the cost along Z for a bead without known rings."""


@dataclass(frozen=True, slots=True)
class Match:
    """Best match of ``n`` profiles with the stack.

    Attributes
    ----------
    dz_um, sd_um
        Shape ``(n,)``: dZ of the best match and its standard deviation from the likelihood.
    size, size_sd
        Shape ``(n,)``: the bead's radius over the typical bead's, and its standard deviation.
    reduced_chi2
        Shape ``(n,)``: mean squared deviation there in units of the stack's spread; about 1 for a
        bead like those of the training.
    at_end
        Shape ``(n,)``: the best match is at an end of the stack.
    cost
        Shape ``(n,)``: twice the negative logarithm of likelihood and prior there, up to a constant.
    explained
        Shape ``(n,)``: fraction of the variance of the profile's rings that the stack explains; negative
        where it adds to the variance.
    n_rings
        Shape ``(n,)``: rings that were compared.
    residual
        Shape ``(n, k)``: deviation of each compared ring there, in units of the stack's spread; NaN
        where it is not known.
    unevenness
        Shape ``(n, 2, k)``: the same for a profile whose grey levels are raised by the background
        times one, and by the profile times one: the directions of uneven light and of a wrong black level.
    """

    dz_um: FloatArray
    sd_um: FloatArray
    size: FloatArray
    size_sd: FloatArray
    reduced_chi2: FloatArray
    at_end: BoolArray
    cost: FloatArray
    explained: FloatArray
    n_rings: FloatArray
    residual: FloatArray
    unevenness: FloatArray

    @property
    def has_match(self) -> bool:
        """Whether any of the beads has a best match."""
        return bool(np.isfinite(self.dz_um).any())


class NoLookup:
    """Look-up of models of whole images, which have no stack: it finds no match."""

    def match(self, profile: FloatArray, saturated: BoolArray) -> Match:  # noqa: ARG002
        """Return the match of ``n`` tiles without profiles."""
        n = len(profile)
        unknown = np.full(n, np.nan)
        nothing = np.zeros(n)
        return Match(
            dz_um=unknown,
            sd_um=unknown,
            size=np.ones(n),
            size_sd=nothing,
            reduced_chi2=nothing,
            at_end=np.zeros(n, dtype=np.bool_),
            cost=nothing,
            explained=np.ones(n),
            n_rings=nothing,
            residual=np.empty((n, 0)),
            unevenness=np.empty((n, 2, 0)),
        )


def make_lookup(stack: PooledStack, settings: LookupSettings) -> "Lookup | NoLookup":
    """Return the look-up in a stack, or a :class:`NoLookup` where the stack is empty."""
    return Lookup(stack, settings) if len(stack.radius_radii) else NoLookup()


def predictions_of(match: Match) -> Predictions:
    """Return a match as the predictions of one member."""
    return Predictions(match.dz_um[None], match.sd_um[None])


@dataclass(frozen=True, slots=True)
class _Beads:
    """Compared rings of beads, and 1 for usable rings; shape ``(n, seen)`` each."""

    profile: FloatArray
    clear: FloatArray


@dataclass(frozen=True, slots=True)
class _Looked:
    """Rings of the stack, their weights, squared distance, and cost.

    The cost is twice the negative logarithm of likelihood and prior.
    """

    mean: FloatArray
    weight: FloatArray
    distance: FloatArray
    cost: FloatArray


class Lookup:
    """The look-up family; see :mod:`refp.models.lookup`."""

    sees_pixels = False

    def __init__(self, stack: PooledStack, settings: LookupSettings) -> None:
        self._settings = settings
        self._radius = stack.radius_radii
        self._seen = self._radius <= settings.reach_radii
        self._spread = settings.size_spread
        self._grid = stack.dz_um
        self._weight = 1.0 / stack.sd**2
        # Rings known in some planes are extrapolated along Z; rings known in none, from their neighbours.
        known = (self._weight >= MIN_WEIGHT).any(axis=0)
        self._mean = fill_rings(stack.mean, np.broadcast_to(known, stack.mean.shape))
        self._where_unknown = _typical_weight(self._weight[:, self._seen]) / math.e
        # To start from, every few planes and sizes are enough.
        self._planes = np.arange(0, len(self._grid), THINNING)
        sizes = np.linspace(1.0 - MAX_SIZE, 1.0 + MAX_SIZE, N_SIZES)
        self._sizes = sizes if self._spread else np.ones(1)

    @cached_property
    def _coarse(self) -> FloatArray:
        """Terms of the search that do not depend on a profile, a column for each plane of each size."""
        return np.concatenate([self._terms(size) for size in self._sizes], axis=1)

    def _terms(self, size: float) -> FloatArray:
        """Return the coefficients of squares, values and number of a bead's rings in the cost."""
        mean, weight = self._at_size(self._planes.astype(np.float64), size)
        constant = mean**2 * weight - self._log(weight)
        return np.concatenate([weight, -2.0 * mean * weight, constant], axis=1).T

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ by one member."""
        return predictions_of(self.match(inputs.profile, inputs.saturated))

    def blurred(self, blur_radii2: float) -> "Lookup":
        """Return the look-up in the stack as a small blur would leave it.

        Parameters
        ----------
        blur_radii2
            Half the variance of the blur along one axis, bead radii squared; negative where an
            image was sharpened.

        Notes
        -----
        A narrow blur adds ``blur_radii2`` times the Laplacian, which of a radial profile is
        ``I'' + I' / r``.
        """
        if not blur_radii2:
            return self
        spacing = self._radius[1] - self._radius[0]
        slope = np.gradient(self._mean, spacing, axis=1, edge_order=2)
        second = np.gradient(slope, spacing, axis=1, edge_order=2)
        inner = np.maximum(self._radius, spacing / 2)
        laplacian = second + slope / inner
        laplacian[:, 0] = 2.0 * second[:, 0]  # of an even profile, at its centre
        mean = self._mean + blur_radii2 * laplacian
        stack = PooledStack(self._grid, self._radius, mean, 1.0 / np.sqrt(self._weight))
        return Lookup(stack, self._settings)

    def match(self, profile: FloatArray, saturated: BoolArray) -> Match:
        """Match profiles with the stack.

        Parameters
        ----------
        profile
            Shape ``(n, m)``, over background, on the stack's radii.
        saturated
            Shape ``(n, m)``, rings to exclude.
        """
        beads = self._beads(profile, saturated)
        return self._refined(beads, *self._search(beads))

    def match_near(self, profile: FloatArray, saturated: BoolArray, near: Match) -> Match:
        """Match profiles with the stack, beginning at an earlier match of much the same profiles."""
        place = (near.dz_um / near.size - self._grid[0]) / (self._grid[1] - self._grid[0])
        beads = self._beads(profile, saturated)
        return self._refined(beads, place, near.size)

    def _beads(self, profile: FloatArray, saturated: BoolArray) -> _Beads:
        known = (np.isfinite(profile) & ~saturated)[:, self._seen]
        return _Beads(np.where(known, profile[:, self._seen], 0.0), known.astype(np.float64))

    def _refined(self, beads: _Beads, place: FloatArray, size: FloatArray) -> Match:
        """Descend from a start to the least cost by the Levenberg-Marquardt method."""
        n = len(place)
        place, size = self._inner(place), size.copy()
        damping, covariance = np.zeros(n), np.zeros((n, 2, 2))
        moving = np.arange(n)
        for _ in range(MAX_MOVES):
            if not moving.size:
                break
            some = take(beads, moving)
            here, gradient, bend = self._bend(some, place[moving], size[moving])
            covariance[moving] = 2.0 * np.linalg.inv(bend)
            damped = bend * (1.0 + damping[moving, None, None] * np.eye(2))
            move = np.clip(-_solve(damped, gradient), -FARTHEST, FARTHEST)
            new = self._inner(place[moving] + move[:, 0]), size[moving] + move[:, 1]
            better = self._look(some, *new).cost <= here.cost
            for value, moved in zip((place, size), new, strict=True):
                value[moving[better]] = moved[better]
            eased = damping[moving] / EASED
            damping[moving] = np.where(better, eased, np.maximum(DAMPED * damping[moving], 1.0))
            moving = moving[(np.abs(move) > CONVERGED).any(axis=1)]
        if not self._spread:
            covariance[:, 1, 1] = 0.0
        return self._read_off(beads, place, size, covariance)

    def _inner(self, place: FloatArray) -> FloatArray:
        """Return positions with a step of the stack on both sides."""
        return np.clip(place, PLACE_STEP, len(self._grid) - 1 - PLACE_STEP)

    def _search(self, beads: _Beads) -> tuple[FloatArray, FloatArray]:
        """Return position in planes of the stack and size of the best match on a grid."""
        terms = np.concatenate([beads.profile**2, beads.profile, beads.clear], axis=1)
        with one_thread():
            cost = terms @ self._coarse
        cost += np.repeat(self._prior(self._sizes), len(self._planes))
        which, place = np.divmod(cost.argmin(axis=1), len(self._planes))
        return self._planes[place].astype(np.float64), self._sizes[which]

    def _bend(
        self, beads: _Beads, place: FloatArray, size: FloatArray
    ) -> tuple[_Looked, FloatArray, FloatArray]:
        """Return the comparison at a position and size, gradient of its cost, and its curvature.

        All five points of the differences are compared in one call, whose time is mostly that of
        calling NumPy.
        """
        steps = np.array([PLACE_STEP, SIZE_STEP if self._spread else 0.0])
        around = np.concatenate([np.zeros((1, 2)), -np.diag(steps), np.diag(steps)])
        points = np.stack([place, size], axis=1) + around[:, None]
        looked = self._look(
            _Beads(*(np.tile(part, (len(around), 1)) for part in (beads.profile, beads.clear))),
            *points.reshape(-1, 2).T,
        )
        cost = looked.cost.reshape(len(around), -1)
        mean = looked.mean.reshape(len(around), len(place), -1)
        scale = 0.5 / np.where(steps > 0.0, steps, 1.0)
        gradient = (cost[3:] - cost[1:3]).T * scale
        slopes = ((mean[3:] - mean[1:3]) * scale[:, None, None]).swapaxes(0, 1)
        here = take(looked, slice(len(place)))
        # The term of the curvature with the residuals is left out: it is mostly noise.
        bend = 2.0 * np.einsum(
            "nir,njr->nij", slopes * (beads.clear * here.weight)[:, None], slopes
        )
        bend[:, 0, 0] += MIN_BEND
        bend[:, 1, 1] += 2.0 / self._spread**2 if self._spread else 1.0
        return here, gradient, bend

    def _look(self, beads: _Beads, place: FloatArray, size: FloatArray) -> _Looked:
        """Compare each bead with the stack at a position and a size."""
        mean, weight = self._at_size(place, size)
        distance = (beads.clear * weight * (beads.profile - mean) ** 2).sum(axis=1)
        log_weight = (beads.clear * self._log(weight)).sum(axis=1)
        return _Looked(mean, weight, distance, distance - log_weight + self._prior(size))

    def _log(self, weight: FloatArray) -> FloatArray:
        """Return the weights' logarithms, shape ``(n, seen)``.

        A ring unknown to the stack has its typical weight, so that it favours no position.
        """
        return np.asarray(np.log(np.where(weight < MIN_WEIGHT, self._where_unknown, weight)))

    def _at_size(
        self, place: FloatArray, size: float | FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean and weight of the compared rings at a position and a size."""
        planes = np.arange(len(self._grid), dtype=np.float64)
        mean, weight = (rows_at(part, planes, place) for part in (self._mean, self._weight))
        return (
            stretch_rings(mean, self._radius, 1.0 / size)[:, self._seen],
            least_of_rings(weight, self._radius, 1.0 / size)[:, self._seen],
        )

    def _prior(self, size: FloatArray) -> FloatArray:
        spread = self._spread or 1.0  # without a spread all sizes are 1
        return ((size - 1.0) / spread) ** 2

    def _read_off(
        self, beads: _Beads, place: FloatArray, size: FloatArray, covariance: FloatArray
    ) -> Match:
        looked, n_rings = self._look(beads, place, size), beads.clear.sum(axis=1)
        reduced_chi2 = looked.distance / np.maximum(n_rings, 1.0)
        step = self._grid[1] - self._grid[0]
        typical_dz = self._grid[0] + step * place
        # dz = size * typical_dz; errors of neighbouring rings are correlated, so chi squared scales both.
        slope = np.stack([size * step, typical_dz], axis=1)
        temper = np.maximum(reduced_chi2, 1.0)
        variance = np.einsum("ni,nij,nj->n", slope, covariance, slope) * temper
        at_end = (place < END_STEPS) | (place > len(self._grid) - 1 - END_STEPS)
        return Match(
            dz_um=size * typical_dz,
            sd_um=np.sqrt(np.maximum(variance, 0.0)),
            size=size,
            size_sd=np.sqrt(covariance[:, 1, 1] * temper),
            reduced_chi2=reduced_chi2,
            at_end=at_end,
            cost=looked.cost,
            explained=_explained(beads, looked),
            n_rings=n_rings,
            residual=_standardised(beads, looked),
            unevenness=np.stack([np.ones_like(looked.mean), looked.mean], axis=1)
            * np.sqrt(looked.weight)[:, None],
        )


def _solve(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return the solutions of ``n`` systems of equations, shape ``(n, k)``."""
    return np.asarray(np.linalg.solve(matrices, vectors[..., None])[..., 0])


def _standardised(beads: _Beads, looked: _Looked) -> FloatArray:
    """Return the deviations of rings in units of the stack's spread, NaN where a ring is not known."""
    deviation = (beads.profile - looked.mean) * np.sqrt(looked.weight)
    return np.asarray(np.where(beads.clear > 0, deviation, np.nan))


def _explained(beads: _Beads, looked: _Looked) -> FloatArray:
    """Return the fraction of the variance of each profile that the stack explains, shape ``(n,)``."""
    known = beads.clear * (looked.weight >= MIN_WEIGHT)
    mean = (known * beads.profile).sum(axis=1) / np.maximum(known.sum(axis=1), 1.0)
    total = (known * (beads.profile - mean[:, None]) ** 2).sum(axis=1)
    left = (known * (beads.profile - looked.mean) ** 2).sum(axis=1)
    return np.asarray(1.0 - left / np.maximum(total, 1e-12))


def _typical_weight(weight: FloatArray) -> FloatArray:
    """Return the median weight of each ring over the planes where it is known; 1 where in none."""
    known = np.where(weight < MIN_WEIGHT, np.nan, weight)
    somewhere = np.isfinite(known).any(axis=0)
    typical = np.ones(weight.shape[1])
    typical[somewhere] = nan_median(known[:, somewhere])
    return typical
