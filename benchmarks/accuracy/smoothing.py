"""Errors of extrema by the weight of the smoothing: ``python -m benchmarks.accuracy.smoothing``.

Noise-free feature curves of a simulated A2K with three spherical aberrations are read at nominal positions
of frames with stage errors, and smoothed with multiples of the weight of cross-validation, and with the
weights that ``refp plane`` selects from drawn stage errors. The error is that of the mean of the extrema of
SS and CI. Corrected positions are the true ones.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline

from benchmarks import HERE, conditions
from benchmarks.accuracy.instruments import A2K, vary
from refp.core.arrays import FloatArray
from refp.core.files import write_json
from refp.plane.locate import CI_SIGN, SS_SIGN
from refp.plane.pool import Curve
from refp.plane.propagate import FieldCurves, choose_smoothing
from refp.plane.smooth import fit_smooth, smooth_with
from refp.synthetic import SceneSettings, feature_curves, looks_of

ABERRATIONS_UM = (-16000.0, -8000.0, 0.0)
FACTORS = (1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 100.0, 300.0)
SIGMAS_UM, STEPS_UM, HALF_RANGES_UM = (0.5, 2.5), (5.0, 7.5, 10.0, 15.0), (90.0, 150.0, 220.0)
N_SWEEPS = 60
"""Sweeps of each aberration, stage, step and range."""
NOISE = 0.003
"""Relative noise of a feature of the typical bead."""
MAX_DZ_UM = 260.0
REACH_UM = 17.0


def true_curves(aberration_um: float) -> tuple[CubicSpline, CubicSpline]:
    """Return SS and CI of the nominal bead against dZ."""
    scene = SceneSettings(n_touching=0, n_dust=0)
    looks = looks_of(vary(A2K, to={"sample.slide_um": aberration_um}), scene)
    dz_um = np.arange(-MAX_DZ_UM, MAX_DZ_UM + 0.5)
    planes = looks.nominal_radius_um, looks.on_pixels.index, dz_um + looks.nominal_plane_um
    both = feature_curves(looks.on_pixels, *planes, looks.pixel_um)
    slope, center = (CubicSpline(dz_um, values) for values in both)
    return slope, center


def planes_of(
    curves: Sequence[CubicSpline],
    step_um: float,
    half_um: float,
    sigma_um: float,
    rng: np.random.Generator,
) -> list[float]:
    """Return the plane of one sweep by each factor, and by the smoothing that is selected."""
    z_um = np.arange(-half_um, half_um + 0.1, step_um) + rng.uniform(-0.5, 0.5) * step_um
    true_um = np.clip(z_um + rng.normal(0.0, sigma_um, len(z_um)), -MAX_DZ_UM, MAX_DZ_UM)
    used = np.ones(len(z_um), dtype=np.bool_)
    seen = [
        Curve(z_um, curve(true_um) * (1 + NOISE * rng.normal(size=len(z_um))), used, sign)
        for curve, sign in zip(curves, (SS_SIGN, CI_SIGN), strict=True)
    ]
    sweep = np.zeros(len(z_um), dtype=np.int64)
    selected = choose_smoothing(FieldCurves(seen, true_um, sweep, sigma_um, REACH_UM))
    weights = [fit_smooth(*curve.points).lam * np.array(FACTORS) for curve in seen]
    columns = [np.append(w, s * len(z_um)) for w, s in zip(weights, selected, strict=True)]
    extrema = [
        [_extremum(curve, lam) for lam in column]
        for curve, column in zip(seen, columns, strict=True)
    ]
    return np.mean(extrema, axis=0).tolist()


def _extremum(curve: Curve, lam: float) -> float:
    grid = np.linspace(-REACH_UM, REACH_UM, 3401)
    return float(grid[np.argmax(curve.sign * smooth_with(*curve.points, lam)(grid))])


def main() -> None:
    """Write smoothing.json."""
    instruments = [true_curves(aberration_um) for aberration_um in ABERRATIONS_UM]
    rng, rows = np.random.default_rng(61), []
    for sigma_um, step_um, half_um in itertools.product(SIGMAS_UM, STEPS_UM, HALF_RANGES_UM):
        error: FloatArray = np.array(
            [
                planes_of(curves, step_um, half_um, sigma_um, rng)
                for curves in instruments
                for _ in range(N_SWEEPS)
            ]
        )
        row = {
            "stage_sigma_um": sigma_um,
            "z_step_um": step_um,
            "half_range_um": half_um,
            "rms_um": np.sqrt((error**2).mean(axis=0)).tolist(),
            "mean_um": error.mean(axis=0).tolist(),
        }
        print(row, flush=True)
        rows.append(row)
    about = f"feature curves of the simulated A2K, {N_SWEEPS * len(instruments)} sweeps a row"
    result = {"conditions": conditions(about), "factors": FACTORS, "rows": rows}
    write_json(result, HERE / "accuracy" / "smoothing.json")


if __name__ == "__main__":
    main()
