"""Make the golden data: ``python tests/golden/make_golden.py``; for intended changes only.

``frames.npz`` holds one simulated sweep, so that the numbers do not depend on the simulator;
``numbers.json`` holds the results of every stage, each with the result of the stage before as input.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.rows import join
from refp.measure.beads import find_beads
from refp.measure.features import SweepMeasurement, feature_curve, measure_features
from refp.measure.profiles import fit_profiles, judge_beads
from refp.plane import locate_by_features
from refp.settings import Recipe, make_instrument, read_instrument
from refp.sweeps import Frame, SweepKey
from refp.synthetic import SceneSettings, SimulationSettings, make_scene, render_frame

FOLDER = Path(__file__).parent
FRAMES, NUMBERS = FOLDER / "frames.npz", FOLDER / "numbers.json"
KEY = SweepKey("golden", 1, 1, 12.0)
INSTRUMENT = make_instrument(read_instrument("a2k"), "a2k")
RECIPE = Recipe()
RINGS = slice(0, 30, 5)


def make_frames() -> dict[str, FloatArray]:
    """Simulate 17 frames of three beads about a REFP of 1508 um."""
    scene = SceneSettings(
        shape_px=(150, 190), n_beads=3, n_touching=0, n_border=0, n_off_plane=0, n_dust=1
    )
    rng = np.random.default_rng(2024)
    field = make_scene(INSTRUMENT, SimulationSettings(scene=scene), 1508.0, rng)
    z_um = 1448.0 + 7.5 * np.arange(17)
    images = [render_frame(field, z, KEY.exposure_ms, INSTRUMENT.camera, rng) for z in z_um]
    return {"z_um": z_um, "images": np.stack(images)}


def measure(frames: dict[str, FloatArray]) -> dict[str, Any]:
    """Return the numbers of every stage."""
    parts = []
    for image in frames["images"]:
        found = find_beads(image, INSTRUMENT, RECIPE.find)
        fitted = fit_profiles(image, found.center_px, INSTRUMENT, RECIPE.profile)
        parts.append(judge_beads(found, fitted, RECIPE.judge))
    beads, profiles = (join(list(column)) for column in zip(*parts, strict=True))
    features = measure_features(profiles, RECIPE.feature)
    counts = [len(part) for part, _ in parts]
    sweep = SweepMeasurement(
        key=KEY,
        frames=tuple(Frame(KEY, float(z), FOLDER / "none.tif") for z in frames["z_um"]),
        frame_index=np.repeat(np.arange(len(counts)), counts),
        bead_number=np.arange(len(beads)),
        beads=beads,
        profiles=profiles,
        features=features,
    )
    curve = feature_curve(sweep, RECIPE.feature)
    result = locate_by_features([curve], RECIPE.plane, bead_diameter_um=28.0)
    (plane,) = result.planes
    numbers = {
        "beads": {
            "count": counts,
            "center_px": beads.center_px,
            "area_px": beads.area_px,
            "circularity": beads.circularity,
            "contrast": beads.contrast,
            "response": beads.response,
            "flags": beads.flags,
        },
        "profiles": {
            "center_px": profiles.center_px,
            "background": profiles.background,
            "symmetry": profiles.r_squared,
            "edge_radii": profiles.edge_radii,
            "n_saturated_px": profiles.n_saturated_px,
            "normalised": profiles.normalised[:, RINGS],
        },
        "features": {
            "steepest_slope": curve.steepest_slope,
            "center_intensity": curve.center_intensity,
        },
        "plane": {
            "refp_um": plane.refp_um,
            "refp_u_um": plane.refp_u_um,
            "ss_um": plane.ss.z_um,
            "ci_um": plane.ci.z_um,
            "flags": int(plane.flags),
        },
    }
    return {
        stage: {k: np.asarray(v).tolist() for k, v in n.items()} for stage, n in numbers.items()
    }


def read_frames() -> dict[str, FloatArray]:
    """Read the stored sweep, without pickle."""
    with np.load(FRAMES, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in ("z_um", "images")}


def main() -> None:
    """Write both files."""
    np.savez_compressed(FRAMES, allow_pickle=False, **make_frames())
    NUMBERS.write_text(json.dumps(measure(read_frames())) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
