"""Observed errors of plans: ``python -m benchmarks.accuracy.plan``.

Sweeps of one field and single images are simulated on the A2K as planned by ``refp plan``, and compared
with the plane of a nominal bead at rest, to which a plan refers: the differences of the field's beads are
part of the error. For a correct plan, RMS error over planned standard uncertainty is 1.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks import HERE, conditions
from benchmarks.accuracy.limit import training_folder
from benchmarks.accuracy.models import trained_on
from refp.core.files import write_json
from refp.core.parallel import Execution, Workers, default_jobs
from refp.estimate.estimator import Estimator
from refp.models import load_model
from refp.pipeline import define_planes
from refp.pipeline.planning import PlanLimits, PlanRow, find_limits, image_row, make_plan, sweep_row
from refp.settings import load_recipe
from refp.sweeps import open_dataset
from refp.synthetic import (
    SceneSettings,
    SimulationSettings,
    as_instrument,
    make_scene,
    read_truth,
    render_frame,
    simulate_dataset,
)

INSTRUMENT, TOLERANCE_UM = "a2k", 2.5
SWEEPS = ((6, 11), (12, 21), (12, 41))
"""Beads and frames of a sweep."""
N_SWEEPS, N_IMAGES = 16, 60
REFP_UM = 1500.0


def scene_of(n_beads: int) -> SceneSettings:
    """Return a scene of isolated beads on a level slide: tilt cancels only at the image's centre."""
    return SceneSettings(
        shape_px=(400, 520),
        n_beads=n_beads,
        n_touching=0,
        n_border=0,
        n_off_plane=0,
        n_dust=0,
        tilt_sd_um_per_px=0.0,
    )


def sweep_rows(limits: PlanLimits) -> list[dict[str, object]]:
    """Simulate sweeps and locate their planes, separately and with the pool of the training set."""
    recipe, rows = load_recipe(), []
    with tempfile.TemporaryDirectory() as folder, Workers(default_jobs()) as workers:
        training = define_planes(
            [open_dataset(training_folder(INSTRUMENT))], recipe, execution=Execution(workers)
        )
        pool = training.result.pool
        offset_um = np.mean([plane.refp_um for plane in training.result.planes]) - np.mean(
            [f.refp_um for f in read_truth(training_folder(INSTRUMENT)).fields]
        )
        for n_beads, n_frames in SWEEPS:
            errors: dict[str, list[float]] = {"alone": [], "pool": []}
            for number in range(N_SWEEPS):
                path = Path(folder) / f"{n_beads}-{n_frames}-{number}"
                _simulate_sweep(path, limits, n_beads, n_frames, number)
                for method, known in (("alone", None), ("pool", pool)):
                    planes = define_planes([open_dataset(path)], recipe, pool=known)
                    errors[method].append(planes.result.planes[0].refp_um - REFP_UM)
            for method, error in errors.items():
                planned = sweep_row(limits, 1, n_beads, n_frames)
                shift_um = float(offset_um) if method == "pool" else 0.0
                rows.append(_row(planned, method, np.array(error) - shift_um))
    return rows


def _simulate_sweep(path: Path, limits: PlanLimits, n_beads: int, n_frames: int, seed: int) -> None:
    dz_um = np.linspace(limits.dz_um[0], limits.dz_um[-1], n_frames + 2)[1:-1]
    step_um = float(np.diff(dz_um)[0])
    settings = SimulationSettings(
        scene=scene_of(n_beads),
        refp_um=(REFP_UM,),
        z_start_um=round(REFP_UM + dz_um[0], 2),
        z_stop_um=round(REFP_UM + dz_um[0], 2) + step_um * (n_frames - 1),
        z_step_um=step_um,
        exposures_ms=(round(float(limits.exposures_ms[len(limits.exposures_ms) // 2]), 2),),
    )
    simulate_dataset(path, INSTRUMENT, settings, dataset=path.name, seed=seed)


def image_rows(limits: PlanLimits) -> list[dict[str, object]]:
    """Simulate images of new fields and estimate them with both families."""
    instrument, rows = as_instrument(INSTRUMENT), []
    planned = [row for row in make_plan(limits) if row.what == "image"]
    for family in ("profile", "lookup"):
        model = load_model(trained_on(training_folder(INSTRUMENT), family).path)
        estimator = Estimator(model)
        for k, row in enumerate(planned):
            errors, refused = [], 0
            for number in range(N_IMAGES):
                rng = np.random.default_rng([49, k, number])
                settings = SimulationSettings(scene=scene_of(max(row.n_beads, 3)))
                scene = make_scene(instrument, settings, 0.0, rng)
                dz_um = float(rng.uniform(limits.dz_um[0], limits.dz_um[-1]))
                image = render_frame(scene, dz_um, row.exposure_ms, instrument.camera, rng)
                estimate = estimator.estimate(image).estimate
                refused += estimate.status == "refused"
                if estimate.status == "ok":
                    errors.append(estimate.delta_z_um - dz_um)
            u_refp_um = model.card.calibration.refp_u_um
            expected = image_row(limits, k, max(row.n_beads, 3), u_refp_um)
            rows.append(_row(expected, family, np.array(errors)) | {"refused": refused})
    return rows


def _row(planned: PlanRow, method: str, errors: np.ndarray) -> dict[str, object]:
    rms = float(np.sqrt(np.nanmean(errors**2)))
    row = {
        "what": planned.what,
        "how": method,
        "n_beads": planned.n_beads,
        "n_frames": planned.n_frames,
        "exposure_ms": planned.exposure_ms,
        "n": int(np.isfinite(errors).sum()),
        "planned_u_um": planned.u_um,
        "rms_um": rms,
        "median_um": float(np.nanmedian(errors)),
        "rms_over_planned": rms / planned.u_um,
    }
    print(row, flush=True)
    return row


def main() -> None:
    """Write plan.json."""
    limits = find_limits(as_instrument(INSTRUMENT), TOLERANCE_UM)
    rows = sweep_rows(limits) + image_rows(limits)
    about = f"{N_SWEEPS} simulated sweeps and {N_IMAGES} images of new fields for each row, a2k"
    result = {"conditions": conditions() | {"data": about}, "rows": rows}
    write_json(result, HERE / "accuracy" / "plan.json")


if __name__ == "__main__":
    main()
