"""Tables, tiles and frames that look like results."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from refp.reports import Montage, Overlay, PlaneTables
from refp.reports.residuals import miss_labels

EXPOSURES_MS = (6.0, 12.0, 24.0)


def make_curves(
    n_sweeps: int = 3, z_step_um: float = 7.5, dataset: str = "A2K training"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return curves and planes; the last exposure of the second sweep has no plane."""
    rng = np.random.default_rng(5)
    curves, planes = [], []
    for i in range(n_sweeps):
        for exposure in EXPOSURES_MS:
            lost = i == 1 and exposure == EXPOSURES_MS[-1]
            refp = 1203.0 + 9 * i + 0.3 * exposure / 6
            key = {
                "dataset": dataset,
                "experiment": str(1 + i // 2),
                "fov": str(1 + i % 2),
                "exposure_ms": exposure,
            }
            curves.append(_curve(key, refp, exposure, z_step_um, rng, lost))
            planes.append(_plane(key, refp, len(curves[-1]), lost))
    return pd.concat(curves, ignore_index=True), pd.DataFrame(planes)


def _curve(
    key: dict[str, Any], refp: float, exposure: float, step: float, rng: Any, lost: bool
) -> pd.DataFrame:
    z = np.arange(900, 1501, step) if not lost else np.arange(900, 1150, step)
    d = z - refp
    ss = -0.16 * np.exp(-((d / 45) ** 2)) - 0.03 * np.exp(-((d / 160) ** 2))
    ci = 0.55 + 1.0 * np.exp(-(((d - 4) / 30) ** 2))
    factor = 1 + 0.02 * rng.standard_normal()
    saturated = (np.abs(d) < 25) & (exposure == EXPOSURES_MS[-1])
    clip = np.where(saturated, 0.8, 1.0)
    reach = np.where(np.abs(d) < 200, 1.0, np.nan) if not lost else np.nan
    return pd.DataFrame(
        {
            **key,
            "z_um": z,
            "steepest_slope": clip * factor * ss + 0.004 * rng.standard_normal(z.size),
            "center_intensity": clip * factor * ci + 0.02 * rng.standard_normal(z.size),
            "ss_saturated": saturated,
            "ci_saturated": saturated,
            "n_beads": rng.integers(12, 21, z.size),
            "ss_fitted": factor * ss * reach,
            "ci_fitted": factor * ci * reach,
        }
    )


def _plane(key: dict[str, Any], refp: float, n: int, lost: bool) -> dict[str, Any]:
    gap = np.nan if lost else 0.0
    return {
        **key,
        "refp_um": refp + 2 + gap,
        "refp_u_um": 0.41 + gap,
        "refp_ss_um": refp + gap,
        "refp_ss_u_um": 0.5 + gap,
        "refp_ci_um": refp + 4 + gap,
        "refp_ci_u_um": 0.6 + gap,
        "n_frames": n,
        "n_frames_used": n - 6,
        "n_beads": 16,
        "flags": "ss_not_bracketed|ci_not_bracketed" if lost else "",
    }


SIGMA_UM = 2.5
KEYS = ["dataset", "experiment", "fov", "exposure_ms"]
TERMS = {
    "stage repeatability": (SIGMA_UM / 9, 79.0, "mean of the stage errors over the sweep"),
    "stage errors near the plane": (0.31, 230.0, "stage errors smooth along Z"),
    "bead heights": (1.2 / 3, 8.0, "the beads lie at different heights"),
    "fit of SS and CI": (0.06, np.inf, "noise of the two features"),
    "reading of the extremes": (0.12, np.inf, "what is left of the bias of reading"),
    "pooled profile": (0.003, np.inf, "extremum of the pooled profiles"),
}


def make_more(
    n_sweeps: int = 2, z_step_um: float = 7.5, dataset: str = "A2K training"
) -> tuple[pd.DataFrame, pd.DataFrame, PlaneTables]:
    """Return curves with stage errors, planes, and the tables beside them; all planes determined."""
    curves, planes = make_curves(n_sweeps, z_step_um, dataset)
    rng = np.random.default_rng(11)
    planes = planes.assign(refp_um=planes["refp_um"].interpolate(), refp_u_um=0.53, flags="")
    curves = curves.assign(
        stage_error_um=SIGMA_UM * rng.standard_normal(len(curves)),
        stage_error_u_um=rng.uniform(0.2, 0.9, len(curves)),
        trusted=True,
    )
    curves.loc[[3, 40], "trusted"] = False
    curves.loc[[3, 40], "stage_error_um"] = [31.0, -4.0]
    budget, intervals = _uncertainties(planes)
    fields = _fields(planes, len(curves) // n_sweeps)
    more = PlaneTables(
        by_features=planes.assign(
            refp_um=planes["refp_um"] + 0.7 * rng.standard_normal(len(planes))
        ),
        budget=budget,
        intervals=intervals,
        fields=fields,
        beads=pd.concat([_beads(field, rng) for _, field in fields.iterrows()], ignore_index=True),
        comparison=_differences(planes),
    )
    return curves, planes, more


def _uncertainties(planes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    keys = planes[KEYS]
    parts = [
        keys.assign(term=term, u_um=u * (1 + 0.02 * np.arange(len(keys))), dof=dof, meaning=meaning)
        for term, (u, dof, meaning) in TERMS.items()
    ]
    budget = pd.concat(parts, ignore_index=True)
    u = np.sqrt((budget["u_um"] ** 2).groupby([budget[k] for k in KEYS]).sum())
    joined = keys.join(u, on=KEYS)
    refp, half = planes["refp_um"], 2.1 * joined["u_um"]
    intervals = joined.assign(
        refp_um=refp, dof=21.4, lower_um=refp - half, upper_um=refp + half, coverage=0.95
    )
    return budget, intervals


def _fields(planes: pd.DataFrame, n_frames: int) -> pd.DataFrame:
    keys = planes[KEYS[:3]].drop_duplicates(ignore_index=True)
    return keys.assign(
        n_frames=n_frames,
        n_frames_trusted=n_frames - 2,
        stage_sigma_um=SIGMA_UM + 0.1 * np.arange(len(keys)),
        stage_sigma_u_um=0.12,
        n_beads=10,
        n_off_plane=1,
        spread_um=1.2,
        tilt_y_um_per_px=0.004,
        tilt_y_u_um_per_px=0.0006,
        tilt_x_um_per_px=-0.001,
        tilt_x_u_um_per_px=0.0005,
        bend_um_per_px2=-1.1e-6,
        bend_u_um_per_px2=0.9e-6,
        residual_um=1.1,
    )


def _beads(field: pd.Series, rng: Any) -> pd.DataFrame:
    y, x = rng.uniform(60, 980, 10), rng.uniform(60, 1330, 10)
    slide = 0.004 * (y - y[:9].mean()) - 0.001 * (x - x[:9].mean())
    height = slide + 1.2 * rng.standard_normal(10)
    height[9] = 26.0
    return pd.DataFrame(
        {
            **field[KEYS[:3]].to_dict(),
            "bead": np.arange(10),
            "y_px": y,
            "x_px": x,
            "height_um": height,
            "height_u_um": rng.uniform(0.2, 0.4, 10),
            "size": 1 + 0.04 * rng.standard_normal(10),
            "n_frames": rng.integers(180, 243, 10),
            "slide_um": slide,
            "off_plane": np.arange(10) == 9,
        }
    )


def _differences(planes: pd.DataFrame) -> pd.DataFrame:
    """Return exposures against the first of their field, and fields against the first."""
    rows = []
    for (dataset, experiment, fov), sweeps in planes.groupby(KEYS[:3], sort=False):
        first, *others = zip(sweeps["exposure_ms"], sweeps["refp_um"], strict=True)
        within = f"{dataset}, exp {experiment}, FOV {fov}"
        for exposure, refp in others:
            names = f"{first[0]:g} ms", f"{exposure:g} ms"
            rows.append(("exposure", within, *names, refp - first[1], 0.9, 1, 1))
    means = planes.groupby(KEYS[:3], sort=False)["refp_um"].mean()
    for (dataset, experiment, fov), refp in list(means.items())[1:]:  # type: ignore[misc]
        names = "exp 1, FOV 1", f"exp {experiment}, FOV {fov}"
        rows.append(("fov", str(dataset), *names, refp - means.iloc[0], 0.4, 3, 3))
    columns = ["kind", "within", "first", "second", "difference_um", "u_um", "n_first", "n_second"]
    table = pd.DataFrame(rows, columns=columns)
    half = 2.1 * table["u_um"]
    return table.assign(
        lower_um=table["difference_um"] - half,
        upper_um=table["difference_um"] + half,
        coverage=0.95,
    )


def make_errors(datasets: tuple[str, ...] = ("A2K test 1", "A2K test 2")) -> pd.DataFrame:
    """Return errors of images, those far from the plane refused."""
    rng = np.random.default_rng(3)
    parts = [_errors_of(name, exposure, rng) for name in datasets for exposure in (9.0, 22.0)]
    table = pd.concat(parts, ignore_index=True)
    table["image"] = [f"exp1_fov1_z{i}_t9ms.tif" for i in range(len(table))]
    return table


def _errors_of(dataset: str, exposure: float, rng: Any) -> pd.DataFrame:
    truth = np.arange(-270.0, 271, 15)
    error = 0.9 * rng.standard_normal(truth.size) * (1 + np.abs(truth) / 250)
    u = 1.0 + np.abs(truth) / 300
    refused = np.abs(truth) > 240
    estimate = np.where(refused, np.nan, truth + error)
    return pd.DataFrame(
        {
            "image": "",
            "delta_z_um": estimate,
            "u_um": np.where(refused, np.nan, u),
            "lower_um": estimate - 1.96 * u,
            "upper_um": estimate + 1.96 * u,
            "coverage": 0.95,
            "n_beads": 14,
            "n_beads_used": rng.integers(6, 13, truth.size),
            "status": np.where(refused, "refused", "ok"),
            "reason": np.where(refused, "outside the trained range of dZ", ""),
            "model": "a2k.refp",
            "dataset": dataset,
            "experiment": "1",
            "fov": "1",
            "exposure_ms": exposure,
            "z_um": 1200 + truth,
            "delta_z_true_um": truth,
            "error_um": estimate - truth,
            "label_u_um": 0.8,
            "label": "nominal",
        }
    )


def make_summary(errors: pd.DataFrame) -> dict[str, Any]:
    """Return the summary of an errors table."""
    error = errors["error_um"].dropna()
    rms = float(np.sqrt((error**2).mean()))
    inside = ~miss_labels(errors) & (errors["status"] == "ok")
    return {
        "n_images": len(errors),
        "n_ok": len(error),
        "n_refused": len(errors) - len(error),
        "rms_um": rms,
        "bias_um": float(error.mean()),
        "largest_um": float(error.abs().max()),
        **{f"within_{t:g}_um": float((error.abs() <= t).mean()) for t in (2.5, 5, 7.5, 10)},
        "skill": 1 - rms / 150,
        "constant_rms_um": 150.0,
        "coverage_observed": float(inside.sum() / max(len(error), 1)),
        "coverage_nominal": 0.95,
        "coverage_p_value": 0.7,
        "model": "a2k.refp",
        "family": "profile",
        "n_members": 10,
        "conditions": "6 to 12 beads per image; 9 and 22 ms; dZ from -270 to 270 um",
    }


def make_overlay(shape: tuple[int, int] = (480, 640)) -> Overlay:
    """Return a frame of beads; three of them not usable."""
    rng = np.random.default_rng(1)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    centers = np.array([[y, x] for y in range(50, shape[0], 120) for x in range(50, shape[1], 130)])
    centers = centers + rng.uniform(-25, 25, centers.shape)
    image = 140 + 15 * xx / shape[1] + 3 * rng.standard_normal(shape)
    for y, x in centers:
        r = np.hypot(yy - y, xx - x)
        image += -90 * np.exp(-(((r - 8) / 4) ** 2)) + 90 * np.exp(-((r / 4) ** 2))
    usable = np.ones(len(centers), dtype=bool)
    labels = [""] * len(centers)
    for i, label in ((0, "border|cut_tile"), (7, "touching"), (len(centers) - 1, "odd_shape")):
        usable[i], labels[i] = False, label
    labels[3] = "saturated"
    frame = np.clip(image, 0, 255).astype(np.uint8)
    numbers = range(len(centers))
    return Overlay("exp1_fov1_z1207.5_t12ms.tif", frame, centers, 14.0, usable, labels, numbers)


def make_montage(n: int = 9) -> Montage:
    """Return tiles of a bead that changes with dZ."""
    yy, xx = np.mgrid[-31.5:32, -31.5:32]
    r = np.hypot(yy, xx)
    dz = np.linspace(-75, 75, n)
    tiles = [
        150
        * (1 - 0.6 * np.exp(-(((r - 9 - abs(d) / 12) / 4) ** 2)) + (1 - d / 75) / 2 * (r < 5))
        * (1 + 0.2 * i / n)
        for i, d in enumerate(dz)
    ]
    return Montage("A2K training, bead 7, 12 ms", tiles, [float(d) for d in dz], 1.5)


@pytest.fixture
def fakes() -> SimpleNamespace:
    """Return the makers, for tests that want other sizes or names."""
    return SimpleNamespace(
        curves=make_curves,
        more=make_more,
        errors=make_errors,
        summary=make_summary,
        overlay=make_overlay,
        montage=make_montage,
    )


@pytest.fixture
def curves() -> pd.DataFrame:
    return make_curves()[0]


@pytest.fixture
def planes() -> pd.DataFrame:
    return make_curves()[1]


@pytest.fixture
def more() -> PlaneTables:
    return make_more()[2]


@pytest.fixture
def errors() -> pd.DataFrame:
    return make_errors()


@pytest.fixture
def summary(errors: pd.DataFrame) -> dict[str, Any]:
    return make_summary(errors)


@pytest.fixture
def overlay() -> Overlay:
    return make_overlay()


@pytest.fixture
def montage() -> Montage:
    return make_montage()
