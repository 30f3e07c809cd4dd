"""Return a simulated microscope to its reference plane, and print every step.

With hardware, replace the microscope by one of ``refp.scope.micromanager`` or by your own camera and stage:
any two objects with the methods of ``refp.scope.Camera`` and ``refp.scope.FocusStage``.
"""

from refp.scope import FocusModel, Refocuser, SimulatedMicroscope


def main() -> None:
    """Run the loop from 120 um above the plane."""
    scope = SimulatedMicroscope("a2k", start_um=120.0, seed=3)
    # With a model file: estimator = refp.Estimator.load(Path("a2k.refp")), and
    # FocusModel(lambda image: estimator.estimate(image).estimate, estimator.card.dz_range_um).
    model = FocusModel(scope.true_estimate, dz_range_um=(-150.0, 150.0))
    result = Refocuser(scope.microscope, model, scope.settings).run()
    for step in result.steps:
        row = step.as_row()
        print(
            f"Z {row['z_um']:.1f} um: dZ {row['delta_z_um']:+.1f} um, move {row['move_um']:+.1f} um"
        )
    print(result.describe())


if __name__ == "__main__":
    main()
