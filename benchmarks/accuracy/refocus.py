"""Refocus loop on the simulated A2K: 500 starts, every fault, and beside it two sharpness searches.

``python -m benchmarks.accuracy.refocus`` writes ``refocus.json``. The searches maximise the mean of the
Sobel gradient over the mean intensity, Micro-Manager's criterion "Edges": OughtaFocus by Brent's method
over the whole travel with its default tolerance of 1 um, the sweep in steps of the loop's tolerance.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, optimize

from benchmarks import HERE, conditions
from benchmarks.accuracy.models import simulated_model
from refp.core.arrays import FloatArray, Image
from refp.core.files import write_json
from refp.estimate.estimator import Estimator
from refp.pipeline.recording import Origin
from refp.scope import FAULTS, FocusModel, Refocuser, SimulatedMicroscope
from refp.scope.guards import Learnt
from refp.scope.record import Recorder, step_rows, write_refocus_figure
from refp.scope.session import open_simulated
from refp.synthetic import SimulationSettings, as_instrument, demo_settings

A2K = as_instrument("a2k")
TRAINING = SimulationSettings(
    scene=demo_settings("training", A2K).scene,
    refp_um=(1500.0,),
    n_fov=3,
    z_start_um=1200.0,
    z_stop_um=1800.0,
    z_step_um=7.5,
    exposures_ms=(9.0, 18.0),
)
TRAINING_SEED = 77
RANGE_UM = 280.0
TOLERANCE_UM = 7.5
N_STARTS, N_UNKNOWN, N_FAULT_STARTS, N_SEARCHES = 500, 100, 10, 15
N_FIELDS = 50
BRENT_TOLERANCE_UM = 1.0
FIRST_SEED, FAULT_SEED, SEARCH_SEED = 1000, 5000, 9000
DATA = "simulated A2K: fields other than those of the training, stage repeatability 2.5 um, backlash 4 um"


@dataclass(frozen=True)
class Run:
    """One run from one start, against the truth."""

    outcome: str
    start_um: float
    end_um: float
    n_images: int
    n_moves: int
    travel_um: float
    inside: bool
    largest_step_um: float
    restored: bool


def starts(n: int, seed: int) -> FloatArray:
    """Return true dZ of the starts, one at random in each of ``n`` equal parts of the range."""
    random = np.random.default_rng(seed).random(n)
    return -RANGE_UM + 2 * RANGE_UM * (np.arange(n) + random) / n


def travel(scope: SimulatedMicroscope, begin_um: float) -> tuple[float, bool, float]:
    """Return length of the way, whether all commands were within the limits, and the largest step."""
    way = np.array([begin_um, *scope.stage.commands_um])
    lower_um, upper_um = scope.limits_um
    steps = np.abs(np.diff(way))
    inside = bool(((way >= lower_um) & (way <= upper_um)).all())
    return float(steps.sum()), inside, float(steps.max(initial=0.0))


def refocus(
    model: FocusModel, start_um: float, seed: int, fault: str = "none", known: Learnt | None = None
) -> tuple[Run, Learnt]:
    """Run the loop from one start; ``known`` are properties of the stage from an earlier run."""
    scope = SimulatedMicroscope(A2K, start_um=start_um, seed=seed, behaviour=FAULTS[fault])
    begin_um, true_um = scope.stage.position_um(), scope.true_delta_z_um
    loop = Refocuser(scope.microscope, model, scope.settings)
    if known is not None:
        loop.learnt = known
    result = loop.run()
    run = Run(
        result.outcome,
        true_um,
        scope.true_delta_z_um,
        len(result.steps),
        result.n_moves,
        *travel(scope, begin_um),
        result.restored,
    )
    return run, loop.learnt


def summarise(runs: list[Run]) -> dict[str, object]:
    """Return success, moves, travel and safety of runs."""
    reached = [run for run in runs if run.outcome == "reached"]
    stopped = [run for run in runs if run.outcome != "reached"]
    true_um = np.abs([run.end_um for run in reached])
    moves = np.array([run.n_moves for run in reached]) if reached else np.zeros(1)
    farther = [abs(run.end_um) - abs(run.start_um) for run in stopped]
    return {
        "n": len(runs),
        "outcomes": dict(Counter(run.outcome for run in runs)),
        "n_reached": len(reached),
        "n_reached_true": int((true_um <= TOLERANCE_UM).sum()),
        "largest_true_um": float(true_um.max(initial=0.0)),
        "rms_true_um": float(np.sqrt(np.mean(true_um**2))) if reached else None,
        "median_moves": float(np.median(moves)),
        "moves_95": float(np.quantile(moves, 0.95, method="inverted_cdf")),
        "largest_moves": int(moves.max()),
        "mean_images": float(np.mean([run.n_images for run in runs])),
        "mean_travel_um": float(np.mean([run.travel_um for run in runs])),
        "n_outside_limits": sum(not run.inside for run in runs),
        "n_restored": sum(run.restored for run in stopped),
        "n_stopped": len(stopped),
        "largest_increase_um": max(farther, default=0.0),
    }


def measure_starts(model: FocusModel) -> dict[str, object]:
    """Run all starts on a stage whose direction is proved, and some on stages that are not known."""
    cold, warm = [], []
    known = Learnt(1, kept=False, proved=True, approach_um=TOLERANCE_UM)
    for k, start_um in enumerate(starts(N_STARTS, 1).reshape(-1, N_FIELDS).T.ravel()):
        seed = FIRST_SEED + k // (N_STARTS // N_FIELDS)
        if k % (N_STARTS // N_UNKNOWN) == 0:
            cold.append(refocus(model, float(start_um), seed)[0])
        run, known = refocus(model, float(start_um), seed, known=known)
        warm.append(run)
    return {"unknown_stage": summarise(cold), "known_stage": summarise(warm)}


def measure_faults(model: FocusModel) -> dict[str, object]:
    """Run a few starts with each fault, on stages that are not known."""
    found = {}
    for fault in FAULTS:
        given = enumerate(starts(N_FAULT_STARTS, 2))
        runs = [refocus(model, float(dz), FAULT_SEED + k % 4, fault)[0] for k, dz in given]
        found[fault] = summarise(runs)
    return found


def edges(image: Image) -> float:
    """Return the mean gradient over the mean intensity."""
    pixels = image.astype(np.float32)
    gradient = np.hypot(ndimage.sobel(pixels, 0), ndimage.sobel(pixels, 1))
    return float(gradient.mean() / pixels.mean())


def score_at(scope: SimulatedMicroscope, z_um: float) -> float:
    """Move, take an image and return its sharpness."""
    scope.stage.move_to_um(z_um)
    return edges(scope.camera.snap().image)


def search_brent(scope: SimulatedMicroscope) -> float:
    """Return the sharpest Z by Brent's method over the travel of the stage."""
    found = optimize.minimize_scalar(
        lambda z_um: -score_at(scope, float(z_um)),
        bounds=scope.limits_um,
        method="bounded",
        options={"xatol": BRENT_TOLERANCE_UM},
    )
    return float(found.x)


def search_sweep(scope: SimulatedMicroscope) -> float:
    """Return the sharpest Z of a sweep over the travel of the stage."""
    z_um = np.arange(*scope.limits_um, TOLERANCE_UM)
    return float(z_um[np.argmax([score_at(scope, float(z)) for z in z_um])])


def measure_search(search: Callable[[SimulatedMicroscope], float]) -> dict[str, object]:
    """Run a sharpness search from a few starts; its plane is the sharpest one, and not the REFP."""
    runs = list(_search(search))
    end_um = np.array([run.end_um for run in runs])
    own_um = float(np.median(end_um))
    return {
        "n": len(runs),
        "mean_images": float(np.mean([run.n_images for run in runs])),
        "mean_travel_um": float(np.mean([run.travel_um for run in runs])),
        "median_end_um": own_um,
        "n_reached_true": int((np.abs(end_um) <= TOLERANCE_UM).sum()),
        "n_within_of_own": int((np.abs(end_um - own_um) <= TOLERANCE_UM).sum()),
        "largest_of_own_um": float(np.abs(end_um - own_um).max()),
    }


def _search(search: Callable[[SimulatedMicroscope], float]) -> Iterator[Run]:
    for k, start_um in enumerate(starts(N_SEARCHES, 3)):
        scope = SimulatedMicroscope(A2K, start_um=float(start_um), seed=SEARCH_SEED + k % 4)
        begin_um, true_um = scope.stage.position_um(), scope.true_delta_z_um
        scope.stage.move_to_um(search(scope))
        n = scope.camera.n_images
        yield Run(
            "", true_um, scope.true_delta_z_um, n, n, *travel(scope, begin_um), restored=False
        )


def measure_same_starts(model: FocusModel) -> dict[str, object]:
    """Run the loop, on a known stage, from the starts of the searches."""
    known = Learnt(1, kept=False, proved=True, approach_um=TOLERANCE_UM)
    given = enumerate(starts(N_SEARCHES, 3))
    return summarise(
        [refocus(model, float(dz), SEARCH_SEED + k % 4, known=known)[0] for k, dz in given]
    )


def measure_searches(model: FocusModel) -> dict[str, object]:
    """Compare the loop with the searches."""
    return {
        "refp": measure_same_starts(model),
        "oughtafocus": measure_search(search_brent),
        "sweep": measure_search(search_sweep),
    }


def draw_example(estimator: Estimator) -> None:
    """Draw the run of the page docs/microscope.md."""
    session = open_simulated(A2K, {}, start_um=120.0, seed=3)
    recorder = Recorder(estimator, Origin())
    result = Refocuser(session.microscope, recorder.model, session.settings).run()
    path = HERE.parent / "docs" / "images" / "refocus.svg"
    rows = step_rows(result, simulated=True)
    write_refocus_figure(rows, session.settings.tolerance_um, estimator.card.name, path)


def main() -> None:
    """Write the file, and the figure of an example."""
    estimator = Estimator.load(simulated_model(A2K, TRAINING, TRAINING_SEED).path)
    draw_example(estimator)
    model = FocusModel(lambda image: estimator.estimate(image).estimate, estimator.card.dz_range_um)
    result: dict[str, object] = {
        "conditions": conditions(DATA),
        "tolerance_um": TOLERANCE_UM,
        "range_um": RANGE_UM,
        "trained_range_um": estimator.card.dz_range_um,
    }
    parts = {
        "starts": measure_starts,
        "searches": measure_searches,
        "faults": measure_faults,
    }
    for name, measure in parts.items():
        result[name] = measure(model)
        write_json(result, HERE / "accuracy" / "refocus.json")
        print(name, flush=True)


if __name__ == "__main__":
    main()
