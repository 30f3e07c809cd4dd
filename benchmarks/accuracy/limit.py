"""Errors of each family over the Cramer-Rao bound: ``python -m benchmarks.accuracy.limit``.

Models are trained on simulated training sweeps of Table 1 (scale quick) and applied to single beads of
new fields. The error of a bead is relative to its own plane and the true stage position, which excludes
stage errors and bead heights; the bound is that of :func:`refp.synthetic.bound.dz_bound`, with centre,
background and size as nuisance parameters. Scatter is about the median of all beads at a position: it has
no part of the errors of the training's plane and axis, which all beads share.
"""

import sys
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks import HERE, conditions
from benchmarks.accuracy.models import CACHE, SIMULATING, trained_on
from benchmarks.pages.render import load
from refp.core.arrays import FloatArray
from refp.core.digests import hash_code
from refp.core.files import write_json
from refp.core.flags import UNUSABLE_BEAD
from refp.core.parallel import Execution, Workers, default_jobs, map_ordered
from refp.core.rows import take
from refp.estimate.estimator import inputs_of_profiles, recipe_of
from refp.measure.frame import measure_frame
from refp.models import load_model, make_predictor
from refp.models.tiles import crop_tiles
from refp.settings import FamilyName
from refp.synthetic import (
    Scene,
    SceneSettings,
    SimulationSettings,
    as_instrument,
    make_scene,
    render_frame,
    simulate_dataset,
    table1_sets,
)
from refp.synthetic.bound import DzBound, dz_bound

FAMILIES: tuple[FamilyName, ...] = ("profile", "lookup")
CASES = {"a2k": ((6.0, 12.0, 24.0), 150.0), "nikon-ti2": ((10.0, 30.0), 10.0)}
"""Exposures, ms, and largest distance from the plane, um."""
N_FIELDS, N_POSITIONS, N_BINS = 8, 20, 10
NEAR_PX = 3.0


@dataclass(frozen=True)
class Shot:
    """One image to simulate, and the model to apply."""

    instrument: str
    model: Path
    field: int
    dz_um: float
    exposure_ms: float


@dataclass(frozen=True)
class Beads:
    """Errors and true dZ of the beads of one image, um."""

    error_um: FloatArray
    dz_um: FloatArray
    position_um: FloatArray


def training_folder(name: str) -> Path:
    """Return the simulated training set of an instrument; simulate it if it does not exist."""
    folder = CACHE / f"table1-{name}-{hash_code(*SIMULATING)[:16]}"
    if not folder.is_dir():
        training = next(table1_sets([name], "quick"))
        with Workers(default_jobs()) as workers:
            simulate_dataset(
                folder,
                training.instrument,
                training.settings,
                dataset=training.dataset,
                seed=1,
                execution=Execution(workers),
            )
    return folder


@lru_cache(maxsize=2)
def _field(name: str, number: int) -> Scene:
    """Return a field of beads with different size, index and height, on a level slide."""
    instrument = as_instrument(name)
    side = round(28 * instrument.bead_radius_px)
    scene = SceneSettings(
        shape_px=(side, round(1.3 * side)),
        n_beads=9,
        n_touching=0,
        n_border=0,
        n_off_plane=0,
        n_dust=0,
        tilt_sd_um_per_px=0.0,
    )
    rng = np.random.default_rng([46, number])
    return make_scene(instrument, SimulationSettings(scene=scene), 0.0, rng)


def judge_image(shot: Shot) -> Beads:
    """Simulate an image and return errors of a model for each of its beads."""
    ensemble = load_model(shot.model)
    recipe, instrument = recipe_of(ensemble.card), as_instrument(shot.instrument)
    scene = _field(shot.instrument, shot.field)
    rng = np.random.default_rng([47, shot.field, round(1e3 * (shot.dz_um + 1e4))])
    image = render_frame(scene, shot.dz_um, shot.exposure_ms, instrument.camera, rng)
    measured = measure_frame(image, ensemble.card.instrument, recipe)
    rows = np.flatnonzero((measured.beads.flags & np.uint32(UNUSABLE_BEAD)) == 0)
    profiles = take(measured.profiles, rows)
    tiles = crop_tiles(image, measured.beads.center_px[rows], instrument.tile_side_px)
    inputs = inputs_of_profiles(profiles, image.shape, tiles)
    dz_um = make_predictor(ensemble, recipe.train).predict(inputs).dz_um.mean(axis=0)
    distances_px = np.linalg.norm(profiles.center_px[:, None] - scene.beads.centers_px, axis=2)
    near = distances_px.min(axis=1) < NEAR_PX
    true = shot.dz_um - scene.beads.plane_um[distances_px.argmin(axis=1)]
    position_um = np.full(np.count_nonzero(near), shot.dz_um)
    return Beads((dz_um - true)[near], true[near], position_um)


def judge(name: str, family: FamilyName, bounds: dict[float, DzBound]) -> list[dict[str, object]]:
    """Return a row for each exposure and range of dZ, and for all of them."""
    exposures_ms, range_um = CASES[name]
    model = trained_on(training_folder(name), family).path
    rows: list[dict[str, object]] = []
    for exposure_ms in exposures_ms:
        at_um = range_um * (2 * (np.arange(N_POSITIONS) + 0.5) / N_POSITIONS - 1)
        shots = [
            Shot(name, model, field, float(at), exposure_ms)
            for field in range(N_FIELDS)
            for at in at_um
        ]
        with Workers(default_jobs()) as workers:
            beads = map_ordered(judge_image, shots, execution=Execution(workers))
        error, dz, position = (
            np.concatenate([getattr(b, column) for b in beads])
            for column in ("error_um", "dz_um", "position_um")
        )
        bound = np.interp(dz, bounds[exposure_ms].dz_um, bounds[exposure_ms].sd_um)
        part_of_bead = np.clip(((position / range_um + 1) / 2 * N_BINS).astype(int), 0, N_BINS - 1)
        parts = {"all": np.ones(len(dz), dtype=bool)} | {
            f"{edge:+.0f}": part_of_bead == k
            for k, edge in enumerate(np.linspace(-range_um, range_um, N_BINS + 1)[:-1])
        }
        rows += [
            {"instrument": name, "family": family, "exposure_ms": exposure_ms, "from_um": part}
            | _row(error[chosen], bound[chosen], position[chosen])
            for part, chosen in parts.items()
        ]
        print(rows[-N_BINS - 1], flush=True)
    return rows


def _row(error: FloatArray, bound: FloatArray, position: FloatArray) -> dict[str, object]:
    """Return error, bound and their ratio; ``scatter`` is the error about its median at each position."""
    residual = error.copy()
    for at in np.unique(position):
        residual[position == at] -= np.median(residual[position == at])
    rms, bound_um = float(np.sqrt(np.mean(error**2))), float(np.sqrt(np.mean(bound**2)))
    scatter = float(np.sqrt(np.mean(residual**2)))
    return {
        "n_beads": len(error),
        "rms_um": rms,
        "scatter_um": scatter,
        "bound_um": bound_um,
        "rms_over_bound": rms / bound_um,
        "scatter_over_bound": scatter / bound_um,
    }


def main(families: tuple[str, ...]) -> None:
    """Evaluate families on both instruments; rows of other families are kept."""
    unknown = set(families) - set(FAMILIES)
    if unknown:
        raise SystemExit(f"no family of this benchmark: {', '.join(unknown)}; use {FAMILIES}")
    measured_families = families or FAMILIES
    rows = [
        row
        for row in load("accuracy/limit.json").get("rows", [])
        if row["family"] not in measured_families
    ]
    curves = []
    for name, (exposures_ms, range_um) in CASES.items():
        dz_um = np.linspace(-1.1 * range_um, 1.1 * range_um, 67)
        bounds = {e: dz_bound(as_instrument(name), dz_um, e) for e in exposures_ms}
        curves += [
            {"instrument": name, "exposure_ms": e}
            | {key: value.round(5).tolist() for key, value in asdict(bound).items()}
            for e, bound in bounds.items()
        ]
        for family in measured_families:
            rows += judge(name, family, bounds)  # type: ignore[arg-type]
    result = {
        "conditions": conditions()
        | {
            "data": "refp simulate --like table1 --scale quick: training sweeps; "
            f"{N_FIELDS} new fields of 9 beads, all at the same {N_POSITIONS} Z positions"
        },
        "rows": sorted(rows, key=lambda row: (row["instrument"], FAMILIES.index(row["family"]))),
        "bounds": curves,
    }
    write_json(result, HERE / "accuracy" / "limit.json")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
