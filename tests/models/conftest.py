"""A stack of analytic profiles, and training jobs with its beads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refp.core.arrays import FloatArray
from refp.core.parallel import Execution, Progress, ignore_progress
from refp.models import BeadInputs, TrainingJob
from refp.models.tiles import LabelledTiles, Split
from refp.plane import PooledStack

RADIUS = np.linspace(0.0, 3.2, 65)
SIDE = 64


def analytic_profile(dz_um: FloatArray | float, size: FloatArray | float = 1.0) -> FloatArray:
    """Return a dark disc with a spot that fades with distance and a rim that changes sign with dZ.

    The profile of a larger bead is stretched along the radius and along Z.
    """
    size = np.atleast_1d(np.asarray(size, dtype=np.float64))[:, None]
    dz = np.atleast_1d(np.asarray(dz_um, dtype=np.float64))[:, None] / size
    r = RADIUS / size
    spot = 2.0 * np.exp(-((r / 0.4) ** 2)) / (1 + (dz / 30.0) ** 2)
    rim = 0.02 * dz * np.exp(-(((r - 1.0) / 0.2) ** 2))
    return 0.3 + 0.7 / (1 + np.exp((1.0 - r) / 0.1)) + spot + rim


def analytic_stack(sd: float = 0.02) -> PooledStack:
    dz_um = np.linspace(-60.0, 60.0, 241)
    mean = analytic_profile(dz_um)
    return PooledStack(dz_um, RADIUS, mean, np.full_like(mean, sd))


def analytic_tiles(n_planes: int = 25, n_beads: int = 4, seed: int = 0) -> LabelledTiles:
    """Beads of two fields with a little noise, and tiles that show the same profile."""
    rng = np.random.default_rng(seed)
    plane, bead = (axis.ravel() for axis in np.indices((n_planes, n_beads)))
    dz_um = np.linspace(-60.0, 60.0, n_planes)[plane]
    profile = analytic_profile(dz_um) + rng.normal(0, 0.01, (len(dz_um), len(RADIUS)))
    return LabelledTiles(
        dz_um=dz_um,
        height_um=np.zeros(len(dz_um)),
        label_u_um=np.zeros(len(dz_um)),
        size=np.ones(len(dz_um)),
        offset_px=np.zeros((len(dz_um), 2)),
        profile=profile,
        saturated=np.zeros(profile.shape, dtype=np.bool_),
        light=np.full(len(dz_um), 60.0),
        black_level=np.zeros(len(dz_um)),
        noise=np.ones(len(dz_um)),
        whiteness=np.ones(len(dz_um)),
        pixels=_paint(profile),
        frame=plane.astype(np.int64),
        bead=bead.astype(np.int64),
        field=(bead % 2).astype(np.int64),
        radius_radii=RADIUS,
        bead_radius_px=9.0,
        sweeps=(),
    )


def _paint(profile: FloatArray) -> FloatArray:
    """Tiles of beads of 9 px radius at a background of 60 grey levels."""
    y, x = np.indices((SIDE, SIDE)) - SIDE // 2
    r = np.hypot(y, x) / 9.0
    return np.array([60 * np.interp(r, RADIUS, one) for one in profile], dtype=np.float32)


@pytest.fixture(scope="session")
def stack() -> PooledStack:
    return analytic_stack()


@pytest.fixture(scope="session")
def profile_at() -> Callable[..., FloatArray]:
    return analytic_profile


@pytest.fixture(scope="session")
def tiles() -> LabelledTiles:
    return analytic_tiles()


@pytest.fixture(scope="session")
def unseen() -> LabelledTiles:
    """Other noise at planes between those of ``tiles``."""
    return analytic_tiles(n_planes=12, seed=1)


@pytest.fixture(scope="session")
def job_of() -> Callable[..., TrainingJob]:
    """Make a training job that holds each field out once."""

    def make(
        tiles: LabelledTiles, folder: Path, seed: int = 0, progress: Progress = ignore_progress
    ) -> TrainingJob:
        splits = tuple(
            Split(np.flatnonzero(tiles.field != k), np.flatnonzero(tiles.field == k))
            for k in np.unique(tiles.field)
        )
        rings = np.maximum(2 * np.pi * RADIUS * 8.1, 1.0)
        return TrainingJob(tiles, splits, rings, seed, folder, Execution(progress=progress))

    return make


@pytest.fixture(scope="session")
def inputs_at() -> Callable[..., BeadInputs]:
    """Make model inputs of noise-free beads at the given dZ."""

    def make(dz_um: FloatArray) -> BeadInputs:
        profile = analytic_profile(dz_um)
        unsaturated = np.zeros(profile.shape, dtype=np.bool_)
        n = len(profile)
        return BeadInputs(
            profile=profile,
            saturated=unsaturated,
            light=np.full(n, 60.0),
            black_level=np.zeros(n),
            noise=np.ones(n),
            whiteness=np.ones(n),
            pixels=_paint(profile),
            offset_px=np.zeros((n, 2)),
        )

    return make


@pytest.fixture(scope="session")
def tile_graph() -> bytes:
    """Graph of two members on tiles: the mean grey level, and no standard deviation."""
    torch = pytest.importorskip("torch")
    from refp.models.training.export import to_onnx

    class Mean(torch.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, tiles: Any) -> Any:
            mean = torch.stack([tiles.mean(dim=(1, 2, 3)), tiles.amax(dim=(1, 2, 3))])
            return 100 * mean, torch.full_like(mean, float("nan"))

    return to_onnx(Mean().eval(), torch.zeros(2, 1, SIDE, SIDE))
