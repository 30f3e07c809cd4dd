"""A card, a stack and a predictor with fixed predictions."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from refp.core.arrays import FloatArray
from refp.models import BeadInputs, Ensemble, ModelCard, Predictions, load_model
from refp.models.card import Calibration, PixelNoise, ResidualSpread, StageCurve
from refp.plane import PooledStack

RADIUS = np.linspace(0.0, 2.6, 27)
N_SEEN = int(np.count_nonzero(RADIUS <= 2.2))
"""Rings that the look-up compares by default."""


class FixedPredictor:
    """A predictor with the same prediction for all inputs."""

    sees_pixels = False

    def __init__(self, dz_um: float, spread_um: float = 0.0, sd_um: float = 1.0) -> None:
        self._dz, self._spread, self._sd = dz_um, spread_um, sd_um

    def predict(self, inputs: BeadInputs) -> Predictions:
        dz = self._dz + self._spread * np.linspace(-1, 1, len(inputs))[None]
        return Predictions(dz, np.full_like(dz, self._sd))


@pytest.fixture(scope="session")
def fixed_predictor() -> type[FixedPredictor]:
    return FixedPredictor


def profile_at(dz_um: FloatArray | float, size: float = 1.0) -> FloatArray:
    """Return profiles that are linear in dZ, with a rim at the bead's radius that depends on its size."""
    x = np.atleast_1d(np.asarray(dz_um, dtype=np.float64))[:, None] / size
    rim = 0.5 * np.exp(-(((RADIUS / size - 1.0) / 0.4) ** 2))
    profile: FloatArray = 1.0 + 0.01 * x + rim
    return profile


@pytest.fixture(scope="session")
def ensemble(lookup_model: Path) -> Ensemble:
    """A stack whose intensity is linear in dZ, and a matching card."""
    dz_um = np.linspace(-50.0, 50.0, 201)
    mean = profile_at(dz_um)
    calibration = Calibration(
        bead_factor=2.0,
        height_um=0.3,
        rise_um_per_size=0.0,
        beads_dof=14.0,
        refp_u_um=0.5,
        refp_dof=10.0,
        stage=StageCurve(dz_um=(-50.0, 0.0, 50.0), u_um=(0.4, 0.2, 0.4), dof=20.0),
        model_u_um=0.4,
        model_dof=15.0,
        size_sd=0.01,
        n_sizes=16,
        reduced_chi2=0.8,
        reduced_chi2_noise=12.0,
        noise=PixelNoise(floor=0.0, gain=1.0, spread=0.02, whiteness=1.0),
        maximum_reduced_chi2=4.0,
        residuals=ResidualSpread(
            image=(0.1 * np.eye(N_SEEN)).tolist(),
            bead=np.eye(N_SEEN).tolist(),
            reduced_chi2=0.8,
            maximum_t_squared=2.5,
        ),
        maximum_disagreement_um=6.0,
        held_out="field",
        n_images=20,
        rms_um=1.0,
    )
    changes = {
        "family": "profile",
        "dz_range_um": (-50.0, 50.0),
        "minimum_beads": 3,
        "calibration": calibration,
    }
    card: ModelCard = load_model(lookup_model).card.model_copy(update=changes)
    return Ensemble(card, PooledStack(dz_um, RADIUS, mean, np.full_like(mean, 0.02)), b"")


@pytest.fixture(scope="session")
def beads_at() -> Callable[..., BeadInputs]:
    """Make beads with the stack's profile at a dZ, on a circle about the middle of the image.

    ``ripple`` is a deviation from the stack; ``saturated`` is the fraction of saturated rings.
    """

    def make(
        dz_um: float, n: int = 4, ripple: float = 0.0, size: float = 1.0, saturated: float = 0.0
    ) -> BeadInputs:
        profile = np.tile(profile_at(dz_um, size) + ripple * np.cos(9 * RADIUS), (n, 1))
        rings = np.broadcast_to(np.arange(len(RADIUS)) < saturated * len(RADIUS), profile.shape)
        angle = 2 * np.pi * np.arange(n) / max(n, 1)
        offset = 400.0 * np.column_stack([np.sin(angle), np.cos(angle)])
        return BeadInputs(
            profile=profile,
            saturated=rings,
            light=np.full(n, 60.0),
            black_level=np.zeros(n),
            noise=np.full(n, np.sqrt(60.0)),
            whiteness=np.ones(n),
            pixels=np.empty((n, 0, 0)),
            offset_px=offset,
        )

    return make
