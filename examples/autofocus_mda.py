"""Acquire two positions at two time points, with the refocus loop as the autofocus of the engine.

Microscope and model are simulated; with hardware, load a configuration of Micro-Manager into the core, and
state the limits of the stage. Needs the extra ``scope``.
"""

import useq

from refp.scope import FocusModel, Refocuser, SimulatedBehaviour, SimulatedMicroscope
from refp.scope.micromanager import RefocusEngine, core_microscope, simulated_core

SLIDE = SimulatedBehaviour(tilt_um_per_mm=(0.0, 20.0), drift_um_per_image=1.0)


def main() -> None:
    """Run the sequence, and print dZ, U and the applied move of every frame."""
    scope = SimulatedMicroscope("a2k", start_um=60.0, seed=3, behaviour=SLIDE)
    core = simulated_core(scope)
    # With hardware: core = load_core(Path("scope.cfg")), and
    # settings = RefocusSettings(lower_um=1200, upper_um=1800, largest_step_um=100).
    settings, microscope = scope.settings, core_microscope(core, scope.instrument)
    # With a model file, estimator = refp.Estimator.load(Path("a2k.refp")), and with the names Records and
    # open_recorded of refp.scope, every step is recorded and the direction of the stage kept:
    # records = Records("history.db", Path("refocus.jsonl"), serial="A2K-0417")
    # with open_recorded(microscope, estimator, settings, records) as refocuser: ...
    model = FocusModel(scope.true_estimate, dz_range_um=(-150.0, 150.0))
    refocuser = Refocuser(microscope, model, settings)
    core.mda.set_engine(RefocusEngine(core, refocuser, on_failure="stop"))
    core.mda.events.frameReady.connect(print_frame)
    z_um = core.getZPosition()
    sequence = useq.MDASequence(
        stage_positions=[(0.0, 0.0, z_um), (1000.0, 0.0, z_um)],
        time_plan={"interval": 0, "loops": 2},
        autofocus_plan=useq.AxesBasedAF(axes=("p", "t")),
    )
    core.mda.run(sequence)


def print_frame(_image: object, event: useq.MDAEvent, metadata: dict) -> None:
    """Print the autofocus of a frame."""
    focus = metadata["refp"]
    half_um = (focus["upper_um"] - focus["lower_um"]) / 2
    print(
        f"time {event.index['t']}, position {event.index['p']}: found dZ {focus['found_um']:+.1f} um, "
        f"moved {focus['move_um']:+.1f} um; now dZ {focus['delta_z_um']:+.1f} um, U {half_um:.1f} um"
    )


if __name__ == "__main__":
    main()
