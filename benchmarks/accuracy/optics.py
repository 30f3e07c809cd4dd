"""Beads in any optics: ``python -m benchmarks.accuracy.optics``.

Forty instruments are drawn: beads of 1 to 50 um and 6 to 200 px, objectives of aperture 0.1 to 1.2,
condensers of 0.02 to 0.9, as far as images take minutes; cameras of 8 to 16 bits. Where the light is
coherent over the bead, half of them have tilted light or coma. A sweep of a few beads of each is located by
``refp plane``; a model of its frames, of a stated plane where none is found, estimates the frames of a
second sweep of other beads, midway between those Z positions. In tilted light and with coma the true plane
is that of noise-free images, whose features are measured in the same way and smoothed, since those of a few
pixels jump with the centre.
"""

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import HERE, conditions
from refp.core.arrays import FloatArray
from refp.core.errors import RefpError
from refp.core.files import write_json
from refp.core.flags import describe
from refp.core.parallel import Execution, Workers, default_jobs, map_ordered
from refp.estimate.estimator import Estimator
from refp.measure.features import measure_features
from refp.measure.profiles import fit_profiles
from refp.pipeline import Planes, define_planes, train_model
from refp.plane.smooth import fit_smooth_each
from refp.settings import Instrument, load_recipe, make_instrument
from refp.sweeps import open_dataset
from refp.synthetic import (
    SceneSettings,
    SimulationSettings,
    Truth,
    render_single_bead,
    simulate_dataset,
)
from refp.synthetic.optics import make_microscope
from refp.synthetic.planes import find_planes

N_INSTRUMENTS = 40
DIAMETER_UM, WIDTH_PX = (1.0, 50.0), (6.0, 200.0)
APERTURE, CONDENSER = (0.1, 1.2), (0.02, 0.9)
PIXELS_PER_RESOLUTION = (0.4, 1.5)
"""Half a wavelength over the aperture, in pixels."""
MIN_RESOLVED = 4.0
"""Fewest resolved details across a bead."""
MAX_PHASE_RAD, MAX_COHERENT_RAD = 60.0, 8.0
"""Phase of light from the condenser's rim at the rim of a bead: of the most costly images, and of light
that is coherent over the bead."""
MAX_APERTURE_RAD, MAX_TILTED_PX = 120.0, 40.0
"""Phase of light at the objective's rim, and width of a bead in tilted light, of the most costly images."""
COMA_WAVES, TILT_FRACTION = 0.3, 0.15
"""Largest coma, and largest tilt over the objective's aperture."""
N_FRAMES, N_POSITIONS = 61, 41
OFFSETS_PX = ((0.0, 0.0), (0.5, 0.25), (0.25, 0.75), (0.75, 0.5))
MAX_BEADS = 4
TRAINING_BEADS, OTHER_BEADS = 100, 2000
"""Seeds of the scenes of both sweeps."""
SEPARATION_RADII = (6.5, 14.0)
"""Least distance of beads; in coherent light their rings reach far out."""
REFP_UM, EXPOSURE_MS = 1000.0, 8.0
GREY_LEVELS = (15.0, 80.0)
"""Background in grey levels of 8 bits; the focus of a bead in coherent light is over ten times brighter."""
SWEEP_RADII, SWEEP_DEPTHS = 0.8, 4.0
"""Half range of a sweep: radii of the bead over the aperture, and depths of field."""


@dataclass(frozen=True)
class Case:
    """One drawn instrument, and the scenes of its two sweeps."""

    number: int
    instrument: Instrument
    n_beads: int

    @property
    def is_coherent(self) -> bool:
        """Whether the light is coherent over the bead."""
        bead, light = self.instrument.bead, self.instrument.illumination
        phase_rad = _phase_rad(bead.diameter_um, self.instrument.condenser_na, light.wavelength_um)
        return phase_rad <= MAX_COHERENT_RAD

    @property
    def half_range_um(self) -> float:
        """Half of the range of Z of a sweep."""
        microscope = make_microscope(self.instrument)
        cone_um = self.instrument.bead.diameter_um / 2 / microscope.numerical_aperture
        half_um = SWEEP_RADII * cone_um + SWEEP_DEPTHS * microscope.depth_um
        simulated_um = 0.2 * self.instrument.bead.diameter_um + 11 * microscope.depth_um
        return min(half_um, simulated_um)

    @property
    def step_um(self) -> float:
        """Distance of two frames of a sweep."""
        return 2 * self.half_range_um / (N_FRAMES - 1)


def _phase_rad(diameter_um: float, sine: float, wavelength_um: float) -> float:
    """Return the phase at the rim of a bead of light at an angle to the axis."""
    return math.pi * diameter_um * sine / wavelength_um


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_case(number: int) -> Case:
    """Draw an instrument; combinations that do not resolve a bead, or take hours to image, are redrawn."""
    rng = np.random.default_rng([62, number])
    while True:
        diameter_um = _log_uniform(rng, *DIAMETER_UM)
        pixel_um = diameter_um / _log_uniform(rng, *WIDTH_PX)
        wavelength_um = float(rng.uniform(0.45, 0.65))
        aperture = wavelength_um / 2 / (pixel_um * rng.uniform(*PIXELS_PER_RESOLUTION))
        condenser = _log_uniform(rng, *CONDENSER)
        phase_rad = _phase_rad(diameter_um, condenser, wavelength_um)
        resolved = 2 * aperture * diameter_um / wavelength_um
        if (
            APERTURE[0] <= aperture <= APERTURE[1]
            and condenser <= 0.85 * aperture
            and resolved >= MIN_RESOLVED
            and phase_rad <= MAX_PHASE_RAD
            and _phase_rad(diameter_um, aperture, wavelength_um) <= MAX_APERTURE_RAD
        ):
            break
    bits = int(rng.choice([8, 8, 10, 12, 16]))
    levels = 2.0 ** (bits - 8)
    coherent = phase_rad <= MAX_COHERENT_RAD and number % 2 == 0
    coherent &= diameter_um / pixel_um <= MAX_TILTED_PX
    largest_tilt = min(TILT_FRACTION * aperture, aperture - condenser)
    direction = rng.uniform(0, 2 * np.pi, 2)
    tilt, coma = rng.uniform(0, largest_tilt), rng.uniform(0, COMA_WAVES)
    depth_um = wavelength_um / aperture**2
    table: dict[str, Any] = {
        "name": f"drawn-{number}",
        "optics": {"pixel_size_um": pixel_um},
        "bead": {"diameter_um": diameter_um, "diameter_spread": 0.0, "index_sd": 0.0},
        "stage": {"repeatability_um": float(rng.uniform(0, 0.08)) * depth_um},
        "objective": {
            "numerical_aperture": aperture,
            "immersion_index": 1.0 if aperture < 0.9 else 1.33,
            "coma_waves": _vector(coma, direction[0]) if coherent else (0.0, 0.0),
        },
        "illumination": {
            "condenser_na": condenser,
            "wavelength_um": wavelength_um,
            "bandwidth_um": float(rng.uniform(0.005, 0.1)),
            "tilt_na": _vector(tilt, direction[1]) if coherent else (0.0, 0.0),
        },
        "camera": {
            "bit_depth": bits,
            "grey_levels_per_ms": levels * _log_uniform(rng, *GREY_LEVELS) / EXPOSURE_MS,
            "gain_e": float(rng.uniform(10, 60)) / levels,
            "read_noise_e": float(rng.uniform(2, 15)),
            "blur_px": float(rng.uniform(0.1, 0.5)),
        },
    }
    return Case(number, make_instrument(table, table["name"]), int(rng.integers(1, MAX_BEADS + 1)))


def _vector(length: float, angle: float) -> tuple[float, float]:
    return float(length * np.sin(angle)), float(length * np.cos(angle))


def simulate(case: Case, folder: Path, *, between: bool) -> Truth:
    """Simulate a sweep about the plane; ``between``: midway between the Z positions of the other."""
    separation_radii = SEPARATION_RADII[case.is_coherent]
    side = 1.4 * separation_radii * case.instrument.bead_radius_px * math.sqrt(case.n_beads)
    side = round(max(110.0, side))
    scene = SceneSettings(
        shape_px=(side, round(1.25 * side)),
        n_beads=case.n_beads,
        n_touching=0,
        n_border=0,
        n_off_plane=0,
        n_dust=1,
        height_sd_um=0.01 * case.instrument.bead.diameter_um,
        tilt_sd_um_per_px=0.0,
        separation_radii=separation_radii,
    )
    start_um = REFP_UM - case.half_range_um + (case.step_um / 2 if between else 0.0)
    n_steps = N_FRAMES - (2 if between else 1)
    settings = SimulationSettings(
        scene=scene,
        refp_um=(REFP_UM,),
        z_start_um=start_um,
        z_stop_um=start_um + n_steps * case.step_um,
        z_step_um=case.step_um,
        exposures_ms=(EXPOSURE_MS,),
    )
    name = "between" if between else "training"
    seed = case.number + (OTHER_BEADS if between else TRAINING_BEADS)
    return simulate_dataset(folder / name, case.instrument, settings, dataset=name, seed=seed)


def plane_offset_um(case: Case) -> float:
    """Return the plane of a nominal bead above that in straight light without coma.

    Saturation and noise are left out. The extrema are those nearest to the steepest slope of all.
    """
    instrument = case.instrument
    if make_microscope(instrument).is_symmetric:
        return 0.0
    dz_um = np.linspace(-0.5, 0.5, N_POSITIONS) * case.half_range_um
    features = np.array([_noise_free(instrument, float(dz)) for dz in dz_um])
    slope, center = fit_smooth_each(dz_um, features)
    fine_um = np.linspace(dz_um[0], dz_um[-1], 2001)
    return float(np.mean(find_planes(fine_um, slope.spline(fine_um), center.spline(fine_um))))


def _noise_free(instrument: Instrument, dz_um: float) -> FloatArray:
    """Return steepest slope and centre intensity without noise, means over positions within a pixel."""
    camera = instrument.camera.model_copy(update={"bit_depth": 16, "grey_levels_per_ms": 100.0})
    side, recipe = max(110, instrument.tile_side_px), load_recipe()
    features = []
    for offset in OFFSETS_PX:
        center_px = side / 2 + np.array(offset)
        image = render_single_bead(
            dz_um,
            instrument,
            side_px=side,
            center_px=(float(center_px[0]), float(center_px[1])),
            exposure_ms=EXPOSURE_MS,
            camera=camera,
        )
        profiles = fit_profiles(image, center_px[None], instrument, recipe.profile)
        seen = measure_features(profiles, recipe.feature)
        features.append((seen.steepest_slope[0], seen.center_intensity[0]))
    return np.asarray(np.nanmean(features, axis=0))


def measure(case: Case) -> dict[str, Any]:
    """Return plane and estimates of one instrument."""
    instrument, microscope = case.instrument, make_microscope(case.instrument)
    row: dict[str, Any] = {
        "number": case.number,
        "diameter_um": instrument.bead.diameter_um,
        "width_px": 2 * instrument.bead_radius_px,
        "aperture": microscope.numerical_aperture,
        "condenser": microscope.condenser_na,
        "coma_waves": math.hypot(*microscope.coma_waves),
        "tilt_na": math.hypot(*microscope.tilt_na),
        "bit_depth": instrument.camera.bit_depth,
        "depth_um": microscope.depth_um,
        "step_um": case.step_um,
        "stage_um": instrument.stage.repeatability_um,
        "n_beads": case.n_beads,
    }
    recipe = load_recipe()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = simulate(case, folder, between=False)
        try:
            planes = define_planes([open_dataset(folder / "training")], recipe)
            true_um = truth.fields[0].refp_um + plane_offset_um(case)
            row |= _plane_row(planes, truth, true_um)
            if not row["determined"]:
                recipe = recipe.replace("plane.stated_um", true_um)
                planes = define_planes([open_dataset(folder / "training")], recipe)
            estimator = Estimator(train_model(planes, recipe))
            return row | _estimate(case, folder, estimator, true_um)
        except RefpError as error:
            return row | {"error": str(error).replace(name, "")}


def _plane_row(planes: Planes, truth: Truth, true_um: float) -> dict[str, Any]:
    """Compare beads and plane of a sweep with the truth."""
    plane, sweep = planes.result.planes[0], planes.measurements[0].sweeps[0]
    field = truth.fields[0]
    usable = sweep.beads.center_px[sweep.usable]
    within_px = 0.5 * planes.measurements[0].instrument.bead_radius_px
    near = [np.hypot(*(usable - (b.y_px, b.x_px)).T) < within_px for b in field.beads]
    return {
        "n_found": sum(int(np.count_nonzero(rows)) >= N_FRAMES / 2 for rows in near),
        "determined": bool(plane.determined),
        "flags": describe(plane.flags),
        "plane_error_um": plane.refp_um - true_um,
        "plane_u_um": plane.refp_u_um,
        "plane_holds": bool(plane.lower_um <= true_um <= plane.upper_um),
    }


def _estimate(case: Case, folder: Path, estimator: Estimator, plane_um: float) -> dict[str, Any]:
    """Estimate the frames of the second sweep."""
    truth = simulate(case, folder, between=True)
    true_um = {frame.file: frame.z_true_um - plane_um for frame in truth.frames}
    frames = open_dataset(folder / "between").sweeps[0].frames
    estimates = [(estimator.estimate_source(f).estimate, true_um[f.path.name]) for f in frames]
    answered = [(e, t) for e, t in estimates if e.status == "ok"]
    reasons = [e.reason.split(":")[0] for e, _ in estimates if e.status != "ok"]
    error = np.array([e.delta_z_um - t for e, t in answered])
    return {
        "n_images": len(estimates),
        "n_answered": len(answered),
        "n_holds": sum(e.lower_um <= t <= e.upper_um for e, t in answered),
        "rms_um": float(np.sqrt((error**2).mean())) if len(error) else None,
        "largest_um": float(np.abs(error).max()) if len(error) else None,
        "u_um": float(np.median([e.u_um for e, _ in answered])) if len(error) else None,
        "reasons": {reason: reasons.count(reason) for reason in sorted(set(reasons))},
    }


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return totals over the instruments."""
    located = [row for row in rows if "determined" in row]
    planes = [row for row in located if row["determined"]]
    estimated = [row for row in rows if "n_images" in row]
    return {
        "n_instruments": len(rows),
        "n_failed": len(rows) - len(estimated),
        "n_beads": sum(row["n_beads"] for row in rows),
        "n_found": sum(row["n_found"] for row in located),
        "n_planes": len(planes),
        "n_planes_hold": sum(row["plane_holds"] for row in planes),
        "n_images": sum(row["n_images"] for row in estimated),
        "n_answered": sum(row["n_answered"] for row in estimated),
        "n_hold": sum(row["n_holds"] for row in estimated),
    }


def main() -> None:
    """Write optics.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instruments", type=int, default=N_INSTRUMENTS, help="number drawn")
    cases = [draw_case(number) for number in range(parser.parse_args().instruments)]
    rows = []
    with Workers(default_jobs()) as workers:
        for row in map_ordered(measure, cases, execution=Execution(workers)):
            print(row, flush=True)
            rows.append(row)
    about = "single beads and small groups simulated by refp.synthetic"
    result = {"conditions": conditions(about), "summary": summarise(rows), "instruments": rows}
    write_json(result, HERE / "accuracy" / "optics.json")


if __name__ == "__main__":
    main()
