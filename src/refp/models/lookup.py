"""Look-up: the dZ at which a bead's profile is most likely, given the pooled stack.

The stack holds mean and spread of the normalised profile against dZ. A bead's own radius is a
nuisance: the profile is compared at a few stretches of the radius axis, each with its prior weight.
Beside dZ this gives a goodness of fit, which tells images that are unlike the training's.
"""

from dataclasses import dataclass

import numpy as np

from refp.arrays import BoolArray, FloatArray, IntArray
from refp.models.ensemble import BeadInputs, Predictions
from refp.models.settings import LookupSettings
from refp.plane.match import chi_squared, stretch_rings
from refp.plane.plane import PooledStack

N_STRETCHES = 9
EDGE_GRID_STEPS = 2
"""A best match within these of the stack's end is taken as lying beyond it."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where ``n`` profiles fit the stack best.

    Attributes
    ----------
    dz_um, sd_um
        Shape ``(n,)``: place of the best match and its standard deviation from the likelihood.
    misfit
        Shape ``(n,)``: mean squared deviation there in units of the stack's spread; about 1 for a
        bead like those of the training.
    at_end
        Shape ``(n,)``: the best match is at an end of the stack.
    """

    dz_um: FloatArray
    sd_um: FloatArray
    misfit: FloatArray
    at_end: BoolArray


class Lookup:
    """The look-up family; see the module's text."""

    sees_pixels = False

    def __init__(self, stack: PooledStack, settings: LookupSettings) -> None:
        self._stack = stack
        self._settings = settings

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ by one member."""
        match = self.match(inputs.profile, inputs.saturated)
        return Predictions(match.dz_um[None], match.sd_um[None])

    def match(self, profile: FloatArray, saturated: BoolArray) -> Match:
        """Match profiles with the stack.

        Parameters
        ----------
        profile
            Shape ``(n, m)``, over background, on the stack's radii.
        saturated
            Shape ``(n, m)``, rings to leave out.
        """
        radius = self._stack.radius_radii
        seen = radius <= self._settings.reach_radii
        weight = 1.0 / self._stack.sd[:, seen] ** 2
        mean = self._stack.mean[:, seen]
        clear = ~saturated[:, seen]
        best = np.full((len(profile), len(mean)), np.inf)
        for stretch, prior in self._stretches():
            stretched = stretch_rings(profile, radius, stretch)[:, seen] * clear
            best = np.minimum(best, chi_squared(stretched, clear, mean, weight) + prior)
        return self._read_off(best, np.maximum(clear.sum(axis=1), 1))

    def _stretches(self) -> list[tuple[float, float]]:
        """Stretches of the radius axis, each with twice the negative logarithm of its prior."""
        spread = self._settings.radius_spread
        if spread == 0:
            return [(1.0, 0.0)]
        steps = np.linspace(-2.0, 2.0, N_STRETCHES)
        return [(1.0 + spread * step, step**2) for step in steps]

    def _read_off(self, chi_squared: FloatArray, n_radii: IntArray) -> Match:
        """Find the least of each row by a parabola about the best grid point."""
        dz = self._stack.dz_um
        step = dz[1] - dz[0]
        rows = np.arange(len(chi_squared))
        best = chi_squared.argmin(axis=1)
        inner = np.clip(best, 1, len(dz) - 2)
        left, middle, right = (chi_squared[rows, inner + k] for k in (-1, 0, 1))
        bend = np.maximum(left - 2 * middle + right, 1e-9)
        offset = np.clip(0.5 * (left - right) / bend, -1.0, 1.0)
        misfit = chi_squared.min(axis=1, initial=np.inf) / n_radii
        # Neighbouring radii err together, so the curvature is tempered by the misfit.
        sd = step * np.sqrt(2.0 * np.maximum(misfit, 1.0) / bend)
        at_end = (best < EDGE_GRID_STEPS) | (best >= len(dz) - EDGE_GRID_STEPS)
        return Match(dz[inner] + offset * step, sd, misfit, at_end)
