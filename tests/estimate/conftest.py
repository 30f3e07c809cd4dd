"""A card, a stack and a predictor that says what it is told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from refp.models import BeadInputs, Ensemble, ModelCard, Predictions, load_model
from refp.models.ensemble import Calibration
from refp.plane import PooledStack

RADIUS = np.linspace(0.0, 2.0, 21)


class Says:
    """A predictor of fixed words."""

    sees_pixels = False

    def __init__(self, dz_um: float, spread_um: float = 0.0, sd_um: float = 1.0) -> None:
        self._dz, self._spread, self._sd = dz_um, spread_um, sd_um

    def predict(self, inputs: BeadInputs) -> Predictions:
        dz = self._dz + self._spread * np.linspace(-1, 1, len(inputs))[None]
        return Predictions(dz, np.full_like(dz, self._sd))


@pytest.fixture(scope="session")
def says() -> type[Says]:
    return Says


@pytest.fixture(scope="session")
def ensemble(lookup_model: Path) -> Ensemble:
    """A stack whose intensity is a straight line in dZ, and a card that fits it."""
    dz_um = np.linspace(-50.0, 50.0, 201)
    mean = 1.0 + 0.01 * dz_um[:, None] * np.ones(len(RADIUS))
    calibration = Calibration(
        factor=2.0,
        refp_u_um=0.5,
        beads_u_um=0.2,
        maximum_misfit=4.0,
        maximum_disagreement_um=6.0,
        held_out="field",
        n_images=20,
        rms_um=1.0,
    )
    changes = {"dz_range_um": (-50.0, 50.0), "minimum_beads": 3, "calibration": calibration}
    card: ModelCard = load_model(lookup_model).card.model_copy(update=changes)
    return Ensemble(card, PooledStack(dz_um, RADIUS, mean, np.full_like(mean, 0.02)), b"")


@pytest.fixture(scope="session")
def beads_at() -> Callable[..., BeadInputs]:
    """Beads that look as the stack does at a dZ, with a ripple that it does not know."""

    def make(dz_um: float, n: int = 4, ripple: float = 0.0) -> BeadInputs:
        profile = np.tile(1.0 + 0.01 * dz_um + ripple * np.cos(9 * RADIUS), (n, 1))
        nothing = np.zeros(profile.shape, dtype=np.bool_)
        return BeadInputs(profile, nothing, np.full(n, 60.0), np.empty((n, 0, 0)))

    return make
