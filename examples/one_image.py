"""Estimate dZ of one image from a Z sweep of beads.

The sweep is simulated; replace it with your own folder.
"""

import tempfile
from pathlib import Path

import refp
from refp.synthetic import SceneSettings, SimulationSettings

SWEEP = SimulationSettings(
    scene=SceneSettings(shape_px=(240, 320), n_beads=8, n_touching=0),
    z_start_um=1400,
    z_stop_um=1620,
    z_step_um=10,
    exposures_ms=(12,),
)


def main() -> None:
    """Define the plane, estimate one image, and print its dZ with the true value."""
    with tempfile.TemporaryDirectory() as folder:
        truth = refp.simulate_dataset(Path(folder) / "sweep", "a2k", SWEEP, dataset="mine", seed=1)
        recipe = refp.load_recipe()
        planes = refp.define_planes([refp.open_dataset(Path(folder) / "sweep")], recipe)
        plane = planes.result.planes[0]
        print(f"REFP {plane.refp_um:.1f} um, u {plane.refp_u_um:.1f} um")
        estimator = refp.Estimator(refp.train_model(planes, recipe))
        image = refp.list_images([Path(folder) / "sweep"])[8]
        estimate = estimator.estimate_source(image).estimate
        dz_true_um = truth.frame(image.label).delta_z_true_um
        print(f"{image.label}: dZ {estimate.delta_z_um:.1f} um, u {estimate.u_um:.1f} um")
        print(f"true dZ {dz_true_um:.1f} um")


if __name__ == "__main__":
    main()
