"""Tables that look like those of a study."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

SEVEN_MS = (6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0)
FOUR = tuple(f"A2K test {i}" for i in (1, 2, 3, 4))


def make_points(datasets: Sequence[str] = FOUR[:3]) -> pd.DataFrame:
    """Viability that falls by 0.1 % per um from 80 % at the plane."""
    rng = np.random.default_rng(2)
    dz = np.tile(np.arange(-100.0, 101, 10), len(datasets))
    result = 80 - 0.1 * dz + rng.normal(0, 0.6, dz.size)
    names = np.repeat(np.array(datasets, dtype=object), dz.size // len(datasets))
    return pd.DataFrame({"dataset": names, "delta_z_um": dz, "result": result})


def make_fit(datasets: Sequence[str] = FOUR[:3]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "dataset": list(datasets),
            "result_name": "viability",
            "unit": "%",
            "result_at_plane": 80.0,
            "slope_per_um": -0.1,
            "slope_u_per_um": 0.004,
            "allowed_bias": 2.5,
            "tolerance_low_um": -25.0,
            "tolerance_high_um": 25.0,
        }
    )


def make_centers(n: int = 2) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Beads whose centre lies off the tile's, with both profiles."""
    yy, xx = np.mgrid[:64, :64]
    pixels, summary, tiles = [], [], {}
    rng = np.random.default_rng(4)
    for i, offset in enumerate([(1.4, -1.1), (0.2, 0.1), (-0.6, 0.4)][:n]):
        name = f"bead {i + 1}"
        centers = {"tile": (32.0, 32.0), "bead": (32 + offset[0], 32 + offset[1])}
        r = np.hypot(yy - centers["bead"][0], xx - centers["bead"][1])
        clean = 120 - 80 * np.exp(-(((r - 9) / 2.2) ** 2)) + 95 * np.exp(-((r / 2.5) ** 2))
        tile = np.clip(clean + rng.normal(0, 3, r.shape), 0, 255).astype(np.uint8)
        tiles[name] = tile
        for about, (y, x) in centers.items():
            d = np.hypot(yy - y, xx - x)
            near = d < 30
            smooth = np.poly1d(np.polyfit(d[near], tile[near].astype(float), 12))
            columns = {"distance_px": d[near], "grey": tile[near], "fitted": smooth(d[near])}
            pixels.append(pd.DataFrame({"case": name, "about": about, **columns}))
        row = {"offset_y_px": offset[0], "offset_x_px": offset[1], "ci_tile": 1.4, "ci_bead": 1.725}
        summary.append({"case": name, **row})
    return pd.concat(pixels, ignore_index=True), pd.DataFrame(summary), tiles


def make_residuals(
    sigma_um: float = 2.0,
    exposures_ms: Sequence[float] = SEVEN_MS[:5],
    *,
    bend: float = 0.0,
    seed: int = 1,
    **names: str,
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    dz = np.tile(np.arange(-120.0, 121, 7.5), len(exposures_ms))
    exposure = np.repeat(exposures_ms, dz.size // len(exposures_ms))
    error = rng.normal(0, sigma_um, dz.size) - bend * dz
    columns = {"exposure_ms": exposure, "delta_z_true_um": dz, "error_um": error}
    return pd.DataFrame({**names, **columns})


def make_pipelines(exposures_ms: Sequence[float] = SEVEN_MS[:5]) -> pd.DataFrame:
    whole = make_residuals(25, exposures_ms, bend=0.6, pipeline="whole image")
    beads = make_residuals(2, exposures_ms, pipeline="beads")
    return pd.concat([beads, whole], ignore_index=True)


def make_normalisations(exposures_ms: Sequence[float] = SEVEN_MS[:5]) -> pd.DataFrame:
    sigmas = {"background": 2.2, "center": 30.0, "none": 2.0, "zscore": 4.0}
    parts = [make_residuals(s, exposures_ms, normalisation=n) for n, s in sigmas.items()]
    return pd.concat(parts, ignore_index=True)


def make_shares(
    datasets: Sequence[str] = FOUR, exposures_ms: Sequence[float] = SEVEN_MS
) -> pd.DataFrame:
    """The last data set lacks the first and the last exposure where there are many."""
    rows = []
    for dataset in datasets:
        lacking = {exposures_ms[0], exposures_ms[-1]} if len(exposures_ms) > 2 else set()
        for exposure in exposures_ms:
            if dataset == datasets[-1] and exposure in lacking:
                continue
            for members in (1, 5, 10):
                for n in (6, 8, 10, 15, 20):
                    for threshold in (2.5, 5.0, 7.5, 10.0):
                        spread = 4.6 - 0.11 * members - 0.03 * n
                        share = 1 - np.exp(-((threshold / spread) ** 2) / 1.3)
                        half = 0.05 * (1 - share) + 0.01
                        key = dataset, exposure, members, n, threshold
                        rows.append((*key, share, share - half, min(share + half, 1.0)))
    keys = ["dataset", "exposure_ms", "members", "n_beads", "threshold_um"]
    return pd.DataFrame(rows, columns=[*keys, "share", "lower", "upper"])


def make_tests(
    datasets: Sequence[str] = FOUR, exposures_ms: Sequence[float] = SEVEN_MS
) -> pd.DataFrame:
    """Residuals of each test; with intervals, and the images far from the plane refused."""
    parts = [
        make_residuals(2, exposures_ms, seed=i, dataset=name) for i, name in enumerate(datasets)
    ]
    errors = pd.concat(parts, ignore_index=True)
    refused = errors["delta_z_true_um"].abs() > 118
    errors["status"] = np.where(refused, "refused", "ok")
    errors.loc[refused, "error_um"] = np.nan
    estimate = errors["delta_z_true_um"] + errors["error_um"]
    return errors.assign(lower_um=estimate - 4, upper_um=estimate + 4)


def make_families(n_datasets: int = 9) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    rows = []
    for i in range(n_datasets):
        for family, rms in (("profile", 1.1), ("resnet", 6.0), ("lookup", 2.1), ("features", 15.0)):
            factor = rng.uniform(0.7, 1.5)
            shares = {"coverage": rng.uniform(0.88, 0.99), "refused_share": rng.uniform(0, 0.1)}
            row = {"family": family, "dataset": f"A2K test {i + 1}", "rms_um": rms * factor}
            rows.append({**row, "constant_rms_um": 70.0 + i, **shares})
    table = pd.DataFrame(rows)
    table.loc[table.index[-1], ["rms_um", "coverage", "refused_share"]] = [np.nan, np.nan, 1.0]
    return table


@pytest.fixture
def make() -> SimpleNamespace:
    """Return the makers, for tests that want other sizes or names."""
    return SimpleNamespace(
        points=make_points,
        fit=make_fit,
        centers=make_centers,
        pipelines=make_pipelines,
        normalisations=make_normalisations,
        shares=make_shares,
        tests=make_tests,
        families=make_families,
    )


@pytest.fixture
def points() -> pd.DataFrame:
    return make_points()


@pytest.fixture
def fit() -> pd.DataFrame:
    return make_fit()


@pytest.fixture
def centers() -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    return make_centers()


@pytest.fixture
def pipelines() -> pd.DataFrame:
    return make_pipelines()


@pytest.fixture
def normalisations() -> pd.DataFrame:
    return make_normalisations()


@pytest.fixture
def shares() -> pd.DataFrame:
    return make_shares()


@pytest.fixture
def tests() -> pd.DataFrame:
    return make_tests()


@pytest.fixture
def families() -> pd.DataFrame:
    return make_families()
