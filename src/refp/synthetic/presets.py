"""Ready settings: the sweeps of the demo, for any instrument."""

from typing import Literal

from refp.sweeps import Instrument
from refp.synthetic.settings import (
    A2K_DEPTH_UM,
    BeadScatter,
    SceneSettings,
    SimulationSettings,
)
from refp.synthetic.simulate import as_instrument

DemoKind = Literal["training", "test"]
KINDS: tuple[DemoKind, ...] = ("training", "test")
A2K_BEAD_RADIUS_PX = 28.0 / 1.5 / 2


def demo_settings(kind: DemoKind, instrument: str | Instrument = "a2k") -> SimulationSettings:
    """Return the settings of a demo sweep.

    Parameters
    ----------
    kind
        ``"training"``: 41 planes of 2 FOVs at two exposures; ``"test"``: 21 planes of one FOV
        about another REFP at a third exposure, inside the range of dZ of the training.
    instrument
        Lengths are the A2K's; on another instrument those along Z go with its depth of field,
        those in the plane with its bead.
    """
    instrument = as_instrument(instrument)
    depth = BeadScatter().depth_of(instrument) / A2K_DEPTH_UM
    scene = _demo_scene(depth, instrument.bead_radius_px / A2K_BEAD_RADIUS_PX)
    if kind == "training":
        return _demo(scene, depth, 1503.0, (1350.0, 7.5, 41), (9.0, 18.0), n_fov=2)
    return _demo(scene, depth, 1522.0, (1380.0, 13.5, 21), (12.0,), n_fov=1)


def _demo(
    scene: SceneSettings,
    depth: float,
    refp_um: float,
    planes: tuple[float, float, int],
    exposures_ms: tuple[float, ...],
    n_fov: int,
) -> SimulationSettings:
    """Sweep of ``planes`` = start, step and number, all lengths in um of the A2K."""
    start_um, step_um, n = planes
    start_um = round(refp_um + depth * (start_um - refp_um), 2)
    step_um = round(depth * step_um, 2)
    return SimulationSettings(
        scene=scene,
        refp_um=(refp_um,),
        n_fov=n_fov,
        z_start_um=start_um,
        z_stop_um=start_um + step_um * (n - 1),
        z_step_um=step_um,
        exposures_ms=exposures_ms,
    )


def _demo_scene(depth: float, size: float) -> SceneSettings:
    defaults = SceneSettings()
    return SceneSettings(
        shape_px=(round(320 * size), round(400 * size)),
        n_beads=10,
        n_touching=0,
        off_plane_um=depth * defaults.off_plane_um,
        height_sd_um=depth * defaults.height_sd_um,
        tilt_sd_um_per_px=depth / size * defaults.tilt_sd_um_per_px,
        n_dust=2,
    )
